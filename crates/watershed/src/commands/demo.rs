//! `watershed demo`: the whole way of a change, from a template to SQL answers, on made-up data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::client::{Client, Find};
use crate::data;
use crate::demo::{QUESTIONS, TEMPLATE, changes, load};

/// How long one stage may take on a loaded machine.
const STAGE_MAX: Duration = Duration::from_secs(120);

/// Start a server on a free port, deploy a template, write 20,000 changes, ask the lake
#[derive(clap::Args)]
#[command(after_help = "Examples:
  watershed demo
  watershed demo --once
  watershed demo --data ./demo-data")]
pub struct Demo {
    /// Exit when done instead of serving on
    #[arg(long)]
    once: bool,
    /// Where to keep the data; without it, a temporary directory
    #[arg(long)]
    data: Option<PathBuf>,
}

impl Demo {
    pub async fn run(self) -> anyhow::Result<()> {
        let temporary = std::env::temp_dir().join(format!("watershed-demo-{}", uuid::Uuid::new_v4().simple()));
        let is_temporary = self.data.is_none();
        let data = self.data.clone().unwrap_or(temporary);
        let result = self.run_in(&data).await;
        if is_temporary && (self.once || result.is_err()) {
            // What stays behind is only the demo's own made-up data.
            let _ = std::fs::remove_dir_all(&data);
        }
        result
    }

    async fn run_in(&self, data: &Path) -> anyhow::Result<()> {
        // Before anything else, so that the server never outlives this.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut server = start(data).await?;
        let toured = tokio::select! {
            toured = self.tour(data, &mut server) => toured,
            _ = terminate.recv() => Ok(()),
            _ = tokio::signal::ctrl_c() => Ok(()),
        };
        let stopped = stop(server).await;
        toured.and(stopped)
    }

    /// All stages; without `--once` it ends with the server.
    async fn tour(&self, data: &Path, server: &mut Child) -> anyhow::Result<()> {
        let client = Client::find(&Find { endpoint: None, data: data.to_owned() })?;
        super::print(&format!("Server at {}, data in {}\n", client.endpoint(), data.display()))?;
        deploy(data).await?;

        let all = changes::all();
        let expected = all.iter().filter(|change| change.is_delivered()).count() as u64;
        let written = Instant::now();
        let bar = progress("Writing changes", all.len() as u64)?;
        load::write(&sdk(&client, data)?, all, &bar).await?;
        bar.finish();
        let write_seconds = written.elapsed().as_secs_f64();

        let bar = progress("Arriving in the lake", expected)?;
        arrive(&client, expected, &bar).await?;
        bar.finish();
        let total_seconds = written.elapsed().as_secs_f64();

        print_tree(&client).await?;
        for (heading, sql) in QUESTIONS {
            let rows = client.own("POST", "/sql", &json!({"sql": sql})).await?;
            super::print(&format!("\n{heading}\n{}", super::sql::table_of(&rows)?))?;
        }
        super::print(&format!(
            "\n{} changes written in {write_seconds:.1} s ({:.0}/s), {expected} inserts and updates in the lake after \
             {total_seconds:.1} s, each once.\n",
            changes::CHANGES,
            changes::CHANGES as f64 / write_seconds,
        ))?;
        if self.once {
            return Ok(());
        }
        super::print(&format!(
            "\nThe server goes on until Ctrl-C. In another terminal:\n  \
             eval \"$(watershed credentials --data {0})\"\n  \
             aws dynamodb scan --table-name Patients --max-items 3\n  \
             watershed sql \"SELECT * FROM patients LIMIT 5\" --data {0}\n",
            data.display()
        ))?;
        bail!("the server stopped: {}", server.wait().await?)
    }
}

/// Starts this program as a server of its own and waits until it is ready.
async fn start(data: &Path) -> anyhow::Result<Child> {
    std::fs::create_dir_all(data).with_context(|| format!("cannot create {}", data.display()))?;
    // Refused when a server runs there; what a killed one left behind is taken away.
    data::Data::lock(data)?.retire();
    let log = std::fs::File::create(data.join("serve.log"))?;
    let mut server = Command::new(std::env::current_exe()?)
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .stdin(std::process::Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?;
    let deadline = Instant::now() + STAGE_MAX;
    while data::running(data).is_none() {
        if let Some(status) = server.try_wait()? {
            bail!("the server stopped at start ({status}); see {}", data.join("serve.log").display());
        }
        ensure!(Instant::now() < deadline, "the server is not ready after {STAGE_MAX:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(server)
}

/// Asks the server to drain, and waits.
async fn stop(mut server: Child) -> anyhow::Result<()> {
    if let Some(pid) = server.id() {
        Command::new("kill").args(["-TERM", &pid.to_string()]).status().await?;
    }
    let status = tokio::time::timeout(STAGE_MAX, server.wait()).await.context("the server does not stop")??;
    ensure!(status.success(), "the server ended with {status}");
    Ok(())
}

async fn deploy(data: &Path) -> anyhow::Result<()> {
    let template = data.join("demo-template.yaml");
    std::fs::write(&template, TEMPLATE)?;
    let status = Command::new(std::env::current_exe()?)
        .arg("deploy")
        .arg(&template)
        .args(["--stack", "demo", "--data"])
        .arg(data)
        .env_remove("AWS_ENDPOINT_URL")
        .status()
        .await?;
    ensure!(status.success(), "the demo's template did not deploy");
    Ok(())
}

fn sdk(client: &Client, data: &Path) -> anyhow::Result<remote::dynamodb::Client> {
    let running = data::running(data).context("the server runs")?;
    let credentials = data::credentials(data)?;
    Ok(remote::dynamodb_client(&remote::Endpoint {
        url: client.endpoint().to_owned(),
        region: running.region,
        access_key_id: credentials.access_key_id,
        secret_access_key: credentials.secret_access_key,
    }))
}

/// Waits until the delivery streams have both tables' changes, delivers them, and counts them in the lake.
async fn arrive(client: &Client, expected: u64, bar: &ProgressBar) -> anyhow::Result<()> {
    let deadline = Instant::now() + STAGE_MAX;
    loop {
        let taken = taken(client).await?;
        bar.set_position(taken.min(expected));
        if taken >= expected {
            break;
        }
        ensure!(Instant::now() < deadline, "only {taken} of {expected} changes have come to the delivery streams");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Once, so that a partition has few files.
    client.own("POST", "/_watershed/flush", &json!({"stream": null})).await?;
    let mut arrived = 0;
    for table in ["measurements", "patients"] {
        arrived += count(client, table).await;
    }
    ensure!(arrived == expected, "the lake holds {arrived} changes, but {expected} were written");
    Ok(())
}

/// Records that the delivery streams have in buffers and files.
async fn taken(client: &Client) -> anyhow::Result<u64> {
    let status: Value = serde_json::from_slice(&client.own("GET", "/_watershed/status", &Value::Null).await?)?;
    let streams = status.get("delivery_streams").and_then(Value::as_array);
    let count = |stream: &Value, name: &str| stream.get(name).and_then(Value::as_u64).unwrap_or_default();
    let both = |stream: &Value| count(stream, "buffered_records") + count(stream, "delivered_records");
    Ok(streams.into_iter().flatten().map(both).sum())
}

/// How many records a table of the lake holds; none while it has no objects.
async fn count(client: &Client, table: &str) -> u64 {
    let body = json!({"sql": format!("SELECT count(*) AS n FROM {table}")});
    let Ok(answer) = client.own("POST", "/sql", &body).await else { return 0 };
    serde_json::from_slice::<Value>(&answer).ok().and_then(|row| row.get("n")?.as_u64()).unwrap_or_default()
}

/// Folders of the lake with their objects and bytes.
async fn print_tree(client: &Client) -> anyhow::Result<()> {
    let answer: Value = serde_json::from_slice(&client.own("POST", "/_watershed/objects", &json!({})).await?)?;
    let mut folders: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for object in answer.get("objects").and_then(Value::as_array).into_iter().flatten() {
        let name = object.get("name").and_then(Value::as_str).unwrap_or_default();
        let folder = name.rsplit_once('/').map_or(name, |(folder, _)| folder);
        let sums = folders.entry(folder.to_owned()).or_default();
        sums.0 += 1;
        sums.1 += object.get("bytes").and_then(Value::as_u64).unwrap_or_default();
    }
    let mut text = String::from("\nThe lake\n");
    for (folder, (objects, bytes)) in folders {
        text.push_str(&format!("  {folder}/  {objects} objects, {} KiB\n", bytes.div_ceil(1024)));
    }
    super::print(&text)
}

fn progress(stage: &'static str, steps: u64) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{prefix:22} {wide_bar} {pos}/{len} {elapsed}")?;
    Ok(ProgressBar::new(steps).with_style(style).with_prefix(stage))
}
