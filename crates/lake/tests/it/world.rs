//! A state, a lake and a clock that outlive the engine, as they outlive a process.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use event::{Batch, ManualClock, Record, Sequence};
use lake::catalog::Catalog;
use lake::delivery::definition::Definition;
use lake::encoder::Encoders;
use lake::format::Formats;
use lake::{DeliveryStreams, Settings};
use objects::Objects;
use serde_json::{Value, json};
use state::State;

pub const CONSUMER: &str = "pipe/p/1";
pub const START_MS: i64 = 1_772_694_489_010;

pub struct World {
    directory: tempfile::TempDir,
    pub state: State,
    pub objects: Objects,
    pub clock: Arc<ManualClock>,
}

impl World {
    pub fn new() -> World {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let state = State::open(&state::Settings::new(path("state.db"))).unwrap();
        let objects = Objects::open(&path("lake")).unwrap();
        World { state, objects, clock: Arc::new(ManualClock::at(START_MS)), directory }
    }

    pub async fn engine(&self, settings: Settings) -> DeliveryStreams {
        self.engine_with(Arc::new(self.formats()), settings).await
    }

    pub fn formats(&self) -> Formats {
        Formats { catalog: Catalog::open(self.state.clone()).unwrap() }
    }

    pub async fn engine_with(&self, encoders: Arc<dyn Encoders>, settings: Settings) -> DeliveryStreams {
        let (state, objects, clock) = (self.state.clone(), self.objects.clone(), self.clock.clone());
        DeliveryStreams::open(state, objects, clock, encoders, settings).await.unwrap()
    }

    /// The directory of the buckets.
    pub fn lake(&self) -> std::path::PathBuf {
        self.directory.path().join("lake")
    }

    /// How many rows a table of the state has.
    pub async fn rows(&self, table: &str) -> usize {
        let sql = format!("SELECT 1 FROM {table}");
        let rows = self.state.read(move |tx| tx.all::<_, state::Error>(&sql, &[], |row| row.int(0)));
        rows.await.unwrap().len()
    }

    pub async fn position(&self, shard: &str) -> Sequence {
        let all = self.state.read(|tx| state::positions::load(tx, CONSUMER)).await.unwrap();
        let found = all.into_iter().find(|(name, _)| name == shard);
        found.map_or(Sequence::ZERO, |(_, sequence)| sequence.parse().unwrap())
    }

    /// The lines of all objects under a prefix, by key.
    pub async fn lines(&self, prefix: &str) -> BTreeMap<String, Vec<Value>> {
        let mut found = BTreeMap::new();
        for object in self.objects.list("lake", prefix, None, 10_000).await.unwrap() {
            let data = self.objects.get("lake", &object.key).await.unwrap();
            let lines = data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            found.insert(object.key, lines.map(|line| serde_json::from_slice(line).unwrap()).collect());
        }
        found
    }
}

pub fn definition() -> Definition {
    Definition::from_json(input()).unwrap()
}

/// The same with records within records, and a backup of the source records.
pub fn aggregated_definition() -> Definition {
    let mut input = input();
    let destination = &mut input["ExtendedS3DestinationConfiguration"];
    let processors = destination["ProcessingConfiguration"]["Processors"].as_array_mut().unwrap();
    let parameters = json!([{"ParameterName": "SubRecordType", "ParameterValue": "JSON"}]);
    processors.push(json!({"Type": "RecordDeAggregation", "Parameters": parameters}));
    destination["S3BackupMode"] = json!("Enabled");
    destination["S3BackupConfiguration"] = json!({
        "BucketARN": "arn:aws:s3:::lake",
        "Prefix": "backup/",
        "BufferingHints": {"IntervalInSeconds": 90, "SizeInMBs": 64},
    });
    Definition::from_json(input).unwrap()
}

/// The input of `CreateDeliveryStream` that [`definition`] is made from.
pub fn input() -> Value {
    json!({
        "DeliveryStreamName": "analytics",
        "ExtendedS3DestinationConfiguration": {
            "BucketARN": "arn:aws:s3:::lake",
            "RoleARN": "arn:aws:iam::000000000000:role/firehose",
            "BufferingHints": {"IntervalInSeconds": 60, "SizeInMBs": 64},
            "DynamicPartitioningConfiguration": {"Enabled": true},
            "Prefix": "data/site=!{partitionKeyFromQuery:site}/",
            "ErrorOutputPrefix": "errors/",
            "ProcessingConfiguration": {"Enabled": true, "Processors": [
                {"Type": "MetadataExtraction", "Parameters": [
                    {"ParameterName": "MetadataExtractionQuery", "ParameterValue": "{site:.site}"},
                    {"ParameterName": "JsonParsingEngine", "ParameterValue": "JQ-1.6"}]},
                {"Type": "AppendDelimiterToRecord"}]}
        }
    })
}

/// The record with this sequence in this shard: the same on every read. Every eleventh has no partition.
pub fn record(shard: &str, sequence: u64, partitions: u64) -> Record {
    let site = (sequence * 7 + shard.len() as u64) % partitions;
    let data = match sequence % 11 {
        0 => json!({"id": format!("{shard}/{sequence}")}),
        _ => json!({"id": format!("{shard}/{sequence}"), "site": site.to_string()}),
    };
    Record {
        data: Bytes::from(data.to_string()),
        sequence: sequence.into(),
        at_ms: START_MS + sequence as i64,
        key_hash: 0,
        untemplated: None,
        id: format!("{shard}/{sequence}").into(),
    }
}

/// Like [`record`], with one to three records in it, which may be of different partitions.
pub fn aggregated_record(shard: &str, sequence: u64, partitions: u64) -> Record {
    let mut text = String::new();
    for part in 0..=sequence % 3 {
        let id = format!("{shard}/{sequence}/{part}");
        let site = (sequence + part) % partitions;
        let one = match (sequence * 3 + part) % 11 {
            0 => json!({"id": id}),
            _ => json!({"id": id, "site": site.to_string()}),
        };
        text.push_str(&format!("{one}\n"));
    }
    Record { data: text.into(), ..record(shard, sequence, partitions) }
}

pub fn batch(shard: &str, records: Vec<Record>, through: u64) -> Batch {
    Batch { consumer: CONSUMER.into(), shard: shard.into(), records, through: through.into() }
}
