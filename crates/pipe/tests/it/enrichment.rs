//! What an enrichment makes of a batch reaches the target: all of it, after failures and crashes too.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use event::{Arn, Batch, Enrichment, Error, Factory, Kind, Receipt, Record, Sequence, Target};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::fixture::{World, input};

const ENRICHMENT: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

type Answer = fn(Vec<Value>) -> Vec<Value>;

/// Answers by a function of the whole batch; fails the first calls as told.
#[derive(Clone)]
struct Function {
    answer: Answer,
    fail_calls: Arc<AtomicUsize>,
}

impl Function {
    fn new(answer: Answer) -> Function {
        Function { answer, fail_calls: Arc::default() }
    }
}

#[async_trait]
impl Enrichment for Function {
    fn batch_records_max(&self) -> usize {
        10_000
    }

    async fn enrich(&self, records: &[Record]) -> Result<Vec<Bytes>, Error> {
        if self.fail_calls.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
            return Err(Error::new(Kind::Unavailable, "function failed"));
        }
        let records = records.iter().map(|record| serde_json::from_slice(&record.data).unwrap()).collect();
        Ok((self.answer)(records).into_iter().map(|value| value.to_string().into()).collect())
    }
}

#[async_trait]
impl Factory<dyn Enrichment> for Function {
    fn accepts(&self, arn: &Arn) -> bool {
        arn.service == "lambda"
    }

    async fn open(&self, _: &Arn, _: &Value) -> Result<Arc<dyn Enrichment>, Error> {
        Ok(Arc::new(self.clone()))
    }
}

fn enriched(parameters: Value, enrichment: Value, target: Value) -> Value {
    let mut input = input(parameters);
    input["Enrichment"] = json!(ENRICHMENT);
    input["EnrichmentParameters"] = enrichment;
    input["TargetParameters"] = target;
    input
}

fn numbers(records: &[Value]) -> Vec<&Value> {
    records.iter().map(|record| &record["n"]).collect()
}

async fn check(answer: Answer, batch: u64, expected: &[Value]) {
    for owned in [false, true] {
        let world = World::new(owned);
        world.stream.shard("a", None);
        (1..=4).for_each(|n| world.stream.put("a", n, n, 0));
        let function = Function::new(answer);
        let failing = function.fail_calls.clone();
        failing.store(2, Ordering::SeqCst);
        let pipes = world.pipes_with(|registry| registry.enrichment(function)).await;
        pipes.create(&enriched(json!({"BatchSize": batch}), json!({}), json!({}))).await.unwrap();
        let got = world.sink.wait_for(expected.len()).await;
        let got: Vec<Value> = got.iter().map(|(_, data)| serde_json::from_str(data).unwrap()).collect();
        assert_eq!(got, expected, "owned: {owned}");
        pipes.shutdown().await;
    }
}

#[tokio::test]
async fn an_answer_may_hold_as_many_fewer_or_more_records() {
    check(
        |records| records.iter().map(|record| json!({"m": record["n"]})).collect(),
        4,
        &[json!({"m": 1}), json!({"m": 2}), json!({"m": 3}), json!({"m": 4})],
    )
    .await;
    check(|records| vec![json!({"all": numbers(&records)})], 2, &[json!({"all": [1, 2]}), json!({"all": [3, 4]})])
        .await;
    check(
        |records| records.iter().flat_map(|record| [json!([record["n"], "a"]), json!([record["n"], "b"])]).collect(),
        3,
        &[
            json!([1, "a"]),
            json!([1, "b"]),
            json!([2, "a"]),
            json!([2, "b"]),
            json!([3, "a"]),
            json!([3, "b"]),
            json!([4, "a"]),
            json!([4, "b"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn each_side_has_a_template_and_the_target_s_reads_the_answer() {
    let world = World::new(false);
    world.stream.shard("a", None);
    world.stream.put("a", 1, 7, 0);
    let function = Function::new(|records| vec![json!({"asked": records})]);
    let pipes = world.pipes_with(|registry| registry.enrichment(function)).await;
    let before = json!({"InputTemplate": r#"{"id": <$.n>, "by": "<aws.pipes.enrichment-arn>"}"#});
    let after = json!({"InputTemplate": r#"{"first": <$.asked[0].id>, "by": <$.asked[0].by>}"#});
    pipes.create(&enriched(json!({}), before, after)).await.unwrap();
    let got = world.sink.wait_for(1).await;
    assert_eq!(got[0].1, format!(r#"{{"first": 7, "by": "{ENRICHMENT}"}}"#));
    pipes.shutdown().await;
}

#[tokio::test]
async fn an_empty_answer_moves_on() {
    let world = World::new(false);
    world.stream.shard("a", None);
    (1..=3).for_each(|n| world.stream.put("a", n, n, 0));
    let function = Function::new(|records| records.into_iter().filter(|record| record["n"] == 3).collect());
    let pipes = world.pipes_with(|registry| registry.enrichment(function)).await;
    pipes.create(&enriched(json!({"BatchSize": 1}), json!({}), json!({}))).await.unwrap();
    let got = world.sink.wait_for(1).await;
    assert!(got[0].1.contains(r#""n":3"#));
    pipes.shutdown().await;
}

/// Takes batches over and never moves the position, as a delivery stream does until its files are committed.
#[derive(Clone, Default)]
struct Ahead {
    ends: Arc<Mutex<Vec<Sequence>>>,
    changed: Arc<Notify>,
}

#[async_trait]
impl Target for Ahead {
    fn batch_records_max(&self) -> usize {
        500
    }

    fn owns_positions(&self) -> bool {
        true
    }

    async fn deliver(&self, batch: Batch) -> Result<Receipt, Error> {
        assert!(batch.records.iter().all(|record| record.sequence == batch.through));
        self.ends.lock().unwrap().push(batch.through);
        self.changed.notify_one();
        Ok(Receipt::Owned)
    }
}

#[async_trait]
impl Factory<dyn Target> for Ahead {
    fn accepts(&self, arn: &Arn) -> bool {
        arn.service == "s3"
    }

    async fn open(&self, _: &Arn, _: &Value) -> Result<Arc<dyn Target>, Error> {
        Ok(Arc::new(self.clone()))
    }
}

impl Ahead {
    async fn until(&self, last: u64) -> Vec<Sequence> {
        while self.ends.lock().unwrap().last() != Some(&last.into()) {
            self.changed.notified().await;
        }
        self.ends.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn a_repeat_after_a_crash_asks_for_the_same_batches() {
    let world = World::new(true);
    world.stream.shard("a", None);
    let function = Function::new(|records| vec![json!(records.len())]);
    let run = async |target: &Ahead| {
        let (function, target) = (function.clone(), target.clone());
        world.pipes_with(|registry| registry.enrichment(function).target(target)).await
    };
    let first = Ahead::default();
    let pipes = run(&first).await;
    let mut input = enriched(json!({"BatchSize": 5}), json!({}), json!({}));
    input["Target"] = json!("arn:aws:s3:::b");
    // Records that come in pieces are cut where the pieces end.
    (1..=3).for_each(|n| world.stream.put("a", n, n, 0));
    pipes.create(&input).await.unwrap();
    first.until(3).await;
    (4..=5).for_each(|n| world.stream.put("a", n, n, 0));
    let ends = first.until(5).await;
    pipes.shutdown().await;
    (6..=12).for_each(|n| world.stream.put("a", n, n, 0));
    let second = Ahead::default();
    let pipes = run(&second).await;
    let again = second.until(12).await;
    assert!(again.starts_with(&ends), "{again:?} begins as {ends:?}");
    pipes.shutdown().await;
}

#[tokio::test]
async fn a_dry_run_shows_each_step() {
    let world = World::new(false);
    let function = Function::new(|records| vec![json!({"got": records[0]["n"]}), json!("bare")]);
    let pipes = world.pipes_with(|registry| registry.enrichment(function)).await;
    let mut definition = enriched(
        json!({}),
        json!({"InputTemplate": r#"{"n": <$.n>}"#}),
        json!({"InputTemplate": r#"{"out": <$.got>}"#}),
    );
    definition["SourceParameters"]["FilterCriteria"] =
        json!({"Filters": [{"Pattern": r#"{"eventName": ["INSERT"]}"#}]});
    let events = [r#"{"eventName": "INSERT", "n": 1}"#, r#"{"eventName": "REMOVE", "n": 2}"#, r#"{"eventName": "#];
    let events = events.iter().map(|event| Bytes::from_static(event.as_bytes())).collect();
    let trials = serde_json::to_value(pipes.test(&definition, events).await.unwrap()).unwrap();
    assert_eq!(trials[0]["filter"], "passed");
    assert_eq!(trials[0]["enrichment"]["input"], json!({"made": {"n": 1}}));
    assert_eq!(trials[0]["enrichment"]["output"], json!([{"got": 1}, "bare"]));
    assert_eq!(trials[0]["target"], json!([{"made": {"out": 1}}, {"made": {"out": null}}]));
    assert_eq!(trials[1], json!({"filter": "filtered_out", "target": []}));
    assert!(trials[2]["filter"]["failed"].is_string());
    assert!(pipes.describe("p").await.is_err(), "nothing is kept");
}
