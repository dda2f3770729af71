//! EventBridge at the wire (JSON 1.1, `AWSEvents`, 2015-10-07): buses, events and tags here, the rest in files of their own.

mod archives;
mod destinations;
mod rules;

use std::sync::Arc;

use messaging::bus::{Bus, Entry};
use messaging::{Error, Listing, Page, Tag, tag_list};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::{App, AwsError, Call, Codes, Reply};

/// The words of EventBridge for what a bus refused.
fn failure(error: Error) -> AwsError {
    let code = match &error {
        Error::Pattern(_) => "InvalidEventPatternException",
        Error::Limit(_) => "LimitExceededException",
        Error::Status(_) => "IllegalStatusException",
        Error::State(_) | Error::Corrupt(_) => {
            tracing::error!(%error, "an EventBridge operation failed");
            return AwsError::new(500, "InternalException", "The operation failed.");
        }
        other => return AwsError::of(&Codes::EVENTS, other.kind(), other.to_string()),
    };
    AwsError::new(400, code, error.to_string())
}

/// Runs one operation.
pub(crate) async fn call(app: &Arc<App>, call: Call) -> Result<Reply, AwsError> {
    let input = call.input;
    let answer = match call.operation.as_str() {
        "PutEvents" => put_events(app, input).await?,
        "CreateEventBus" | "DescribeEventBus" | "UpdateEventBus" | "DeleteEventBus" | "ListEventBuses" => {
            bus(app, &call.operation, input).await?
        }
        "PutPermission" => {
            app.buses.put_permission(decode(input)?).await.map_err(failure)?;
            json!({})
        }
        "RemovePermission" => {
            let all = input.get("RemoveAllPermissions").and_then(Value::as_bool).unwrap_or(false);
            let removed = app.buses.remove_permission(text(&input, "EventBusName"), text(&input, "StatementId"), all);
            removed.await.map_err(failure)?;
            json!({})
        }
        "TagResource" | "UntagResource" | "ListTagsForResource" => tags(app, &call.operation, &input).await?,
        "PutRule"
        | "DescribeRule"
        | "EnableRule"
        | "DisableRule"
        | "DeleteRule"
        | "ListRules"
        | "PutTargets"
        | "RemoveTargets"
        | "ListTargetsByRule"
        | "ListRuleNamesByTarget"
        | "TestEventPattern" => rules::call(app, &call.operation, input).await?,
        "CreateArchive" | "DescribeArchive" | "UpdateArchive" | "DeleteArchive" | "ListArchives" | "StartReplay"
        | "DescribeReplay" | "CancelReplay" | "ListReplays" => archives::call(app, &call.operation, input).await?,
        "CreateConnection"
        | "DescribeConnection"
        | "UpdateConnection"
        | "DeauthorizeConnection"
        | "DeleteConnection"
        | "ListConnections"
        | "CreateApiDestination"
        | "DescribeApiDestination"
        | "UpdateApiDestination"
        | "DeleteApiDestination"
        | "ListApiDestinations" => destinations::call(app, &call.operation, input).await?,
        "ListEventSources" => json!({"EventSources": []}),
        other => return Err(AwsError::unknown_operation(other)),
    };
    Ok(Reply::from(answer))
}

async fn put_events(app: &Arc<App>, mut input: Value) -> Result<Value, AwsError> {
    if text(&input, "EndpointId").is_some() {
        return Err(AwsError::validation("EndpointId is not supported: there are no global endpoints"));
    }
    let entries = input.get_mut("Entries").map(Value::take);
    let entries: Vec<Entry> = decode(entries.ok_or_else(|| missing("entries"))?)?;
    let results = app.buses.put(entries).await.map_err(failure)?;
    let failed = results.iter().filter(|result| result.is_err()).count();
    let entries: Vec<Value> = results
        .into_iter()
        .map(|result| match result {
            Ok(id) => json!({"EventId": id}),
            Err((code, message)) => json!({"ErrorCode": code, "ErrorMessage": message}),
        })
        .collect();
    Ok(json!({"FailedEntryCount": failed, "Entries": entries}))
}

async fn bus(app: &Arc<App>, operation: &str, input: Value) -> Result<Value, AwsError> {
    let buses = &app.buses;
    Ok(match operation {
        "CreateEventBus" => {
            let bus = buses.create_bus(decode(input)?).await.map_err(failure)?;
            let mut answer = settings(&bus);
            answer.insert("EventBusArn".into(), json!(buses.arn(&bus.name)));
            Value::Object(answer)
        }
        "UpdateEventBus" => {
            let bus = buses.update_bus(decode(input)?).await.map_err(failure)?;
            let mut answer = settings(&bus);
            answer.insert("Name".into(), json!(bus.name));
            answer.insert("Arn".into(), json!(buses.arn(&bus.name)));
            Value::Object(answer)
        }
        "DescribeEventBus" => {
            let bus = buses.bus(text(&input, "Name")).await.map_err(failure)?;
            let mut answer = settings(&bus);
            answer.extend(summary(app, &bus));
            Value::Object(answer)
        }
        "DeleteEventBus" => {
            buses.delete_bus(required(&input, "Name")?).await.map_err(failure)?;
            json!({})
        }
        _ => {
            let page = buses.list_buses(page(&input)?).await.map_err(failure)?;
            listing("EventBuses", page, |bus| Value::Object(summary(app, &bus)))
        }
    })
}

fn summary(app: &Arc<App>, bus: &Bus) -> Map<String, Value> {
    let policy = bus.policy.as_ref().map(|policy| json!(policy).to_string());
    members([
        ("Name", json!(bus.name)),
        ("Arn", json!(app.buses.arn(&bus.name))),
        ("Description", json!(bus.description)),
        ("Policy", json!(policy)),
        ("CreationTime", seconds(bus.created_ms)),
        ("LastModifiedTime", seconds(bus.modified_ms)),
    ])
}

fn settings(bus: &Bus) -> Map<String, Value> {
    members([
        ("Description", json!(bus.description)),
        ("KmsKeyIdentifier", json!(bus.kms_key_identifier)),
        ("DeadLetterConfig", json!(bus.dead_letter_config)),
        ("LogConfig", json!(bus.log_config)),
    ])
}

async fn tags(app: &Arc<App>, operation: &str, input: &Value) -> Result<Value, AwsError> {
    let arn = required(input, "ResourceARN")?;
    match operation {
        "TagResource" => {
            let tags: Vec<Tag> = decode(input.get("Tags").cloned().ok_or_else(|| missing("tags"))?)?;
            app.buses.tag(arn, tags).await.map_err(failure)?;
        }
        "UntagResource" => {
            let keys: Vec<String> = decode(input.get("TagKeys").cloned().ok_or_else(|| missing("tagKeys"))?)?;
            app.buses.untag(arn, keys).await.map_err(failure)?;
        }
        _ => return Ok(json!({"Tags": tag_list(&app.buses.tags(arn).await.map_err(failure)?)})),
    }
    Ok(json!({}))
}

/// Members that have a value.
fn members<const N: usize>(given: [(&str, Value); N]) -> Map<String, Value> {
    given.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
}

fn listing<T>(member: &str, listing: Listing<T>, each: impl Fn(T) -> Value) -> Value {
    let mut answer = Map::new();
    answer.insert(member.into(), listing.items.into_iter().map(each).collect());
    if let Some(token) = listing.next {
        answer.insert("NextToken".into(), json!(token));
    }
    Value::Object(answer)
}

fn page(input: &Value) -> Result<Page, AwsError> {
    let limit = match input.get("Limit").filter(|limit| !limit.is_null()) {
        None => Page::default().limit,
        Some(limit) => {
            let limit = limit.as_u64().and_then(|limit| usize::try_from(limit).ok());
            limit.ok_or_else(|| AwsError::validation("Limit must be between 1 and 100"))?
        }
    };
    let prefix = text(input, "NamePrefix").unwrap_or_default().to_owned();
    Ok(Page { prefix, token: text(input, "NextToken").map(str::to_owned), limit })
}

/// Reads an operation's input. What serde says may quote a value of the request, so only names of members are repeated.
pub(crate) fn decode<T: DeserializeOwned>(input: Value) -> Result<T, AwsError> {
    serde_json::from_value(input).map_err(|failure| {
        let text = failure.to_string();
        match text.split('`').nth(1) {
            Some(member) if text.starts_with("unknown field") => {
                AwsError::validation(format!("unsupported parameter: {member}"))
            }
            Some(member) if text.starts_with("missing field") => missing(&lower_first(member)),
            _ => AwsError::serialization("the request has a member of the wrong type"),
        }
    })
}

fn lower_first(member: &str) -> String {
    let mut chars = member.chars();
    chars.next().into_iter().flat_map(char::to_lowercase).chain(chars).collect()
}

pub(crate) fn missing(member: &str) -> AwsError {
    AwsError::validation(format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    ))
}

pub(crate) fn text<'a>(input: &'a Value, member: &str) -> Option<&'a str> {
    input.get(member).and_then(Value::as_str)
}

pub(crate) fn required<'a>(input: &'a Value, member: &str) -> Result<&'a str, AwsError> {
    text(input, member).ok_or_else(|| missing(&lower_first(member)))
}

/// Seconds since 1970, as the protocol has times.
pub(crate) fn seconds(ms: i64) -> Value {
    json!(ms as f64 / 1000.0)
}
