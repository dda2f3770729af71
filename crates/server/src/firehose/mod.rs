//! Amazon Data Firehose at the wire, `Firehose_20150804` (API reference 2015-08-04): definitions, tags and direct puts.

mod describe;
mod put;

use std::collections::BTreeMap;
use std::sync::Arc;

use lake::delivery::definition::{Definition, Tag};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::error::Codes;
use crate::{App, AwsError, Call, Reply};

const LIST_MAX: usize = 10_000;
/// The members of a destination that is not extended.
const PLAIN: &[&str] = &[
    "RoleARN",
    "BucketARN",
    "Prefix",
    "ErrorOutputPrefix",
    "BufferingHints",
    "CompressionFormat",
    "EncryptionConfiguration",
    "CloudWatchLoggingOptions",
];

pub(crate) async fn call(app: &Arc<App>, call: Call) -> Result<Reply, AwsError> {
    let Value::Object(mut input) = call.input else { return Err(AwsError::serialization("the body is no object")) };
    match call.operation.as_str() {
        "CreateDeliveryStream" => create(app, input).await,
        "DescribeDeliveryStream" => describe::describe(app, input).await,
        "ListDeliveryStreams" => list(app, input),
        "UpdateDestination" => update(app, input).await,
        "DeleteDeliveryStream" => {
            let name = take::<String>(&mut input, "DeliveryStreamName")?;
            let _: Option<bool> = take_opt(&mut input, "AllowForceDelete")?;
            none_left(&input)?;
            app.delivery.delete(&name).await.map_err(failed(app, &name))?;
            Ok(Reply::empty())
        }
        "PutRecord" => put::one(app, input).await,
        "PutRecordBatch" => put::batch(app, input).await,
        "TagDeliveryStream" | "UntagDeliveryStream" => tag(app, input).await,
        "ListTagsForDeliveryStream" => list_tags(app, input),
        "StartDeliveryStreamEncryption" | "StopDeliveryStreamEncryption" => encryption(app, input).await,
        other => Err(AwsError::unknown_operation(other)),
    }
}

async fn create(app: &Arc<App>, input: Map<String, Value>) -> Result<Reply, AwsError> {
    let definition = Definition::from_json(Value::Object(input)).map_err(error)?;
    let name = definition.delivery_stream_name.clone();
    let stored = app.delivery.create(definition).await.map_err(failed(app, &name))?;
    Ok(Reply::from(json!({ "DeliveryStreamARN": arn(app, &stored.definition.delivery_stream_name) })))
}

fn list(app: &Arc<App>, mut input: Map<String, Value>) -> Result<Reply, AwsError> {
    let after: Option<String> = take_opt(&mut input, "ExclusiveStartDeliveryStreamName")?;
    let kind: Option<String> = take_opt(&mut input, "DeliveryStreamType")?;
    let limit = take_opt::<usize>(&mut input, "Limit")?.unwrap_or(10);
    none_left(&input)?;
    if !(1..=LIST_MAX).contains(&limit) {
        return Err(invalid(format!("Limit must be between 1 and {LIST_MAX}")));
    }
    let mut names = app.delivery.list();
    names.retain(|name| after.as_ref().is_none_or(|after| name > after));
    if kind.is_some_and(|kind| kind != "DirectPut") {
        names.clear();
    }
    let more = names.len() > limit;
    names.truncate(limit);
    Ok(Reply::from(json!({ "DeliveryStreamNames": names, "HasMoreDeliveryStreams": more })))
}

async fn update(app: &Arc<App>, mut input: Map<String, Value>) -> Result<Reply, AwsError> {
    let name: String = take(&mut input, "DeliveryStreamName")?;
    let version: String = take(&mut input, "CurrentDeliveryStreamVersionId")?;
    let destination: String = take(&mut input, "DestinationId")?;
    let plain: Option<Map<String, Value>> = take_opt(&mut input, "S3DestinationUpdate")?;
    let update = match plain {
        Some(plain) => {
            if let Some(member) = plain.keys().find(|member| !PLAIN.contains(&member.as_str())) {
                return Err(invalid(format!("parameter not supported: S3DestinationUpdate.{member}")));
            }
            plain
        }
        None => take(&mut input, "ExtendedS3DestinationUpdate")?,
    };
    none_left(&input)?;
    if destination != describe::DESTINATION_ID {
        return Err(invalid(format!("DestinationId {destination} is not known")));
    }
    app.delivery.update_destination(&name, &version, &update).await.map_err(failed(app, &name))?;
    Ok(Reply::empty())
}

async fn tag(app: &Arc<App>, mut input: Map<String, Value>) -> Result<Reply, AwsError> {
    let name: String = take(&mut input, "DeliveryStreamName")?;
    let tags: Option<Vec<Tag>> = take_opt(&mut input, "Tags")?;
    let keys: Option<Vec<String>> = take_opt(&mut input, "TagKeys")?;
    none_left(&input)?;
    app.delivery.tag(&name, tags.unwrap_or_default(), &keys.unwrap_or_default()).await.map_err(failed(app, &name))?;
    Ok(Reply::empty())
}

fn list_tags(app: &Arc<App>, mut input: Map<String, Value>) -> Result<Reply, AwsError> {
    let name: String = take(&mut input, "DeliveryStreamName")?;
    let after: Option<String> = take_opt(&mut input, "ExclusiveStartTagKey")?;
    let limit = take_opt::<usize>(&mut input, "Limit")?.unwrap_or(50);
    none_left(&input)?;
    let tags: BTreeMap<String, String> = app.delivery.tags(&name).map_err(failed(app, &name))?;
    let left: Vec<_> = tags.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after)).collect();
    let shown: Vec<Value> = left.iter().take(limit).map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    Ok(Reply::from(json!({ "Tags": shown, "HasMoreTags": left.len() > limit })))
}

/// Encryption at rest is the store's own: the request is checked and accepted.
async fn encryption(app: &Arc<App>, mut input: Map<String, Value>) -> Result<Reply, AwsError> {
    let name: String = take(&mut input, "DeliveryStreamName")?;
    let _: Option<Value> = take_opt(&mut input, "DeliveryStreamEncryptionConfigurationInput")?;
    none_left(&input)?;
    app.delivery.describe(&name).await.map_err(failed(app, &name))?;
    Ok(Reply::empty())
}

fn arn(app: &App, name: &str) -> String {
    let identity = &app.identity;
    event::Arn::new("firehose", &identity.region, &identity.account, format!("deliverystream/{name}")).to_string()
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new(400, "InvalidArgumentException", message)
}

/// What an operation on a delivery stream failed with, in the service's words.
fn failed<'a>(app: &'a App, name: &'a str) -> impl Fn(lake::Error) -> AwsError + 'a {
    let account = app.identity.account.as_str();
    move |failure| match failure {
        lake::Error::NotFound(_) => missing(format!("{name} under account {account} not found.")),
        lake::Error::Conflict(_) => {
            let message = format!("Firehose {name} under accountId {account} already exists");
            AwsError::new(400, "ResourceInUseException", message)
        }
        other => error(other),
    }
}

fn missing(which: String) -> AwsError {
    AwsError::new(400, "ResourceNotFoundException", format!("Firehose {which}"))
}

fn error(error: lake::Error) -> AwsError {
    match error {
        lake::Error::Version(message) => AwsError::new(400, "ConcurrentModificationException", message),
        error => AwsError::of(&Codes::FIREHOSE, error.kind(), error.to_string()),
    }
}

fn take_opt<T: DeserializeOwned>(input: &mut Map<String, Value>, member: &str) -> Result<Option<T>, AwsError> {
    match input.remove(member) {
        None | Some(Value::Null) => Ok(None),
        // The cause may quote the value, which may be a record.
        Some(value) => serde_json::from_value(value)
            .map(Some)
            .map_err(|_| AwsError::serialization(format!("{member} has the wrong type"))),
    }
}

fn take<T: DeserializeOwned>(input: &mut Map<String, Value>, member: &str) -> Result<T, AwsError> {
    take_opt(input, member)?.ok_or_else(|| invalid(format!("{member} is required")))
}

fn none_left(input: &Map<String, Value>) -> Result<(), AwsError> {
    match input.keys().next() {
        None => Ok(()),
        Some(member) => Err(invalid(format!("parameter not supported: {member}"))),
    }
}
