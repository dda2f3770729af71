//! Searches: the index finds what a document alone says fits; links, order, pages and what comes along.

use datastore::search::{Page, Search};
use datastore::{Access, Caller, Grant, Kind, Match, Permission, Permissions};
use fhir::json::Document;
use fhir::search::check::{Now, fits};
use fhir::search::query::{Query, Unknown};
use serde_json::{Value, json};

use crate::place::{NOW_MS, Place, body, caller, kind};

fn parse(name: &str, text: &str) -> Query {
    let pairs: Vec<(String, String)> = text
        .split('&')
        .filter(|pair| !pair.is_empty())
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    Query::parse(kind(name), &pairs, Unknown::Refused).unwrap_or_else(|error| panic!("{text}: {error}"))
}

async fn page(place: &Place, caller: &Caller, name: &str, text: &str) -> Result<Page, datastore::Error> {
    let search =
        Search { parts: vec![(kind(name), parse(name, text))], compartment: None, after: None, explain: false };
    place.store.search(caller, search).await
}

async fn ids(place: &Place, name: &str, text: &str) -> String {
    let page = page(place, &caller(), name, text).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    page.matches.iter().map(|version| version.id.clone()).collect::<Vec<_>>().join(" ")
}

async fn put(place: &Place, resource: &Value) {
    let name = resource["resourceType"].as_str().expect("a resource");
    let id = resource["id"].as_str().expect("a resource");
    place.store.update(&caller(), kind(name), id, body(resource), Match::Anything).await.expect("a resource");
    place.clock.advance_ms(1000);
}

/// Two patients with what belongs to them.
fn resources() -> Vec<Value> {
    let observation = |id: &str, patient: &str, code: &str, value: f64, date: &str| {
        json!({"resourceType": "Observation", "id": id, "status": "final", "subject": {"reference": format!("Patient/{patient}")},
            "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": format!("Display of {code}")}]}, "effectiveDateTime": date,
            "valueQuantity": {"value": value, "unit": "kilogram", "system": "http://unitsofmeasure.org", "code": "kg"}})
    };
    vec![
        observation("o1", "a", "w", 70.5, "2020-01-01"),
        observation("o2", "a", "w", 72.0, "2021-06-01T10:00:00Z"),
        observation("o3", "b", "w", 55.0, "2021-06"),
        observation("o4", "b", "h", 170.0, "2021-06-02T00:00:00+02:00"),
        json!({"resourceType": "Patient", "id": "a", "active": true, "gender": "female", "birthDate": "1980-05-17",
            "name": [{"family": "Müller", "given": ["Anna"]}], "identifier": [{"system": "urn:mrn", "value": "1"}],
            "managingOrganization": {"reference": "Organization/org"}, "deceasedBoolean": false}),
        json!({"resourceType": "Patient", "id": "b", "gender": "male", "birthDate": "1990", "name": [{"family": "Muster"}, {"text": "Bo"}],
            "identifier": [{"value": "1"}, {"system": "urn:mrn", "value": "2"}], "link": [{"other": {"reference": "Patient/a"}, "type": "seealso"}]}),
        json!({"resourceType": "Organization", "id": "org", "name": "Clinic"}),
        json!({"resourceType": "Encounter", "id": "e1", "status": "finished", "class": {"code": "AMB"}, "subject": {"reference": "Patient/a"},
            "period": {"start": "2019-01-01", "end": "2021-01-01"}}),
        json!({"resourceType": "Encounter", "id": "e2", "status": "finished", "class": {"code": "AMB"}, "subject": {"reference": "Patient/b"},
            "period": {"start": "2021-06-15"}}),
        json!({"resourceType": "ValueSet", "id": "v", "url": "http://x/fhir/ValueSet/v", "status": "active"}),
        json!({"resourceType": "List", "id": "l", "status": "current", "mode": "working", "entry": [{"item": {"reference": "Patient/b"}}]}),
        json!({"resourceType": "Basic", "id": "c", "code": {"text": "t"}, "subject": {"identifier": {"value": "7"}}}),
    ]
}

async fn filled() -> Place {
    let place = Place::new().await;
    for resource in resources() {
        put(&place, &resource).await;
    }
    place
}

/// Type and query; each is run on the index and compared with every document alone.
const SEARCHES: &[&str] = &[
    "Patient?family=mu",
    "Patient?family:exact=Müller",
    "Patient?family:exact=muller",
    "Patient?name:contains=ust",
    "Patient?name=bo,anna",
    "Patient?gender=female",
    "Patient?gender:not=female",
    "Patient?active=true",
    "Patient?active:missing=true",
    "Patient?deceased=false",
    "Patient?identifier=1",
    "Patient?identifier=urn:mrn|1",
    "Patient?identifier=|1",
    "Patient?identifier=urn:mrn|",
    "Patient?identifier=urn:none|1",
    "Patient?birthdate=1980",
    "Patient?birthdate=ge1980-05-17&birthdate=lt1990",
    "Patient?birthdate=gt1980-05-17",
    "Patient?birthdate=ne1990",
    "Patient?birthdate=le1990-06",
    "Patient?birthdate=ap1985",
    "Patient?birthdate=eb1990",
    "Patient?birthdate=sa1980",
    "Patient?organization=Organization/org",
    "Patient?organization=org",
    "Patient?organization:Organization=org",
    "Patient?organization=x",
    "Patient?link=Patient/a",
    "Patient?name:missing=false",
    "Patient?_filter=family co \"us\" or gender eq female",
    "Observation?code=w",
    "Observation?code=http://loinc.org|h",
    "Observation?code:text=display of h",
    "Observation?subject=Patient/a&code=w",
    "Observation?patient=b",
    "Observation?value-quantity=72",
    "Observation?value-quantity=70",
    "Observation?value-quantity=gt70.5",
    "Observation?value-quantity=le70.5||kg",
    "Observation?value-quantity=lt100|http://unitsofmeasure.org|kg",
    "Observation?value-quantity=72||kilogram",
    "Observation?value-quantity=72||g",
    "Observation?value-quantity=ap70",
    "Observation?value-quantity=ne72",
    "Observation?date=2021-06",
    "Observation?date=2021-06-01",
    "Observation?date=gt2021-06-01",
    "Observation?date=ge2021-06-01T22:00:00Z",
    "Observation?date=lt2021",
    "Observation?date=le2021-06-01",
    "Observation?date=sa2021-06",
    "Observation?date=eb2021-06-01T22:00:00Z",
    "Observation?code-value-quantity=w$gt71",
    "Observation?code-value-quantity=h$55",
    "Observation?code=w,h&status=final",
    "Encounter?date=2020",
    "Encounter?date=ge2021-06-20",
    "Encounter?date=lt2020",
    "Encounter?date=gt2021-01-01",
    "Encounter?date=sa2021-01-01",
    "Encounter?date=eb2021-06",
    "Encounter?class=AMB",
    "ValueSet?url=http://x/fhir/ValueSet/v",
    "ValueSet?url:below=http://x/fhir",
    "ValueSet?url:above=http://x/fhir/ValueSet/v/w",
    "ValueSet?url:below=http://x/fh",
    "Basic?subject:identifier=7",
    "Basic?subject:missing=false",
    "Patient?_content=clinic",
    "Organization?_content=clinic",
    "Patient?_filter=not (gender eq female)",
];

#[tokio::test]
async fn the_index_finds_what_documents_say_fits() {
    let place = filled().await;
    let mut found_some = 0;
    for case in SEARCHES {
        let (name, text) = case.split_once('?').unwrap();
        let query = parse(name, text);
        let mut expected: Vec<String> = resources()
            .iter()
            .filter(|resource| resource["resourceType"] == name)
            .filter(|resource| {
                let document = Document::parse(resource.to_string()).unwrap();
                query
                    .conditions
                    .iter()
                    .all(|condition| fits(&document, kind(name), condition, Now { ms: NOW_MS }).unwrap())
            })
            .map(|resource| resource["id"].as_str().unwrap().to_owned())
            .collect();
        expected.sort();
        found_some += usize::from(!expected.is_empty());
        let page = page(&place, &caller(), name, &format!("{text}&_total=accurate"))
            .await
            .unwrap_or_else(|error| panic!("{case}: {error}"));
        let mut found: Vec<String> = page.matches.iter().map(|version| version.id.clone()).collect();
        found.sort();
        assert_eq!(found, expected, "{case}");
        assert_eq!(page.total, Some(expected.len() as i64), "{case}");
    }
    assert!(found_some * 2 > SEARCHES.len());
}

#[tokio::test]
async fn links_are_followed_both_ways() {
    let place = filled().await;
    for (case, expected) in [
        ("Observation?subject.family=mull", "o1 o2"),
        ("Observation?subject:Patient.organization.name=clin", "o1 o2"),
        ("Observation?subject:Group.code=x", ""),
        ("Patient?_has:Observation:patient:code=h", "b"),
        ("Patient?_has:Observation:patient:date=2020", "a"),
        ("Organization?_has:Patient:organization:_has:Observation:patient:value-quantity=gt71", "org"),
        ("Patient?link:Patient._has:Encounter:patient:date=lt2020", "b"),
        ("Observation?subject.code-value-quantity=x$1", "!"),
        ("Patient?_has:Observation:patient:code-value-quantity=w$gt71", "a"),
        ("Patient?_list=l", "b"),
        ("Patient?_id=b,nope", "b"),
        ("Patient?_lastUpdated=ge2023-11-14T22:13:25Z", "b"),
        ("Patient?_lastUpdated=lt2023-11-14T22:13:25Z", "a"),
        ("Patient?_lastUpdated=2023-11-14T22:13:24Z", "a"),
    ] {
        let (name, text) = case.split_once('?').unwrap();
        if expected == "!" {
            let pairs = vec![("subject.code-value-quantity".to_owned(), "x$1".to_owned())];
            assert!(Query::parse(kind(name), &pairs, Unknown::Refused).is_err());
            continue;
        }
        assert_eq!(ids(&place, name, text).await, expected, "{case}");
    }
}

#[tokio::test]
async fn matches_come_in_order_and_by_pages() {
    let place = filled().await;
    for (text, expected) in [
        ("_sort=value-quantity", "o3 o1 o2 o4"),
        ("_sort=-date", "o3 o4 o2 o1"),
        ("_sort=code,-value-quantity", "o4 o2 o1 o3"),
        ("_sort=-_lastUpdated", "o4 o3 o2 o1"),
        ("_sort=-_id", "o4 o3 o2 o1"),
        ("_sort=method,_id", "o1 o2 o3 o4"),
    ] {
        let mut told = Vec::new();
        let mut after = None;
        loop {
            let parts = vec![(kind("Observation"), parse("Observation", &format!("{text}&_count=1")))];
            let page = place
                .store
                .search(&caller(), Search { parts, compartment: None, after, explain: false })
                .await
                .unwrap();
            assert_eq!(page.total, Some(4));
            told.extend(page.matches.iter().map(|version| version.id.clone()));
            // A cursor travels as text.
            after = page.next.map(|cursor| cursor.to_string().parse().unwrap());
            if after.is_none() {
                break;
            }
        }
        assert_eq!(told.join(" "), expected, "{text}");
    }
    let counted = page(&place, &caller(), "Observation", "_summary=count").await.unwrap();
    assert_eq!((counted.total, counted.matches.len()), (Some(4), 0));
    let parts = vec![(kind("Patient"), Query::default()), (kind("Observation"), Query::default())];
    let compartment = Some(("Patient".to_owned(), "a".to_owned()));
    let both = place.store.search(&caller(), Search { parts, compartment, after: None, explain: false }).await.unwrap();
    assert_eq!(
        both.matches.iter().map(datastore::Version::reference).collect::<Vec<_>>(),
        ["Patient/a", "Patient/b", "Observation/o1", "Observation/o2"]
    );
}

#[tokio::test]
async fn what_is_asked_for_comes_along() {
    let place = filled().await;
    for (name, text, expected) in [
        ("Observation", "_id=o1&_include=Observation:subject", "Patient/a"),
        (
            "Observation",
            "_id=o1&_include=Observation:subject&_include:iterate=Patient:organization",
            "Patient/a Organization/org",
        ),
        ("Observation", "_id=o1&_include=Observation:subject:Group", ""),
        ("Patient", "_id=a&_revinclude=Observation:patient", "Observation/o1 Observation/o2"),
        ("Patient", "_id=a&_revinclude=Encounter:*", "Encounter/e1"),
        ("Patient", "_id=b&_include=*", "Patient/a"),
        (
            "Organization",
            "_revinclude=Patient:organization&_revinclude:iterate=Encounter:patient",
            "Patient/a Encounter/e1",
        ),
    ] {
        let page = page(&place, &caller(), name, text).await.unwrap();
        let included: Vec<String> = page.included.iter().map(datastore::Version::reference).collect();
        assert_eq!(included.join(" "), expected, "{text}");
    }
}

#[tokio::test]
async fn the_index_follows_updates_and_deletions() {
    let place = filled().await;
    put(&place, &json!({"resourceType": "Patient", "id": "a", "name": [{"family": "Other"}]})).await;
    assert_eq!(ids(&place, "Patient", "family=mull").await, "");
    assert_eq!(ids(&place, "Patient", "family=other").await, "a");
    assert_eq!(ids(&place, "Observation", "subject.family=other").await, "o1 o2");
    place.store.delete(&caller(), kind("Patient"), "a", Match::Anything).await.unwrap();
    assert_eq!(ids(&place, "Patient", "family=other").await, "");
    assert_eq!(ids(&place, "Patient", "").await, "b");
    assert_eq!(ids(&place, "Observation", "subject.family=other").await, "");
    assert_eq!(ids(&place, "Observation", "subject=Patient/a").await, "o1 o2");
}

#[tokio::test]
async fn a_patients_token_sees_the_patients_own() {
    let place = filled().await;
    let permissions = Permissions::default().with(Permission::Read).with(Permission::Search);
    let grant = Grant { kind: None, permissions, patient: Some("a".into()), conditions: Vec::new() };
    let me = Caller { name: "a".into(), access: Access::Granted([grant].into()), ..Caller::default() };
    let seen = async |name, text| match page(&place, &me, name, text).await {
        Ok(page) => {
            page.matches.iter().chain(&page.included).map(datastore::Version::reference).collect::<Vec<_>>().join(" ")
        }
        Err(error) => format!("{:?}", error.kind()),
    };
    // b links to a, which puts b into the compartment of a.
    assert_eq!(seen("Patient", "").await, "Patient/a Patient/b");
    assert_eq!(seen("Observation", "").await, "Observation/o1 Observation/o2");
    assert_eq!(seen("Observation", "subject.family=muster").await, "");
    assert_eq!(seen("Patient", "_has:Observation:patient:code=h").await, "");
    assert_eq!(seen("Patient", "_id=b&_revinclude=Observation:patient").await, "Patient/b");
    assert_eq!(seen("Organization", "").await, "Denied");
    assert_eq!(seen("Patient", "_id=a&_include=Patient:organization").await, "Patient/a");
    assert_eq!(page(&place, &me, "Observation", "_summary=count").await.unwrap().total, Some(2));
    assert_eq!(place.store.read(&me, kind("Observation"), "o3").await.unwrap_err().kind(), Kind::NotFound);
    let denied = place.store.create(&me, kind("Observation"), body(&resources()[0])).await;
    assert_eq!(denied.unwrap_err().kind(), Kind::Denied);
}
