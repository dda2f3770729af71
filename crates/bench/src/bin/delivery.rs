//! Measured by `cargo xtask bench delivery`: a pipe (filter, template) into a delivery stream (jq partitions, Parquet).
//!
//! `delivery make` writes the input, `delivery run` drives the libraries as the server does and prints its figures as
//! one line of JSON.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use bench::change::{self, Shape};
use bench::lines::Lines;
use bench::usage;
use clap::{Parser, Subcommand};
use event::{Arn, Clock, Error, Factory, Registry, Source, Target};
use lake::catalog::Catalog;
use lake::delivery::definition::Definition;
use lake::format::Formats;
use lake::target::DeliveryTarget;
use lake::{DeliveryStreams, Settings};
use objects::Objects;
use pipe::Pipes;
use serde_json::{Value, json};
use state::State;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SOURCE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/Readings/stream/2026-03-01T00:00:00.000";
const TARGET: &str = "arn:aws:firehose:us-east-1:000000000000:deliverystream/readings";
/// When all records came, milliseconds since 1970: names of objects are the same in every run.
const AT_MS: i64 = 1_772_694_489_010;
const COLUMNS: [(&str, &str); 7] = [
    ("id", "string"),
    ("siteid", "string"),
    ("createdattime", "string"),
    ("name", "string"),
    ("note", "string"),
    ("valueone", "double"),
    ("valuetwo", "bigint"),
];

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes the input.
    Make {
        #[arg(long)]
        shape: Shape,
        #[arg(long)]
        records: u64,
        path: PathBuf,
    },
    /// Delivers the input into `DIRECTORY/lake`.
    Run {
        #[arg(long)]
        shape: Shape,
        /// How many there are in the input.
        #[arg(long)]
        records: u64,
        #[arg(long)]
        threads: usize,
        input: PathBuf,
        directory: PathBuf,
    },
}

struct Now;

impl Clock for Now {
    fn now_ms(&self) -> i64 {
        AT_MS
    }
}

struct Input(Arc<Lines>);

#[async_trait]
impl Factory<dyn Source> for Input {
    fn accepts(&self, arn: &Arn) -> bool {
        arn.service == "dynamodb"
    }

    async fn open(&self, _arn: &Arn, _parameters: &Value) -> Result<Arc<dyn Source>, Error> {
        Ok(self.0.clone())
    }
}

struct Output(DeliveryStreams);

#[async_trait]
impl Factory<dyn Target> for Output {
    fn accepts(&self, arn: &Arn) -> bool {
        arn.service == "firehose"
    }

    async fn open(&self, _arn: &Arn, _parameters: &Value) -> Result<Arc<dyn Target>, Error> {
        Ok(Arc::new(DeliveryTarget::new(self.0.clone(), "readings")))
    }
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Make { shape, records, path } => make(shape, records, &path),
        Command::Run { shape, records, threads, input, directory } => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
            runtime.block_on(run(shape, records, threads, &input, &directory))
        }
    }
}

fn make(shape: Shape, records: u64, path: &Path) -> anyhow::Result<()> {
    let partial = path.with_extension("partial");
    let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(&partial)?);
    (0..records).try_for_each(|number| change::write(shape, number, &mut out))?;
    out.flush()?;
    Ok(std::fs::rename(partial, path)?)
}

async fn run(shape: Shape, records: u64, threads: usize, input: &Path, directory: &Path) -> anyhow::Result<()> {
    let text = |name: &str| anyhow::Ok(directory.join(name).to_str().context("the path is not text")?.to_owned());
    std::fs::create_dir_all(directory)?;
    let state = State::open(&state::Settings::new(text("state.db")?))?;
    let catalog = Catalog::open(state.clone())?;
    table(&catalog).await?;
    let clock: Arc<dyn Clock> = Arc::new(Now);
    let objects = Objects::open(&text("lake")?)?;
    let encoders = Arc::new(Formats { catalog });
    let streams = DeliveryStreams::open(state.clone(), objects, clock.clone(), encoders, Settings::default()).await?;
    streams.create(Definition::from_json(stream())?).await?;
    let lines = Lines::open(input, threads as u64, AT_MS)?;
    let registry = Registry::default().source(Input(Arc::new(lines))).target(Output(streams.clone()));
    let settings = pipe::Settings::new("us-east-1", "000000000000");
    let pipes = tokio::task::spawn_blocking(move || Pipes::open(state, registry, clock, settings)).await??;

    let before = usage::cpu_seconds(std::process::id())?;
    let start = Instant::now();
    pipes.create(&pipe(shape)).await?;
    delivered(records, &pipes, &streams).await?;
    let seconds = start.elapsed().as_secs_f64();
    let status = streams.describe("readings").await?;
    pipes.shutdown().await;
    let figures = json!({
        "records": status.delivered_records,
        "seconds": seconds,
        "cpu_seconds": usage::cpu_seconds(std::process::id())? - before,
        "peak_rss_bytes": usage::peak_rss_bytes(std::process::id())?,
        "files": status.delivered_files,
    });
    writeln!(std::io::stdout(), "{figures}")?;
    Ok(())
}

/// Waits until the pipe has handed over all records and they are in committed files.
async fn delivered(records: u64, pipes: &Pipes, streams: &DeliveryStreams) -> anyhow::Result<()> {
    loop {
        let status = pipes.status().await?;
        let counters = &status.first().context("the pipe is gone")?.counters;
        if let Some(error) = &counters.last_error {
            bail!("the pipe failed: {error}");
        }
        if counters.delivered >= records {
            return Ok(streams.flush(None).await?);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn table(catalog: &Catalog) -> anyhow::Result<()> {
    let map = |value: Value| value.as_object().cloned().unwrap_or_default();
    let columns: Vec<Value> = COLUMNS.iter().map(|(name, kind)| json!({"Name": name, "Type": kind})).collect();
    catalog.create_database(map(json!({"Name": "lake"})), AT_MS).await?;
    let input = json!({"Name": "readings", "StorageDescriptor": {"Columns": columns}});
    catalog.create_table("lake", map(input), AT_MS).await?;
    Ok(())
}

fn stream() -> Value {
    let query = "{site:.siteId,year:.createdAtTime[0:4],month:.createdAtTime[5:7],day:.createdAtTime[8:10]}";
    let prefix =
        ["site", "year", "month", "day"].map(|key| format!("{key}=!{{partitionKeyFromQuery:{key}}}/")).concat();
    json!({
        "DeliveryStreamName": "readings",
        "ExtendedS3DestinationConfiguration": {
            "BucketARN": "arn:aws:s3:::lake",
            "RoleARN": "arn:aws:iam::000000000000:role/firehose",
            "BufferingHints": {"IntervalInSeconds": 900, "SizeInMBs": 128},
            "DynamicPartitioningConfiguration": {"Enabled": true},
            "Prefix": format!("readings/{prefix}"),
            "ErrorOutputPrefix": "errors/",
            "ProcessingConfiguration": {"Enabled": true, "Processors": [{"Type": "MetadataExtraction", "Parameters": [
                {"ParameterName": "MetadataExtractionQuery", "ParameterValue": query},
                {"ParameterName": "JsonParsingEngine", "ParameterValue": "JQ-1.6"}]}]},
            "DataFormatConversionConfiguration": {
                "Enabled": true,
                "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
                "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
                "SchemaConfiguration": {"DatabaseName": "lake", "TableName": "readings"}}
        }
    })
}

fn pipe(shape: Shape) -> Value {
    let names = ["id", "siteId", "createdAtTime", "name", "note", "valueOne", "valueTwo"];
    let (pattern, members): (Value, Vec<String>) = match shape {
        Shape::Flat => (
            json!({"siteId": [{"prefix": "site-"}]}),
            names.iter().map(|name| format!(r#""{name}":<$.{name}>"#)).collect(),
        ),
        Shape::Stream => (
            json!({"eventName": ["INSERT", "MODIFY"]}),
            names
                .iter()
                .map(|name| {
                    let kind = if name.starts_with("value") { "N" } else { "S" };
                    format!(r#""{name}":<$.dynamodb.NewImage.{name}.{kind}>"#)
                })
                .collect(),
        ),
    };
    json!({
        "Name": "readings",
        "RoleArn": "arn:aws:iam::000000000000:role/pipe",
        "Source": SOURCE,
        "SourceParameters": {
            "DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON", "BatchSize": 1000},
            "FilterCriteria": {"Filters": [{"Pattern": pattern.to_string()}]}},
        "Target": TARGET,
        "TargetParameters": {"InputTemplate": format!("{{{}}}", members.join(","))}
    })
}
