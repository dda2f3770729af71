//! Measured by `cargo xtask bench pipe`: a table's changes through a pipe with a filter and a function into the lake and into a
//! queue. All changes are written first; then each pipe is started, and it ends when everything is at its target. One in ten
//! changes is filtered out. What is counted in the end is what the target holds. Figures are one line of JSON.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bench::client::Client;
use bench::usage;
use bytes::Bytes;
use clap::Parser;
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const TABLE: &str = "Changes";
/// Items in one BatchWriteItem.
const BATCH: u64 = 25;
const WRITERS: usize = 8;
const SITES: u64 = 10;
const ARRIVE_MAX: Duration = Duration::from_secs(900);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

#[derive(Parser)]
struct Arguments {
    /// ADDRESS:PORT of the server.
    #[arg(long)]
    host: String,
    /// The server, whose processor time and memory are told; its functions are not counted.
    #[arg(long)]
    pid: u32,
    #[arg(long)]
    records: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let Arguments { host, pid, records } = Arguments::parse();
    let client = Client::new(&host)?;
    let before = (Instant::now(), usage::cpu_seconds(pid)?);
    write(&client, records).await?;
    let written = figures(records, pid, before)?;
    let kept = (0..records).filter(|number| is_kept(*number)).count() as u64;

    let before = start(&client, "to-queue", pid).await?;
    let queue = json!({"QueueUrl": queue_url(&client).await?, "AttributeNames": ["ApproximateNumberOfMessages"]});
    let deadline = Instant::now() + ARRIVE_MAX;
    loop {
        let answer = client.json("sqs", "AmazonSQS.GetQueueAttributes", &queue).await?;
        let count =
            answer["Attributes"]["ApproximateNumberOfMessages"].as_str().and_then(|text| text.parse::<u64>().ok());
        match count.unwrap_or_default() {
            count if count == kept => break,
            count => ensure!(count < kept && Instant::now() < deadline, "{count} of {kept} messages are in the queue"),
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let to_queue = figures(records, pid, before)?;

    let before = start(&client, "to-lake", pid).await?;
    let deadline = Instant::now() + ARRIVE_MAX;
    while delivered(&client).await? < kept {
        ensure!(Instant::now() < deadline, "not all changes have come to the delivery stream");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    own(&client, "/_watershed/flush", &json!({"stream": null})).await?;
    let to_lake = figures(records, pid, before)?;
    let answer =
        own(&client, "/sql", &json!({"sql": "SELECT count(DISTINCT \"eventId\") AS n FROM changes.data"})).await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    ensure!(answer["n"] == kept, "the lake holds {} of {kept} changes", answer["n"]);

    let peak = usage::peak_rss_bytes(pid)?;
    let figures =
        json!({"records": records, "write": written, "queue": to_queue, "lake": to_lake, "peak_rss_bytes": peak});
    Ok(writeln!(std::io::stdout(), "{figures}")?)
}

fn is_kept(number: u64) -> bool {
    !number.is_multiple_of(10)
}

fn item(number: u64) -> Value {
    let site = format!("site-{}", number % SITES);
    let state = if is_kept(number) { "final" } else { "draft" };
    json!({
        "id": {"S": format!("{number:09}")},
        "itemType": {"S": "Patient"},
        "state": {"S": state},
        "site": {"S": site},
        "value": {"N": format!("{}.{}", number % 977, number % 7)},
        "note": {"S": "measured in the morning, before anything was eaten; repeated once ".repeat(2)},
    })
}

/// Writes all items, from several writers.
async fn write(client: &Client, records: u64) -> anyhow::Result<()> {
    let next = Arc::new(AtomicU64::new(0));
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (client, next) = (client.clone(), next.clone());
        writers.spawn(async move {
            loop {
                let first = next.fetch_add(BATCH, Ordering::Relaxed);
                let puts =
                    (first..records.min(first + BATCH)).map(|number| json!({"PutRequest": {"Item": item(number)}}));
                let puts: Vec<Value> = puts.collect();
                if puts.is_empty() {
                    return anyhow::Ok(());
                }
                let input = json!({"RequestItems": {TABLE: puts}});
                let answer = client.json("dynamodb", "DynamoDB_20120810.BatchWriteItem", &input).await?;
                let left = answer["UnprocessedItems"].as_object().map_or(0, serde_json::Map::len);
                ensure!(left == 0, "not all items of a batch were taken");
            }
        });
    }
    writers.join_all().await.into_iter().collect()
}

/// Starts a pipe; answers when, and the server's processor time then.
async fn start(client: &Client, pipe: &str, pid: u32) -> anyhow::Result<(Instant, f64)> {
    let before = (Instant::now(), usage::cpu_seconds(pid)?);
    client.rest("pipes", Method::POST, &format!("/v1/pipes/{pipe}/start"), Bytes::new()).await?;
    Ok(before)
}

async fn queue_url(client: &Client) -> anyhow::Result<String> {
    let answer = client.json("sqs", "AmazonSQS.GetQueueUrl", &json!({"QueueName": "changes"})).await?;
    Ok(answer["QueueUrl"].as_str().context("no QueueUrl")?.to_owned())
}

/// Records that the delivery stream has in buffers and files.
async fn delivered(client: &Client) -> anyhow::Result<u64> {
    let answer = client.rest("watershed", Method::GET, "/_watershed/status", Bytes::new()).await?;
    let status: Value = serde_json::from_slice(&answer)?;
    let stream = &status["delivery_streams"][0];
    let count = |name: &str| stream[name].as_u64().unwrap_or_default();
    Ok(count("buffered_records") + count("delivered_records"))
}

async fn own(client: &Client, path: &str, body: &Value) -> anyhow::Result<Bytes> {
    client.rest("watershed", Method::POST, path, body.to_string().into()).await
}

fn figures(records: u64, pid: u32, (begun, cpu): (Instant, f64)) -> anyhow::Result<Value> {
    let seconds = begun.elapsed().as_secs_f64();
    Ok(json!({
        "seconds": seconds,
        "records_per_second": records as f64 / seconds,
        "server_cpu_seconds": usage::cpu_seconds(pid)? - cpu,
    }))
}
