//! A patient of an operational table becomes a FHIR R4 Patient.
//!
//! Enrichment of a pipe: an array of stream records in, an array of commands out, one for one:
//! `{"version", "source", "eventType", "correlationId", "details": {"command": "PUT", "entity": Patient}}`. Dates such as
//! `07-13-1991` (month first) and `1991-07-13` become FHIR dates; others are refused by the name of their field.

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use crate::image::{Refused, StreamRecord};

/// Converts a batch.
///
/// # Errors
/// The first record that makes no valid Patient.
pub fn handle(records: Vec<StreamRecord>) -> Result<Vec<Value>, Refused> {
    records.iter().map(one).collect()
}

fn one(record: &StreamRecord) -> Result<Value, Refused> {
    let item = record.item()?;
    Ok(json!({
        "version": "1.0",
        "source": "PatientTable",
        "eventType": "PatientChange",
        "correlationId": record.event_id,
        "details": {"command": "PUT", "entity": patient(record, &item)?},
    }))
}

fn patient(record: &StreamRecord, item: &Map<String, Value>) -> Result<Value, Refused> {
    let text = |field: &'static str| match item.get(field).and_then(Value::as_str) {
        Some(text) if !text.trim().is_empty() => Ok(text),
        _ => Err(record.refuse(field, "is missing or empty")),
    };
    let id = text("id")?;
    // FHIR R4, datatype id.
    if id.len() > 64 || !id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')) {
        return Err(record.refuse("id", "is not a FHIR id"));
    }
    let born =
        date(text("birthDate")?).ok_or_else(|| record.refuse("birthDate", "is not a date such as 07-13-1991"))?;
    let mut patient = json!({
        "resourceType": "Patient",
        "id": id,
        "name": [{"family": text("lastName")?, "given": [text("firstName")?]}],
        "birthDate": born,
    });
    match item.get("address") {
        None | Some(Value::Null) => {}
        Some(Value::Object(given)) => patient["address"] = json!([address(given)]),
        Some(_) => return Err(record.refuse("address", "is not a map")),
    }
    Ok(patient)
}

fn address(given: &Map<String, Value>) -> Value {
    let mut address = json!({"use": "home"});
    let text = |field: &str| given.get(field).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let lines: Vec<&str> = ["address1", "address2"].into_iter().filter_map(text).collect();
    if !lines.is_empty() {
        address["line"] = json!(lines);
    }
    for field in ["city", "state", "postalCode"] {
        if let Some(text) = text(field) {
            address[field] = json!(text);
        }
    }
    address
}

fn date(text: &str) -> Option<String> {
    // Both forms have two digits for month and day and four for the year.
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    let format = match shape.as_str() {
        "99-99-9999" => "%m-%d-%Y",
        "9999-99-99" => "%Y-%m-%d",
        _ => return None,
    };
    NaiveDate::parse_from_str(text, format).ok().map(|date| date.format("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(change: impl FnOnce(&mut Value)) -> Result<Value, Refused> {
        let mut image = json!({
            "id": {"S": "p-1"}, "firstName": {"S": "Ada"}, "lastName": {"S": "Nord"}, "birthDate": {"S": "07-13-1991"},
            "address": {"M": {"address1": {"S": "Storgata 1"}, "city": {"S": "Oslo"}, "postalCode": {"S": "0155"}}},
        });
        change(&mut image);
        let record = json!({"eventID": "e1", "eventName": "INSERT", "dynamodb": {"NewImage": image}});
        handle(vec![serde_json::from_value(record).unwrap()]).map(|commands| commands[0].clone())
    }

    #[test]
    fn an_item_becomes_a_command_with_a_patient() {
        assert_eq!(
            convert(|_| {}).unwrap(),
            json!({
                "version": "1.0", "source": "PatientTable", "eventType": "PatientChange", "correlationId": "e1",
                "details": {"command": "PUT", "entity": {
                    "resourceType": "Patient", "id": "p-1", "name": [{"family": "Nord", "given": ["Ada"]}],
                    "birthDate": "1991-07-13",
                    "address": [{"use": "home", "line": ["Storgata 1"], "city": "Oslo", "postalCode": "0155"}],
                }},
            })
        );
        assert!(
            convert(|image| _ = image.as_object_mut().unwrap().remove("address")).unwrap()["details"]["entity"]
                .get("address")
                .is_none()
        );
    }

    #[test]
    fn dates_are_real_days_in_one_of_two_forms() {
        for (text, expected) in [
            ("1991-07-13", Some("1991-07-13")),
            ("02-29-2024", Some("2024-02-29")),
            ("02-29-2023", None),
            ("13-07-1991", None),
            ("7-13-1991", None),
            ("1991", None),
            ("07/13/1991", None),
        ] {
            assert_eq!(date(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_makes_no_patient_is_refused_by_its_field_and_never_quoted() {
        for (field, value) in [
            ("birthDate", json!({"S": "secret-day"})),
            ("id", json!({"S": "a/b"})),
            ("firstName", json!({"S": " "})),
            ("lastName", json!({"N": "1"})),
            ("address", json!({"S": "Storgata"})),
        ] {
            let error = convert(|image| image[field] = value).unwrap_err();
            assert_eq!(error.field, field);
            assert!(!error.to_string().contains("secret"));
        }
    }
}
