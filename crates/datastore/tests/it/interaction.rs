//! read, vread, create, update, delete and history.

use datastore::{HistoryQuery, Kind, Match, Operation, Outcome, Scope};
use serde_json::json;

use crate::place::{Place, body, caller, json as told, kind};

#[tokio::test]
async fn a_resource_is_created_read_updated_and_deleted() {
    let place = Place::new().await;
    let (store, patient) = (&place.store, kind("Patient"));
    let created = store
        .create(&caller(), patient, body(&json!({"resourceType": "Patient", "id": "mine", "active": true})))
        .await
        .unwrap();
    let first = created.version.unwrap();
    assert_eq!((created.outcome, first.version, first.sequence), (Outcome::Created, 1, 1));
    assert_ne!(first.id, "mine");
    place.clock.advance_ms(1500);
    let updated = json!({"resourceType": "Patient", "id": first.id, "meta": {"tag": [{"code": "t"}], "versionId": "77"}, "active": false});
    let second = store.update(&caller(), patient, &first.id, body(&updated), Match::Version(1)).await.unwrap();
    assert_eq!(second.outcome, Outcome::Updated);
    let read = store.read(&caller(), patient, &first.id).await.unwrap();
    assert_eq!(
        told(&read),
        json!({"resourceType": "Patient", "id": first.id, "active": false,
            "meta": {"versionId": "2", "lastUpdated": "2023-11-14T22:13:21.500Z", "tag": [{"code": "t"}]}})
    );
    let old = store.vread(&caller(), patient, &first.id, 1).await.unwrap();
    assert_eq!(told(&old)["active"], true);
    let deleted = store.delete(&caller(), patient, &first.id, Match::Anything).await.unwrap();
    assert_eq!(deleted.version.unwrap().version, 3);
    assert_eq!(store.read(&caller(), patient, &first.id).await.unwrap_err().kind(), Kind::Gone);
    let again = store.delete(&caller(), patient, &first.id, Match::Anything).await.unwrap();
    assert_eq!((again.outcome, again.version.is_none()), (Outcome::Unchanged, true));
    let back = store.update(&caller(), patient, &first.id, body(&updated), Match::Anything).await.unwrap();
    assert_eq!((back.outcome, back.version.unwrap().version), (Outcome::Created, 4));
}

#[tokio::test]
async fn conditions_on_versions_are_kept() {
    let place = Place::new().await;
    let (store, patient) = (&place.store, kind("Patient"));
    let resource = body(&json!({"resourceType": "Patient", "id": "a"}));
    let me = caller();
    let put = |condition| store.update(&me, patient, "a", resource.clone(), condition);
    assert_eq!(put(Match::Version(1)).await.unwrap_err().kind(), Kind::Precondition);
    assert_eq!(put(Match::Nothing).await.unwrap().outcome, Outcome::Created);
    assert_eq!(put(Match::Nothing).await.unwrap_err().kind(), Kind::Precondition);
    assert_eq!(put(Match::Version(2)).await.unwrap_err().kind(), Kind::Precondition);
    assert_eq!(put(Match::Version(1)).await.unwrap().outcome, Outcome::Updated);
}

#[tokio::test]
async fn what_is_no_resource_is_refused_with_its_place() {
    let place = Place::new().await;
    let cases = [
        ("", "line=1"),
        ("[]", "no resourceType"),
        (r#"{"resourceType":"Nope"}"#, "no resource type"),
        (r#"{"resourceType":"Observation","id":"a"}"#, "no Patient"),
        (r#"{"resourceType":"Patient","id":"b"}"#, "not the URL's"),
        (r#"{"resourceType":"Patient","id":"a b"}"#, "1 to 64"),
        (r#"{"resourceType":"Patient"}"#, "has an id"),
        (r#"{"resourceType":"Patient","id":"a","id":"a"}"#, "named twice"),
    ];
    for (text, expected) in cases {
        let refused =
            place.store.update(&caller(), kind("Patient"), "a", text.as_bytes().to_vec().into(), Match::Anything).await;
        let error = refused.unwrap_err();
        assert!(error.to_string().contains(expected), "{text}: {error}");
    }
    assert_eq!(place.store.read(&caller(), kind("Patient"), "a").await.unwrap_err().kind(), Kind::NotFound);
}

#[tokio::test]
async fn history_tells_every_version_newest_first() {
    let place = Place::new().await;
    let store = &place.store;
    for number in 0..3 {
        place.clock.advance_ms(1000);
        let patient = json!({"resourceType": "Patient", "id": "a", "multipleBirthInteger": number});
        store.update(&caller(), kind("Patient"), "a", body(&patient), Match::Anything).await.unwrap();
        let group = json!({"resourceType": "Group", "id": "g", "type": "person", "actual": true});
        store.update(&caller(), kind("Group"), "g", body(&group), Match::Anything).await.unwrap();
    }
    store.delete(&caller(), kind("Patient"), "a", Match::Anything).await.unwrap();
    let versions = async |scope, query| {
        let page = store.history(&caller(), scope, query).await.unwrap();
        let told: Vec<_> =
            page.versions.iter().map(|version| (version.sequence, version.version, version.operation)).collect();
        (told, page.total, page.next)
    };
    let one = || Scope::Resource(kind("Patient"), "a".into());
    let (told, total, next) = versions(one(), HistoryQuery { count: Some(2), ..HistoryQuery::default() }).await;
    assert_eq!(told, [(7, 4, Operation::Delete), (5, 3, Operation::Update)]);
    assert_eq!((total, next), (Some(4), Some(5)));
    let (told, _, next) = versions(one(), HistoryQuery { before: Some(5), ..HistoryQuery::default() }).await;
    assert_eq!(told, [(3, 2, Operation::Update), (1, 1, Operation::Create)]);
    assert_eq!(next, None);
    let since = HistoryQuery { since_ms: Some(crate::place::NOW_MS + 3000), ..HistoryQuery::default() };
    assert_eq!(versions(Scope::System, since.clone()).await.0.len(), 3);
    assert_eq!(versions(Scope::Type(kind("Group")), since).await.0, [(6, 3, Operation::Update)]);
    let at = crate::place::NOW_MS + 2500;
    let at = HistoryQuery { at: Some((at, at)), ..HistoryQuery::default() };
    assert_eq!(versions(one(), at).await.0, [(3, 2, Operation::Update)]);
    let never = store.history(&caller(), Scope::Resource(kind("Patient"), "b".into()), HistoryQuery::default()).await;
    assert_eq!(never.unwrap_err().kind(), Kind::NotFound);
}

#[tokio::test]
async fn datastores_are_apart_and_a_deleted_one_is_empty() {
    let place = Place::new().await;
    let other = place
        .stores
        .create(datastore::Create { settings: "{}".into(), tags: "{}".into(), ..Default::default() })
        .await
        .unwrap();
    let other_store = place.stores.store(&other.id).await.unwrap();
    let patient = body(&json!({"resourceType": "Patient", "id": "a"}));
    place.store.update(&caller(), kind("Patient"), "a", patient.clone(), Match::Anything).await.unwrap();
    assert_eq!(other_store.read(&caller(), kind("Patient"), "a").await.unwrap_err().kind(), Kind::NotFound);
    place.stores.delete(place.store.id()).await.unwrap();
    let refused = place.store.update(&caller(), kind("Patient"), "a", patient, Match::Anything).await;
    assert_eq!(refused.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(place.stores.describe(place.store.id()).await.unwrap().status, datastore::Status::Deleted);
    assert_eq!(place.stores.store(place.store.id()).await.err().unwrap().kind(), Kind::NotFound);
}

#[tokio::test]
async fn writes_find_their_resource_by_a_search() {
    let place = Place::new().await;
    let (store, patient) = (&place.store, kind("Patient"));
    let pairs = |text: &str| -> Vec<(String, String)> { vec![("identifier".into(), text.into())] };
    let resource = |number: i32| {
        body(&json!({"resourceType": "Patient", "identifier": [{"value": "x"}], "multipleBirthInteger": number}))
    };
    let first = store.create_if_none(&caller(), patient, resource(1), &pairs("x")).await.unwrap();
    assert_eq!(first.outcome, Outcome::Created);
    let id = first.version.unwrap().id;
    let again = store.create_if_none(&caller(), patient, resource(2), &pairs("x")).await.unwrap();
    assert_eq!((again.outcome, &again.version.unwrap().id), (Outcome::Unchanged, &id));
    let updated = store.update_matching(&caller(), patient, resource(3), &pairs("x"), Match::Anything).await.unwrap();
    assert_eq!((updated.outcome, updated.version.unwrap().version), (Outcome::Updated, 2));
    let other = store.update_matching(&caller(), patient, resource(4), &pairs("y"), Match::Anything).await.unwrap();
    assert_eq!(other.outcome, Outcome::Created);
    let two = store.delete_matching(&caller(), patient, &pairs("x")).await;
    assert_eq!(two.unwrap_err().kind(), Kind::Precondition);
    store.delete(&caller(), patient, &id, Match::Anything).await.unwrap();
    assert_eq!(store.delete_matching(&caller(), patient, &pairs("x")).await.unwrap().outcome, Outcome::Deleted);
    assert_eq!(store.delete_matching(&caller(), patient, &pairs("x")).await.unwrap().outcome, Outcome::Unchanged);
    assert_eq!(store.delete_matching(&caller(), patient, &[]).await.unwrap_err().kind(), Kind::Invalid);
    let unknown = vec![("nope".to_owned(), "1".to_owned())];
    assert_eq!(
        store.create_if_none(&caller(), patient, resource(1), &unknown).await.unwrap_err().kind(),
        Kind::Invalid
    );
}
