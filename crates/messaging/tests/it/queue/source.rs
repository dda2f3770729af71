//! A queue as what pipes read and write.

use std::sync::Arc;
use std::time::Duration;

use event::{Arn, Batch, Kind, Receipt, Record, Sequence};
use messaging::queue::{Attribute, Attributes, NewMessage, Payload, source, target};
use serde_json::{Value, json};

use super::{NOW, World, plain};

fn arn(world: &World, name: &str) -> Arn {
    world.queues.arn(name).parse().unwrap()
}

#[tokio::test]
async fn messages_look_as_lambda_shows_them() {
    let world = World::new();
    world.create("q", &[]).await;
    let text = Attribute { data_type: "String".into(), value: Payload::Text("x".into()) };
    let message = NewMessage { attributes: Attributes::from([("a".into(), text)]), ..plain("{\"n\":1}") };
    let sent = world.queues.send("q", message).await.unwrap();
    let queue = source::open(&world.queues, &arn(&world, "q")).await.unwrap();
    let message = queue.receive(10, Duration::ZERO).await.unwrap().remove(0);
    assert_eq!((message.record.at_ms, message.record.id.as_ref()), (NOW, sent.message_id.as_str()));
    let data: Value = serde_json::from_slice(&message.record.data).unwrap();
    let expected = json!({
        "messageId": sent.message_id, "receiptHandle": message.receipt, "body": "{\"n\":1}",
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": NOW.to_string(), "SenderId": "000000000000",
            "ApproximateFirstReceiveTimestamp": NOW.to_string()},
        "messageAttributes": {"a": {"stringValue": "x", "stringListValues": [], "binaryListValues": [], "dataType": "String"}},
        "md5OfMessageAttributes": sent.attributes_md5, "md5OfBody": sent.body_md5, "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q", "awsRegion": "us-east-1",
    });
    assert_eq!(data, expected);
    queue.release(std::slice::from_ref(&message.receipt), Duration::ZERO).await.unwrap();
    let again = queue.receive(10, Duration::ZERO).await.unwrap().remove(0);
    queue.acknowledge(&[again.receipt]).await.unwrap();
    assert_eq!(world.counts("q").await, (0, 0, 0));
}

fn batch(numbers: std::ops::Range<u64>, empty: Option<u64>) -> Batch {
    let record = |number: u64| Record {
        data: if empty == Some(number) { String::new() } else { number.to_string() }.into(),
        sequence: Sequence::from(number),
        at_ms: NOW,
        key_hash: 0,
        untemplated: None,
        id: Arc::from(number.to_string()),
    };
    let through = Sequence::from(numbers.end - 1);
    Batch { consumer: "pipe/p/1".into(), shard: "s".into(), records: numbers.map(record).collect(), through }
}

#[tokio::test]
async fn a_repeated_batch_sends_nothing_twice() {
    let world = World::new();
    world.create("q", &[]).await;
    let target = target::open(&world.queues, &arn(&world, "q"), &json!({})).await.unwrap();
    assert!(matches!(target.deliver(batch(1..4, None)).await.unwrap(), Receipt::Owned));
    assert!(matches!(target.deliver(batch(1..6, None)).await.unwrap(), Receipt::Owned));
    assert_eq!(world.bodies("q", 10).await, ["1", "2", "3", "4", "5"]);
    let Receipt::Delivered(failures) = target.deliver(batch(6..9, Some(7))).await.unwrap() else { panic!("refused") };
    assert_eq!(failures.iter().map(|failure| failure.index).collect::<Vec<_>>(), [1]);
    assert_eq!(world.bodies("q", 10).await, ["6", "8"]);
}

#[tokio::test]
async fn parameters_are_checked_when_the_target_is_opened() {
    let world = World::new();
    world.create("q.fifo", &[("FifoQueue", "true"), ("ContentBasedDeduplication", "true")]).await;
    let fifo = arn(&world, "q.fifo");
    for parameters in [json!({}), json!({"SqsQueueParameters": {"MessageGroupId": "$..body"}})] {
        let refused = target::open(&world.queues, &fifo, &parameters).await.err().unwrap();
        assert_eq!(refused.kind(), Kind::Invalid);
    }
    let missing = source::open(&world.queues, &arn(&world, "none")).await.err().unwrap();
    assert_eq!(missing.kind(), Kind::NotFound);
    let parameters = json!({"SqsQueueParameters": {"MessageGroupId": "g"}});
    let target = target::open(&world.queues, &fifo, &parameters).await.unwrap();
    assert!(target.send(batch(1..3, None).records).await.unwrap().is_empty());
    assert_eq!(world.receive("q.fifo", 10).await[1].group.as_deref(), Some("g"));
}

#[tokio::test]
async fn group_and_deduplication_may_be_those_of_each_event() {
    let world = World::new();
    world.create("q.fifo", &[("FifoQueue", "true")]).await;
    let ids = json!({"MessageGroupId": "$.site", "MessageDeduplicationId": "$.visit"});
    let parameters = json!({"SqsQueueParameters": ids});
    let target = target::open(&world.queues, &arn(&world, "q.fifo"), &parameters).await.unwrap();
    assert!(target.is_dynamic());
    let mut batch = batch(1..5, None);
    let events =
        [r#"{"site":"a","visit":1}"#, r#"{"site":"b","visit":2}"#, r#"{"site":"a","visit":1}"#, r#"{"site":null}"#];
    for (record, event) in batch.records.iter_mut().zip(events) {
        record.untemplated = Some(event.into());
    }
    let Receipt::Delivered(failures) = target.deliver(batch).await.unwrap() else { panic!("one has no group") };
    assert_eq!(failures.iter().map(|f| (f.index, f.retryable)).collect::<Vec<_>>(), [(3, false)]);
    let received = world.receive("q.fifo", 10).await;
    let ids: Vec<_> =
        received.iter().map(|m| (m.body.as_str(), m.group.as_deref(), m.deduplication.as_deref())).collect();
    assert_eq!(ids, [("1", Some("a"), Some("1")), ("2", Some("b"), Some("2"))]);
}
