//! A queue as a source: a message is acknowledged when it arrived, and stays when it did not.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use event::{Arn, Error, Factory, Message, Queue, Record};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::fixture::{TARGET, World};

const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:q";

/// Messages in memory; a receipt is the message's number.
#[derive(Clone, Default)]
struct Messages(Arc<Held>);

#[derive(Default)]
struct Held {
    visible: Mutex<Vec<Record>>,
    acknowledged: Mutex<BTreeSet<String>>,
    changed: Notify,
}

impl Messages {
    fn put(&self, numbers: std::ops::RangeInclusive<u64>) {
        let message = |n: u64| Record {
            data: json!({"messageId": n.to_string(), "body": {"n": n}}).to_string().into(),
            sequence: n.into(),
            at_ms: 0,
            key_hash: n,
            untemplated: None,
            id: n.to_string().into(),
        };
        self.0.visible.lock().unwrap().extend(numbers.map(message));
        self.0.changed.notify_waiters();
    }

    async fn until_acknowledged(&self, expected: impl IntoIterator<Item = u64>) {
        let expected: BTreeSet<String> = expected.into_iter().map(|n| n.to_string()).collect();
        loop {
            let changed = self.0.changed.notified();
            if *self.0.acknowledged.lock().unwrap() == expected {
                return;
            }
            changed.await;
        }
    }
}

#[async_trait]
impl Queue for Messages {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Message>, Error> {
        let changed = self.0.changed.notified();
        let take = || {
            let mut visible = self.0.visible.lock().unwrap();
            let count = visible.len().min(max);
            visible.drain(..count).map(|record| Message { receipt: record.id.to_string(), record }).collect::<Vec<_>>()
        };
        let taken = take();
        if !taken.is_empty() {
            return Ok(taken);
        }
        let _ = tokio::time::timeout(wait, changed).await;
        Ok(take())
    }

    async fn acknowledge(&self, receipts: &[String]) -> Result<(), Error> {
        self.0.acknowledged.lock().unwrap().extend(receipts.iter().cloned());
        self.0.changed.notify_waiters();
        Ok(())
    }

    async fn release(&self, _: &[String], _: Duration) -> Result<(), Error> {
        Ok(())
    }
}

#[async_trait]
impl Factory<dyn Queue> for Messages {
    fn accepts(&self, arn: &Arn) -> bool {
        arn.service == "sqs"
    }

    async fn open(&self, _: &Arn, _: &Value) -> Result<Arc<dyn Queue>, Error> {
        Ok(Arc::new(self.clone()))
    }
}

fn from_queue(source: Value) -> Value {
    json!({
        "Name": "p", "Source": QUEUE, "Target": TARGET, "RoleArn": "arn:aws:iam::000000000000:role/r",
        "SourceParameters": source,
    })
}

#[tokio::test]
async fn what_arrived_or_was_filtered_is_acknowledged() {
    for owned in [false, true] {
        let (world, messages) = (World::new(owned), Messages::default());
        messages.put(1..=25);
        let pipes = world.pipes_with(|registry| registry.queue(messages.clone())).await;
        let small = json!({"Filters": [{"Pattern": r#"{"body": {"n": [{"numeric": ["<=", 20]}]}}"#}]});
        pipes.create(&from_queue(json!({"FilterCriteria": small}))).await.unwrap();
        messages.until_acknowledged(1..=25).await;
        let got = world.sink.wait_for(20).await;
        assert_eq!(got.len(), 20);
        pipes.shutdown().await;
    }
}

#[tokio::test]
async fn what_failed_stays_in_the_queue() {
    let (world, messages) = (World::new(false), Messages::default());
    *world.sink.poison.lock().unwrap() = Some((3, false));
    messages.put(1..=5);
    let pipes = world.pipes_with(|registry| registry.queue(messages.clone())).await;
    pipes.create(&from_queue(json!({"SqsQueueParameters": {"BatchSize": 5}}))).await.unwrap();
    messages.until_acknowledged([1, 2, 4, 5]).await;
    let counters = pipes.status().await.unwrap().remove(0).counters;
    assert_eq!((counters.received, counters.delivered, counters.failed), (5, 4, 1));
    *world.sink.poison.lock().unwrap() = None;
    // Its visibility time is over.
    messages.put(3..=3);
    messages.until_acknowledged(1..=5).await;
    pipes.shutdown().await;
}

#[tokio::test]
async fn parameters_of_a_queue_are_checked() {
    let (world, messages) = (World::new(false), Messages::default());
    let pipes = world.pipes_with(|registry| registry.queue(messages)).await;
    for (source, expected) in [
        (json!({"SqsQueueParameters": {"BatchSize": 0}}), "sourceParameters.sqsQueueParameters.batchSize"),
        (json!({"SqsQueueParameters": {"StartingPosition": "LATEST"}}), "StartingPosition is not supported"),
        (
            json!({"SqsQueueParameters": {}, "DynamoDBStreamParameters": {"StartingPosition": "LATEST"}}),
            "only one kind of source",
        ),
    ] {
        let error = pipes.create(&from_queue(source)).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let mut other = from_queue(json!({}));
    other["Enrichment"] = json!("arn:aws:lambda:us-east-1:000000000000:function:f");
    let error = pipes.create(&other).await.unwrap_err().to_string();
    assert!(error.contains("enrichment arn:aws:lambda"), "{error}");
}
