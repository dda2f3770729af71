//! SendMessage, DeleteMessage, ChangeMessageVisibility and their batches.

use std::collections::BTreeMap;

use messaging::queue::{Attribute, Attributes, NewMessage, Payload, Sent};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::batch;
use super::error::{self, refuse};
use super::input::{Caller, decode};
use crate::AwsError;

/// Bytes of all messages of a batch together.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// What a message is sent with; `Id` in batches, `QueueUrl` otherwise.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Message {
    #[serde(default)]
    queue_url: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    message_body: String,
    delay_seconds: Option<i64>,
    #[serde(default)]
    message_attributes: Option<BTreeMap<String, WireAttribute>>,
    #[serde(default)]
    message_system_attributes: Option<BTreeMap<String, WireAttribute>>,
    message_deduplication_id: Option<String>,
    message_group_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct WireAttribute {
    #[serde(default)]
    data_type: String,
    string_value: Option<String>,
    binary_value: Option<String>,
    #[serde(default)]
    string_list_values: Vec<String>,
    #[serde(default)]
    binary_list_values: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Batch<T> {
    #[serde(default)]
    queue_url: String,
    #[serde(default = "Vec::new")]
    entries: Vec<T>,
}

/// A handle and what becomes of its message.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Handle {
    #[serde(default)]
    queue_url: String,
    #[serde(default)]
    id: String,
    receipt_handle: String,
    visibility_timeout: Option<i64>,
}

pub(super) async fn send(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let message: Message = decode(input)?;
    let queue = caller.queue(&message.queue_url)?;
    let sent = caller.app.queues.send(&queue, message.into_new()?).await.map_err(refuse)?;
    Ok(Value::Object(members(sent)))
}

pub(super) async fn send_batch(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let Batch { queue_url, entries }: Batch<Message> = decode(input)?;
    let queue = caller.queue(&queue_url)?;
    batch::check("SendMessageBatchRequestEntry", entries.iter().map(|entry| entry.id.as_str()))?;
    let bytes: usize = entries.iter().map(Message::size).sum();
    if bytes > BATCH_BYTES_MAX {
        let message =
            format!("Batch requests cannot be longer than {BATCH_BYTES_MAX} bytes. You have sent {bytes} bytes.");
        return Err(error::of("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", message));
    }
    let ids = entries.iter().map(|entry| entry.id.clone()).collect();
    let messages = entries.into_iter().map(Message::into_new).collect::<Result<Vec<_>, _>>()?;
    batch::answer(ids, caller.app.queues.send_batch(&queue, messages).await.map_err(refuse)?, members)
}

pub(super) async fn delete(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let Handle { queue_url, receipt_handle, .. } = decode(input)?;
    let queue = caller.queue(&queue_url)?;
    single(caller.app.queues.delete(&queue, vec![receipt_handle]).await)
}

pub(super) async fn delete_batch(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let Batch { queue_url, entries }: Batch<Handle> = decode(input)?;
    let queue = caller.queue(&queue_url)?;
    batch::check("DeleteMessageBatchRequestEntry", entries.iter().map(|entry| entry.id.as_str()))?;
    let (ids, handles) = entries.into_iter().map(|entry| (entry.id, entry.receipt_handle)).unzip();
    batch::answer(ids, caller.app.queues.delete(&queue, handles).await.map_err(refuse)?, |()| Map::new())
}

pub(super) async fn change(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let Handle { queue_url, receipt_handle, visibility_timeout, .. } = decode(input)?;
    let queue = caller.queue(&queue_url)?;
    let seconds = visibility_timeout.ok_or_else(|| error::missing("VisibilityTimeout"))?;
    single(caller.app.queues.change_visibility(&queue, vec![(receipt_handle, seconds)]).await)
}

pub(super) async fn change_batch(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let Batch { queue_url, entries }: Batch<Handle> = decode(input)?;
    let queue = caller.queue(&queue_url)?;
    batch::check("ChangeMessageVisibilityBatchRequestEntry", entries.iter().map(|entry| entry.id.as_str()))?;
    let mut ids = Vec::new();
    let mut changes = Vec::new();
    for Handle { id, receipt_handle, visibility_timeout, .. } in entries {
        ids.push(id);
        changes.push((receipt_handle, visibility_timeout.ok_or_else(|| error::missing("VisibilityTimeout"))?));
    }
    let outcomes = caller.app.queues.change_visibility(&queue, changes).await.map_err(refuse)?;
    batch::answer(ids, outcomes, |()| Map::new())
}

fn single(outcomes: Result<Vec<Result<(), messaging::Error>>, messaging::Error>) -> Result<Value, AwsError> {
    outcomes.and_then(|outcomes| outcomes.into_iter().collect::<Result<(), _>>()).map_err(refuse)?;
    Ok(json!({}))
}

impl Message {
    fn size(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let attributes = self.message_attributes.iter().flatten().map(|(name, attribute)| {
            // Base64 is a third longer than the bytes.
            let binary = text(&attribute.binary_value) / 4 * 3;
            name.len() + attribute.data_type.len() + text(&attribute.string_value) + binary
        });
        self.message_body.len() + attributes.sum::<usize>()
    }

    fn into_new(self) -> Result<NewMessage, AwsError> {
        let mut trace = None;
        for (name, attribute) in self.message_system_attributes.unwrap_or_default() {
            match (name.as_str(), attribute.data_type.as_str(), attribute.string_value) {
                ("AWSTraceHeader", "String", Some(value)) if !value.is_empty() => trace = Some(value),
                ("AWSTraceHeader", ..) => {
                    return Err(error::invalid("of type String", "AWSTraceHeader", "Must be a non-empty String."));
                }
                (name, ..) => {
                    let shown: String = name.chars().take(128).collect();
                    return Err(error::invalid(shown, "MessageSystemAttributes", "The attribute is not supported."));
                }
            }
        }
        let attributes = self.message_attributes.unwrap_or_default().into_iter();
        Ok(NewMessage {
            body: self.message_body,
            attributes: attributes
                .map(|(name, value)| Ok((name, value.into_attribute()?)))
                .collect::<Result<Attributes, AwsError>>()?,
            delay_s: self.delay_seconds,
            group: self.message_group_id,
            deduplication: self.message_deduplication_id,
            trace,
            sender: String::new(),
        })
    }
}

impl WireAttribute {
    fn into_attribute(self) -> Result<Attribute, AwsError> {
        use base64::Engine as _;
        if !self.string_list_values.is_empty() || !self.binary_list_values.is_empty() {
            let code = "AWS.SimpleQueueService.UnsupportedOperation";
            return Err(error::of(
                "UnsupportedOperation",
                code,
                "Message attribute list values in SendMessage are not supported.",
            ));
        }
        let value = match (self.string_value, self.binary_value) {
            (text, None) => Payload::Text(text.unwrap_or_default()),
            (None, Some(base64)) => {
                let decoded = base64::engine::general_purpose::STANDARD.decode(base64);
                Payload::Binary(decoded.map_err(|_| AwsError::serialization("BinaryValue is not base64"))?)
            }
            (Some(_), Some(_)) => {
                return Err(error::invalid(
                    "StringValue, BinaryValue",
                    "MessageAttributes",
                    "Only one of them can be given.",
                ));
            }
        };
        Ok(Attribute { data_type: self.data_type, value })
    }
}

fn members(sent: Sent) -> Map<String, Value> {
    let Sent { message_id, body_md5, attributes_md5, system_attributes_md5, sequence_number } = sent;
    let members = [
        ("MessageId", Some(message_id)),
        ("MD5OfMessageBody", Some(body_md5)),
        ("MD5OfMessageAttributes", attributes_md5),
        ("MD5OfMessageSystemAttributes", system_attributes_md5),
        ("SequenceNumber", sequence_number),
    ];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?)))).collect()
}
