//! What processors do to records: unpacking, functions, and what becomes of the records they cannot handle.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use event::Record;
use lake::delivery::definition::{Definition, Processor};
use lake::delivery::errors::{ErrorType, Failure};
use lake::delivery::processors::{Piece, Processors, Transformation};
use lake::{Error, Settings};
use serde_json::{Value, json};

use crate::world::{World, batch, definition, input, record};

fn with(processors: &[Value]) -> Definition {
    let mut input = input();
    let destination = &mut input["ExtendedS3DestinationConfiguration"];
    destination["ProcessingConfiguration"]["Processors"].as_array_mut().unwrap().extend_from_slice(processors);
    Definition::from_json(input).unwrap()
}

fn processor(kind: &str, parameters: &[(&str, &str)]) -> Value {
    let one = |(name, value): &(&str, &str)| json!({"ParameterName": name, "ParameterValue": value});
    json!({"Type": kind, "Parameters": parameters.iter().map(one).collect::<Vec<_>>()})
}

fn gzip(data: &[u8]) -> Bytes {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(data).unwrap();
    out.finish().unwrap().into()
}

fn carrying(sequence: u64, data: impl Into<Bytes>) -> Record {
    Record { data: data.into(), ..record("s", sequence, 1) }
}

async fn deliver(world: &World, settings: Settings, definition: Definition, records: Vec<Record>) {
    let engine = world.engine(settings).await;
    engine.create(definition).await.unwrap();
    let through = records.len() as u64;
    engine.deliver("analytics", batch("s", records, through)).await.unwrap();
    engine.flush(None).await.unwrap();
}

async fn ids(world: &World, prefix: &str) -> BTreeSet<String> {
    let lines = world.lines(prefix).await.into_values().flatten();
    lines.map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[tokio::test]
async fn log_events_are_unpacked_and_split_and_what_is_not_gzip_is_shown_as_it_came() {
    let world = World::new();
    let messages = [r#"{"id":"a","site":"1"}"#, r#"{"id":"b","site":"2"}"#, r#"{"id":"c"}"#];
    let events: Vec<Value> = messages.iter().map(|message| json!({"id": "1", "message": message})).collect();
    let log = json!({"messageType": "DATA_MESSAGE", "logEvents": events}).to_string();
    // The order of the definition does not matter.
    let processors = [
        processor("RecordDeAggregation", &[("SubRecordType", "JSON")]),
        processor("CloudWatchLogProcessing", &[("DataMessageExtraction", "true")]),
        processor("Decompression", &[("CompressionFormat", "GZIP")]),
    ];
    let records = vec![carrying(1, gzip(log.as_bytes())), carrying(2, "plain"), carrying(3, gzip(b"{}"))];
    deliver(&world, Settings::default(), with(&processors), records.clone()).await;
    assert_eq!(ids(&world, "data/site=1/").await, set(&["a"]));
    assert_eq!(ids(&world, "data/site=2/").await, set(&["b"]));
    let plain = world.lines("errors/decompression-failed/").await.into_values().flatten().collect::<Vec<_>>();
    assert_eq!(plain.len(), 1);
    assert_eq!(plain[0]["rawData"], STANDARD.encode("plain"));
    let mut failed: Vec<(String, String)> = Vec::new();
    for line in world.lines("errors/processing-failed/").await.into_values().flatten() {
        failed.push((line["errorCode"].as_str().unwrap().into(), line["rawData"].as_str().unwrap().into()));
    }
    let expected = [
        ("DynamicPartitioning.MetadataExtractionFailed".to_owned(), STANDARD.encode(messages[2])),
        ("CloudWatchLogProcessing.MalformedData".to_owned(), STANDARD.encode(&records[2].data)),
    ];
    assert_eq!(failed, expected);
}

#[tokio::test]
async fn a_record_of_too_many_records_goes_whole_to_the_error_prefix() {
    let world = World::new();
    let mark = STANDARD.encode("##");
    let processors = [processor("RecordDeAggregation", &[("SubRecordType", "DELIMITED"), ("Delimiter", &mark)])];
    let one = r#"{"id":"x","site":"1"}##"#;
    let records = vec![carrying(1, one.repeat(501)), carrying(2, one.repeat(500))];
    deliver(&world, Settings::default(), with(&processors), records).await;
    assert_eq!(world.lines("data/site=1/").await.into_values().map(|lines| lines.len()).sum::<usize>(), 500);
    let failed = world.lines("errors/processing-failed/").await.into_values().flatten().collect::<Vec<_>>();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["errorCode"], "RecordDeAggregation.TooManyRecords");
}

/// Answers the site as a key, drops every third record and fails every fifth.
struct Function;

#[async_trait]
impl Transformation for Function {
    async fn transform(&self, records: &[Record], pieces: Vec<Piece>) -> Result<Vec<Piece>, Error> {
        tokio::task::yield_now().await;
        let mut answer = Vec::new();
        for mut piece in pieces {
            let sequence: u64 = records[piece.source].sequence.to_string().parse().unwrap();
            if sequence.is_multiple_of(5) {
                let mut failure = Failure::new(ErrorType::Processing, "502", "no", piece.data.clone());
                (failure.attempts, failure.lambda_arn) = (4, Some("arn:aws:lambda:::function:f".into()));
                piece.failure = Some(failure);
            } else if sequence.is_multiple_of(3) {
                continue;
            }
            piece.keys = vec![("site".into(), (sequence % 2).to_string())];
            answer.push(piece);
        }
        Ok(answer)
    }
}

impl Processors for Function {
    fn function(&self, stream: &str, processor: &Processor) -> Result<Arc<dyn Transformation>, Error> {
        assert_eq!((stream, processor.parameter("LambdaArn")), ("analytics", Some("arn:aws:lambda:::function:f")));
        Ok(Arc::new(Function))
    }
}

#[tokio::test]
async fn a_function_answers_keys_drops_and_failures() {
    let world = World::new();
    let mut input = input();
    let destination = &mut input["ExtendedS3DestinationConfiguration"];
    destination["Prefix"] = json!("data/site=!{partitionKeyFromLambda:site}/");
    let delimiter = json!({"Type": "AppendDelimiterToRecord"});
    let function = processor("Lambda", &[("LambdaArn", "arn:aws:lambda:::function:f")]);
    destination["ProcessingConfiguration"]["Processors"] = json!([function, delimiter]);
    let settings = Settings { processors: Arc::new(Function), ..Settings::default() };
    let records = (1..=6).map(|n| record("s", n, 1)).collect();
    deliver(&world, settings, Definition::from_json(input).unwrap(), records).await;
    assert_eq!(ids(&world, "data/site=0/").await, set(&["s/2", "s/4"]));
    assert_eq!(ids(&world, "data/site=1/").await, set(&["s/1"]));
    let failed = world.lines("errors/processing-failed/").await.into_values().flatten().collect::<Vec<_>>();
    assert_eq!(failed.len(), 1);
    assert_eq!((&failed[0]["attemptsMade"], &failed[0]["errorCode"]), (&json!(4), &json!("502")));
    assert_eq!(failed[0]["lambdaArn"], "arn:aws:lambda:::function:f");
    assert_eq!(world.position("s").await, 6u64.into());
}

#[tokio::test]
async fn processors_that_cannot_run_are_refused_by_name() {
    for (added, named) in [
        (processor("RecordDeAggregation", &[]), "SubRecordType"),
        (processor("RecordDeAggregation", &[("SubRecordType", "XML")]), "SubRecordType"),
        (processor("RecordDeAggregation", &[("SubRecordType", "DELIMITED")]), "Delimiter"),
        (processor("RecordDeAggregation", &[("SubRecordType", "DELIMITED"), ("Delimiter", "#")]), "Delimiter"),
        (processor("RecordDeAggregation", &[("SubRecordType", "JSON"), ("Delimiter", "IyM=")]), "Delimiter"),
        (processor("Decompression", &[("CompressionFormat", "ZIP")]), "CompressionFormat"),
        (processor("Decompression", &[("Level", "9")]), "Level"),
        (processor("CloudWatchLogProcessing", &[("DataMessageExtraction", "true")]), "Decompression"),
        (processor("AppendDelimiterToRecord", &[]), "AppendDelimiterToRecord once"),
        (processor("Lambda", &[]), "LambdaArn"),
    ] {
        let mut input = input();
        let destination = &mut input["ExtendedS3DestinationConfiguration"];
        destination["ProcessingConfiguration"]["Processors"].as_array_mut().unwrap().push(added);
        let error = Definition::from_json(input).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
    let world = World::new();
    let engine = world.engine(Settings::default()).await;
    let error = engine.create(with(&[processor("Lambda", &[("LambdaArn", "arn")])])).await.unwrap_err();
    assert!(error.to_string().contains("Lambda"), "{error}");
    engine.create(definition()).await.unwrap();
}
