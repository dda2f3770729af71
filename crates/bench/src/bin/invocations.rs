//! Measured by `cargo xtask bench pipe`: what an invocation of a small function takes, as its caller sees it: warm, one after
//! another and eight at once, and cold, after its configuration changed. Figures are one line of JSON.

use std::io::Write as _;
use std::time::Instant;

use bench::client::Client;
use bytes::Bytes;
use clap::Parser;
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Before anything is measured.
const WARM_UP: usize = 100;
const COLD: usize = 20;
const AT_ONCE: usize = 8;

#[derive(Parser)]
struct Arguments {
    /// ADDRESS:PORT of the server.
    #[arg(long)]
    host: String,
    #[arg(long)]
    function: String,
    /// A file: what the function is given.
    #[arg(long)]
    event: std::path::PathBuf,
    /// Warm invocations.
    #[arg(long)]
    invocations: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let (client, event) = (Client::new(&arguments.host)?, Bytes::from(std::fs::read(&arguments.event)?));
    let function = format!("/2015-03-31/functions/{}", arguments.function);
    many(&client, &function, &event, WARM_UP).await?;
    let warm = many(&client, &function, &event, arguments.invocations).await?;

    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (client, function, event) = (client.clone(), function.clone(), event.clone());
        callers.spawn(async move { many(&client, &function, &event, arguments.invocations / AT_ONCE).await });
    }
    let at_once = callers.join_all().await.into_iter().collect::<anyhow::Result<Vec<_>>>()?.concat();
    let rate = at_once.len() as f64 / begun.elapsed().as_secs_f64();

    let mut cold = Vec::new();
    for round in 0..COLD {
        // Processes of an earlier configuration take no further events.
        let environment = json!({"Environment": {"Variables": {"ROUND": round.to_string()}}});
        let path = format!("{function}/configuration");
        client.rest("lambda", Method::PUT, &path, environment.to_string().into()).await?;
        cold.append(&mut many(&client, &function, &event, 1).await?);
    }
    let figures = json!({
        "warm": spread(warm),
        "at_once": spread(at_once),
        "invocations_per_second_at_once": rate,
        "cold": spread(cold),
    });
    Ok(writeln!(std::io::stdout(), "{figures}")?)
}

/// Seconds of each of several invocations, one after another.
async fn many(client: &Client, function: &str, event: &Bytes, count: usize) -> anyhow::Result<Vec<f64>> {
    let mut seconds = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        let path = format!("{function}/invocations");
        let answer = client.rest("lambda", Method::POST, &path, event.clone()).await?;
        seconds.push(begun.elapsed().as_secs_f64());
        let answer: Value = serde_json::from_slice(&answer)?;
        anyhow::ensure!(answer.is_array(), "the function failed: {}", answer["errorType"]);
    }
    Ok(seconds)
}

/// Microseconds: the middle, and what 1 in 100 takes longer than.
fn spread(mut seconds: Vec<f64>) -> Value {
    seconds.sort_by(f64::total_cmp);
    let at = |share: usize| seconds.get(seconds.len() * share / 100).map(|seconds| (seconds * 1e6).round());
    json!({"median_us": at(50), "p99_us": at(99), "count": seconds.len()})
}
