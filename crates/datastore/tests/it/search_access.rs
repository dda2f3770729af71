//! What a caller may not see has no influence on what they find: a search with a patient's token answers what it would if there
//! were only the resources that the token shows.

use datastore::{Access, Caller, Grant, Permission, Permissions, Version};
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
