//! A table that holds several types of items becomes events by type: `PatientInsert`, `AddressModify`.
//!
//! Enrichment of a pipe: an array of stream records in, an array of `{"eventType", "eventId", "body"}` out, one for one.

use serde_json::{Value, json};

use crate::image::{Refused, StreamRecord};

const TYPES: [&str; 2] = ["Patient", "Address"];

/// Splits a batch.
///
/// # Errors
/// The first record that is of another type, or was removed.
pub fn handle(records: Vec<StreamRecord>) -> Result<Vec<Value>, Refused> {
    records.iter().map(one).collect()
}

fn one(record: &StreamRecord) -> Result<Value, Refused> {
    let item = record.item()?;
    let kind = item.get("itemType").and_then(Value::as_str).filter(|kind| TYPES.contains(kind));
    let kind = kind.ok_or_else(|| record.refuse("itemType", "is not a known type"))?;
    let change = match record.event_name.as_str() {
        "INSERT" => "Insert",
        "MODIFY" => "Modify",
        _ => return Err(record.refuse("eventName", "is neither INSERT nor MODIFY")),
    };
    Ok(json!({"eventType": format!("{kind}{change}"), "eventId": record.event_id, "body": item}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(event: &str, kind: Value, expected: Result<&str, &str>) {
        let image = json!({"id": {"S": "1"}, "itemType": kind});
        let record = json!({"eventID": "e1", "eventName": event, "dynamodb": {"NewImage": image}});
        let answer = handle(vec![serde_json::from_value(record).unwrap()]);
        let answer = answer.map(|events| events[0]["eventType"].as_str().unwrap().to_owned());
        assert_eq!(answer.as_deref().map_err(|error| error.field.as_str()), expected);
    }

    #[test]
    fn the_type_and_the_change_make_the_name() {
        check("INSERT", json!({"S": "Patient"}), Ok("PatientInsert"));
        check("MODIFY", json!({"S": "Address"}), Ok("AddressModify"));
        check("INSERT", json!({"S": "Invoice"}), Err("itemType"));
        check("INSERT", json!({"N": "1"}), Err("itemType"));
        check("REMOVE", json!({"S": "Patient"}), Err("eventName"));
    }
}
