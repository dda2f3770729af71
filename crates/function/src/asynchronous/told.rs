//! What a destination and a dead-letter target are told of an asynchronous invocation (Lambda developer guide, "Capturing records
//! of Lambda asynchronous invocations").

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Condition, Event};
use crate::invoke::Outcome;

/// The longest `ErrorMessage` of a dead letter.
const ERROR_CHARS_MAX: usize = 1024;

/// The message attributes of a dead letter: the service's `RequestID`, `ErrorCode` and `ErrorMessage`, and ours.
pub(super) fn letter_parameters(arn: &str, function: &str, event: &Event, outcome: Option<&Outcome>) -> Value {
    if !arn.contains(":sqs:") {
        return json!({});
    }
    // What a function says of its error may hold the payload: only the kind is told.
    let kind = outcome.and_then(|outcome| serde_json::from_slice::<Value>(&outcome.payload).ok());
    let kind = kind.as_ref().and_then(|body| body.get("errorType")).and_then(Value::as_str);
    let kind = kind.filter(|kind| !kind.is_empty()).unwrap_or("not invoked");
    let message: String = kind.chars().take(ERROR_CHARS_MAX).collect();
    let text = |value: &str| json!({"DataType": "String", "StringValue": value});
    let number = |value: String| json!({"DataType": "Number", "StringValue": value});
    json!({"SqsQueueParameters": {"MessageAttributes": {
        "RequestID": text(&event.id),
        "ErrorCode": number(if outcome.is_some() { "200" } else { "500" }.into()),
        "ErrorMessage": text(&message),
        "FunctionArn": text(function),
        "Attempts": number(event.attempts.to_string()),
    }}})
}

/// What a destination gets.
pub(super) fn envelope(
    arn: &str,
    event: &Event,
    condition: Condition,
    outcome: Option<&Outcome>,
    now_ms: i64,
) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Envelope<'a> {
        version: &'static str,
        timestamp: String,
        request_context: Value,
        request_payload: &'a RawValue,
        #[serde(skip_serializing_if = "Option::is_none")]
        response_context: Option<Value>,
        #[serde(skip_serializing_if = "Option::is_none")]
        response_payload: Option<Value>,
    }
    let (name, extra) = match condition {
        Condition::Success => ("Success", 1),
        Condition::RetriesExhausted => ("RetriesExhausted", 0),
        Condition::EventAgeExceeded => ("EventAgeExceeded", 0),
    };
    let context = outcome.map(|outcome| {
        let mut context = json!({"statusCode": 200, "executedVersion": outcome.version});
        if outcome.is_error {
            context["functionError"] = json!("Unhandled");
        }
        context
    });
    let parse = |outcome: &Outcome| {
        serde_json::from_slice(&outcome.payload).unwrap_or_else(|_| json!(String::from_utf8_lossy(&outcome.payload)))
    };
    // Both were checked when they were accepted.
    let payload = serde_json::from_slice::<&RawValue>(&event.payload).unwrap_or(RawValue::NULL);
    let time = chrono::DateTime::from_timestamp_millis(now_ms).unwrap_or_default();
    let envelope = Envelope {
        version: "1.0",
        timestamp: time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        request_context: json!({
            "requestId": event.id,
            "functionArn": arn,
            "condition": name,
            "approximateInvokeCount": event.attempts + extra,
        }),
        request_payload: payload,
        response_context: context,
        response_payload: outcome.map(parse),
    };
    serde_json::to_vec(&envelope).unwrap_or_default().into()
}
