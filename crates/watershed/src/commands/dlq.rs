//! `watershed dlq`: what could not be delivered, and delivering it again.

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::Format;
use crate::client::{Client, Find};

/// Letters asked for at once.
const PAGE: u64 = 25;

/// Look at dead letters, and deliver them again
#[derive(clap::Args)]
#[command(after_help = "Examples:
  watershed dlq list
  watershed dlq show dead-patients
  watershed dlq redrive dead-patients")]
pub struct Dlq {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    List(List),
    Show(Show),
    Redrive(Redrive),
}

/// List the queues that dead letters go to: how many there are, and who sends them
#[derive(clap::Args)]
#[command(after_help = "Examples:
  watershed dlq list
  watershed dlq list --format json")]
struct List {
    /// How to print it
    #[arg(long, default_value = "text")]
    format: Format,
    #[command(flatten)]
    find: Find,
}

/// Show the letters of a queue: where each came from, why it was given up, after how many attempts
///
/// No letter is received by it. What a letter carries is health data, and shown only with --payload.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  watershed dlq show dead-patients
  watershed dlq show dead-patients --payload --limit 1 --format json")]
struct Show {
    /// The queue, by name or ARN
    queue: String,
    /// Show what the letters carry, too
    #[arg(long)]
    payload: bool,
    /// The most letters to show, oldest first
    #[arg(long, default_value = "100")]
    limit: u64,
    /// How to print it
    #[arg(long, default_value = "text")]
    format: Format,
    #[command(flatten)]
    find: Find,
}

/// Send what letters carry through their pipe, mapping, rule, schedule, function or queue again
///
/// A letter is removed when what it carries was accepted: the pipe's target has it, or it waits for its function, target or
/// queue as it did at first. One that is not accepted stays, is told, and makes the command exit 1.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  watershed dlq redrive dead-patients
  watershed dlq redrive dead-patients --id 3b0e2c1e-6d3f-4a54-9f0e-0a2f6a3f6c11
  watershed dlq redrive dead-patients --format json")]
struct Redrive {
    /// The queue, by name or ARN
    queue: String,
    /// Only the letter with this id, as `show` tells it; may repeat
    #[arg(long, value_name = "ID")]
    id: Vec<String>,
    /// How to print it
    #[arg(long, default_value = "text")]
    format: Format,
    #[command(flatten)]
    find: Find,
}

impl Dlq {
    pub async fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::List(list) => list.run().await,
            Action::Show(show) => show.run().await,
            Action::Redrive(redrive) => redrive.run().await,
        }
    }
}

async fn ask(client: &Client, action: &str, body: &Value) -> anyhow::Result<Value> {
    let answer = client.own("POST", &format!("/_watershed/dlq/{action}"), body).await?;
    serde_json::from_slice(&answer).context("the server's answer is not JSON")
}

fn print(format: Format, answer: &Value, text: impl FnOnce() -> String) -> anyhow::Result<()> {
    match format {
        Format::Json => super::print(&format!("{}\n", serde_json::to_string_pretty(answer)?)),
        Format::Text => super::print(&text()),
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let answer = ask(&Client::find(&self.find)?, "list", &json!({})).await?;
        print(self.format, &answer, || {
            let mut text = String::new();
            for queue in list(&answer, "queues") {
                let hidden = match number(queue, "hidden") {
                    0 => String::new(),
                    hidden => format!(", {hidden} hidden"),
                };
                let missing = if queue["missing"] == true { "  THERE IS NO SUCH QUEUE" } else { "" };
                let count = letters(number(queue, "letters"));
                text.push_str(&format!("{}  {count}{hidden}{missing}\n", plain(queue, "queue")));
                for source in list(queue, "sources") {
                    text.push_str(&format!("  from {} {}\n", plain(source, "kind"), plain(source, "arn")));
                }
            }
            for place in list(&answer, "elsewhere") {
                let (place, kind, arn) = (plain(place, "place"), plain(place, "kind"), plain(place, "arn"));
                text.push_str(&format!("{place}  is no queue here\n  from {kind} {arn}\n"));
            }
            text
        })
    }
}

impl Show {
    async fn run(self) -> anyhow::Result<()> {
        let client = Client::find(&self.find)?;
        let (mut letters, mut after) = (Vec::new(), Value::Null);
        while (letters.len() as u64) < self.limit {
            let limit = (self.limit - letters.len() as u64).min(PAGE);
            let body = json!({"queue": self.queue, "after": after, "limit": limit, "payload": self.payload});
            let answer = ask(&client, "show", &body).await?;
            letters.extend(list(&answer, "letters").iter().cloned());
            after = answer["next"].clone();
            if after.is_null() {
                break;
            }
        }
        print(self.format, &json!({"letters": letters}), || letters.iter().map(letter).collect())
    }
}

fn letter(letter: &Value) -> String {
    let at = time(letter["sent_ms"].as_i64().unwrap_or_default());
    let hidden = if letter["hidden"] == true { "  hidden" } else { "" };
    let mut text = format!("{}  {at}{hidden}\n", plain(letter, "id"));
    text.push_str(&format!("  from {} {}\n", plain(letter, "kind"), plain(letter, "source")));
    text.push_str(&format!("  attempts {}  {}\n", number(letter, "attempts"), plain(letter, "reason")));
    if let Some(payload) = letter.get("payload") {
        text.push_str(&format!("  payload {payload}\n"));
    }
    text
}

impl Redrive {
    async fn run(self) -> anyhow::Result<()> {
        let client = Client::find(&self.find)?;
        let ids = if self.id.is_empty() { Value::Null } else { json!(self.id) };
        let (mut redriven, mut skipped, mut failed) = (0, 0, Vec::new());
        let (mut after, mut through) = (Value::Null, Value::Null);
        loop {
            let body = json!({"queue": self.queue, "after": after, "limit": PAGE, "ids": ids, "through": through});
            let answer = ask(&client, "redrive", &body).await?;
            redriven += number(&answer, "redriven");
            skipped += number(&answer, "skipped");
            failed.extend(list(&answer, "failed").iter().cloned());
            (after, through) = (answer["next"].clone(), answer["through"].clone());
            if after.is_null() {
                break;
            }
        }
        let told = json!({"redriven": redriven, "skipped": skipped, "failed": failed});
        print(self.format, &told, || {
            let mut text = format!("redriven {redriven}, hidden {skipped}, failed {}\n", failed.len());
            for letter in &failed {
                let (kind, source) = (plain(letter, "kind"), plain(letter, "source"));
                text.push_str(&format!("{}  {kind} {source}  {}\n", plain(letter, "id"), plain(letter, "reason")));
            }
            text
        })?;
        let found = redriven + skipped + failed.len() as u64;
        if !self.id.is_empty() && found < self.id.len() as u64 {
            bail!("not in {}: {}", self.queue, letters(self.id.len() as u64 - found));
        }
        if !failed.is_empty() {
            bail!("still in {}: {}", self.queue, letters(failed.len() as u64));
        }
        Ok(())
    }
}

fn letters(count: u64) -> String {
    format!("{count} {}", if count == 1 { "letter" } else { "letters" })
}

fn list<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn number(value: &Value, member: &str) -> u64 {
    value.get(member).and_then(Value::as_u64).unwrap_or_default()
}

fn plain<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

fn time(ms: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(ms).unwrap_or_default();
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
