//! The engine on a real state: items, conditions, pages, and streams under rotation, retention and expiry.

#![allow(clippy::unwrap_used)]

mod source;
mod target;

use std::sync::Arc;

use event::{Kind, ManualClock, Source, Start};
use serde_json::{Value, json};
use table::Tables;
use table::source::StreamSource;
use table::stream::{DescribeStream, GetRecords, GetShardIterator};
use table::write::Action;

struct World {
    tables: Tables,
    clock: Arc<ManualClock>,
    arn: String,
    _folder: tempfile::TempDir,
}

fn input<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("state.db");
    let state = state::State::open(&state::Settings::new(url.to_str().unwrap())).unwrap();
    let clock = Arc::new(ManualClock::at(1_700_000_000_000));
    let tables = Tables::open(state, clock.clone(), "us-east-1", "000000000000").unwrap();
    let created = tables
        .create_table(input(json!({
            "TableName": "Patients", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        })))
        .await
        .unwrap();
    let arn = created["TableDescription"]["LatestStreamArn"].as_str().unwrap().to_owned();
    World { tables, clock, arn, _folder: folder }
}

impl World {
    async fn put(&self, pk: &str, sk: u32, value: &str) {
        let item = json!({"pk": {"S": pk}, "sk": {"N": sk.to_string()}, "v": {"S": value}});
        self.tables.write_item(Action::Put, input(json!({"TableName": "Patients", "Item": item}))).await.unwrap();
    }

    /// All values in the stream by lineage, parents first.
    async fn drain(&self) -> Vec<String> {
        let source = StreamSource::new(self.tables.clone(), self.arn.clone());
        let mut seen = Vec::new();
        for shard in source.shards().await.unwrap() {
            let mut cursor = Some(source.open(&shard.id, Start::TrimHorizon).await.unwrap());
            while let Some(at) = cursor {
                let page = source.read(&at, 2).await.unwrap();
                if page.records.is_empty() {
                    break;
                }
                for record in &page.records {
                    let value: Value = serde_json::from_slice(&record.data).unwrap();
                    assert_eq!(value["eventSourceARN"], self.arn.as_str());
                    seen.push(value["dynamodb"]["NewImage"]["v"]["S"].as_str().unwrap_or("-").to_owned());
                }
                cursor = page.next;
            }
        }
        seen
    }
}

#[tokio::test]
async fn a_key_keeps_its_order_over_rotation_split_and_age() {
    let world = world().await;
    world.put("a", 1, "1").await;
    world.put("a", 1, "1").await;
    world.put("a", 1, "2").await;
    world.tables.rotate_stream(&world.arn).await.unwrap();
    world.put("a", 1, "3").await;
    world.tables.split_stream(&world.arn).await.unwrap();
    world.put("a", 1, "4").await;
    world.clock.advance_ms(5 * 3_600_000);
    world.put("a", 1, "5").await;
    assert_eq!(world.drain().await, ["1", "2", "3", "4", "5"]);
    let described =
        world.tables.describe_stream(DescribeStream { stream_arn: world.arn.clone(), ..Default::default() });
    let shards = described.await.unwrap()["StreamDescription"]["Shards"].as_array().unwrap().clone();
    assert_eq!(shards.len(), 4 + 4 + 8 + 1);
    let closed = shards.iter().filter(|s| s["SequenceNumberRange"]["EndingSequenceNumber"].is_string()).count();
    assert_eq!(closed, 9);
}

#[tokio::test]
async fn iterators_expire_are_signed_and_see_the_trim_horizon() {
    let world = world().await;
    world.put("a", 1, "1").await;
    let source = StreamSource::new(world.tables.clone(), world.arn.clone());
    let mut cursors = Vec::new();
    for shard in source.shards().await.unwrap() {
        cursors.push((shard.id.clone(), source.open(&shard.id, Start::After(event::Sequence::ZERO)).await.unwrap()));
    }
    world.clock.advance_ms(16 * 60_000);
    assert_eq!(source.read(&cursors[0].1, 1).await.unwrap_err().kind(), Kind::Expired);
    let forged = GetRecords { shard_iterator: cursors[0].1.0.replace("|1|", "|1|AAAA"), limit: None };
    assert_eq!(world.tables.get_records(forged).await.unwrap_err().kind(), Kind::Invalid);
    world.clock.advance_ms(25 * 3_600_000);
    assert_eq!(world.tables.trim().await.unwrap(), 1);
    let mut trimmed = 0;
    for (shard, _) in &cursors {
        let opened = source.open(shard, Start::After(event::Sequence::ZERO)).await;
        trimmed += usize::from(opened.is_err_and(|error| error.kind() == Kind::Trimmed));
    }
    assert_eq!(trimmed, 1);
    assert!(world.drain().await.is_empty());
}

#[tokio::test]
async fn a_stream_outlives_its_table() {
    let world = world().await;
    world.put("a", 1, "1").await;
    world.tables.delete_table(input(json!({"TableName": "Patients"}))).await.unwrap();
    assert_eq!(world.drain().await, ["1"]);
    let shard = StreamSource::new(world.tables.clone(), world.arn.clone()).shards().await.unwrap()[0].id.to_string();
    let unknown = GetShardIterator {
        stream_arn: world.arn.clone(),
        shard_id: format!("{shard}x"),
        shard_iterator_type: "LATEST".into(),
        ..Default::default()
    };
    assert_eq!(world.tables.get_shard_iterator(unknown).await.unwrap_err().kind(), Kind::NotFound);
}

#[tokio::test]
async fn pages_and_segments_cover_every_item_once() {
    let world = world().await;
    for n in 0..20 {
        world.put(&format!("p{}", n % 5), n, "x").await;
    }
    let mut total = 0;
    for segment in 0..3 {
        let mut start = Value::Null;
        loop {
            let page = world.tables.scan(input(json!({"TableName": "Patients", "Limit": 3, "Segment": segment,
                "TotalSegments": 3, "ExclusiveStartKey": start})));
            let page = page.await.unwrap();
            total += page["Count"].as_i64().unwrap();
            match page.get("LastEvaluatedKey") {
                Some(last) => start = last.clone(),
                None => break,
            }
        }
    }
    assert_eq!(total, 20);
    let query = json!({"TableName": "Patients", "KeyConditionExpression": "pk = :p AND sk > :n", "ScanIndexForward": false,
        "ExpressionAttributeValues": {":p": {"S": "p1"}, ":n": {"N": "1.0"}}});
    let found = world.tables.query(input(query)).await.unwrap();
    let keys: Vec<&str> = found["Items"].as_array().unwrap().iter().map(|i| i["sk"]["N"].as_str().unwrap()).collect();
    assert_eq!(keys, ["16", "11", "6"]);
}

#[tokio::test]
async fn conditions_and_return_values() {
    let world = world().await;
    world.put("a", 1, "1").await;
    let key = json!({"pk": {"S": "a"}, "sk": {"N": "1"}});
    let update = json!({"TableName": "Patients", "Key": key, "UpdateExpression": "SET v = :v", "ReturnValues": "UPDATED_OLD",
        "ExpressionAttributeValues": {":v": {"S": "2"}}});
    let answer = world.tables.write_item(Action::Update, input(update)).await.unwrap();
    assert_eq!(answer, json!({"Attributes": {"v": {"S": "1"}}}));
    let delete = json!({"TableName": "Patients", "Key": key, "ConditionExpression": "attribute_not_exists(pk)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD"});
    let failed = world.tables.write_item(Action::Delete, input(delete)).await.unwrap_err();
    assert!(matches!(failed, table::Error::ConditionFailed(Some(item)) if item.len() == 3));
    let missing = world.tables.get_item(input(json!({"TableName": "Nothing", "Key": key}))).await.unwrap_err();
    assert_eq!(missing.to_string(), "Requested resource not found");
}

#[tokio::test]
async fn a_deletion_by_time_to_live_is_the_services_own() {
    let world = world().await;
    world.put("a", 1, "1").await;
    let key = input(json!({"pk": {"S": "a"}, "sk": {"N": "1"}}));
    assert!(world.tables.delete_expired("Patients", key).await.unwrap());
    let gone = input(json!({"pk": {"S": "a"}, "sk": {"N": "1"}}));
    assert!(!world.tables.delete_expired("Patients", gone).await.unwrap(), "what is gone makes no record");
    let source = StreamSource::new(world.tables.clone(), world.arn.clone());
    for shard in source.shards().await.unwrap() {
        let cursor = source.open(&shard.id, Start::TrimHorizon).await.unwrap();
        let records = source.read(&cursor, 10).await.unwrap().records;
        if records.is_empty() {
            continue;
        }
        // Pipes and the API name the members differently.
        let handed_on: Value = serde_json::from_slice(&records[1].data).unwrap();
        assert_eq!(handed_on["userIdentity"], json!({"type": "Service", "principalId": "dynamodb.amazonaws.com"}));
        let answer = world.tables.get_records(GetRecords { shard_iterator: cursor.0, limit: None }).await.unwrap();
        assert_eq!(answer["Records"][0].get("userIdentity"), None);
        let deletion = &answer["Records"][1];
        assert_eq!((&deletion["eventName"], deletion.get("eventSourceARN")), (&json!("REMOVE"), None));
        assert_eq!(deletion["userIdentity"], json!({"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}));
        return;
    }
    panic!("no records");
}
