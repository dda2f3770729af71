//! A table as a pipe's target.

use event::{Arn, Batch, Receipt, Record};
use serde_json::{Value, json};
use table::target;

use crate::{World, world};

fn batch(items: &[Value]) -> Batch {
    let record = |(n, item): (u64, &Value)| Record {
        data: item.to_string().into(),
        sequence: n.into(),
        at_ms: 0,
        key_hash: 0,
        untemplated: None,
        id: format!("r{n}").into(),
    };
    Batch {
        consumer: "pipe/p/1".into(),
        shard: "s".into(),
        records: (1..).zip(items).map(record).collect(),
        through: (items.len() as u64).into(),
    }
}

async fn deliver(world: &World, items: &[Value]) -> Vec<(usize, bool)> {
    let arn: Arn = "arn:aws:dynamodb:us-east-1:000000000000:table/Patients".parse().unwrap();
    let target = target::open(&world.tables, &arn, &json!({"InputTemplate": "x"})).await.unwrap();
    match target.deliver(batch(items)).await.unwrap() {
        Receipt::Delivered(failures) => failures.iter().map(|one| (one.index, one.retryable)).collect(),
        Receipt::Owned => panic!("a table keeps no positions"),
    }
}

#[tokio::test]
async fn records_become_items_and_a_repeat_changes_nothing() {
    let world = world().await;
    let item = |v: &str| json!({"pk": {"S": "a"}, "sk": {"N": "1"}, "v": {"S": v}});
    assert_eq!(deliver(&world, &[item("1"), item("2")]).await, []);
    assert_eq!(world.drain().await, ["1", "2"]);
    assert_eq!(deliver(&world, &[item("2")]).await, []);
    assert_eq!(world.drain().await, ["1", "2"], "an equal item writes no stream record");
}

#[tokio::test]
async fn a_record_that_is_no_item_fails_alone_and_for_good() {
    let world = world().await;
    let good = json!({"pk": {"S": "a"}, "sk": {"N": "1"}, "v": {"S": "1"}});
    let bad =
        [json!("text"), json!({"pk": "plain"}), json!({"pk": {"S": "a"}}), json!({"pk": {"N": "1"}, "sk": {"N": "1"}})];
    let items: Vec<Value> = bad.iter().cloned().chain([good]).collect();
    assert_eq!(deliver(&world, &items).await, [(0, false), (1, false), (2, false), (3, false)]);
    assert_eq!(world.drain().await, ["1"]);
}

#[tokio::test]
async fn only_a_table_that_exists_opens() {
    let world = world().await;
    for (arn, parameters) in [
        ("arn:aws:dynamodb:us-east-1:000000000000:table/Missing", json!({})),
        ("arn:aws:dynamodb:us-east-1:000000000000:table/Patients/stream/x", json!({})),
        ("arn:aws:dynamodb:us-east-1:000000000000:table/Patients", json!({"SqsQueueParameters": {}})),
    ] {
        assert!(target::open(&world.tables, &arn.parse().unwrap(), &parameters).await.is_err(), "{arn}");
    }
}
