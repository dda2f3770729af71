//! Measured by `cargo xtask bench pipe`: the load on a queue, the same for every SQS server. All messages are sent, then
//! all are received and deleted, over some connections at once. Each must come exactly once. Figures are one line of JSON.

use std::collections::HashSet;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use bench::client::Client;
use bench::usage;
use clap::Parser;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const BODY_BYTES: usize = 300;
/// Receives that may find nothing one after another before the rest counts as lost.
const EMPTY_MAX: u64 = 2;
const WAIT_SECONDS: u64 = 1;

#[derive(Parser)]
struct Arguments {
    /// ADDRESS:PORT of the server.
    #[arg(long)]
    host: String,
    /// The server, whose processor time and memory are told; children of it are not counted.
    #[arg(long)]
    pid: u32,
    #[arg(long)]
    messages: u64,
    /// In one request: 1 is SendMessage and DeleteMessage, more are the batch operations.
    #[arg(long)]
    batch: u64,
    /// Requests at the same time.
    #[arg(long)]
    connections: u64,
}

struct Load {
    client: Client,
    url: String,
    arguments: Arguments,
    /// Messages that somebody has begun to send.
    next: AtomicU64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let client = Client::new(&arguments.host)?;
    let created = client.json("sqs", "AmazonSQS.CreateQueue", &json!({"QueueName": "bench"})).await?;
    let url = created["QueueUrl"].as_str().context("no QueueUrl")?.to_owned();
    let load = Arc::new(Load { client, url, arguments, next: AtomicU64::new(0) });
    let (send, _) = load.phase(send).await?;
    let (take, found) = load.phase(take).await?;
    let (messages, count) = (load.arguments.messages, found.len());
    let different: HashSet<u64> = found.into_iter().filter(|number| *number < messages).collect();
    ensure!(
        count as u64 == messages && different.len() == count,
        "{} of {messages} messages came, {count} times in all",
        different.len()
    );
    let peak = usage::peak_rss_bytes(load.arguments.pid)?;
    let figures = json!({"messages": messages, "send": send, "receive_delete": take, "peak_rss_bytes": peak});
    Ok(writeln!(std::io::stdout(), "{figures}")?)
}

impl Load {
    /// One kind of work over all connections: its figures, and the numbers of the messages that came.
    async fn phase<F>(self: &Arc<Load>, work: fn(Arc<Load>) -> F) -> anyhow::Result<(Value, Vec<u64>)>
    where
        F: Future<Output = anyhow::Result<(Instant, Vec<u64>)>> + Send + 'static,
    {
        let own = std::process::id();
        let before = (usage::cpu_seconds(self.arguments.pid)?, usage::cpu_seconds(own)?, Instant::now());
        let mut workers: JoinSet<_> = (0..self.arguments.connections).map(|_| work(self.clone())).collect();
        let (mut ended, mut found) = (before.2, Vec::new());
        while let Some(done) = workers.join_next().await {
            let (at, mut numbers) = done??;
            ended = ended.max(at);
            found.append(&mut numbers);
        }
        // Not the waits in which nothing came any more.
        let seconds = (ended - before.2).as_secs_f64();
        let figures = json!({
            "seconds": seconds,
            "messages_per_second": self.arguments.messages as f64 / seconds,
            "server_cpu_seconds": usage::cpu_seconds(self.arguments.pid)? - before.0,
            "client_cpu_seconds": usage::cpu_seconds(own)? - before.1,
        });
        Ok((figures, found))
    }

    async fn call(&self, operation: &str, mut input: Value) -> anyhow::Result<Value> {
        input["QueueUrl"] = self.url.as_str().into();
        let answer = self.client.json("sqs", &format!("AmazonSQS.{operation}"), &input).await?;
        let failed = answer["Failed"].as_array().map_or(0, Vec::len);
        ensure!(failed == 0, "{operation}: {failed} of a batch failed");
        Ok(answer)
    }
}

async fn send(load: Arc<Load>) -> anyhow::Result<(Instant, Vec<u64>)> {
    let Arguments { messages, batch, .. } = load.arguments;
    loop {
        let first = load.next.fetch_add(batch, Ordering::Relaxed);
        let body = |number: u64| format!("{number:09}{}", "x".repeat(BODY_BYTES - 9));
        match (first..messages.min(first + batch)).collect::<Vec<_>>().as_slice() {
            [] => return Ok((Instant::now(), Vec::new())),
            [number] => load.call("SendMessage", json!({"MessageBody": body(*number)})).await?,
            numbers => {
                let entry = |number: &u64| json!({"Id": number.to_string(), "MessageBody": body(*number)});
                let entries: Vec<Value> = numbers.iter().map(entry).collect();
                load.call("SendMessageBatch", json!({"Entries": entries})).await?
            }
        };
    }
}

/// Receives and deletes until nothing comes any more; answers when the last was deleted.
async fn take(load: Arc<Load>) -> anyhow::Result<(Instant, Vec<u64>)> {
    let (mut ended, mut found, mut empty) = (Instant::now(), Vec::new(), 0);
    let ask = json!({"MaxNumberOfMessages": load.arguments.batch, "WaitTimeSeconds": WAIT_SECONDS});
    while empty < EMPTY_MAX {
        let answer = load.call("ReceiveMessage", ask.clone()).await?;
        let messages = answer["Messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        for message in messages {
            let number = message["Body"].as_str().and_then(|body| body.get(..9)?.parse().ok());
            found.push(number.context("another body came back")?);
        }
        let entry =
            |(at, message): (usize, &Value)| json!({"Id": at.to_string(), "ReceiptHandle": message["ReceiptHandle"]});
        match messages {
            [] => empty += 1,
            [message] => {
                load.call("DeleteMessage", json!({"ReceiptHandle": message["ReceiptHandle"]})).await?;
            }
            messages => {
                let entries: Vec<Value> = messages.iter().enumerate().map(entry).collect();
                load.call("DeleteMessageBatch", json!({"Entries": entries})).await?;
            }
        }
        if !messages.is_empty() {
            (empty, ended) = (0, Instant::now());
        }
    }
    Ok((ended, found))
}
