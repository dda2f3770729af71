//! Functions that are an expression: runtime `watershed.jq` or `watershed.jsonata`, the handler is the expression, there is no
//! code.
//!
//! They are evaluated here, so they have neither a process nor a log. An error of the expression is a function error.

use std::time::Duration;

use bytes::Bytes;
use expr::{Jsonata, Transform};
use serde_json::json;

use crate::Error;
use crate::configuration::{Configuration, RUNTIME_JSONATA};

/// # Errors
/// `Invalid` when the expression cannot be compiled.
pub(crate) fn check(runtime: &str, expression: &str) -> Result<(), Error> {
    let (language, checked) = match runtime {
        RUNTIME_JSONATA => ("JSONata", Jsonata::parse(expression).map(drop)),
        _ => ("jq", Transform::parse(expression).map(drop)),
    };
    checked.map_err(|error| Error::Invalid(format!("Handler is no {language} expression that can be used: {error}")))
}

/// An expression to be evaluated.
pub(crate) struct Expression {
    is_jsonata: bool,
    text: String,
    /// The function's timeout. jq expressions cannot run without end.
    time: Duration,
}

impl Expression {
    pub fn of(configuration: &Configuration) -> Expression {
        Expression {
            is_jsonata: configuration.runtime == RUNTIME_JSONATA,
            text: configuration.handler.clone(),
            time: Duration::from_secs(configuration.timeout.into()),
        }
    }

    /// The expression's value of a payload, or the error as the caller of a function sees it.
    pub fn evaluate(&self, payload: &[u8]) -> Result<Bytes, Bytes> {
        let value = match self.is_jsonata {
            true => Jsonata::parse(&self.text).and_then(|expression| expression.apply(payload, self.time)),
            false => Transform::parse(&self.text).and_then(|transform| transform.apply(payload)),
        };
        value.map(Bytes::from).map_err(|error| {
            let body =
                json!({"errorType": "Watershed.Expression", "errorMessage": error.to_string(), "stackTrace": []});
            Bytes::from(body.to_string())
        })
    }
}
