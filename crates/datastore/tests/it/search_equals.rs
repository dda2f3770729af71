//! Random records and searches: what the index finds is what a plain matcher finds that knows nothing of it.
//!
//! The matcher reads the resources as JSON and has its own dates (days), numbers (thousandths) and texts.

use std::collections::BTreeMap;

use datastore::Match;
use datastore::search::Search;
use fhir::search::query::{Query, Unknown};
use serde_json::{Value, json};

use crate::place::{Place, body, caller, kind};

/// A seeded source of choices.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }
}

const DATES: [&str; 8] =
    ["1980", "1980-05", "1980-05-17", "1980-05-18", "1979-12-31", "1980-06", "1981-01-01", "2000-02"];
const FAMILIES: [&str; 5] = ["Ann", "Anna", "Ännchen", "bob B", "Zoe"];
const CODES: [(Option<&str>, &str); 4] = [(Some("s"), "a"), (Some("s"), "b"), (Some("t"), "a"), (None, "a")];
const VALUES: [&str; 6] = ["1", "1.5", "2", "10", "10.4", "-3"];
const GENDERS: [&str; 3] = ["male", "female", "other"];

fn patient(dice: &mut Dice, id: &str) -> Value {
    let mut resource = json!({"resourceType": "Patient", "id": id});
    if dice.roll(4) > 0 {
        resource["gender"] = json!(dice.pick(&GENDERS));
    }
    if dice.roll(4) > 0 {
        resource["birthDate"] = json!(dice.pick(&DATES));
    }
    let names: Vec<Value> = (0..dice.roll(3)).map(|_| json!({"family": dice.pick(&FAMILIES)})).collect();
    if !names.is_empty() {
        resource["name"] = json!(names);
    }
    resource
}

fn observation(dice: &mut Dice, id: &str) -> Value {
    let coding = |dice: &mut Dice| {
        let (system, code) = dice.pick(&CODES);
        system.map_or_else(|| json!({"code": code}), |system| json!({"system": system, "code": code}))
    };
    let codings: Vec<Value> = (0..=dice.roll(2)).map(|_| coding(dice)).collect();
    let mut resource = json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"coding": codings}});
    match dice.roll(4) {
        0 => {}
        1 => {
            let (start, end) = (dice.pick(&DATES[1..5]), dice.pick(&DATES[5..]));
            resource["effectivePeriod"] = json!({"start": start, "end": end});
        }
        2 => resource["effectivePeriod"] = json!({"start": dice.pick(&DATES)}),
        _ => resource["effectiveDateTime"] = json!(dice.pick(&DATES)),
    }
    if dice.roll(3) > 0 {
        let value: Value = serde_json::from_str(dice.pick(&VALUES)).expect("a number");
        resource["valueQuantity"] = json!({"value": value});
    }
    if dice.roll(4) > 0 {
        resource["subject"] = json!({"reference": format!("Patient/p{}", dice.roll(5))});
    }
    resource
}

type Records = BTreeMap<String, Value>;

/// Days since 1970-01-01 that a date begins and ends with, both included.
fn days(date: &str) -> (i64, i64) {
    let parts: Vec<i64> = date.split('-').map(|part| part.parse().expect("digits")).collect();
    let day = |year: i64, month: i64, day: i64| {
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 719_469
    };
    match parts.as_slice() {
        [y] => (day(*y, 1, 1), day(y + 1, 1, 1) - 1),
        [y, 12] => (day(*y, 12, 1), day(y + 1, 1, 1) - 1),
        [y, m] => (day(*y, *m, 1), day(*y, m + 1, 1) - 1),
        [y, m, d] => (day(*y, *m, *d), day(*y, *m, *d)),
        _ => panic!("no date"),
    }
}

/// Thousandths of a number, and half of its last digit's weight.
fn thousandths(number: &str) -> (i64, i64) {
    let fraction = number.split_once('.').map_or(0, |(_, fraction)| fraction.len() as u32);
    let digits: i64 = number.replace('.', "").parse().expect("digits");
    let weight = 1000 / 10_i64.pow(fraction);
    (digits * weight, weight / 2)
}

/// Whether a range fits another as its prefix says. Bounds are included.
fn fits(prefix: &str, (low, high): (i64, i64), (from, to): (i64, i64)) -> bool {
    let inside = from <= low && high <= to;
    match prefix {
        "" | "eq" => inside,
        "ne" => !inside,
        "gt" => high > to,
        "lt" => low < from,
        "ge" => high > to || inside,
        "le" => low < from || inside,
        "sa" => low > to,
        "eb" => high < from,
        _ => panic!("no prefix"),
    }
}

fn folded(text: &str) -> String {
    text.to_lowercase().replace('ä', "a")
}

type Fits = dyn Fn(&Value, &Records) -> bool;

/// One name and value of a search, and whether a resource of the type fits.
struct Ask {
    text: String,
    fits: Box<Fits>,
}

fn ask(text: String, fits: impl Fn(&Value, &Records) -> bool + 'static) -> Ask {
    Ask { text, fits: Box::new(fits) }
}

const PREFIXES: [&str; 9] = ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"];

fn ask_patient(dice: &mut Dice, depth: usize) -> Ask {
    match dice.roll(if depth > 1 { 6 } else { 8 }) {
        0 => {
            let wanted = dice.pick(&GENDERS);
            let not = dice.roll(2) == 0;
            let name = if not { "gender:not" } else { "gender" };
            ask(format!("{name}={wanted}"), move |patient, _| (patient["gender"] == wanted) != not)
        }
        1 => {
            let (a, b) = (dice.pick(&GENDERS), dice.pick(&GENDERS));
            ask(format!("gender={a},{b}"), move |patient, _| patient["gender"] == a || patient["gender"] == b)
        }
        2 => {
            let (prefix, date) = (dice.pick(&PREFIXES), dice.pick(&DATES));
            ask(format!("birthdate={prefix}{date}"), move |patient, _| {
                patient["birthDate"].as_str().is_some_and(|birth| fits(prefix, days(birth), days(date)))
            })
        }
        3 => {
            let wanted = dice.pick(&["an", "ann", "ÄNN", "bob", "b", "anna"]);
            let contains = dice.roll(2) == 0;
            let name = if contains { "family:contains" } else { "family" };
            ask(format!("{name}={wanted}"), move |patient, _| {
                families(patient).iter().any(|family| {
                    let (family, wanted) = (folded(family), folded(wanted));
                    if contains { family.contains(&wanted) } else { family.starts_with(&wanted) }
                })
            })
        }
        4 => {
            let wanted = dice.pick(&FAMILIES);
            ask(format!("name:exact={wanted}"), move |patient, _| families(patient).iter().any(|name| name == wanted))
        }
        5 => {
            let missing = dice.roll(2) == 0;
            ask(format!("birthdate:missing={missing}"), move |patient, _| patient["birthDate"].is_null() == missing)
        }
        _ => {
            let inner = ask_observation(dice, depth + 1);
            ask(format!("_has:Observation:patient:{}", inner.text), move |patient, records| {
                let me = format!("Patient/{}", patient["id"].as_str().expect("an id"));
                let mut referring = records.values().filter(|other| other["subject"]["reference"] == me.as_str());
                referring.any(|other| (inner.fits)(other, records))
            })
        }
    }
}

fn families(patient: &Value) -> Vec<String> {
    let names = patient["name"].as_array().into_iter().flatten();
    names.filter_map(|name| name["family"].as_str().map(str::to_owned)).collect()
}

fn ask_observation(dice: &mut Dice, depth: usize) -> Ask {
    match dice.roll(if depth > 1 { 5 } else { 7 }) {
        0 => {
            let (system, code) = dice.pick(&CODES);
            let form = dice.roll(3);
            let text = match (form, system) {
                (0, _) => code.to_owned(),
                (1, _) => format!("{}|{code}", system.unwrap_or_default()),
                (_, Some(system)) => format!("{system}|"),
                (_, None) => format!("|{code}"),
            };
            let wanted = text.clone();
            ask(format!("code={text}"), move |observation, _| {
                observation["code"]["coding"].as_array().into_iter().flatten().any(|coding| {
                    let (system, code) = (coding["system"].as_str().unwrap_or_default(), &coding["code"]);
                    match wanted.split_once('|') {
                        None => *code == wanted.as_str(),
                        Some((wanted, "")) => system == wanted,
                        Some((wanted, value)) => system == wanted && *code == value,
                    }
                })
            })
        }
        1 => {
            let (prefix, date) = (dice.pick(&PREFIXES), dice.pick(&DATES));
            ask(format!("date={prefix}{date}"), move |observation, _| {
                effective(observation).is_some_and(|range| fits(prefix, range, days(date)))
            })
        }
        // Two names cannot stand behind one link.
        2 if depth > 0 => ask("status=final".into(), |_, _| true),
        2 => {
            let (low, high) = (dice.pick(&DATES), dice.pick(&DATES));
            ask(format!("date=ge{low}&date=lt{high}"), move |observation, _| {
                effective(observation)
                    .is_some_and(|range| fits("ge", range, days(low)) && fits("lt", range, days(high)))
            })
        }
        3 => {
            let (prefix, number) = (dice.pick(&["", "gt", "lt", "ge", "le"]), dice.pick(&VALUES));
            ask(format!("value-quantity={prefix}{number}"), move |observation, _| {
                let value = &observation["valueQuantity"]["value"];
                let (wanted, half) = thousandths(number);
                !value.is_null() && {
                    let (value, _) = thousandths(&value.to_string());
                    match prefix {
                        "" => wanted - half <= value && value < wanted + half,
                        "gt" => value > wanted,
                        "lt" => value < wanted,
                        "ge" => value >= wanted,
                        _ => value <= wanted,
                    }
                }
            })
        }
        4 => {
            let wanted = format!("p{}", dice.roll(6));
            ask(format!("patient={wanted}"), move |observation, _| {
                observation["subject"]["reference"] == format!("Patient/{wanted}").as_str()
            })
        }
        _ => {
            let inner = ask_patient(dice, depth + 1);
            let link = dice.pick(&["subject:Patient", "patient"]);
            ask(format!("{link}.{}", inner.text), move |observation, records| {
                let target = observation["subject"]["reference"].as_str().and_then(|target| records.get(target));
                target.is_some_and(|target| (inner.fits)(target, records))
            })
        }
    }
}

fn effective(observation: &Value) -> Option<(i64, i64)> {
    if let Some(date) = observation["effectiveDateTime"].as_str() {
        return Some(days(date));
    }
    let period = observation["effectivePeriod"].as_object()?;
    let bound = |name: &str| period.get(name).and_then(Value::as_str).map(days);
    Some((bound("start").map_or(i64::MIN, |(low, _)| low), bound("end").map_or(i64::MAX, |(_, high)| high)))
}

/// All pages of a search; what stands on them is told once and in all.
async fn found(place: &Place, name: &str, text: &str, count: usize) -> Vec<String> {
    let pairs: Vec<(String, String)> =
        text.split('&').filter_map(|pair| pair.split_once('=')).map(|(a, b)| (a.into(), b.into())).collect();
    let mut query =
        Query::parse(kind(name), &pairs, Unknown::Refused).unwrap_or_else(|error| panic!("{text}: {error}"));
    query.options.count = Some(count);
    let mut search = Search { parts: vec![(kind(name), query)], compartment: None, after: None, explain: false };
    let mut ids = Vec::new();
    loop {
        let page = place.store.search(&caller(), search.clone()).await.expect("a page");
        ids.extend(page.matches.iter().map(datastore::Version::reference));
        if page.next.is_none() {
            assert_eq!(page.total, Some(ids.len() as i64), "{text}");
            return ids;
        }
        search.after = page.next;
    }
}

#[tokio::test]
async fn the_index_finds_what_a_plain_matcher_finds() {
    let mut dice = Dice(20_261_127);
    let place = Place::new().await;
    let mut records = Records::new();
    let mut searches_with_matches = 0;
    for round in 0..300 {
        let is_patient = dice.roll(3) == 0;
        let (name, id) = if is_patient {
            ("Patient", format!("p{}", dice.roll(5)))
        } else {
            ("Observation", format!("o{}", dice.roll(30)))
        };
        let reference = format!("{name}/{id}");
        if dice.roll(8) == 0 {
            place.store.delete(&caller(), kind(name), &id, Match::Anything).await.expect("a deletion");
            records.remove(&reference);
        } else {
            let resource = if is_patient { patient(&mut dice, &id) } else { observation(&mut dice, &id) };
            place.store.update(&caller(), kind(name), &id, body(&resource), Match::Anything).await.expect("a resource");
            records.insert(reference, resource);
        }
        for _ in 0..5 {
            let name = dice.pick(&["Patient", "Observation"]);
            let asked: Vec<Ask> = (0..=dice.roll(3))
                .map(|_| if name == "Patient" { ask_patient(&mut dice, 0) } else { ask_observation(&mut dice, 0) })
                .collect();
            let mut text = asked.iter().map(|ask| ask.text.as_str()).collect::<Vec<_>>().join("&");
            let sort =
                dice.pick(&["", "", "&_sort=-_lastUpdated", "&_sort=_id", "&_sort=-date,_id", "&_sort=birthdate"]);
            if !(sort.contains("date") && (name == "Patient") != sort.contains("birth")) {
                text.push_str(sort);
            }
            let fits = |(_, resource): &(&String, &Value)| {
                resource["resourceType"] == name && asked.iter().all(|ask| (ask.fits)(resource, &records))
            };
            let mut expected: Vec<String> = records.iter().filter(fits).map(|(id, _)| id.clone()).collect();
            expected.sort();
            let mut found = found(&place, name, &text, 1 + dice.roll(4)).await;
            if sort == "&_sort=_id" {
                assert!(found.is_sorted(), "round {round}: {name}?{text}: {found:?}");
            }
            found.sort();
            assert_eq!(found, expected, "round {round}: {name}?{text}");
            searches_with_matches += usize::from(!expected.is_empty());
        }
    }
    assert!(searches_with_matches > 300, "{searches_with_matches}");
}
