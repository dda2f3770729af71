//! What of a resource can be searched for: cases by parameter type.

use fhir::definitions::Definitions;
use fhir::json::Document;
use fhir::search::{Value, date, extract};

/// Values as text: `code=system|code`.
fn check(source: &str, expected: &[&str]) {
    let document = Document::parse(source.to_owned()).expect("a document");
    let kind = document.root().get("resourceType").and_then(|kind| kind.as_str()).expect("a type");
    let definitions = Definitions::r4();
    let resource = definitions.resource(&kind).expect("a resource type");
    let text = |value: &Value<'_>| match value {
        Value::Token { system, code } => format!("{}|{code}", system.as_deref().unwrap_or_default()),
        Value::String(text) | Value::Reference(text) | Value::Uri(text) => text.to_string(),
        Value::Identifier { system, code } => format!("~{}|{code}", system.as_deref().unwrap_or_default()),
        Value::Date(range) => format!("{}..{}", bound(range.low), bound(range.high)),
        Value::Quantity { low, high, system, code, unit } => {
            let part = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().unwrap_or_default().to_owned();
            format!("{low}..{high} {}|{} {}", part(system), part(code), part(unit))
        }
        Value::Number { low, high } => format!("{low}..{high}"),
    };
    let code = |number| definitions.parameter(number).map_or("", |parameter| &*parameter.code);
    let mut found: Vec<String> = extract(&document, resource)
        .iter()
        .map(|entry| format!("{}={}", code(entry.parameter), text(&entry.value)))
        .collect();
    found.sort();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

fn bound(ms: i64) -> String {
    match ms {
        date::BEGINNING | date::END => "*".into(),
        ms => date::write_instant(ms).replace(":00.000Z", "").replace("T00:00", ""),
    }
}

#[test]
fn a_patients_names_numbers_and_addresses() {
    check(
        r##"{"resourceType":"Patient","id":"1","meta":{"lastUpdated":"2020-01-01T00:00:00Z","tag":[{"system":"s","code":"t"}]},
        "active":true,"identifier":[{"system":"u","value":"7"}],"name":[{"family":"Müller","given":["Anna","B"]}],
        "telecom":[{"system":"phone","value":"1"},{"system":"email","value":"a@b"}],"gender":"female","birthDate":"2020",
        "generalPractitioner":[{"reference":"Practitioner/2"}],"managingOrganization":{"identifier":{"value":"o"}},
        "address":[{"city":"Bern","postalCode":"3000"}]}"##,
        &[
            "_tag=s|t",
            "active=http://terminology.hl7.org/CodeSystem/special-values|true",
            "address=Bern",
            "address=3000",
            "address-city=Bern",
            "address-postalcode=3000",
            "birthdate=2020-01-01..2020-12-31T23:59:59.999Z",
            "deceased=http://terminology.hl7.org/CodeSystem/special-values|false",
            "email=email|a@b",
            "family=Müller",
            "gender=http://hl7.org/fhir/administrative-gender|female",
            "general-practitioner=Practitioner/2",
            "given=Anna",
            "given=B",
            "identifier=u|7",
            "name=Müller",
            "name=Anna",
            "name=B",
            "organization=~|o",
            "phone=phone|1",
            "phonetic=Müller",
            "phonetic=Anna",
            "phonetic=B",
            "telecom=phone|1",
            "telecom=email|a@b",
        ],
    );
}

#[test]
fn an_observations_values_and_components() {
    check(
        r##"{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"l","code":"c"}]},
        "subject":{"reference":"Patient/1"},"effectivePeriod":{"start":"2020-01-01"},
        "valueQuantity":{"value":1.50,"unit":"mg","system":"http://unitsofmeasure.org","code":"mg"},
        "component":[{"code":{"coding":[{"code":"x"}]},"valueCodeableConcept":{"coding":[{"code":"y"}]}}]}"##,
        &[
            "code=l|c",
            "combo-code=l|c",
            "combo-code=|x",
            "combo-value-concept=|y",
            "combo-value-quantity=1.5..1.5 http://unitsofmeasure.org|mg mg",
            "component-code=|x",
            "component-value-concept=|y",
            "date=2020-01-01..*",
            "patient=Patient/1",
            "status=http://hl7.org/fhir/observation-status|final",
            "subject=Patient/1",
            "value-quantity=1.5..1.5 http://unitsofmeasure.org|mg mg",
        ],
    );
}

#[test]
fn a_death_is_a_death_by_any_word() {
    for (deceased, found) in [
        (r#""deceasedBoolean":false"#, "false"),
        (r#""deceasedBoolean":true"#, "true"),
        (r#""language":"de""#, "false"),
    ] {
        let source = format!(r#"{{"resourceType":"Patient",{deceased}}}"#);
        let expected = if deceased.contains("language") {
            vec!["deceased=http://terminology.hl7.org/CodeSystem/special-values|false", "language=|de"]
        } else {
            vec![]
        };
        if expected.is_empty() {
            check(&source, &[&format!("deceased=http://terminology.hl7.org/CodeSystem/special-values|{found}")]);
        } else {
            let document = Document::parse(source).expect("a document");
            let patient = Definitions::r4().resource("Patient").expect("a type");
            assert!(
                extract(&document, patient)
                    .iter()
                    .any(|entry| matches!(&entry.value, Value::Token { code, .. } if code == found))
            );
        }
    }
    check(
        r#"{"resourceType":"Patient","deceasedDateTime":"2020-01-01T10:00:00Z"}"#,
        &[
            "death-date=2020-01-01T10:00..2020-01-01T10:00:00.999Z",
            "deceased=http://terminology.hl7.org/CodeSystem/special-values|true",
        ],
    );
}
