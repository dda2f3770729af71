//! AWS Lambda at the wire (REST-JSON, 2015-03-31 and other dated paths).

mod aliases;
mod event_invoke;
mod functions;
mod invoke;
mod mappings;
mod policy;
mod routes;

use std::collections::BTreeMap;
use std::sync::Arc;

use function::Error;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

pub(crate) use routes::ROUTES;

use crate::{App, AwsError, Call, Reply};

const PAGE_DEFAULT: usize = 50;
const PAGE_MAX: i64 = 10_000;

impl From<Error> for AwsError {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let (status, code) = match &error {
            Error::Constraint(_) => (400, "ValidationException"),
            Error::Invalid(_) => (400, "InvalidParameterValueException"),
            Error::Content(_) => (400, "InvalidRequestContentException"),
            Error::NotFound(_) => (404, "ResourceNotFoundException"),
            Error::Conflict(_) => (409, "ResourceConflictException"),
            Error::Precondition(_) => (412, "PreconditionFailedException"),
            Error::TooLarge(_) => (413, "RequestTooLargeException"),
            Error::Throttled { .. } => (429, "TooManyRequestsException"),
            Error::CodeStorage(_) => (400, "CodeStorageExceededException"),
            Error::PolicyLength(_) => (400, "PolicyLengthExceededException"),
            Error::Host(_) | Error::State(_) | Error::Corrupt(_) => (500, "ServiceException"),
        };
        let kind = if status < 500 { "User" } else { "Service" };
        let answer = AwsError::new(status, code, message).with("Type", kind);
        match error {
            Error::Throttled { reason, .. } => answer.with("Reason", reason),
            _ => answer,
        }
    }
}

/// Runs one operation.
pub(crate) async fn call(app: &Arc<App>, call: Call) -> Result<Reply, AwsError> {
    let (engine, input) = (&app.functions, &call.input);
    match call.operation.as_str() {
        "Invoke" | "InvokeAsync" => invoke::call(app, &call).await,
        "CreateFunction" => functions::create(app, input).await,
        "UpdateFunctionCode" => functions::update_code(app, input).await,
        "UpdateFunctionConfiguration" => functions::update_configuration(app, input).await,
        "GetFunction" => functions::get(app, input),
        "GetFunctionConfiguration" => functions::get_configuration(app, input),
        "ListFunctions" => functions::list(app, input),
        "DeleteFunction" => {
            engine.delete(required(input, "FunctionName")?, text(input, "Qualifier")).await?;
            Ok(Reply::bare(204))
        }
        "PutFunctionConcurrency" => {
            let reserved = input.get("ReservedConcurrentExecutions").and_then(Value::as_i64);
            let reserved = reserved.ok_or_else(|| missing("reservedConcurrentExecutions"))?;
            engine.reserve(required(input, "FunctionName")?, Some(reserved)).await?;
            Ok(Reply::from(json!({"ReservedConcurrentExecutions": reserved})))
        }
        "GetFunctionConcurrency" => {
            let reserved = engine.describe(required(input, "FunctionName")?, None)?.reserved;
            Ok(reserved.map_or_else(Reply::empty, |n| Reply::from(json!({"ReservedConcurrentExecutions": n}))))
        }
        "DeleteFunctionConcurrency" => {
            engine.reserve(required(input, "FunctionName")?, None).await?;
            Ok(Reply::bare(204))
        }
        "GetAccountSettings" => account(app).await,
        "ListTags" => {
            let description = engine.describe(required(input, "Resource")?, None)?;
            Ok(Reply::from(json!({"Tags": description.tags})))
        }
        "TagResource" => {
            let changes = tags(input)?.into_iter().map(|(key, value)| (key, Some(value))).collect();
            engine.tag(required(input, "Resource")?, changes).await?;
            Ok(Reply::bare(204))
        }
        "UntagResource" => {
            let keys = input.get("tagKeys").and_then(Value::as_array).into_iter().flatten();
            let changes = keys.filter_map(Value::as_str).map(|key| (key.to_owned(), None)).collect();
            engine.tag(required(input, "Resource")?, changes).await?;
            Ok(Reply::bare(204))
        }
        other if other.contains("EventSourceMapping") => mappings::call(app, &call).await,
        other if other.contains("EventInvokeConfig") => event_invoke::call(app, &call).await,
        other if other.contains("Alias") || other.contains("Version") => aliases::call(app, &call).await,
        other if other.contains("Permission") || other == "GetPolicy" => policy::call(app, &call).await,
        other => Err(AwsError::unknown_operation(other)),
    }
}

async fn account(app: &Arc<App>) -> Result<Reply, AwsError> {
    let account = app.functions.account().await?;
    Ok(Reply::from(json!({
        "AccountLimit": {
            "TotalCodeSize": account.code_bytes_max,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": account.concurrency,
            "UnreservedConcurrentExecutions": account.unreserved,
        },
        "AccountUsage": {"TotalCodeSize": account.code_bytes, "FunctionCount": account.functions},
    })))
}

fn text<'a>(input: &'a Value, member: &str) -> Option<&'a str> {
    input.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn required<'a>(input: &'a Value, member: &str) -> Result<&'a str, AwsError> {
    text(input, member).ok_or_else(|| missing(member))
}

fn missing(member: &str) -> AwsError {
    let mut shown = member.to_owned();
    if let Some(first) = shown.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    Error::Constraint(format!(
        "1 validation error detected: Value null at '{shown}' failed to satisfy constraint: Member must not be null"
    ))
    .into()
}

/// The members of an input that are not named, as a structure that refuses members it does not know.
fn rest<T: DeserializeOwned>(input: &Value, named: &[&str]) -> Result<T, AwsError> {
    let members = input.as_object().into_iter().flatten().filter(|(name, _)| !named.contains(&name.as_str()));
    let object = members.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>();
    // The error names a member or a type, never a string value of the request.
    serde_json::from_value(Value::Object(object)).map_err(|error| {
        let text = error.to_string();
        let is_content = text.contains("invalid type: string") || text.contains("invalid value: string");
        let message = if is_content { "a member has another type than string".to_owned() } else { text };
        AwsError::from(Error::Invalid(format!("the request is not valid: {message}")))
    })
}

fn flag(input: &Value, member: &str) -> bool {
    input.get(member).and_then(Value::as_bool).unwrap_or(false)
}

fn tags(input: &Value) -> Result<BTreeMap<String, String>, AwsError> {
    let mut found = BTreeMap::new();
    for (key, value) in input.get("Tags").and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().ok_or_else(|| Error::Invalid("a tag's value must be text".into()))?;
        found.insert(key.clone(), value.to_owned());
    }
    Ok(found)
}

/// A page of a list: `Marker` is the number of the first item, `MaxItems` how many.
fn page(input: &Value, member: &str, items: Vec<Value>) -> Result<Reply, AwsError> {
    let start = match text(input, "Marker") {
        None => 0,
        Some(marker) => marker.parse().map_err(|_| Error::Invalid("Invalid Marker".into()))?,
    };
    let max = match input.get("MaxItems").and_then(Value::as_i64) {
        None => PAGE_DEFAULT,
        Some(max @ 1..=PAGE_MAX) => max as usize,
        Some(_) => return Err(Error::Invalid(format!("MaxItems must be between 1 and {PAGE_MAX}")).into()),
    };
    let end = items.len().min(usize::saturating_add(start, max));
    let mut answer = Map::new();
    answer.insert(member.into(), items.get(start..end).unwrap_or_default().into());
    if end < items.len() {
        answer.insert("NextMarker".into(), json!(end.to_string()));
    }
    Ok(Reply::from(Value::Object(answer)))
}

/// A list of anything that serialises to the wire's members.
fn values<T: serde::Serialize>(items: &[T]) -> Vec<Value> {
    items.iter().map(|item| serde_json::to_value(item).unwrap_or_default()).collect()
}

fn reply<T: serde::Serialize>(item: &T) -> Reply {
    Reply::from(serde_json::to_value(item).unwrap_or_default())
}
