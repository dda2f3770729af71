//! IAM at the wire (query protocol, 2010-05-08): roles and their policies in `roles.rs`, managed policies in `policies.rs`.
//!
//! Documents are URL-encoded in answers, as the service has it.

mod policies;
mod roles;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::Tags;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::{App, AwsError, Call, Reply};

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: i64 = 1000;
/// What stays as it is in an encoded document.
const DOCUMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl From<identity::Error> for AwsError {
    fn from(error: identity::Error) -> Self {
        let (status, code) = error.code();
        AwsError::new(status, code, error.to_string())
    }
}

/// Runs one operation.
pub(crate) async fn call(app: &Arc<App>, call: Call) -> Result<Reply, AwsError> {
    let answer = match roles::call(&app.identities, &call.operation, &call.input).await? {
        Some(answer) => Some(answer),
        None => policies::call(&app.identities, &call.operation, &call.input).await?,
    };
    answer.map(Reply::from).ok_or_else(|| {
        let shown: String = call.operation.chars().take(128).collect();
        AwsError::new(400, "InvalidAction", format!("Could not find operation {shown} for version 2010-05-08"))
    })
}

/// A member that is there and not empty.
pub(crate) fn text<'a>(input: &'a Value, member: &str) -> Option<&'a str> {
    input.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
}

pub(crate) fn required<'a>(input: &'a Value, member: &str) -> Result<&'a str, AwsError> {
    text(input, member).ok_or_else(|| {
        invalid(format!("Value null at '{member}' failed to satisfy constraint: Member must not be null"))
    })
}

pub(crate) fn owned(input: &Value, member: &str) -> Option<String> {
    text(input, member).map(str::to_owned)
}

/// A number, which a form has as text.
pub(crate) fn number(input: &Value, member: &str) -> Result<Option<i64>, AwsError> {
    match input.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(value) => {
            let found = value.as_i64().or_else(|| value.as_str()?.parse().ok());
            found.map(Some).ok_or_else(|| invalid(format!("{member} must be a number")))
        }
    }
}

fn flag(input: &Value, member: &str) -> bool {
    input.get(member).is_some_and(|value| value == true || value == "true")
}

/// `Tags` as keys and values; each needs both.
pub(crate) fn tags(input: &Value) -> Result<Tags, AwsError> {
    let list = input.get("Tags").and_then(Value::as_array).into_iter().flatten();
    list.map(|tag| match (tag.get("Key").and_then(Value::as_str), tag.get("Value").and_then(Value::as_str)) {
        (Some(key), Some(value)) => Ok((key.to_owned(), value.to_owned())),
        _ => Err(invalid("a tag needs Key and Value".into())),
    })
    .collect()
}

/// `Tags` and `TagKeys` as changes.
fn tag_changes(input: &Value) -> Result<Vec<(String, Option<String>)>, AwsError> {
    let gone = strings(input, "TagKeys").map(|key| (key, None));
    Ok(tags(input)?.into_iter().map(|(key, value)| (key, Some(value))).chain(gone).collect())
}

pub(crate) fn strings<'a>(input: &'a Value, member: &str) -> impl Iterator<Item = String> + 'a {
    let list = input.get(member).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned)
}

pub(crate) fn invalid(message: String) -> AwsError {
    AwsError::new(400, "ValidationError", message)
}

fn tag_list(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

pub(crate) fn time(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms).unwrap_or_default().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn encoded(document: &str) -> String {
    utf8_percent_encode(document, DOCUMENT).to_string()
}

/// How many to list and behind what.
fn page(input: &Value) -> Result<(String, usize), AwsError> {
    let limit = match number(input, "MaxItems")? {
        None => PAGE_DEFAULT,
        Some(limit @ 1..=PAGE_MAX) => usize::try_from(limit).unwrap_or(PAGE_DEFAULT),
        Some(_) => return Err(invalid(format!("MaxItems must be 1 to {PAGE_MAX}"))),
    };
    let marker = text(input, "Marker").unwrap_or_default();
    let after = URL_SAFE_NO_PAD.decode(marker).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    Ok((after.ok_or_else(|| invalid("Invalid Marker.".into()))?, limit))
}

/// A list with what its next page is asked for with.
fn listed(member: &str, values: Vec<Value>, last: Option<String>, more: bool) -> Value {
    let mut answer = json!({"IsTruncated": more});
    answer[member] = values.into();
    if let Some(last) = last.filter(|_| more) {
        answer["Marker"] = URL_SAFE_NO_PAD.encode(last).into();
    }
    answer
}
