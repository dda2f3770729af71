//! What a caller may not see has no influence on what they find: a search with a patient's token answers what it would if there
//! were only the resources that the token shows.

use datastore::{Access, Caller, Grant, Permission, Permissions, Version};
use fhir::search::query::Condition;
use serde_json::{Value, json};

use crate::place::{Place, caller, kind};
use crate::search_rows::{CASES, filled, read, search, table};

fn token(patient: &str, kinds: &[&str]) -> Caller {
    let permissions = Permissions::default().with(Permission::Read).with(Permission::Search);
    let grant = |name: &&str| Grant {
        kind: (*name != "*").then(|| kind(name)),
        permissions,
        patient: Some(patient.to_owned()),
        conditions: Vec::new(),
    };
    let grants: Vec<Grant> = kinds.iter().map(grant).collect();
    Caller { name: patient.into(), access: Access::Granted(grants.into()), ..Caller::default() }
}

/// All that a search tells: matches in their order, what comes along, how many there are; or that it is denied.
async fn told(place: &Place, caller: &Caller, text: &str) -> Value {
    let names = |versions: &[Version]| versions.iter().map(Version::reference).collect::<Vec<_>>();
    match place.store.search(caller, search(text).expect("a search")).await {
        Ok(page) => {
            let mut included = names(&page.included);
            included.sort();
            json!([names(&page.matches), included, page.total])
        }
        Err(error) => json!(format!("{:?}", error.kind())),
    }
}

#[tokio::test]
async fn a_token_finds_what_it_would_in_a_store_of_what_it_shows() {
    let mut with_matches = 0;
    for name in CASES {
        let case = read(name);
        let whole = filled(&case).await;
        for kinds in [&["*"][..], &["Patient", "Observation"], &["Observation"]] {
            for patient in ["p1", "p2", "anna", "f", "a"] {
                let me = token(patient, kinds);
                let mut shown = Vec::new();
                for resource in case["resources"].as_array().expect("resources") {
                    let (name, id) = (resource["resourceType"].as_str(), resource["id"].as_str());
                    let (name, id) = name.zip(id).expect("a resource");
                    if whole.store.read(&me, kind(name), id).await.is_ok() {
                        shown.push(resource.clone());
                    }
                }
                let part = filled(&json!({ "resources": shown })).await;
                for (query, _) in ["rows", "ordered", "included"].into_iter().flat_map(|rows| table(&case, rows)) {
                    let found = told(&whole, &me, query).await;
                    if found == "Denied" {
                        continue;
                    }
                    let expected = told(&part, &caller(), query).await;
                    assert_eq!(found, expected, "{patient} {kinds:?}: {query}");
                    with_matches += usize::from(found[0] != json!([]));
                }
            }
        }
    }
    assert!(with_matches > 200, "{with_matches}");
}

/// Whether a resource alone tells that it fits: what a scope's filter may be.
fn is_told(condition: &Condition) -> bool {
    match condition {
        Condition::Parameter { .. } | Condition::Missing { .. } => true,
        Condition::All(parts) | Condition::Any(parts) => parts.iter().all(is_told),
        Condition::Not(part) => is_told(part),
        _ => false,
    }
}

#[tokio::test]
async fn a_filter_of_a_scope_covers_the_same_in_reads_as_in_searches() {
    let (mut filters, mut covered) = (0, 0);
    for name in CASES {
        let case = read(name);
        let place = filled(&case).await;
        for (query, _) in table(&case, "rows") {
            let (of, asked) = search(query).expect("a search").parts.remove(0);
            if asked.conditions.is_empty() || !asked.conditions.iter().all(is_told) {
                continue;
            }
            let permissions = Permissions::default().with(Permission::Read).with(Permission::Search);
            let grant = Grant { kind: Some(of), permissions, patient: None, conditions: asked.conditions };
            let me = Caller { access: Access::Granted([grant].into()), ..Caller::default() };
            let type_name = fhir::definitions::Definitions::r4().name(of);
            let mut readable = Vec::new();
            for resource in case["resources"].as_array().expect("resources") {
                let id = resource["id"].as_str().expect("an id");
                if resource["resourceType"] == type_name && place.store.read(&me, of, id).await.is_ok() {
                    readable.push(format!("{type_name}/{id}"));
                }
            }
            covered += readable.len();
            filters += 1;
            readable.sort();
            let mut found = told(&place, &me, type_name).await[0].clone();
            if let Some(found) = found.as_array_mut() {
                found.sort_by_key(Value::to_string);
            }
            assert_eq!(found, json!(readable), "{query}");
        }
    }
    assert!(filters > 150 && covered > 200, "{filters} {covered}");
}
