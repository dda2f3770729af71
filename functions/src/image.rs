//! DynamoDB stream records, and their images as plain JSON.

use lambda_runtime::Diagnostic;
use serde::Deserialize;
use serde_json::{Map, Number, Value};

/// A record of a table's stream, as far as the functions here read it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamRecord {
    #[serde(rename = "eventID")]
    pub event_id: String,
    /// `INSERT`, `MODIFY` or `REMOVE`.
    pub event_name: String,
    pub dynamodb: Change,
}

/// The change itself.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Change {
    pub new_image: Option<Map<String, Value>>,
}

/// Why a record could not be used. The path is that of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}. record=`{record}`, field=`{field}`")]
pub struct Refused {
    /// The record's `eventID`.
    pub record: String,
    pub field: String,
    pub reason: &'static str,
}

/// The field is a part of the error's type, which is what pipes and their dead letters tell of an error.
impl From<Refused> for Diagnostic {
    fn from(refused: Refused) -> Diagnostic {
        Diagnostic { error_type: format!("Refused.{}", refused.field), error_message: refused.to_string() }
    }
}

impl StreamRecord {
    /// An error about one of its fields.
    pub fn refuse(&self, field: impl Into<String>, reason: &'static str) -> Refused {
        Refused { record: self.event_id.clone(), field: field.into(), reason }
    }

    /// The new image, without types: `{"id": {"S": "1"}}` is `{"id": "1"}`. Numbers keep all their digits; sets become
    /// arrays, binary values stay base64.
    ///
    /// # Errors
    /// When there is no new image, or a value of it is none.
    pub fn item(&self) -> Result<Map<String, Value>, Refused> {
        let image = self.dynamodb.new_image.as_ref().ok_or_else(|| self.refuse("NewImage", "is missing"))?;
        image.iter().map(|(name, value)| Ok((name.clone(), self.plain(name, value)?))).collect()
    }

    // A stored item is at most 32 levels deep.
    fn plain(&self, path: &str, value: &Value) -> Result<Value, Refused> {
        let refused = || self.refuse(path, "is not an attribute value");
        let (kind, value) = value.as_object().and_then(|value| value.iter().next()).ok_or_else(refused)?;
        Ok(match (kind.as_str(), value) {
            ("S" | "B", Value::String(_)) | ("BOOL", Value::Bool(_)) | ("SS" | "BS", Value::Array(_)) => value.clone(),
            ("NULL", _) => Value::Null,
            ("N", Value::String(number)) => number_of(number).ok_or_else(refused)?,
            ("NS", Value::Array(numbers)) => {
                let number = |number: &Value| number.as_str().and_then(number_of).ok_or_else(refused);
                Value::Array(numbers.iter().map(number).collect::<Result<_, _>>()?)
            }
            ("L", Value::Array(items)) => {
                let item = |(index, item)| self.plain(&format!("{path}[{index}]"), item);
                Value::Array(items.iter().enumerate().map(item).collect::<Result<_, _>>()?)
            }
            ("M", Value::Object(members)) => {
                let member =
                    |(name, value): (&String, _)| Ok((name.clone(), self.plain(&format!("{path}.{name}"), value)?));
                Value::Object(members.iter().map(member).collect::<Result<_, _>>()?)
            }
            _ => return Err(refused()),
        })
    }
}

fn number_of(text: &str) -> Option<Value> {
    text.parse::<Number>().ok().map(Value::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(image: Value) -> Result<Value, Refused> {
        let record = json!({"eventID": "e1", "eventName": "INSERT", "dynamodb": {"NewImage": image}});
        serde_json::from_value::<StreamRecord>(record).unwrap().item().map(Value::Object)
    }

    #[test]
    fn images_lose_their_types_and_nothing_else() {
        let image = json!({
            "s": {"S": ""}, "n": {"N": "12345678901234567890.1234567890123456789"}, "b": {"BOOL": false}, "z": {"NULL": true},
            "m": {"M": {"l": {"L": [{"N": "1"}, {"S": "x"}]}}}, "ns": {"NS": ["1", "2.50"]},
        });
        let expected = r#"{"s":"","n":12345678901234567890.1234567890123456789,"b":false,"z":null,"m":{"l":[1,"x"]},"ns":[1,2.50]}"#;
        assert_eq!(item(image).unwrap(), serde_json::from_str::<Value>(expected).unwrap());
    }

    #[test]
    fn what_is_no_attribute_value_is_named_by_its_path() {
        let error = item(json!({"m": {"M": {"l": {"L": [{"N": "1"}, {"X": "secret"}]}}}})).unwrap_err();
        assert_eq!(error.to_string(), "is not an attribute value. record=`e1`, field=`m.l[1]`");
        assert_eq!(item(Value::Null).unwrap_err().field, "NewImage");
    }
}
