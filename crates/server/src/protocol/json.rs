//! AWS JSON 1.0 and 1.1 bodies (Smithy `awsJson1_0`, `awsJson1_1`), shared with REST JSON.

use serde_json::{Map, Value};

use crate::AwsError;

/// An object from a body; an empty body is `{}`. The parser refuses more than 127 levels of nesting.
///
/// # Errors
/// `SerializationException`, without a piece of the body.
pub(crate) fn decode(body: &[u8]) -> Result<Value, AwsError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(Map::new()));
    }
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(AwsError::serialization("the request body must be a JSON object")),
        Err(error) => Err(AwsError::serialization(format!(
            "the request body is not valid JSON or too deeply nested. line={} column={}",
            error.line(),
            error.column()
        ))),
    }
}

/// The body of an error: `__type`, both spellings of the message, and the members.
pub(crate) fn error_body(error: &AwsError) -> Vec<u8> {
    let mut object = Map::new();
    object.insert("__type".into(), error.code.clone().into());
    object.insert("message".into(), error.message.clone().into());
    object.insert("Message".into(), error.message.clone().into());
    object.extend(error.members.clone());
    Value::Object(object).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_objects_only() {
        for (body, ok) in [
            ("", true),
            (" \n", true),
            ("{}", true),
            ("{\"a\":1.10}", true),
            ("[]", false),
            ("null", false),
            ("{", false),
            ("{} x", false),
            ("\u{1}", false),
        ] {
            assert_eq!(decode(body.as_bytes()).is_ok(), ok, "{body:?}");
        }
    }

    #[test]
    fn refuses_deep_nesting() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(decode(deep.as_bytes()).unwrap_err().code, "SerializationException");
    }

    #[test]
    fn error_carries_both_spellings_and_members() {
        let error = AwsError::validation("bad").with("Item", 1);
        let body: Value = serde_json::from_slice(&error_body(&error)).unwrap();
        assert_eq!(
            body,
            serde_json::json!({"__type": "ValidationException", "message": "bad", "Message": "bad", "Item": 1})
        );
    }
}
