//! CreateQueue, GetQueueAttributes, SetQueueAttributes, AddPermission, RemovePermission.

use std::collections::BTreeMap;

use messaging::queue::{Description, Permission};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::{self, refuse};
use super::input::{Caller, decode};
use crate::AwsError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Create {
    queue_name: String,
    #[serde(default)]
    attributes: Option<BTreeMap<String, String>>,
    #[serde(default, rename = "tags", alias = "Tags")]
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Get {
    #[serde(default)]
    queue_url: String,
    #[serde(default)]
    attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Set {
    #[serde(default)]
    queue_url: String,
    attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Add {
    #[serde(default)]
    queue_url: String,
    label: String,
    #[serde(default, rename = "AWSAccountIds")]
    accounts: Vec<String>,
    #[serde(default)]
    actions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Remove {
    #[serde(default)]
    queue_url: String,
    label: String,
}

pub(super) async fn create(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let Create { queue_name, attributes, tags } = decode(input)?;
    let (attributes, tags) = (attributes.unwrap_or_default(), tags.unwrap_or_default());
    caller.app.queues.create(&queue_name, attributes, tags).await.map_err(refuse)?;
    Ok(json!({ "QueueUrl": caller.url(&queue_name) }))
}

pub(super) async fn set(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let Set { queue_url, attributes } = decode(input)?;
    caller.app.queues.set_attributes(&caller.queue(&queue_url)?, attributes).await.map_err(refuse)?;
    Ok(json!({}))
}

pub(super) async fn get(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let Get { queue_url, attribute_names } = decode(input)?;
    let queue = caller.queue(&queue_url)?;
    if let Some(unknown) = attribute_names.iter().find(|name| !NAMES.contains(&name.as_str())) {
        return Err(error::unknown_attribute(unknown));
    }
    let all = attribute_names.iter().any(|name| name == "All");
    let count = all || attribute_names.iter().any(|name| name.starts_with("ApproximateNumberOf"));
    let description = caller.app.queues.describe(&queue, count).await.map_err(refuse)?;
    let values = values(&description, caller.app.queues.arn(&queue));
    let asked = values.into_iter().filter(|(name, _)| all || attribute_names.iter().any(|asked| asked == name));
    let attributes: Map<String, Value> = asked.map(|(name, value)| (name.to_owned(), value.into())).collect();
    Ok(if attributes.is_empty() { json!({}) } else { json!({ "Attributes": attributes }) })
}

const NAMES: &[&str] = &[
    "All",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "ContentBasedDeduplication",
    "CreatedTimestamp",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "LastModifiedTimestamp",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "Policy",
    "QueueArn",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
];

fn values(description: &Description, arn: String) -> BTreeMap<&'static str, String> {
    let mut values = description.settings.attributes();
    values.extend([
        ("QueueArn", arn),
        ("ApproximateNumberOfMessages", description.counts.visible.to_string()),
        ("ApproximateNumberOfMessagesNotVisible", description.counts.in_flight.to_string()),
        ("ApproximateNumberOfMessagesDelayed", description.counts.delayed.to_string()),
        ("CreatedTimestamp", (description.created_ms / 1000).to_string()),
        ("LastModifiedTimestamp", (description.modified_ms / 1000).to_string()),
    ]);
    values
}

pub(super) async fn add_permission(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let Add { queue_url, label, accounts, actions } = decode(input)?;
    let permission = Permission { label, accounts, actions };
    caller.app.queues.add_permission(&caller.queue(&queue_url)?, permission).await.map_err(refuse)?;
    Ok(json!({}))
}

pub(super) async fn remove_permission(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let Remove { queue_url, label } = decode(input)?;
    caller.app.queues.remove_permission(&caller.queue(&queue_url)?, &label).await.map_err(refuse)?;
    Ok(json!({}))
}
