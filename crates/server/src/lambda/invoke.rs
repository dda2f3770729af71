//! Invoke: payload and answer are raw bytes, everything else travels in headers.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use function::{Error, Invocation};
use serde_json::{Value, json};

use super::{required, text};
use crate::{App, AwsError, Call, Reply};

/// Bytes of the client context, encoded.
const CONTEXT_BYTES_MAX: usize = 3583;

pub(super) async fn call(app: &Arc<App>, call: &Call) -> Result<Reply, AwsError> {
    let input = &call.input;
    let (name, qualifier) = (required(input, "FunctionName")?, text(input, "Qualifier"));
    let mut invocation = Invocation {
        payload: payload(call),
        client_context: client_context(text(input, "X-Amz-Client-Context"))?,
        tail: false,
        request_id: Some(call.request_id.clone()),
    };
    if call.operation == "InvokeAsync" {
        app.functions.submit(name, qualifier, vec![invocation]).await?;
        return Ok(Reply::from(json!({"Status": 202})).with_status(202));
    }
    match text(input, "X-Amz-Log-Type") {
        None | Some("None") => {}
        Some("Tail") => invocation.tail = true,
        Some(_) => return Err(not_one_of("logType", "None, Tail")),
    }
    match text(input, "X-Amz-Invocation-Type").or(text(input, "InvocationType")) {
        None | Some("RequestResponse") => {}
        Some("Event") => {
            app.functions.submit(name, qualifier, vec![invocation]).await?;
            return Ok(Reply::bare(202));
        }
        Some("DryRun") => {
            app.functions.dry_run(name, qualifier, &invocation.payload)?;
            return Ok(Reply::bare(204));
        }
        Some(_) => return Err(not_one_of("invocationType", "Event, RequestResponse, DryRun")),
    }
    let outcome = app.functions.invoke(name, qualifier, invocation).await?;
    let mut headers = vec![("x-amz-executed-version", outcome.version)];
    if outcome.is_error {
        headers.push(("x-amz-function-error", "Unhandled".to_owned()));
    }
    if let Some(tail) = outcome.tail {
        headers.push(("x-amz-log-result", BASE64_STANDARD.encode(tail)));
    }
    Ok(Reply { payload: Some(outcome.payload), headers, ..Reply::empty() })
}

/// The body; what calls without the wire has it as a member.
fn payload(call: &Call) -> Bytes {
    match call.input.get("Payload") {
        None => call.payload.clone(),
        Some(Value::String(text)) => Bytes::from(text.clone()),
        Some(value) => Bytes::from(value.to_string()),
    }
}

fn client_context(text: Option<&str>) -> Result<Option<String>, AwsError> {
    let Some(text) = text else { return Ok(None) };
    let decoded = BASE64_STANDARD.decode(text).ok().filter(|_| text.len() <= CONTEXT_BYTES_MAX);
    let context = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let context = context.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    match context {
        // Written again: what travels in a header must be one line.
        Some(context) => Ok(Some(context.to_string())),
        None => Err(Error::Content("Client context must be a valid Base64-encoded JSON object.".into()).into()),
    }
}

fn not_one_of(member: &str, allowed: &str) -> AwsError {
    Error::Constraint(format!(
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must satisfy enum value set: [{allowed}]"
    ))
    .into()
}
