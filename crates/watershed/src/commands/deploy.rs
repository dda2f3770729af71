//! `watershed deploy`: create or update a stack through the CloudFormation API and tell what happens.

mod code;

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::client::{Client, Find, element};

/// How often the stack is asked for its events.
const POLL: Duration = Duration::from_millis(200);
/// How long a deployment may take.
const DEPLOY_MAX: Duration = Duration::from_secs(600);

/// What CreateFunction says of code that is not there, such as an asset that somebody's tool built.
const NO_CODE: &str = "Error occurred while GetObject";

/// Given always: whoever may call this server may do all of it.
const CAPABILITIES: [&str; 3] = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"];

/// Create or update a stack from a CloudFormation template
#[derive(clap::Args)]
#[command(after_help = "Examples:
  watershed deploy template.yaml
  watershed deploy template.json --stack clinic --parameter Stage=test --parameter Region=north
  watershed deploy template.json --function Converter=target/release/bootstrap --function splitter=./splitter")]
pub struct Deploy {
    /// The template, JSON or YAML
    template: PathBuf,
    /// The stack's name; without it, the template's file name, with `-` for what no name may have
    #[arg(long)]
    stack: Option<String>,
    /// A parameter's value, KEY=VALUE; may repeat
    #[arg(long, value_name = "K=V")]
    parameter: Vec<String>,
    /// The code of a function, by logical id or FunctionName: a file, a directory or a zip; may repeat
    #[arg(long, value_name = "NAME=PATH")]
    function: Vec<String>,
    #[command(flatten)]
    find: Find,
}

impl Deploy {
    pub async fn run(self) -> anyhow::Result<()> {
        let shown = self.template.display();
        let body = std::fs::read_to_string(&self.template).with_context(|| format!("cannot read {shown}"))?;
        let stem = self.template.file_stem().unwrap_or_default().to_string_lossy();
        // Names of stacks have no other characters.
        let stem = stem.replace(|character: char| !character.is_ascii_alphanumeric(), "-");
        let name = self.stack.clone().unwrap_or(stem);
        let sources = code::sources(&self.template, &body, &self.function)?;
        let client = Client::find(&self.find)?;
        let exists = client.query("cloudformation", &form("DescribeStacks", &name)).await.is_ok();
        let seen = if exists {
            events(&client, &name).await?.into_iter().map(|event| event.id).collect()
        } else {
            HashSet::new()
        };
        let mut form = form(if exists { "UpdateStack" } else { "CreateStack" }, &name);
        form.push(("TemplateBody".into(), body));
        form.push(("WatershedSources".into(), serde_json::to_string(&sources)?));
        for (index, capability) in CAPABILITIES.iter().enumerate() {
            form.push((format!("Capabilities.member.{}", index + 1), (*capability).into()));
        }
        for (index, parameter) in self.parameter.iter().enumerate() {
            let (key, value) =
                parameter.split_once('=').with_context(|| format!("--parameter takes KEY=VALUE, not `{parameter}`"))?;
            form.push((format!("Parameters.member.{}.ParameterKey", index + 1), key.into()));
            form.push((format!("Parameters.member.{}.ParameterValue", index + 1), value.into()));
        }
        match client.query("cloudformation", &form).await {
            Err(error) if error.to_string().contains("No updates are to be performed") => {
                return super::print(&format!("{name} is up to date\n"));
            }
            answer => answer?,
        };
        follow(&client, &name, seen).await
    }
}

/// Prints the stack's new events until it is done.
async fn follow(client: &Client, name: &str, mut seen: HashSet<String>) -> anyhow::Result<()> {
    let deadline = Instant::now() + DEPLOY_MAX;
    let mut reasons = Vec::new();
    loop {
        let stack = client.query("cloudformation", &form("DescribeStacks", name)).await?;
        let status = element(&stack, "StackStatus").unwrap_or_default();
        for event in events(client, name).await?.into_iter().rev().filter(|event| seen.insert(event.id.clone())) {
            super::print(&format!("{:22} {:40} {}\n", event.status, event.kind, event.logical))?;
            if event.status.ends_with("FAILED") && !event.reason.is_empty() {
                reasons.push(format!("{}: {}", event.logical, event.reason));
            }
        }
        match status.as_str() {
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" => return super::print(&format!("{name} is deployed\n")),
            status if status.ends_with("IN_PROGRESS") => {}
            status => {
                let mut reasons = reasons.join("; ");
                if reasons.contains(NO_CODE) {
                    reasons += "; code that is no object of the lake is given with --function NAME=PATH";
                }
                bail!("{name} is {status}: {reasons}")
            }
        }
        ensure!(Instant::now() < deadline, "{name} is still {status} after {DEPLOY_MAX:?}");
        tokio::time::sleep(POLL).await;
    }
}

struct Event {
    id: String,
    logical: String,
    kind: String,
    status: String,
    reason: String,
}

/// The stack's events, newest first.
async fn events(client: &Client, name: &str) -> anyhow::Result<Vec<Event>> {
    let answer = client.query("cloudformation", &form("DescribeStackEvents", name)).await?;
    let part = |member: &str, tag: &str| element(member, tag).unwrap_or_default();
    Ok(answer
        .split("<member>")
        .skip(1)
        .map(|member| Event {
            id: part(member, "EventId"),
            logical: part(member, "LogicalResourceId"),
            kind: part(member, "ResourceType"),
            status: part(member, "ResourceStatus"),
            reason: part(member, "ResourceStatusReason"),
        })
        .collect())
}

fn form(action: &str, name: &str) -> Vec<(String, String)> {
    [("Action", action), ("Version", "2010-05-15"), ("StackName", name)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}
