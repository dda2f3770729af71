//! CloudWatch Logs at the wire (JSON 1.1, `Logs_20140328`): groups and tags here, streams and events in `events.rs`,
//! what requests may hold in `members.rs`.

mod events;
mod members;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::{App, AwsError, Call, Codes, Reply};
use members::{group, invalid, limit, number, required, text, texts};

const PAGE_DEFAULT: usize = 50;

impl From<logs::Error> for AwsError {
    fn from(error: logs::Error) -> Self {
        AwsError::of(&Codes::LOGS, error.kind(), error.to_string())
    }
}

/// Runs one operation.
pub(crate) async fn call(app: &Arc<App>, call: Call) -> Result<Reply, AwsError> {
    let (logs, input) = (&app.logs, &call.input);
    members::check(&call.operation, input)?;
    let answer = match call.operation.as_str() {
        "CreateLogGroup" => {
            let (class, key) = (text(input, "logGroupClass")?, text(input, "kmsKeyId")?);
            logs.create_group(required(input, "logGroupName")?, class, key, tags(input)?).await?;
            json!({})
        }
        "DescribeLogGroups" => describe(logs, input).await?,
        "DeleteLogGroup" => {
            logs.delete_group(required(input, "logGroupName")?).await?;
            json!({})
        }
        "PutRetentionPolicy" => {
            let days = number(input, "retentionInDays")?;
            let days = days.ok_or_else(|| invalid("retentionInDays is missing"))?;
            logs.set_retention(required(input, "logGroupName")?, Some(days)).await?;
            json!({})
        }
        "DeleteRetentionPolicy" => {
            logs.set_retention(required(input, "logGroupName")?, None).await?;
            json!({})
        }
        "ListTagsForResource" | "ListTagsLogGroup" => json!({"tags": logs.group(&tagged(input)?).await?.tags}),
        "TagResource" | "TagLogGroup" => {
            let changes = tags(input)?.into_iter().map(|(key, value)| (key, Some(value))).collect();
            logs.tag(&tagged(input)?, changes).await?;
            json!({})
        }
        "UntagResource" | "UntagLogGroup" => {
            let keys = texts(input, if call.operation == "UntagResource" { "tagKeys" } else { "tags" })?;
            logs.tag(&tagged(input)?, keys.into_iter().map(|key| (key, None)).collect()).await?;
            json!({})
        }
        "CreateLogStream" => {
            logs.create_stream(required(input, "logGroupName")?, required(input, "logStreamName")?).await?;
            json!({})
        }
        "DeleteLogStream" => {
            logs.delete_stream(required(input, "logGroupName")?, required(input, "logStreamName")?).await?;
            json!({})
        }
        "DescribeLogStreams" => events::describe_streams(logs, input).await?,
        "PutLogEvents" => events::put(logs, input).await?,
        "GetLogEvents" => events::get(logs, input).await?,
        "FilterLogEvents" => events::filter(logs, input).await?,
        other => return Err(AwsError::unknown_operation(other)),
    };
    Ok(Reply::from(answer))
}

async fn describe(logs: &logs::Logs, input: &Value) -> Result<Value, AwsError> {
    let (prefix, contains) = (text(input, "logGroupNamePrefix")?, text(input, "logGroupNamePattern")?);
    if prefix.is_some() && contains.is_some() {
        return Err(invalid("logGroupNamePrefix and logGroupNamePattern exclude each other"));
    }
    let after = text(input, "nextToken")?.unwrap_or_default();
    let limit = limit(input, PAGE_DEFAULT, PAGE_DEFAULT)?;
    let (prefix, contains) = (prefix.unwrap_or_default(), contains.unwrap_or_default());
    let (groups, more) = logs.describe_groups(prefix, contains, text(input, "logGroupClass")?, after, limit).await?;
    let mut items = Vec::with_capacity(groups.len());
    for group in &groups {
        let arn = logs.arn(&group.name);
        let mut item = Map::new();
        item.insert("logGroupName".into(), json!(group.name));
        item.insert("creationTime".into(), json!(group.created_ms));
        item.insert("metricFilterCount".into(), json!(0));
        item.insert("arn".into(), json!(format!("{arn}:*")));
        item.insert("logGroupArn".into(), json!(arn));
        item.insert("storedBytes".into(), json!(logs.stored_bytes(&group.name).await?));
        item.insert("logGroupClass".into(), json!(group.class));
        if let Some(days) = group.retention_days {
            item.insert("retentionInDays".into(), json!(days));
        }
        if let Some(key) = &group.kms_key {
            item.insert("kmsKeyId".into(), json!(key));
        }
        items.push(Value::Object(item));
    }
    let next = groups.last().filter(|_| more).map(|group| group.name.clone());
    Ok(page("logGroups", items, next))
}

/// A list with the token for more, if there is more.
fn page(member: &str, items: Vec<Value>, next: Option<String>) -> Value {
    let mut answer = Map::new();
    answer.insert(member.into(), Value::Array(items));
    if let Some(token) = next {
        answer.insert("nextToken".into(), json!(token));
    }
    Value::Object(answer)
}

fn tagged(input: &Value) -> Result<String, AwsError> {
    group(input, "resourceArn").map(str::to_owned)
}

fn tags(input: &Value) -> Result<BTreeMap<String, String>, AwsError> {
    let mut found = BTreeMap::new();
    for (key, value) in input.get("tags").and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().ok_or_else(|| invalid("a tag's value must be text"))?;
        found.insert(key.clone(), value.to_owned());
    }
    Ok(found)
}
