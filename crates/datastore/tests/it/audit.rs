//! The audit log: what is noted when, and what of it can be changed unnoticed.

use std::sync::Arc;

use datastore::audit::chain::{Break, Hash, each, verify};
use datastore::audit::{Asked, Entity};
use datastore::{Datastores, Kind, Match, Store};
use event::ManualClock;
use fhir::json::Document;
use serde_json::{Value, json};
use state::{State, params};

use crate::place::{NOW_MS, Place, body, caller, kind};

fn asked(store: &Store, interaction: &'static str, query: Option<&str>) -> Asked {
    Asked { datastore: store.id().into(), who: "me".into(), interaction, query: query.map(str::to_owned) }
}

pub async fn events(state: &State) -> Vec<Value> {
    let mut events = Vec::new();
    let found = each(state, |line| {
        events.push(serde_json::from_str(line).expect("an event"));
        Ok(true)
    });
    found.await.expect("the log");
    events
}

fn references(event: &Value) -> Vec<&str> {
    let entities = event["entity"].as_array().expect("entities");
    entities.iter().map(|entity| entity["what"]["reference"].as_str().expect("a reference")).collect()
}

#[tokio::test]
async fn what_is_written_is_noted_in_the_same_transaction() {
    let place = Place::new().await;
    let store = place.store.asked(asked(&place.store, "update", None));
    let patient = json!({"resourceType": "Patient", "id": "a", "name": [{"family": "Secret"}]});
    store.update(&caller(), kind("Patient"), "a", body(&patient), Match::Anything).await.unwrap();
    assert!(store.is_noted());
    let refused = place.store.asked(asked(&place.store, "update", None));
    let written = refused.update(&caller(), kind("Patient"), "a", body(&patient), Match::Version(9)).await;
    assert_eq!(written.unwrap_err().kind(), Kind::Precondition);
    assert!(!refused.is_noted());
    // As if the program were killed now: another one finds the note.
    let again = Datastores::open(place.state.clone(), Arc::new(ManualClock::at(NOW_MS))).unwrap();
    again.audit().flush().await.unwrap();
    again.audit().flush().await.unwrap();
    let events = events(&place.state).await;
    assert_eq!(events.len(), 1);
    assert_eq!(
        events[0],
        json!({"resourceType": "AuditEvent",
            "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"},
            "subtype": [{"system": "http://hl7.org/fhir/restful-interaction", "code": "update"}],
            "action": "U", "recorded": "2023-11-14T22:13:20.000Z", "outcome": "0",
            "agent": [{"who": {"identifier": {"value": "me"}}, "requestor": true}],
            "source": {"observer": {"identifier": {"value": place.store.id()}}},
            "entity": [{"what": {"reference": "Patient/a/_history/1"},
                "lifecycle": {"system": "http://terminology.hl7.org/CodeSystem/dicom-audit-lifecycle", "code": "1"}}]})
    );
    let issues = fhir::validate::validate(&Document::parse(body(&events[0])).unwrap(), fhir::validate::Level::Strict);
    assert!(issues.is_empty(), "{issues:?}");
}

#[tokio::test]
async fn a_bundle_is_one_event_with_all_it_wrote() {
    let place = Place::new().await;
    let store = place.store.asked(asked(&place.store, "transaction", None));
    let entry = |id: &str| json!({"resource": {"resourceType": "Patient", "id": id}, "request": {"method": "PUT", "url": format!("Patient/{id}")}});
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [entry("a"), entry("b")]});
    store.bundle(&caller(), Document::parse(body(&bundle)).unwrap()).await.unwrap();
    place.stores.audit().flush().await.unwrap();
    let events = events(&place.state).await;
    assert_eq!(events.iter().map(references).collect::<Vec<_>>(), [["Patient/a/_history/1", "Patient/b/_history/1"]]);
}

#[tokio::test]
async fn reads_and_refusals_are_in_the_log_after_a_flush() {
    let place = Place::new().await;
    let audit = place.stores.audit();
    let read = Entity { reference: "Patient/a/_history/1".into(), operation: None };
    audit.record(asked(&place.store, "read", None), 200, vec![read]).await.unwrap();
    audit.record(asked(&place.store, "search-type", Some("name=Secret")), 200, Vec::new()).await.unwrap();
    audit.record(asked(&place.store, "delete", None), 403, Vec::new()).await.unwrap();
    audit.flush().await.unwrap();
    let events = events(&place.state).await;
    let told: Vec<_> =
        events.iter().map(|event| (&event["action"], &event["outcome"], &event["outcomeDesc"])).collect();
    assert_eq!(json!(told), json!([["R", "0", null], ["E", "0", null], ["D", "4", "HTTP 403"]]));
    assert_eq!(events[1]["entity"], json!([{"query": "bmFtZT1TZWNyZXQ="}]));
    assert!(!json!(events).to_string().contains("Secret"));
}

#[tokio::test]
async fn every_change_of_the_log_is_found() {
    let place = Place::new().await;
    let audit = place.stores.audit();
    for _ in 0..4 {
        audit.record(asked(&place.store, "read", None), 200, Vec::new()).await.unwrap();
        audit.record(asked(&place.store, "read", None), 200, Vec::new()).await.unwrap();
        audit.flush().await.unwrap();
    }
    let (head, _) = verify(&place.state, &Hash::default()).await.unwrap();
    let head = head.unwrap();
    assert_eq!(head.events, 8);
    assert!(verify(&place.state, &head.hash).await.unwrap().1);
    let changes: [(&'static str, i64); 7] = [
        ("UPDATE fhir_audit SET body = (SELECT body FROM fhir_audit WHERE first = 5) || x'00' WHERE first = 3", 3),
        ("UPDATE fhir_audit SET hash = (SELECT hash FROM fhir_audit WHERE first = 5) WHERE first = 3", 3),
        ("UPDATE fhir_audit SET count = 1 WHERE first = 7", 7),
        ("DELETE FROM fhir_audit WHERE first = 3", 3),
        ("DELETE FROM fhir_audit WHERE first = 1", 1),
        ("UPDATE fhir_audit SET first = 9 WHERE first = 7", 7),
        ("INSERT INTO fhir_audit SELECT 9, count, hash, body FROM fhir_audit WHERE first = 7", 9),
    ];
    let rows = place.state.read(|tx| {
        tx.all("SELECT first, count, hash, body FROM fhir_audit", &[], |row| {
            Ok::<_, state::Error>((row.int(0)?, row.int(1)?, row.blob(2)?.to_vec(), row.blob(3)?.to_vec()))
        })
    });
    let rows: Vec<(i64, i64, Vec<u8>, Vec<u8>)> = rows.await.unwrap();
    for (sql, event) in changes {
        place.state.write(move |tx| tx.execute(sql, &[])).await.unwrap();
        let (result, _) = verify(&place.state, &Hash::default()).await.unwrap();
        assert_eq!(result.map_err(|Break { event, .. }| event), Err(event), "{sql}");
        let rows = rows.clone();
        let restored = place.state.write(move |tx| {
            tx.execute("DELETE FROM fhir_audit", &[])?;
            for (first, count, hash, body) in &rows {
                tx.execute("INSERT INTO fhir_audit VALUES (?1, ?2, ?3, ?4)", params![*first, *count, hash, body])?;
            }
            Ok::<_, state::Error>(())
        });
        restored.await.unwrap();
    }
    // Only who kept the hash notices that the end is gone.
    place.state.write(|tx| tx.execute("DELETE FROM fhir_audit WHERE first = 7", &[])).await.unwrap();
    let (result, is_seen) = verify(&place.state, &head.hash).await.unwrap();
    assert_eq!((result.unwrap().events, is_seen), (6, false));
}
