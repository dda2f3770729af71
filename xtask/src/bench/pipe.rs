//! `cargo xtask bench pipe`: the release binary as its clients see it. Messages through queues, beside moto and MiniStack
//! under one load; invocations of a function; a table's changes through filter and function into a queue and the lake.
//! Each load checks that everything came, and came once.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::server::{Programs, Server};
use super::workplace::{Options, Workplace};
use crate::write_out;

pub const ABOUT: &str = "queues beside moto and MiniStack, invocations, changes through a pipe";

const MESSAGES: u64 = 20_000;
/// Messages in a request.
const BATCHES: [u64; 2] = [10, 1];
const CONNECTIONS: &str = "64";
/// moto answers one request after another, hands a message to two who ask at once, and slows down with each message.
const MOTO: (&str, u64) = ("1", 1_000);
const ENGINES: [&str; 3] = ["watershed", "moto", "ministack"];
const PHASES: [&str; 2] = ["send", "receive_delete"];
const INVOCATIONS: &str = "5000";
const TEMPLATE: &str = "xtask/src/bench/pipe.yaml";
/// A stream record, in the array that a pipe gives its enrichment.
const EVENT: &str = r#"[{"eventID":"1","eventName":"INSERT","eventSource":"aws:dynamodb","dynamodb":{"NewImage":{"id":{"S":"1"},"itemType":{"S":"Patient"},"site":{"S":"a"}}}}]"#;

pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    let options = Options::parse(arguments)?;
    let messages = options.records.unwrap_or(MESSAGES);
    ensure!(messages > 0, "--records must be at least 1");
    let bench = Bench::open()?;
    let mut queues = Vec::new();
    for batch in BATCHES {
        queues.push(bench.queues(batch, messages, &ENGINES, options.runs)?);
        // Growth is asked of ours alone.
        queues.push(bench.queues(batch, messages * 10, &ENGINES[..1], 1)?);
    }
    let invocations = bench.invocations()?;
    let pipes = [messages, messages * 10].into_iter().map(|records| bench.pipes(records));
    let pipes = pipes.collect::<anyhow::Result<Vec<Value>>>()?;
    let report = json!({"connections": CONNECTIONS, "queues": queues, "invocations": invocations, "pipes": pipes});
    write_out(&if options.json { format!("{report:#}\n") } else { tables(&report) });
    Ok(())
}

struct Bench {
    place: Workplace,
    programs: Programs,
    function: String,
}

impl Bench {
    fn open() -> anyhow::Result<Bench> {
        let place = Workplace::open()?;
        let built = place.build_all(&["watershed", "functions"])?;
        let function = built.join("item-splitter").to_str().context("a path is no text")?.to_owned();
        let programs = Programs { watershed: built.join("watershed"), python: place.python()? };
        Ok(Bench { place, programs, function })
    }

    /// The best of several runs of each engine, one after another in turn.
    fn queues(&self, batch: u64, messages: u64, engines: &[&str], runs: usize) -> anyhow::Result<Value> {
        let program = self.place.build("queues")?;
        let mut case = json!({"batch": batch, "messages": messages});
        for _ in 0..runs {
            for name in engines {
                let server = Server::start(name, &self.programs)?;
                let (connections, messages) = match *name {
                    "moto" => (MOTO.0, messages.min(MOTO.1)),
                    _ => (CONNECTIONS, messages),
                };
                let (messages, batch) = (messages.to_string(), batch.to_string());
                let load = ["--pid", &server.pid(), "--batch", &batch, "--messages", &messages];
                let run = server.load(&program, &[&load[..], &["--connections", connections]].concat());
                let run = run.with_context(|| format!("{name}, {batch} in a request"))?;
                let best = &mut case[*name];
                for phase in PHASES {
                    let seconds = |run: &Value| run[phase]["seconds"].as_f64();
                    if best[phase].is_null() || seconds(&run) < seconds(best) {
                        best[phase] = run[phase].clone();
                    }
                }
                best["messages"] = run["messages"].clone();
                if best["peak_rss_bytes"].as_u64() < run["peak_rss_bytes"].as_u64() {
                    best["peak_rss_bytes"] = run["peak_rss_bytes"].clone();
                }
            }
        }
        Ok(case)
    }

    fn invocations(&self) -> anyhow::Result<Value> {
        let (program, server) = (self.place.build("invocations")?, self.deployed()?);
        let event = server.file("event.json", EVENT)?;
        let event = event.to_str().context("a path is no text")?;
        server.load(&program, &["--function", "split", "--event", event, "--invocations", INVOCATIONS])
    }

    fn pipes(&self, records: u64) -> anyhow::Result<Value> {
        let (program, server) = (self.place.build("pipes")?, self.deployed()?);
        server.load(&program, &["--pid", &server.pid(), "--records", &records.to_string()])
    }

    fn deployed(&self) -> anyhow::Result<Server> {
        let server = Server::start("watershed", &self.programs)?;
        let template = self.place.source(TEMPLATE);
        let template = template.to_str().context("a path is no text")?;
        let function = format!("split={}", self.function);
        server.run(&self.programs.watershed, &["deploy", template, "--stack", "bench", "--function", &function])?;
        Ok(server)
    }
}

fn tables(report: &Value) -> String {
    let queues = report["queues"].as_array().into_iter().flatten().flat_map(queue_rows);
    let head = ["phase", "batch", "messages", "engine", "messages/s", "ours", "server CPU s", "client CPU s", "MiB"];
    let mut out = table(&head, queues);
    let invocations = &report["invocations"];
    let row = |(name, member): (&str, &str)| {
        let spread = &invocations[member];
        vec![name.to_owned(), spread["count"].to_string(), cell(&spread["median_us"], 0), cell(&spread["p99_us"], 0)]
    };
    let rows = [("warm", "warm"), ("warm, 8 at once", "at_once"), ("cold", "cold")].map(row);
    out += "\n";
    out += &table(&["invocation", "count", "median us", "p99 us"], rows);
    out += &format!("8 at once: {} a second\n\n", cell(&invocations["invocations_per_second_at_once"], 0));
    let pipes = report["pipes"].as_array().into_iter().flatten().flat_map(pipe_rows);
    out + &table(&["changes", "to", "records/s", "server CPU s", "MiB"], pipes)
}

fn queue_rows(case: &Value) -> Vec<Vec<String>> {
    let rate = |engine: &str, phase: &str| case[engine][phase]["messages_per_second"].as_f64().unwrap_or_default();
    let mut rows = Vec::new();
    for phase in PHASES {
        for engine in ENGINES.into_iter().filter(|engine| !case[*engine].is_null()) {
            let figures = &case[engine][phase];
            rows.push(vec![
                phase.to_owned(),
                case["batch"].to_string(),
                case[engine]["messages"].to_string(),
                engine.to_owned(),
                cell(&figures["messages_per_second"], 0),
                format!("{:.1}x", rate("watershed", phase) / rate(engine, phase)),
                cell(&figures["server_cpu_seconds"], 2),
                cell(&figures["client_cpu_seconds"], 2),
                mebibytes(&case[engine]["peak_rss_bytes"]),
            ]);
        }
    }
    rows
}

fn pipe_rows(case: &Value) -> Vec<Vec<String>> {
    let row = |name: &str| {
        let figures = &case[name];
        let rate = cell(&figures["records_per_second"], 0);
        let cpu = cell(&figures["server_cpu_seconds"], 2);
        vec![case["records"].to_string(), name.to_owned(), rate, cpu, mebibytes(&case["peak_rss_bytes"])]
    };
    vec![row("write"), row("queue"), row("lake")]
}

fn cell(value: &Value, digits: usize) -> String {
    format!("{:.digits$}", value.as_f64().unwrap_or_default())
}

fn mebibytes(value: &Value) -> String {
    format!("{:.0}", value.as_f64().unwrap_or_default() / f64::from(1 << 20))
}

/// A table of Markdown.
fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let rule = vec!["---:".to_owned(); head.len()];
    let rows: String = rows.into_iter().map(|row| line(&row)).collect();
    line(&head) + &line(&rule) + &rows
}
