//! Patches, cases as data: resource, operations, result.

use fhir::json::Document;
use fhir::patch::Patch;
use serde_json::{Value, json};

const PATIENT: &str = r#"{"resourceType":"Patient","birthDate":"1980","name":[{"use":"official","family":"A","given":["x","y","z"]},{"family":"B"}],
    "contact":[{"name":{"text":"old"}}],"extension":[{"url":"u","valueDecimal":1.10}]}"#;

fn apply(operations: &[Value]) -> Result<Value, String> {
    let operation = |parts: &Value| json!({"name": "operation", "part": parts});
    let parameters =
        json!({"resourceType": "Parameters", "parameter": operations.iter().map(operation).collect::<Vec<_>>()});
    let document = Document::parse(parameters.to_string()).expect("a document");
    let patch = Patch::from_resource(&document).map_err(|issue| issue.diagnostics)?;
    let changed = patch.apply(&Document::parse(PATIENT).expect("a document")).map_err(|issue| issue.diagnostics)?;
    Ok(serde_json::from_str(&changed).expect("JSON"))
}

fn parts(kind: &str, path: &str, rest: &[Value]) -> Value {
    let mut parts = vec![json!({"name": "type", "valueCode": kind}), json!({"name": "path", "valueString": path})];
    parts.extend(rest.iter().cloned());
    Value::from(parts)
}

#[test]
fn fhirpath_patches_change_what_the_path_leads_to() {
    let name = |text: &str| json!({"name": "name", "valueString": text});
    let number = |name: &str, number: u32| json!({"name": name, "valueInteger": number});
    let text = |text: &str| json!({"name": "value", "valueString": text});
    let cases = [
        (
            parts("add", "Patient", &[name("active"), json!({"name": "value", "valueBoolean": true})]),
            "/active",
            json!(true),
        ),
        (
            parts("add", "Patient", &[name("deceased"), json!({"name": "value", "valueDateTime": "2020"})]),
            "/deceasedDateTime",
            json!("2020"),
        ),
        (
            parts("add", "Patient.contact[0]", &[name("gender"), json!({"name": "value", "valueCode": "male"})]),
            "/contact/0/gender",
            json!("male"),
        ),
        (
            parts(
                "add",
                "Patient",
                &[
                    name("contact"),
                    json!({"name": "value", "part": [{"name": "name", "valueHumanName": {"text": "n"}}]}),
                ],
            ),
            "/contact",
            json!([{"name": {"text": "old"}}, {"name": {"text": "n"}}]),
        ),
        (
            parts("insert", "Patient.name[0].given", &[number("index", 1), text("q")]),
            "/name/0/given",
            json!(["x", "q", "y", "z"]),
        ),
        (parts("delete", "Patient.birthDate", &[]), "/birthDate", Value::Null),
        (parts("delete", "Patient.name.where(use = 'official').given[0]", &[]), "/name/0/given", json!(["y", "z"])),
        (parts("delete", "Patient.extension.where(url='u')", &[]), "/extension", Value::Null),
        (parts("delete", "Patient.gender", &[]), "/birthDate", json!("1980")),
        (
            parts("replace", "Patient.birthDate", &[json!({"name": "value", "valueDate": "1981"})]),
            "/birthDate",
            json!("1981"),
        ),
        (parts("replace", "Patient.contact[0].name.text", &[text("new")]), "/contact/0/name/text", json!("new")),
        (
            parts("replace", "Patient.extension('u').value", &[json!({"name": "value", "valueDecimal": 2})]),
            "/extension/0/valueDecimal",
            json!(2),
        ),
        (
            parts("move", "Patient.name[0].given", &[number("source", 2), number("destination", 0)]),
            "/name/0/given",
            json!(["z", "x", "y"]),
        ),
        (parts("replace", "Patient.name.last().family", &[text("C")]), "/name/1/family", json!("C")),
    ];
    for (operation, pointer, expected) in cases {
        let changed = apply(std::slice::from_ref(&operation)).unwrap_or_else(|error| panic!("{operation}: {error}"));
        assert_eq!(changed.pointer(pointer).unwrap_or(&Value::Null), &expected, "{operation}");
    }
    let untouched = apply(&[parts("delete", "Patient.birthDate", &[])]).unwrap();
    assert_eq!(untouched["extension"][0]["valueDecimal"].to_string(), "1.10");
}

#[test]
fn what_cannot_be_done_is_refused_with_its_place() {
    let text = || json!({"name": "value", "valueString": "x"});
    let name = |text: &str| json!({"name": "name", "valueString": text});
    let cases = [
        (parts("replace", "Patient.gender", &[text()]), "leads nowhere"),
        (parts("replace", "Patient.name", &[text()]), "leads to 2 elements"),
        (parts("delete", "Patient.name", &[]), "leads to 2 elements"),
        (parts("add", "Patient", &[name("nope"), text()]), "no element `nope`"),
        (parts("add", "Patient", &[name("birthDate"), text()]), "there already"),
        (
            parts("insert", "Patient.name[0].given", &[json!({"name": "index", "valueInteger": 9}), text()]),
            "behind the end",
        ),
        (
            parts(
                "move",
                "Patient.name[0].given",
                &[json!({"name": "source", "valueInteger": 3}), json!({"name": "destination", "valueInteger": 0})],
            ),
            "below 3",
        ),
        (parts("nope", "Patient", &[]), "`type` is"),
        (parts("delete", "Patient.name.count()", &[]), "not understood"),
        (json!([{"name": "type", "valueCode": "delete"}]), "`path` is missing"),
    ];
    for (operation, expected) in cases {
        let error = apply(std::slice::from_ref(&operation)).expect_err("it is refused");
        assert!(error.contains(expected), "{operation}: {error}");
    }
    assert!(Patch::from_json(b"{}").is_err() && Patch::from_json(b"[{\"op\":\"nope\"}]").is_err());
}
