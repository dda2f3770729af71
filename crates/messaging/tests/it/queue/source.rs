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
    for parameters in [json!({}), json!({"SqsQueueParameters": {"MessageGroupId": "$.body"}})] {
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
