//! Batches and transactions.

use datastore::bundle::Answer;
use datastore::{Kind, Match, Outcome};
use fhir::json::Document;
use serde_json::{Value, json};

use crate::place::{Place, body, caller, json as told, kind};

async fn run(place: &Place, kind: &str, entries: Value) -> Result<Vec<Answer>, datastore::Error> {
    let bundle = json!({"resourceType": "Bundle", "type": kind, "entry": entries});
    place.store.bundle(&caller(), Document::parse(bundle.to_string()).expect("a document")).await
}

fn entry(method: &str, url: &str, resource: Value) -> Value {
    json!({"request": {"method": method, "url": url}, "resource": resource})
}

fn words(answers: &[Answer]) -> String {
    let word = |answer: &Answer| match answer {
        Answer::Written(written) => match &written.version {
            Some(version) => format!("{:?} {}", written.outcome, version.version),
            None => format!("{:?}", written.outcome),
        },
        Answer::Get(url) => format!("Get {url}"),
        Answer::Failed(error) => format!("{:?}", error.kind()),
    };
    answers.iter().map(word).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn references_inside_a_transaction_lead_to_what_was_written() {
    let place = Place::new().await;
    let patient =
        json!({"resourceType": "Patient", "name": [{"family": "A"}], "identifier": [{"system": "s", "value": "1"}]});
    let mut first = entry("POST", "Patient", patient);
    first["fullUrl"] = json!("urn:uuid:1");
    let mut second = entry(
        "POST",
        "Observation",
        json!({"resourceType": "Observation", "status": "final", "code": {"text": "c"},
        "subject": {"reference": "urn:uuid:1"}, "valueString": "urn:uuid:1"}),
    );
    second["fullUrl"] = json!("urn:uuid:2");
    let put = entry(
        "PUT",
        "Patient/p",
        json!({"resourceType": "Patient", "id": "p", "link": [{"type": "seealso", "other": {"reference": "urn:uuid:1"}}]}),
    );
    let answers = run(
        &place,
        "transaction",
        json!([put, second, first, {"request": {"method": "GET", "url": "Patient?name=a"}}]),
    )
    .await
    .unwrap();
    assert_eq!(words(&answers), "Created 1, Created 1, Created 1, Get Patient?name=a");
    let Answer::Written(observation) = &answers[1] else { panic!("it was written") };
    let Answer::Written(patient) = &answers[2] else { panic!("it was written") };
    let (observation, patient) = (observation.version.as_ref().unwrap(), patient.version.as_ref().unwrap());
    assert_eq!(told(observation)["subject"]["reference"], patient.reference());
    assert_eq!(told(observation)["valueString"], "urn:uuid:1");
    assert_eq!((observation.transaction, patient.transaction), (1, 1));

    let conditional = entry(
        "POST",
        "Observation",
        json!({"resourceType": "Observation", "status": "final", "code": {"text": "c"},
        "subject": {"reference": "Patient?identifier=s|1"}}),
    );
    let answers = run(&place, "transaction", json!([conditional])).await.unwrap();
    let Answer::Written(written) = &answers[0] else { panic!("it was written") };
    assert_eq!(told(written.version.as_ref().unwrap())["subject"]["reference"], patient.reference());
}

#[tokio::test]
async fn a_transaction_is_whole_or_not_at_all() {
    let place = Place::new().await;
    let patient = |id: &str| entry("PUT", &format!("Patient/{id}"), json!({"resourceType": "Patient", "id": id}));
    let cases = [
        (
            json!([patient("a"), entry("PUT", "Patient/b", json!({"resourceType": "Patient", "id": "c"}))]),
            "Bundle.entry[1].resource.id",
        ),
        (json!([patient("a"), {"request": {"method": "DELETE"}}]), "Bundle.entry[1].request.url"),
        (json!([patient("a"), patient("a")]), "Bundle.entry[1]"),
        (json!([patient("a"), entry("POST", "Nope", json!({"resourceType": "Patient"}))]), "Bundle.entry[1]"),
        (
            json!([patient("a"), {"request": {"method": "PATCH", "url": "Patient/x"}, "resource": {"resourceType": "Parameters"}}]),
            "Bundle.entry[1]",
        ),
        (
            json!([
                patient("a"),
                entry(
                    "POST",
                    "Basic",
                    json!({"resourceType": "Basic", "subject": {"reference": "Patient?identifier=none"}})
                )
            ]),
            "Bundle.entry[1]",
        ),
    ];
    for (entries, expected) in cases {
        let error = run(&place, "transaction", entries.clone()).await.expect_err("it is refused");
        assert_eq!(error.issues[0].expression.as_deref(), Some(expected), "{entries}");
        assert_eq!(place.store.read(&caller(), kind("Patient"), "a").await.unwrap_err().kind(), Kind::NotFound);
    }
}

#[tokio::test]
async fn entries_of_a_batch_stand_for_themselves() {
    let place = Place::new().await;
    let put = |id: &str| entry("PUT", &format!("Patient/{id}"), json!({"resourceType": "Patient", "id": id}));
    let bad = entry("PUT", "Patient/b", json!({"resourceType": "Patient", "id": "c"}));
    let answers = run(
        &place,
        "batch",
        json!([put("a"), bad, {"request": {"method": "DELETE", "url": "Patient/none"}}, put("d")]),
    )
    .await
    .unwrap();
    assert_eq!(words(&answers), "Created 1, Invalid, Unchanged, Created 1");
    assert!(run(&place, "history", json!([])).await.is_err());
}

#[tokio::test]
async fn conditional_entries_find_their_resource() {
    let place = Place::new().await;
    let resource = json!({"resourceType": "Patient", "identifier": [{"value": "1"}]});
    let mut create = entry("POST", "Patient", resource.clone());
    create["request"]["ifNoneExist"] = json!("identifier=1");
    create["fullUrl"] = json!("urn:uuid:p");
    let basic = entry(
        "POST",
        "Basic",
        json!({"resourceType": "Basic", "code": {"text": "t"}, "subject": {"reference": "urn:uuid:p"}}),
    );
    let entries = json!([create, basic]);
    assert_eq!(words(&run(&place, "transaction", entries.clone()).await.unwrap()), "Created 1, Created 1");
    let answers = run(&place, "transaction", entries).await.unwrap();
    assert_eq!(words(&answers), "Unchanged 1, Created 1");
    let (Answer::Written(found), Answer::Written(basic)) = (&answers[0], &answers[1]) else {
        panic!("they were written")
    };
    assert_eq!(
        told(basic.version.as_ref().unwrap())["subject"]["reference"],
        found.version.as_ref().unwrap().reference()
    );
    let answers = run(&place, "transaction", json!([entry("PUT", "Patient?identifier=1", resource)])).await.unwrap();
    assert_eq!(words(&answers), "Updated 2");
    let answers = run(&place, "transaction", json!([{"request": {"method": "DELETE", "url": "Patient?identifier=1"}}]))
        .await
        .unwrap();
    assert_eq!(words(&answers), "Deleted 3");
}

#[tokio::test]
async fn patches_change_what_they_name() {
    let place = Place::new().await;
    let resource = json!({"resourceType": "Patient", "id": "a", "active": true, "name": [{"family": "A", "given": ["x", "y"]}], "multipleBirthInteger": 1});
    place.store.update(&caller(), kind("Patient"), "a", body(&resource), Match::Anything).await.unwrap();
    let json_patch = fhir::patch::Patch::from_json(
        br#"[{"op":"test","path":"/active","value":true},{"op":"replace","path":"/active","value":false}]"#,
    )
    .unwrap();
    let written =
        place.store.patch(&caller(), kind("Patient"), "a", json_patch.clone(), Match::Version(1)).await.unwrap();
    assert_eq!((written.outcome, told(written.version.as_ref().unwrap())["active"] == false), (Outcome::Updated, true));
    let again = place.store.patch(&caller(), kind("Patient"), "a", json_patch, Match::Anything).await.unwrap_err();
    assert_eq!(again.kind(), Kind::Unprocessable);
    assert!(again.to_string().contains("operation 0 at `/active`"), "{again}");
    let none = fhir::patch::Patch::from_json(b"[]").unwrap();
    assert_eq!(
        place.store.patch(&caller(), kind("Patient"), "none", none, Match::Anything).await.unwrap_err().kind(),
        Kind::NotFound
    );
}
