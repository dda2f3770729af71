//! Functions that are a jq expression: runtime `watershed.jq`, the handler is the expression, there is no code.
//!
//! They are evaluated here, so they have neither a process nor a log. An error of the expression is a function error.

use bytes::Bytes;
use expr::Transform;
use serde_json::json;

use crate::Error;

/// # Errors
/// `Invalid` when the expression cannot be compiled.
pub(crate) fn check(expression: &str) -> Result<(), Error> {
    match Transform::parse(expression) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::Invalid(format!("Handler is no jq expression that can be used: {error}"))),
    }
}

/// The expression's value of a payload, or the error as the caller of a function sees it.
pub(crate) fn evaluate(expression: &str, payload: &[u8]) -> Result<Bytes, Bytes> {
    let value = Transform::parse(expression).and_then(|transform| transform.apply(payload));
    value.map(Bytes::from).map_err(|error| {
        let body = json!({"errorType": "Watershed.Expression", "errorMessage": error.to_string(), "stackTrace": []});
        Bytes::from(body.to_string())
    })
}
