//! `cargo xtask bench delivery`: change records through filter, template and partitioning into Parquet, beside DuckDB
//! and Polars doing only the partitioned write of the same lines. Every run's files are read back and compared.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::workplace::{Options, Workplace, figures};
use crate::write_out;

pub const ABOUT: &str = "change records into partitioned Parquet, beside DuckDB and Polars";

const RECORDS: u64 = 5_000_000;
/// Threads of every engine.
const THREADS: &str = "2";
const PEERS: [&str; 2] = ["duckdb", "polars"];

struct Delivery {
    place: Workplace,
    program: PathBuf,
    python: PathBuf,
}

/// Lines of one shape.
struct Input {
    shape: &'static str,
    records: u64,
    path: PathBuf,
    bytes: u64,
    /// Count and checksum of its rows, as the independent reader found them.
    rows: Value,
}

pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    let options = Options::parse(arguments)?;
    let records = options.records.unwrap_or(RECORDS);
    let place = Workplace::open()?;
    let (program, python) = (place.build("delivery")?, place.python()?);
    let bench = Delivery { place, program, python };
    let flat = bench.case("flat", records, &PEERS, options.runs)?;
    let stream = bench.case("stream", (records * 2 / 5).max(1), &[], options.runs)?;
    let growth = [records / 5, records * 2, records * 4]
        .into_iter()
        .map(|records| Ok(bench.case("flat", records.max(1), &[], 1)?["watershed"].clone()))
        .collect::<anyhow::Result<Vec<Value>>>()?;
    let report = json!({"threads": THREADS, "flat": flat, "stream": stream, "growth": growth});
    write_out(&if options.json { format!("{report:#}\n") } else { table(&report) });
    Ok(())
}

impl Delivery {
    /// The best of several runs of each engine, one after another in turn.
    fn case(&self, shape: &'static str, records: u64, peers: &[&str], runs: usize) -> anyhow::Result<Value> {
        let input = self.input(shape, records)?;
        let mut best = json!({});
        for _ in 0..runs {
            for engine in std::iter::once(&"watershed").chain(peers) {
                let run = self.engine(engine, &input)?;
                if best[engine].is_null() || run["seconds"].as_f64() < best[engine]["seconds"].as_f64() {
                    best[engine] = run;
                }
            }
        }
        fs::remove_file(&input.path)?;
        Ok(best)
    }

    fn input(&self, shape: &'static str, records: u64) -> anyhow::Result<Input> {
        let path = self.place.path(&format!("{shape}-{records}.ndjson"));
        let count = records.to_string();
        if !path.exists() {
            let made = std::process::Command::new(&self.program)
                .args(["make", "--shape", shape, "--records", &count])
                .arg(&path)
                .status()?;
            ensure!(made.success(), "the input could not be made");
        }
        let bytes = fs::metadata(&path)?.len();
        let rows = self.check(shape, &path)?;
        ensure!(rows["records"] == records, "the input has {} records, not {records}", rows["records"]);
        Ok(Input { shape, records, path, bytes, rows })
    }

    /// Runs one engine on the input and has its files read back.
    fn engine(&self, engine: &str, input: &Input) -> anyhow::Result<Value> {
        let directory = self.place.empty("out")?;
        let (source, out) = (text(&input.path)?, text(&directory)?);
        let mut run = if engine == "watershed" {
            let count = input.records.to_string();
            let options = ["run", "--shape", input.shape, "--records", &count, "--threads", THREADS, source, out];
            figures(&self.program, options)?
        } else {
            figures(&self.python, [self.script().as_str(), engine, source, out, THREADS])?
        };
        let files = if engine == "watershed" { directory.join("lake/lake/readings") } else { directory };
        let rows = self.check("parquet", &files)?;
        ensure!(rows == input.rows, "{engine} wrote {rows}, the input has {}", input.rows);
        let seconds = run["seconds"].as_f64().context("no seconds")?;
        run["records"] = input.records.into();
        run["records_per_second"] = ((input.records as f64 / seconds) as u64).into();
        run["bytes_per_record"] = (input.bytes / input.records).into();
        Ok(run)
    }

    fn check(&self, shape: &str, path: &Path) -> anyhow::Result<Value> {
        figures(&self.python, [self.script().as_str(), "check", shape, text(path)?])
    }

    fn script(&self) -> String {
        self.place.source("xtask/src/bench/delivery.py").display().to_string()
    }
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("the path is not text")
}

fn table(report: &Value) -> String {
    let mut out = String::new();
    let head = ["records", "bytes", "engine", "records/s", "of ours", "CPU s", "peak MiB", "files"];
    line(&mut out, head.map(str::to_owned));
    let ours = report["flat"]["watershed"]["records_per_second"].as_f64().unwrap_or_default();
    let engines = std::iter::once("watershed").chain(PEERS);
    let mut rows: Vec<(&str, &Value)> = engines.map(|engine| (engine, &report["flat"][engine])).collect();
    rows.push(("watershed", &report["stream"]["watershed"]));
    rows.extend(report["growth"].as_array().into_iter().flatten().map(|run| ("watershed", run)));
    for (engine, run) in rows {
        let number = |name: &str| run[name].as_f64().unwrap_or_default();
        line(
            &mut out,
            [
                run["records"].to_string(),
                run["bytes_per_record"].to_string(),
                engine.to_owned(),
                run["records_per_second"].to_string(),
                format!("{:.2}", number("records_per_second") / ours),
                format!("{:.2}", number("cpu_seconds")),
                format!("{:.0}", number("peak_rss_bytes") / f64::from(1 << 20)),
                run["files"].to_string(),
            ],
        );
    }
    out
}

fn line(out: &mut String, cells: [String; 8]) {
    let [first, bytes, engine, rest @ ..] = cells;
    let rest = rest.map(|cell| format!(" {cell:>10}")).concat();
    *out += &format!("{first:>10} {bytes:>6}  {engine:10}{rest}\n");
}
