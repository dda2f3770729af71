//! What a token does not cover can be neither seen nor changed, and nothing tells whether it exists.

use datastore::{Access, Caller, Grant, HistoryQuery, Kind, Match, Permission, Permissions, Scope, Store};
use fhir::json::Document;
use fhir::patch::Patch;
use serde_json::{Value, json};

use crate::place::{Place, body, caller, kind};

const READ: &[Permission] = &[Permission::Read, Permission::Search];
const ALL: &[Permission] =
    &[Permission::Create, Permission::Read, Permission::Update, Permission::Delete, Permission::Search];

/// A caller with some permissions on some types in a patient's compartment.
fn granted(patient: &str, name: &str, permissions: &[Permission]) -> Caller {
    let permissions = permissions.iter().fold(Permissions::default(), |all, one| all.with(*one));
    let kind = (name != "*").then(|| kind(name));
    let grant = Grant { kind, permissions, patient: Some(patient.into()), conditions: Vec::new() };
    Caller { name: patient.into(), access: Access::Granted([grant].into()), ..Caller::default() }
}

fn observation(id: &str, patient: &str) -> Value {
    json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "x"},
        "subject": {"reference": format!("Patient/{patient}")}})
}

async fn put(store: &Store, resource: Value) {
    let (name, id) = (resource["resourceType"].as_str(), resource["id"].as_str());
    let (name, id) = name.zip(id).expect("a resource");
    store.update(&caller(), kind(name), id, body(&resource), Match::Anything).await.expect("a write");
}

/// Patients `a` and `b`, an observation of each with the same letter.
async fn two_patients() -> Place {
    let place = Place::new().await;
    for id in ["a", "b"] {
        put(&place.store, json!({"resourceType": "Patient", "id": id})).await;
        put(&place.store, observation(&format!("of-{id}"), id)).await;
    }
    place
}

async fn references(store: &Store, caller: &Caller, scope: Scope) -> Result<Vec<String>, Kind> {
    let page = store.history(caller, scope, HistoryQuery::default()).await.map_err(|error| error.kind())?;
    Ok(page.versions.iter().map(|version| format!("{}/{}", version.reference(), version.version)).collect())
}

#[tokio::test]
async fn a_resource_that_moved_to_another_patient_takes_its_history_along() {
    let (place, of) = (two_patients().await, kind("Observation"));
    let store = &place.store;
    let (a, b) = (granted("a", "*", READ), granted("b", "*", READ));
    put(store, observation("of-a", "b")).await;
    assert_eq!(store.vread(&a, of, "of-a", 1).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(references(store, &a, Scope::System).await, Ok(vec!["Patient/a/1".into()]));
    assert_eq!(references(store, &a, Scope::Type(of)).await, Ok(Vec::new()));
    // What was another's then is not told to whose it is now.
    assert_eq!(store.vread(&b, of, "of-a", 1).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(references(store, &b, Scope::Resource(of, "of-a".into())).await, Ok(vec!["Observation/of-a/2".into()]));
    store.delete(&caller(), of, "of-a", Match::Anything).await.unwrap();
    assert_eq!(store.vread(&a, of, "of-a", 1).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(store.vread(&b, of, "of-a", 2).await.unwrap().version, 2);
}

#[tokio::test]
async fn what_is_hidden_answers_as_what_is_not_there() {
    let (place, of) = (two_patients().await, kind("Observation"));
    let (store, me) = (&place.store, granted("a", "*", READ));
    for id in ["of-b", "none"] {
        assert_eq!(store.read(&me, of, id).await.unwrap_err().kind(), Kind::NotFound, "{id}");
        assert_eq!(store.vread(&me, of, id, 1).await.unwrap_err().kind(), Kind::NotFound, "{id}");
        assert_eq!(references(store, &me, Scope::Resource(of, id.into())).await, Err(Kind::NotFound), "{id}");
    }
    let me = granted("a", "Observation", ALL);
    let patch = || Patch::from_json(br#"[{"op": "add", "path": "/language", "value": "en"}]"#).unwrap();
    for id in ["of-b", "none"] {
        for condition in [Match::Anything, Match::Version(1), Match::Version(7)] {
            let patched = store.patch(&me, of, id, patch(), condition).await;
            assert_eq!(patched.unwrap_err().kind(), Kind::NotFound, "{id} {condition:?}");
            let deleted = store.delete(&me, of, id, condition).await;
            assert_eq!(deleted.unwrap_err().kind(), Kind::NotFound, "{id} {condition:?}");
        }
    }
    // An id that is taken cannot be written, whatever the condition: as one that may not be created.
    let other = granted("a", "Observation", &[Permission::Update, Permission::Read]);
    for (me, id) in [(&me, "of-b"), (&other, "of-b"), (&other, "none")] {
        for condition in [Match::Anything, Match::Version(1), Match::Version(7), Match::Nothing] {
            let written = store.update(me, of, id, body(&observation(id, "a")), condition).await;
            assert_eq!(written.unwrap_err().kind(), Kind::Denied, "{id} {condition:?}");
        }
    }
    let pairs = [("_id".to_owned(), "nobody".to_owned())];
    let written = store.update_matching(&me, of, body(&observation("of-b", "a")), &pairs, Match::Anything).await;
    assert_eq!(written.unwrap_err().kind(), Kind::Denied);
}

#[tokio::test]
async fn no_write_moves_a_resource_between_patients() {
    let (place, of) = (two_patients().await, kind("Observation"));
    let (store, me) = (&place.store, granted("a", "*", ALL));
    let moved = store.update(&me, of, "of-a", body(&observation("of-a", "b")), Match::Anything).await;
    assert_eq!(moved.unwrap_err().kind(), Kind::Denied);
    let to_b = br#"[{"op": "replace", "path": "/subject/reference", "value": "Patient/b"}]"#;
    let moved = store.patch(&me, of, "of-a", Patch::from_json(to_b).unwrap(), Match::Anything).await;
    assert_eq!(moved.unwrap_err().kind(), Kind::Denied);
    let created = store.create(&me, of, body(&observation("x", "b"))).await;
    assert_eq!(created.unwrap_err().kind(), Kind::Denied);
    let entry = |method: &str, url: &str, resource: Value| {
        json!({"resourceType": "Bundle", "type": "transaction",
            "entry": [{"resource": resource, "request": {"method": method, "url": url}}]})
    };
    let bundles = [
        entry("PUT", "Observation/of-a", observation("of-a", "b")),
        entry("PUT", "Observation/of-b", observation("of-b", "a")),
        entry("POST", "Observation", observation("x", "b")),
        entry("PUT", "Observation?_id=of-a", observation("of-a", "b")),
    ];
    for bundle in bundles {
        let written = store.bundle(&me, Document::parse(body(&bundle)).unwrap()).await;
        assert_eq!(written.unwrap_err().kind(), Kind::Denied, "{bundle}");
    }
    assert_eq!(references(store, &caller(), Scope::System).await.unwrap().len(), 4, "nothing was written");
}

#[tokio::test]
async fn conditions_need_the_permission_to_search() {
    let (place, of) = (two_patients().await, kind("Observation"));
    let (store, me) = (&place.store, granted("a", "Observation", &[Permission::Create, Permission::Update]));
    let pairs = [("_id".to_owned(), "of-a".to_owned())];
    let resource = || body(&observation("of-a", "a"));
    let patch = Patch::from_json(br#"[{"op": "add", "path": "/language", "value": "en"}]"#).unwrap();
    let refused = [
        store.create_if_none(&me, of, resource(), &pairs).await.map(drop),
        store.update_matching(&me, of, resource(), &pairs, Match::Anything).await.map(drop),
        store.delete_matching(&me, of, &pairs).await.map(drop),
        store.patch_matching(&me, of, &pairs, patch.clone(), Match::Anything).await.map(drop),
        // A patch tells what it changes, so it needs the permission to read.
        store.patch(&me, of, "of-a", patch, Match::Anything).await.map(drop),
    ];
    for refused in refused {
        assert_eq!(refused.unwrap_err().kind(), Kind::Denied);
    }
    // References by condition find what the caller may search, and nothing else.
    let reader = granted("a", "*", ALL);
    for (patient, expected) in [("a", None), ("b", Some(Kind::Precondition))] {
        let mut resource = observation("x", patient);
        resource["subject"]["reference"] = json!(format!("Patient?_id={patient}"));
        let entry = json!({"resource": resource, "request": {"method": "POST", "url": "Observation"}});
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [entry]});
        let written = store.bundle(&reader, Document::parse(body(&bundle)).unwrap()).await;
        assert_eq!(written.err().map(|error| error.kind()), expected, "{patient}");
    }
}

#[tokio::test]
async fn a_type_without_a_grant_is_denied() {
    let (place, of) = (two_patients().await, kind("Observation"));
    let (store, me) = (&place.store, granted("a", "Patient", ALL));
    let refused = [
        store.read(&me, of, "of-a").await.map(drop),
        store.vread(&me, of, "of-a", 1).await.map(drop),
        store.history(&me, Scope::Type(of), HistoryQuery::default()).await.map(drop),
        store.history(&me, Scope::Resource(of, "of-a".into()), HistoryQuery::default()).await.map(drop),
        store.delete(&me, of, "of-a", Match::Anything).await.map(drop),
        store.create(&me, of, body(&observation("x", "a"))).await.map(drop),
        store.update(&me, of, "of-a", body(&observation("of-a", "a")), Match::Anything).await.map(drop),
    ];
    for refused in refused {
        assert_eq!(refused.unwrap_err().kind(), Kind::Denied);
    }
    let none = Caller { access: Access::Granted([].into()), ..Caller::default() };
    assert_eq!(references(store, &none, Scope::System).await, Err(Kind::Denied));
}

#[tokio::test]
async fn a_page_of_history_cannot_leave_its_datastore() {
    let place = two_patients().await;
    let created =
        place.stores.create(datastore::Create { settings: "{}".into(), tags: "{}".into(), ..Default::default() });
    let other = place.stores.store(&created.await.unwrap().id).await.unwrap();
    put(&other, json!({"resourceType": "Patient", "id": "elsewhere"})).await;
    for before in [i64::MAX, 1 << 43, 1 << 42, -1, i64::MIN] {
        let query = HistoryQuery { before: Some(before), ..HistoryQuery::default() };
        let page = place.store.history(&caller(), Scope::System, query).await.unwrap();
        assert!(page.versions.iter().all(|version| version.id != "elsewhere"), "{before}");
    }
}

#[tokio::test]
async fn a_token_goes_through_a_long_history_in_pages() {
    let place = two_patients().await;
    let other = json!({"resourceType": "Patient", "id": "b", "name": [{"text": "x"}]});
    for _ in 0..5 {
        let entry = |at: u32| {
            let mut resource = other.clone();
            resource["id"] = json!(format!("other-{at}"));
            json!({"resource": resource, "request": {"method": "PUT", "url": format!("Patient/other-{at}")}})
        };
        let entries: Vec<Value> = (0..1000).map(entry).collect();
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
        place.store.bundle(&caller(), Document::parse(body(&bundle)).unwrap()).await.unwrap();
    }
    let me = granted("a", "*", READ);
    let (mut found, mut pages, mut before) = (Vec::new(), 0, None);
    loop {
        let query = HistoryQuery { before, ..HistoryQuery::default() };
        let page = place.store.history(&me, Scope::System, query).await.unwrap();
        found.extend(page.versions.iter().map(datastore::Version::reference));
        pages += 1;
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!((pages, found), (2, vec!["Observation/of-a".to_owned(), "Patient/a".to_owned()]));
}

#[tokio::test]
async fn what_is_also_in_another_patients_compartment_is_not_written() {
    let (place, of) = (two_patients().await, kind("Observation"));
    let (store, me) = (&place.store, granted("a", "*", ALL));
    let shared = |id: &str, other: &str| {
        let mut resource = observation(id, "a");
        resource["performer"] = json!([{ "reference": other }]);
        resource
    };
    for other in ["Patient/b", "Patient/b/_history/1", "http://here/datastore/x/r4/Patient/b"] {
        let created = store.create(&me, of, body(&shared("x", other))).await;
        assert_eq!(created.unwrap_err().kind(), Kind::Denied, "{other}");
        let updated = store.update(&me, of, "of-a", body(&shared("of-a", other)), Match::Anything).await;
        assert_eq!(updated.unwrap_err().kind(), Kind::Denied, "{other}");
    }
    store.update(&me, of, "of-a", body(&shared("of-a", "Patient/a")), Match::Anything).await.unwrap();
    store.update(&me, of, "of-a", body(&shared("of-a", "Practitioner/b")), Match::Anything).await.unwrap();
    // What is of both is seen by both, and changed by neither.
    put(store, shared("both", "Patient/b")).await;
    assert!(store.read(&me, of, "both").await.is_ok());
    assert_eq!(store.delete(&me, of, "both", Match::Anything).await.unwrap_err().kind(), Kind::NotFound);
    let updated = store.update(&me, of, "both", body(&observation("both", "a")), Match::Anything).await;
    assert_eq!(updated.unwrap_err().kind(), Kind::Denied);
    // A patient that is linked to another is its own.
    let linked = |id: &str, other: &str| {
        let link = json!([{"other": {"reference": format!("Patient/{other}")}, "type": "seealso"}]);
        json!({"resourceType": "Patient", "id": id, "link": link})
    };
    put(store, linked("b", "a")).await;
    let updated = store.update(&me, kind("Patient"), "b", body(&linked("b", "a")), Match::Anything).await;
    assert_eq!(updated.unwrap_err().kind(), Kind::Denied);
    store.update(&me, kind("Patient"), "a", body(&linked("a", "b")), Match::Anything).await.unwrap();
}
