//! `watershed pipe`: trying out what a pipe makes of events.

mod preview;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Format;
use crate::client::{Client, Find};

/// Most events of one dry run.
const EVENTS_MAX: usize = 1000;

/// Try out what a pipe makes of events
#[derive(clap::Args)]
#[command(after_help = "Examples:
  watershed pipe test template.yaml --event record.json")]
pub struct Pipe {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    Test(Test),
}

/// Show, step by step, what filter, enrichment and input templates make of events
///
/// Nothing is read from the pipe's source and nothing reaches its target. An enrichment is called: its function must be
/// deployed on the server.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  watershed pipe test template.yaml --event record.json
  watershed pipe test template.json --pipe MeasurementPipe --event records.ndjson --parameter Stage=test
  watershed pipe test --pipe patients-to-fhir --event record.json --format json

EVENTS is one JSON event, an array of them, or one a line: for a table's stream, records as GetRecords and pipes show them.")]
struct Test {
    /// The template with the pipe, JSON or YAML; without it, the pipe named by --pipe as it is deployed
    template: Option<PathBuf>,
    /// The pipe: its logical id or its name; not needed when the template has only one
    #[arg(long)]
    pipe: Option<String>,
    /// The file with events
    #[arg(long, value_name = "EVENTS")]
    event: PathBuf,
    /// A parameter's value, KEY=VALUE; may repeat
    #[arg(long, value_name = "K=V")]
    parameter: Vec<String>,
    /// How to print it
    #[arg(long, default_value = "text")]
    format: Format,
    #[command(flatten)]
    find: Find,
}

impl Pipe {
    pub async fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::Test(test) => test.run().await,
        }
    }
}

impl Test {
    async fn run(self) -> anyhow::Result<()> {
        let events = events(&read(&self.event)?).with_context(|| self.event.display().to_string())?;
        let client = Client::find(&self.find)?;
        let mut body = json!({"events": events});
        match (&self.template, &self.pipe) {
            (Some(template), pipe) => {
                let status: Value =
                    serde_json::from_slice(&client.own("GET", "/_watershed/status", &Value::Null).await?)?;
                let home = |member: &str| status.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
                let environment = stack::Environment { account: home("account"), region: home("region") };
                let given = parameters(&self.parameter)?;
                let text = read(template)?;
                body["definition"] = preview::definition(&text, &given, &environment, pipe.as_deref())
                    .with_context(|| template.display().to_string())?;
            }
            (None, Some(pipe)) => body["name"] = json!(pipe),
            (None, None) => bail!("name a template, or a deployed pipe with --pipe"),
        }
        let answer: Value = serde_json::from_slice(&client.own("POST", "/_watershed/pipes/test", &body).await?)?;
        match self.format {
            Format::Json => super::print(&format!("{}\n", serde_json::to_string_pretty(&answer)?)),
            Format::Text => super::print(&text(&answer)),
        }
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn parameters(given: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').context("--parameter takes KEY=VALUE")?;
        Ok((name.to_owned(), value.to_owned()))
    };
    given.iter().map(pair).collect()
}

/// The events of a file, each as its own text.
fn events(text: &str) -> anyhow::Result<Vec<String>> {
    let events: Vec<String> = match serde_json::from_str::<Vec<&RawValue>>(text) {
        Ok(events) => events.into_iter().map(|event| event.get().to_owned()).collect(),
        Err(_) => {
            let events = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
            let events = events.map(|event| event.map(|event| event.get().to_owned()));
            events.collect::<Result<_, _>>().context("not JSON")?
        }
    };
    ensure!(!events.is_empty(), "no events");
    ensure!(events.len() <= EVENTS_MAX, "more than {EVENTS_MAX} events");
    Ok(events)
}

fn text(answer: &Value) -> String {
    let mut out = String::new();
    for (number, trial) in (1..).zip(answer.get("trials").and_then(Value::as_array).into_iter().flatten()) {
        out.push_str(&format!("event {number}\n"));
        match &trial["filter"] {
            Value::Object(failed) => out.push_str(&format!("  filter      {}\n", plain(failed.get("failed")))),
            said => out.push_str(&format!("  filter      {}\n", plain(Some(said)).replace('_', " "))),
        }
        if let Some(enrichment) = trial.get("enrichment") {
            out.push_str(&format!("  enrichment  gets {}\n", step(&enrichment["input"])));
            for output in enrichment["output"].as_array().into_iter().flatten() {
                out.push_str(&format!("              answers {output}\n"));
            }
            if let Some(error) = enrichment.get("error") {
                out.push_str(&format!("              failed: {}\n", plain(Some(error))));
            }
        }
        for record in trial["target"].as_array().into_iter().flatten() {
            out.push_str(&format!("  target      gets {}\n", step(record)));
        }
    }
    out
}

fn step(step: &Value) -> String {
    match (step.get("made"), step.get("failed")) {
        (Some(made), _) => made.to_string(),
        (None, failed) => format!("nothing: {}", plain(failed)),
    }
}

fn plain(value: Option<&Value>) -> String {
    value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_alone_in_an_array_or_by_line_and_keep_their_text() {
        for (text, expected) in [
            (r#"{"n": 1.50}"#, vec![r#"{"n": 1.50}"#]),
            ("[{\"n\":1},\n {\"n\":2}]", vec![r#"{"n":1}"#, r#"{"n":2}"#]),
            ("{\"n\":1}\n{\"n\":2}\n", vec![r#"{"n":1}"#, r#"{"n":2}"#]),
        ] {
            assert_eq!(events(text).unwrap(), expected);
        }
        assert!(events("").is_err() && events("[]").is_err() && events("{").is_err());
    }
}
