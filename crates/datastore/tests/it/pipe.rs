//! The change log as a source, a datastore as a target.

use std::sync::Arc;

use datastore::{Match, source, target};
use event::{Arn, Batch, Receipt, Record, Sequence, Start};
use serde_json::{Value, json};

use crate::place::{NOW_MS, Place, body, caller, json as told, kind};

fn arn(place: &Place, rest: &str) -> Arn {
    format!("arn:aws:healthlake:us-east-1:000000000000:datastore/fhir/{}{rest}", place.store.id())
        .parse()
        .expect("an ARN")
}

async fn put(place: &Place, id: &str, active: bool) {
    let patient = json!({"resourceType": "Patient", "id": id, "active": active});
    place.store.update(&caller(), kind("Patient"), id, body(&patient), Match::Anything).await.expect("a resource");
    place.clock.advance_ms(1000);
}

#[tokio::test]
async fn every_change_is_read_once_in_order_from_any_place() {
    let place = Place::new().await;
    put(&place, "a", true).await;
    put(&place, "b", true).await;
    put(&place, "a", false).await;
    place.store.delete(&caller(), kind("Patient"), "b", Match::Anything).await.unwrap();
    let log = source::open(&place.stores, &arn(&place, "/changes/images")).await.unwrap();
    let shards = log.shards().await.unwrap();
    let read = async |start, limit| {
        let cursor = log.open(&shards[0].id, start).await.unwrap();
        log.read(&cursor, limit).await.unwrap()
    };
    let all = read(Start::TrimHorizon, 100).await;
    let facts: Vec<Value> = all.records.iter().map(|record| serde_json::from_slice(&record.data).unwrap()).collect();
    let told: Vec<String> = facts
        .iter()
        .map(|fact| {
            format!(
                "{} {} {}",
                fact["eventName"].as_str().unwrap(),
                fact["fhir"]["id"].as_str().unwrap(),
                fact["fhir"]["versionId"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(told, ["create a 1", "create b 1", "update a 2", "delete b 2"]);
    assert_eq!(
        (&facts[2]["fhir"]["oldImage"]["active"], &facts[2]["fhir"]["newImage"]["active"]),
        (&json!(true), &json!(false))
    );
    assert!(facts[3]["fhir"]["newImage"].is_null() && facts[3]["fhir"]["oldImage"]["active"] == true);
    assert_eq!(all.records[0].key_hash, all.records[2].key_hash);
    let sequences =
        |page: event::Page| page.records.iter().map(|record| record.sequence.to_string()).collect::<Vec<_>>();
    assert_eq!(sequences(read(Start::TrimHorizon, 2).await), ["1", "2"]);
    assert_eq!(sequences(read(Start::After(Sequence::from(2_u64)), 10).await), ["3", "4"]);
    assert_eq!(sequences(read(Start::AtTimestamp(NOW_MS + 1000), 10).await), ["2", "3", "4"]);
    assert_eq!(sequences(read(Start::AtTimestamp(NOW_MS + 60_000), 10).await), [""; 0]);
    assert_eq!(sequences(read(Start::Latest, 10).await), [""; 0]);
    let plain = source::open(&place.stores, &arn(&place, "")).await.unwrap();
    let page = plain.read(&plain.open("changes", Start::TrimHorizon).await.unwrap(), 1).await.unwrap();
    assert!(!String::from_utf8_lossy(&page.records[0].data).contains("Image"));
    place.stores.delete(place.store.id()).await.unwrap();
    assert_eq!(log.shards().await.unwrap_err().kind(), event::Kind::NotFound);
}

fn batch(records: &[(u64, Value)]) -> Batch {
    let record = |(sequence, data): &(u64, Value)| Record {
        data: data.to_string().into(),
        sequence: Sequence::from(*sequence),
        at_ms: NOW_MS,
        key_hash: 0,
        id: format!("event-{sequence}").into(),
        untemplated: None,
    };
    let through = Sequence::from(records.last().map_or(0, |(sequence, _)| *sequence));
    Batch {
        consumer: Arc::from("pipe/p/1"),
        shard: Arc::from("s"),
        records: records.iter().map(record).collect(),
        through,
    }
}

#[tokio::test]
async fn records_become_resources_exactly_once() {
    let place = Place::new().await;
    let to = target::open(&place.stores, &arn(&place, "")).await.unwrap();
    let patient = |id: &str| json!({"resourceType": "Patient", "id": id});
    let records = [
        (1, patient("a")),
        (2, json!({"version": "1.0", "details": {"command": "PUT", "entity": patient("b")}})),
        (
            3,
            json!({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient("c")}, {"resource": {"resourceType": "Basic", "code": {"text": "t"}}}]}),
        ),
        (4, json!({"resourceType": "Patient", "id": "d", "gender": "unheard of"})),
        (5, json!({"command": "DELETE", "entity": patient("b")})),
        (6, json!({"nothing": "here"})),
    ];
    // The same batch again, as after a crash: nothing is written twice, and what was refused is refused again.
    for _ in 0..2 {
        let Receipt::Delivered(failures) = to.deliver(batch(&records)).await.unwrap() else {
            panic!("it is delivered")
        };
        assert_eq!(failures.iter().map(|failure| failure.index).collect::<Vec<_>>(), [3, 5]);
        assert!(failures[0].message.contains("OperationOutcome") && failures[0].message.contains("Patient.gender"));
        assert_eq!(place.store.read(&caller(), kind("Patient"), "a").await.unwrap().version, 1);
        assert!(place.store.read(&caller(), kind("Patient"), "b").await.is_err());
        assert_eq!(place.store.changes(0, 100, false).await.unwrap().len(), 5);
    }
    to.deliver(batch(&[(7, json!({"resourceType": "Patient", "id": "a", "active": true}))])).await.unwrap();
    assert_eq!(told(&place.store.read(&caller(), kind("Patient"), "a").await.unwrap())["meta"]["versionId"], "2");
    place.stores.audit().flush().await.unwrap();
    let events = crate::audit::events(&place.state).await;
    let told: Vec<_> = events.iter().map(|event| &event["agent"][0]["who"]["identifier"]["value"]).collect();
    assert_eq!(told, ["pipe/p/1", "pipe/p/1"], "who wrote is in the audit log, once");
    assert!(target::open(&place.stores, &arn(&place, "/changes")).await.is_err());
}
