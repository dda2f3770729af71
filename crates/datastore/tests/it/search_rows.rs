//! Searches as data: `tests/cases/search/*.json` hold resources, and for each query the ids that match.
//!
//! `rows` are compared as sets, `ordered` in their order, `included` by what comes along; `refused` by a part of the reason.

use std::path::Path;

use datastore::search::{Page, Search};
use datastore::{Error, Match};
use fhir::search::query::{Query, Unknown};
use serde_json::{Map, Value, json};

use crate::place::{Place, body, caller, kind};

pub const CASES: [&str; 7] = ["string", "token", "date", "number", "reference", "meta", "include"];

/// A case by its name.
pub fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cases/search/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("a case")).expect("JSON")
}

pub async fn filled(case: &Value) -> Place {
    let place = Place::new().await;
    for resource in case["resources"].as_array().expect("resources") {
        let (name, id) = (resource["resourceType"].as_str().expect("a type"), resource["id"].as_str().expect("an id"));
        place.store.update(&caller(), kind(name), id, body(resource), Match::Anything).await.expect("a resource");
        place.clock.advance_ms(1000);
    }
    place
}

/// What `Type?name=value&…` asks, with nothing encoded.
pub fn search(text: &str) -> Result<Search, Error> {
    let (name, query) = text.split_once('?').unwrap_or((text, ""));
    let pairs: Vec<(String, String)> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let parts = vec![(kind(name), Query::parse(kind(name), &pairs, Unknown::Refused)?)];
    Ok(Search { parts, compartment: None, after: None, explain: false })
}

async fn ask(place: &Place, text: &str) -> Result<Page, Error> {
    place.store.search(&caller(), search(text)?).await
}

/// The ids on all pages of two.
async fn paged(place: &Place, text: &str) -> Result<Vec<String>, Error> {
    let mut search = search(text)?;
    for (_, query) in &mut search.parts {
        query.options.count = Some(2);
    }
    let mut ids = Vec::new();
    loop {
        let page = place.store.search(&caller(), search.clone()).await?;
        ids.extend(page.matches.iter().map(|version| version.id.clone()));
        let Some(next) = page.next else { return Ok(ids) };
        search.after = Some(next.to_string().parse()?);
    }
}

pub fn table<'a>(case: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    case[name].as_object().into_iter().flat_map(Map::iter)
}

fn list(ids: &Value) -> Vec<String> {
    ids.as_array().expect("ids").iter().map(|id| id.as_str().expect("an id").to_owned()).collect()
}

/// Checks all rows of a case; what is wrong is told at once.
async fn check(name: &str) -> Vec<String> {
    let case = read(name);
    let place = filled(&case).await;
    let mut wrong = Vec::new();
    for (is_ordered, rows) in [(false, "rows"), (true, "ordered")] {
        for (query, expected) in table(&case, rows) {
            match ask(&place, query).await {
                Ok(page) => {
                    let mut found: Vec<String> = page.matches.iter().map(|version| version.id.clone()).collect();
                    let paged = paged(&place, query).await.expect("pages");
                    if paged != found {
                        wrong.push(format!("{query}\n   on one page {found:?}\n   on many     {paged:?}"));
                    }
                    if !is_ordered {
                        found.sort();
                    }
                    if found != list(expected) || page.total != Some(found.len() as i64) {
                        wrong.push(format!("{query}\n   found {found:?} of {:?}\n   not   {expected}", page.total));
                    }
                }
                Err(error) => wrong.push(format!("{query}: {error}")),
            }
        }
    }
    for (query, expected) in table(&case, "included") {
        match ask(&place, query).await {
            Ok(page) => {
                let mut found: Vec<String> = page.included.iter().map(datastore::Version::reference).collect();
                found.sort();
                if found != list(expected) {
                    wrong.push(format!("{query}\n   came along {found:?}\n   not        {expected}"));
                }
            }
            Err(error) => wrong.push(format!("{query}: {error}")),
        }
    }
    for (query, expected) in table(&case, "refused") {
        match ask(&place, query).await {
            Ok(_) => wrong.push(format!("{query}: not refused")),
            Err(error) if error.to_string().contains(expected.as_str().expect("a reason")) => {}
            Err(error) => wrong.push(format!("{query}: {error}, not {expected}")),
        }
    }
    wrong
}

#[tokio::test]
async fn every_row_finds_what_it_says() {
    let mut wrong = Vec::new();
    for name in CASES {
        wrong.extend(check(name).await);
    }
    assert!(wrong.is_empty(), "{} rows\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn a_type_without_the_parameter_has_no_match() {
    let place = filled(&read("reference")).await;
    for (pairs, expected) in [
        (vec![("gender", "male")], vec!["Patient/p2"]),
        (vec![("gender", "male"), ("code", "hr")], vec![]),
        (vec![("_id", "p2,b1")], vec!["Patient/p2", "Observation/b1"]),
        (vec![("nothing", "x"), ("_id", "p2")], vec!["Patient/p2"]),
    ] {
        let pairs: Vec<(String, String)> = pairs.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
        let parts = ["Patient", "Observation"]
            .map(|name| (kind(name), Query::parse(kind(name), &pairs, Unknown::Ignored).expect("a query")));
        let search = Search { parts: parts.to_vec(), compartment: None, after: None, explain: false };
        let page = place.store.search(&caller(), search).await.expect("a page");
        let found: Vec<String> = page.matches.iter().map(datastore::Version::reference).collect();
        assert_eq!(found, expected, "{pairs:?}");
        assert_eq!(page.total, Some(expected.len() as i64));
    }
}

#[tokio::test]
async fn pages_go_on_where_they_ended_whatever_changes() {
    let named = |id: &str, family: &str| json!({"resourceType": "Patient", "id": id, "name": [{"family": family}]});
    let all: Vec<Value> = ["a", "b", "c", "d", "e", "f"].iter().map(|id| named(id, id)).collect();
    for sort in ["", "&_sort=family", "&_sort=family,-_id", "&_sort=_lastUpdated", "&_sort=_id"] {
        let place = filled(&json!({ "resources": all })).await;
        let mut search = search(&format!("Patient?_count=2{sort}")).expect("a search");
        let ids = |page: &Page| page.matches.iter().map(|version| version.id.clone()).collect::<Vec<_>>();
        let first = place.store.search(&caller(), search.clone()).await.expect("a page");
        assert_eq!(ids(&first), ["a", "b"], "{sort}");
        place.clock.advance_ms(1000);
        // The last match moves behind all others, the first one goes, and one comes before the page's end.
        for (id, family) in [("b", "z"), ("0", "a0")] {
            let changed = body(&named(id, family));
            place.store.update(&caller(), kind("Patient"), id, changed, Match::Anything).await.expect("a resource");
        }
        place.store.delete(&caller(), kind("Patient"), "a", Match::Anything).await.expect("a deletion");
        search.after = first.next;
        let mut rest = Vec::new();
        loop {
            let page = place.store.search(&caller(), search.clone()).await.expect("a page");
            rest.extend(ids(&page));
            let Some(next) = page.next else { break };
            search.after = Some(next);
        }
        rest.retain(|id| !["b", "0"].contains(&id.as_str()));
        assert_eq!(rest, ["c", "d", "e", "f"], "{sort}");
    }
}

#[tokio::test]
async fn several_types_have_one_order() {
    let place = filled(&read("reference")).await;
    for (sort, count) in [("_id", 3), ("-_id", 1), ("_id", 100)] {
        let pairs = vec![("_sort".to_owned(), sort.to_owned()), ("_count".to_owned(), count.to_string())];
        let part = |name| (kind(name), Query::parse(kind(name), &pairs, Unknown::Refused).expect("a query"));
        let parts = ["Observation", "Patient", "Organization"].map(part).to_vec();
        let mut search = Search { parts, compartment: None, after: None, explain: false };
        let mut found = Vec::new();
        loop {
            let page = place.store.search(&caller(), search.clone()).await.expect("a page");
            assert_eq!(page.total, Some(13));
            found.extend(page.matches.into_iter().map(|version| version.id));
            let Some(next) = page.next else { break };
            search.after = Some(next);
        }
        let mut expected = found.clone();
        expected.sort();
        if sort == "-_id" {
            expected.reverse();
        }
        assert_eq!((found.len(), &found), (13, &expected));
    }
}

#[tokio::test]
async fn the_largest_searches_are_answered() {
    let place = filled(&read("token")).await;
    let many = |name: &str, value: fn(usize) -> String| {
        let values: Vec<String> = (0..1000).map(value).collect();
        format!("Patient?{name}={}", values.join(","))
    };
    let filter = |join: &str| vec!["(gender eq male)"; 200].join(join);
    let deep = format!("{}gender eq male{}", "not (".repeat(20), ")".repeat(20));
    let anded = format!("Patient?{}", vec!["gender=male"; 200].join("&"));
    for (text, found) in [
        (many("identifier", |at| format!("urn:ssn|{at}")), 2),
        (many("identifier", |at| at.to_string()), 2),
        (many("identifier:not", |at| at.to_string()), 1),
        (many("family", |at| format!("f{at}")), 0),
        (many("birthdate", |at| format!("{}", 1000 + at)), 0),
        (many("_id", |at| format!("m{at}")), 0),
        (many("organization", |at| format!("o{at}")), 0),
        (many("_lastUpdated", |at| format!("{}", 1500 + at)), 3),
        (many("_has:Observation:patient:code", |at| at.to_string()), 0),
        (many("link:Patient.identifier", |at| at.to_string()), 0),
        (many("_has:Observation:patient:code-value-quantity", |at| format!("{at}$1")), 0),
        (format!("Patient?_filter={}", filter(" and ")), 1),
        (format!("Patient?_filter={}", filter(" or ")), 1),
        (format!("Patient?_filter={deep}"), 1),
        (anded, 1),
    ] {
        let page = ask(&place, &text).await.unwrap_or_else(|error| panic!("{:.60}: {error}", text));
        assert_eq!(page.matches.len(), found, "{text:.60}");
    }
}
