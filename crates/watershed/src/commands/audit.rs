//! `watershed audit`: who did what to which FHIR resource, and whether the log of it is whole.
//!
//! It reads the state itself, so that it works beside a running server and without one.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datastore::audit::chain::{self, Hash};
use serde_json::Value;

use super::Format;

/// Look at the audit log of the FHIR datastores, and check that it is whole
#[derive(clap::Args)]
#[command(after_help = "Examples:
  watershed audit verify
  watershed audit show --patient 42 --since 2026-11-01
  watershed audit show --who AKIDEXAMPLE --format json")]
pub struct Audit {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    Verify(Verify),
    Show(Show),
}

/// Where the state is.
#[derive(clap::Args)]
struct Place {
    /// Directory of a server's data
    #[arg(long, default_value = "./watershed-data")]
    data: PathBuf,
    /// The state: a SQLite file or sqlite:PATH [default: DATA/state.db]
    #[arg(long)]
    state: Option<String>,
}

/// Check every row of the log against the one before; exit 1 and the place of the first break when one does not fit
///
/// A log that was cut off at its end fits. Keep the hash that is printed elsewhere, and give it to --seen later.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  watershed audit verify
  watershed audit verify --data /var/lib/watershed --seen 6f3c…")]
struct Verify {
    /// A hash that was printed before, which the log must still hold
    #[arg(long, value_name = "HASH")]
    seen: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// Print events of the log, oldest first
///
/// What searches asked for is health data: it is shown with --format json only, in base64 as the log has it.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  watershed audit show --since 2026-11-27T06:00:00Z
  watershed audit show --resource Observation/7
  watershed audit show --patient 42 --format json")]
struct Show {
    /// Only what was recorded at this time or later, such as 2026-11-27 or 2026-11-27T06:00:00Z
    #[arg(long, value_parser = instant)]
    since: Option<String>,
    /// Only what names this patient, in a resource or in a search
    #[arg(long, value_name = "ID")]
    patient: Option<String>,
    /// Only what names this resource
    #[arg(long, value_name = "TYPE/ID")]
    resource: Option<String>,
    /// Only what this access key or token's client and subject did
    #[arg(long)]
    who: Option<String>,
    /// How to print it; json is one AuditEvent a line
    #[arg(long, default_value = "text")]
    format: Format,
    #[command(flatten)]
    place: Place,
}

impl Audit {
    pub async fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::Verify(command) => command.run().await,
            Action::Show(command) => command.run().await,
        }
    }
}

impl Place {
    fn open(&self) -> anyhow::Result<state::State> {
        let file = self.data.join("state.db");
        let state = match &self.state {
            Some(state) => state.clone(),
            None => file.to_string_lossy().into_owned(),
        };
        // Opening would make one.
        let path = state.strip_prefix("sqlite:").unwrap_or(&state);
        ensure!(std::path::Path::new(path).exists(), "there is no state. path=`{path}`");
        let state = state::State::open(&state::Settings::new(&state)).with_context(|| format!("--state {state}"))?;
        // The tables of a server that never served a datastore.
        datastore::Datastores::open(state.clone(), std::sync::Arc::new(crate::clock::SystemClock))?;
        Ok(state)
    }
}

impl Verify {
    async fn run(self) -> anyhow::Result<()> {
        let mut seen = Hash::default();
        if let Some(text) = &self.seen {
            let is_hash = hex::decode_to_slice(text, &mut seen).is_ok();
            ensure!(is_hash, "--seen is a hash of 64 hexadecimal digits");
        }
        let (result, is_seen) = chain::verify(&self.place.open()?, &seen).await?;
        match result {
            Err(found) => bail!("the audit log is broken at event {}: {}", found.event, found.reason),
            Ok(_) if !is_seen => {
                bail!("the audit log does not hold the hash of --seen: its end was cut off or written anew")
            }
            Ok(head) => super::print(&format!(
                "the audit log is whole. events={} hash={}\n",
                head.events,
                hex::encode(head.hash)
            )),
        }
    }
}

impl Show {
    async fn run(self) -> anyhow::Result<()> {
        let state = self.place.open()?;
        let mut out = std::io::stdout().lock();
        let mut failed = None;
        let shown = chain::each(&state, |line| {
            let Ok(event) = serde_json::from_str::<Value>(line) else { return Ok(true) };
            if !self.wants(&event) {
                return Ok(true);
            }
            let written = match self.format {
                Format::Json => writeln!(out, "{line}"),
                Format::Text => writeln!(out, "{}", told(&event)),
            };
            failed = written.err();
            Ok(failed.is_none())
        });
        shown.await?;
        match failed {
            Some(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn wants(&self, event: &Value) -> bool {
        let recorded = event["recorded"].as_str().unwrap_or_default();
        let entities = event["entity"].as_array().map(Vec::as_slice).unwrap_or_default();
        let names = |wanted: &str| {
            entities.iter().filter_map(|entity| entity["what"]["reference"].as_str()).any(|reference| {
                reference.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        let asks_for = |id: &str| {
            let queries = entities.iter().filter_map(|entity| STANDARD.decode(entity["query"].as_str()?).ok());
            let is_part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
            queries.map(|query| String::from_utf8_lossy(&query).into_owned()).any(|query| {
                query.split(['&', '=', ',', '|', '/']).any(|part| part.trim_end_matches(|c| !is_part(c)) == id)
            })
        };
        // Instants in UTC are in the order of their texts.
        self.since.as_ref().is_none_or(|since| recorded >= since.as_str())
            && self.resource.as_ref().is_none_or(|resource| names(resource))
            && self.patient.as_ref().is_none_or(|id| names(&format!("Patient/{id}")) || asks_for(id))
            && self.who.as_ref().is_none_or(|who| agent(event) == who)
    }
}

/// The instant at which a date or time begins, as events have it.
fn instant(text: &str) -> Result<String, String> {
    let range = fhir::search::date::parse(text).ok_or("is a date such as 2026-11-27, or with a time and Z")?;
    Ok(fhir::search::date::write_instant(range.low))
}

fn agent(event: &Value) -> &str {
    event["agent"][0]["who"]["identifier"]["value"].as_str().unwrap_or_default()
}

/// An event in a line.
fn told(event: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entities = event["entity"].as_array().map(Vec::as_slice).unwrap_or_default();
    let references: Vec<String> =
        entities.iter().filter_map(|entity| entity["what"]["reference"].as_str()).map(str::to_owned).collect();
    let outcome = match event["outcomeDesc"].as_str() {
        Some(failed) => failed.to_owned(),
        None => "ok".into(),
    };
    let code = text(&event["subtype"][0]["code"]);
    format!("{}  {:<16}  {:<8}  {}  {}", text(&event["recorded"]), code, outcome, agent(event), references.join(" "))
}
