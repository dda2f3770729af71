//! ReceiveMessage.

use std::time::Duration;

use messaging::queue::{Attributes, Receive, Received};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::{self, refuse};
use super::input::{Caller, decode};
use crate::AwsError;

const MESSAGES_MAX: i64 = 10;
const WAIT_S_MAX: i64 = 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Input {
    #[serde(default)]
    queue_url: String,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    receive_request_attempt_id: Option<String>,
}

pub(super) async fn receive(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let input: Input = decode(input)?;
    let queue = caller.queue(&input.queue_url)?;
    let max = input.max_number_of_messages.unwrap_or(1);
    if !(1..=MESSAGES_MAX).contains(&max) {
        return Err(error::invalid(max, "MaxNumberOfMessages", "Must be between 1 and 10, if provided."));
    }
    if let Some(seconds) = input.wait_time_seconds.filter(|seconds| !(0..=WAIT_S_MAX).contains(seconds)) {
        return Err(error::invalid(seconds, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided."));
    }
    let mut system = input.attribute_names;
    system.extend(input.message_system_attribute_names);
    if let Some(unknown) = system.iter().find(|name| !SYSTEM.contains(&name.as_str())) {
        return Err(error::unknown_attribute(unknown));
    }
    let ask = Receive {
        visibility_s: input.visibility_timeout,
        wait: input.wait_time_seconds.map(|seconds| Duration::from_secs(seconds.unsigned_abs())),
        attempt: input.receive_request_attempt_id,
        ..Receive::new(usize::try_from(max).unwrap_or(1))
    };
    let received = caller.app.queues.receive(&queue, ask).await.map_err(refuse)?;
    if received.is_empty() {
        return Ok(json!({}));
    }
    let messages = received.into_iter().map(|message| shown(message, &system, &input.message_attribute_names));
    Ok(json!({ "Messages": messages.collect::<Result<Vec<_>, _>>()? }))
}

/// `SqsManagedSseEnabled` is no attribute of a message, but asked for by some.
const SYSTEM: &[&str] = &[
    "All",
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SenderId",
    "SentTimestamp",
    "SequenceNumber",
    "SqsManagedSseEnabled",
];

fn shown(mut message: Received, system: &[String], names: &[String]) -> Result<Value, AwsError> {
    let mut body = Map::new();
    let attributes = system_attributes(&mut message, system);
    let (attributes_md5, message_attributes) = chosen(&mut message, names);
    body.insert("MessageId".into(), message.message_id.into());
    body.insert("ReceiptHandle".into(), message.receipt.into());
    body.insert("MD5OfBody".into(), message.body_md5.into());
    body.insert("Body".into(), message.body.into());
    if !attributes.is_empty() {
        body.insert("Attributes".into(), Value::Object(attributes));
    }
    if !message_attributes.is_empty() {
        body.insert("MD5OfMessageAttributes".into(), attributes_md5.into());
        let value = serde_json::to_value(message_attributes);
        body.insert("MessageAttributes".into(), value.map_err(|_| AwsError::new(500, "InternalFailure", "not JSON"))?);
    }
    Ok(Value::Object(body))
}

fn system_attributes(message: &mut Received, asked: &[String]) -> Map<String, Value> {
    let all = asked.iter().any(|name| name == "All");
    let mut attributes = Map::new();
    if asked.is_empty() {
        return attributes;
    }
    let values = [
        ("SenderId", Some(std::mem::take(&mut message.sender))),
        ("ApproximateFirstReceiveTimestamp", Some(message.first_received_ms.to_string())),
        ("ApproximateReceiveCount", Some(message.receives.to_string())),
        ("SentTimestamp", Some(message.sent_ms.to_string())),
        ("SequenceNumber", message.sequence_number()),
        ("MessageDeduplicationId", message.deduplication.take()),
        ("MessageGroupId", message.group.take()),
        ("AWSTraceHeader", message.trace.take()),
        ("DeadLetterQueueSourceArn", message.came_from.take()),
    ];
    for (name, value) in values {
        if let Some(value) = value.filter(|_| all || asked.iter().any(|asked| asked == name)) {
            attributes.insert(name.into(), value.into());
        }
    }
    attributes
}

/// The attributes that were asked for, by name, prefix (`x.*`) or all (`All`, `.*`), and the digest of those.
fn chosen(message: &mut Received, names: &[String]) -> (Option<String>, Attributes) {
    let asked = |attribute: &str| {
        names.iter().any(|name| match name.strip_suffix(".*") {
            Some(prefix) => attribute.starts_with(prefix),
            None => name == "All" || name == attribute,
        })
    };
    let all = std::mem::take(&mut message.attributes);
    let count = all.len();
    let chosen: Attributes = all.into_iter().filter(|(name, _)| asked(name)).collect();
    let digest = match chosen.len() == count {
        true => message.attributes_md5.take(),
        false => messaging::queue::attributes_md5(&chosen),
    };
    (digest, chosen)
}
