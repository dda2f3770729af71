//! `watershed logs`: the log groups of a server, and what is written to one.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use super::Format;
use crate::client::{Client, Find};

/// How often a followed group is asked.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// A followed group is asked again for events so much older than the newest one shown: streams are written side by side.
const OVERLAP_MS: i64 = 10_000;

/// Look at log groups and what is written to them
#[derive(clap::Args)]
#[command(after_help = "Examples:
  watershed logs ls
  watershed logs tail /aws/lambda/enrich --follow")]
pub struct Logs {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    Ls(Ls),
    Tail(Tail),
}

/// List log groups, or the streams of one
#[derive(clap::Args)]
#[command(after_help = "Examples:
  watershed logs ls
  watershed logs ls /aws/lambda/enrich --format json")]
struct Ls {
    /// A log group, to list its streams
    group: Option<String>,
    /// How to print it; json is one object a line
    #[arg(long, default_value = "text")]
    format: Format,
    #[command(flatten)]
    find: Find,
}

/// Print the events of a log group, oldest first
#[derive(clap::Args)]
#[command(after_help = "Examples:
  watershed logs tail /aws/lambda/enrich
  watershed logs tail /aws/lambda/enrich --since 1h --filter ERROR
  watershed logs tail visits --follow --filter '{ $.site = \"OSL\" && $.age >= 65 }' --format json")]
struct Tail {
    /// The log group
    group: String,
    /// Go on with what is written from now on, until interrupted
    #[arg(long)]
    follow: bool,
    /// How far back to begin: a number of s, m, h, d or w
    #[arg(long, default_value = "10m", value_parser = milliseconds)]
    since: i64,
    /// Only events that match this filter pattern of CloudWatch Logs
    #[arg(long, value_name = "PATTERN", default_value = "")]
    filter: String,
    /// How to print it; json is one object a line
    #[arg(long, default_value = "text")]
    format: Format,
    #[command(flatten)]
    find: Find,
}

impl Logs {
    pub async fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::Ls(ls) => ls.run().await,
            Action::Tail(tail) => tail.run().await,
        }
    }
}

impl Ls {
    async fn run(self) -> anyhow::Result<()> {
        let client = Client::find(&self.find)?;
        let (operation, list, mut input) = match &self.group {
            None => ("DescribeLogGroups", "logGroups", json!({})),
            Some(group) => ("DescribeLogStreams", "logStreams", json!({"logGroupName": group})),
        };
        loop {
            let answer = ask(&client, operation, &input).await?;
            for item in members(&answer, list) {
                let line = match self.format {
                    Format::Json => item.to_string(),
                    Format::Text if self.group.is_none() => group(item),
                    Format::Text => stream(item),
                };
                super::print(&format!("{line}\n"))?;
            }
            match answer.get("nextToken") {
                Some(token) => input["nextToken"] = token.clone(),
                None => return Ok(()),
            }
        }
    }
}

fn group(group: &Value) -> String {
    let kept = group["retentionInDays"].as_i64().map_or("kept for ever".into(), |days| format!("kept {days} days"));
    format!("{}  {} bytes, {kept}", plain(group, "logGroupName"), group["storedBytes"])
}

fn stream(stream: &Value) -> String {
    let last = stream["lastEventTimestamp"].as_i64().map_or("empty".into(), |at| format!("last event {}", time(at)));
    format!("{}  {last}", plain(stream, "logStreamName"))
}

impl Tail {
    async fn run(self) -> anyhow::Result<()> {
        let client = Client::find(&self.find)?;
        let mut from = now_ms()?.saturating_sub(self.since).max(0);
        // Ids of what was shown and could be answered again, with its time.
        let mut shown = BTreeSet::<(i64, String)>::new();
        loop {
            let read = self.show(&client, from, &mut shown).await?;
            if !read || !self.follow {
                return Ok(());
            }
            if let Some((newest, _)) = shown.last() {
                from = from.max(newest.saturating_sub(OVERLAP_MS));
            }
            shown = shown.split_off(&(from, String::new()));
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Prints what the group has from `from` on and was not shown; false when nobody reads it any more.
    async fn show(&self, client: &Client, from: i64, shown: &mut BTreeSet<(i64, String)>) -> anyhow::Result<bool> {
        let mut input = json!({"logGroupName": self.group, "startTime": from, "filterPattern": self.filter});
        loop {
            let answer = ask(client, "FilterLogEvents", &input).await?;
            for event in members(&answer, "events") {
                let at = event["timestamp"].as_i64().unwrap_or_default();
                let new = shown.insert((at, plain(event, "eventId").to_owned()));
                if new && !super::print_while_read(&self.line(event, at))? {
                    return Ok(false);
                }
            }
            match answer.get("nextToken") {
                Some(token) => input["nextToken"] = token.clone(),
                None => return Ok(true),
            }
        }
    }

    fn line(&self, event: &Value, at: i64) -> String {
        let (stream, message) = (plain(event, "logStreamName"), plain(event, "message"));
        match self.format {
            Format::Text => format!("{} {stream} {}\n", time(at), message.trim_end()),
            Format::Json => {
                let mut line = Map::new();
                line.insert("timestamp".into(), json!(time(at)));
                line.insert("logStreamName".into(), json!(stream));
                line.insert("message".into(), json!(message));
                format!("{}\n", Value::Object(line))
            }
        }
    }
}

async fn ask(client: &Client, operation: &str, input: &Value) -> anyhow::Result<Value> {
    client.json("logs", &format!("Logs_20140328.{operation}"), input).await
}

fn members<'a>(answer: &'a Value, list: &str) -> &'a [Value] {
    answer.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn plain<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

fn time(ms: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(ms).unwrap_or_default();
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

fn now_ms() -> anyhow::Result<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    i64::try_from(since.as_millis()).context("the clock stands too late")
}

/// `90s`, `10m`, `2h`, `1d`, `1w`.
fn milliseconds(text: &str) -> Result<i64, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let unit_ms = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return Err("write a number and s, m, h, d or w, such as 10m".into()),
    };
    let number: i64 = number.parse().map_err(|_| "write a number and s, m, h, d or w, such as 10m")?;
    number.checked_mul(unit_ms).ok_or_else(|| "that is too long ago".into())
}
