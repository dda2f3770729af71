//! A queue as what pipes and event source mappings take messages from; each message as Lambda shows it in an SQS event
//! (Lambda Developer Guide, "Using Lambda with Amazon SQS").

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event::{Arn, Error, Kind, Message, Record, Sequence};
use serde::Serialize;

use super::attribute::Payload;
use super::code::Code;
use super::{Queues, Receive, Received};

/// Opens a queue as a source.
///
/// # Errors
/// `NotFound` without the queue, `Invalid` for an ARN of something else.
pub async fn open(queues: &Queues, arn: &Arn) -> Result<Arc<dyn event::Queue>, Error> {
    let name =
        queues.name_of(arn).ok_or_else(|| Error::new(Kind::Invalid, format!("not a queue here. arn=`{arn}`")))?;
    queues.exists(name).await?;
    Ok(Arc::new(QueueSource { queues: queues.clone(), name: name.to_owned(), arn: arn.to_string() }))
}

struct QueueSource {
    queues: Queues,
    name: String,
    arn: String,
}

#[async_trait]
impl event::Queue for QueueSource {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Message>, Error> {
        let ask = Receive { wait: Some(wait), ..Receive::new(max) };
        let received = self.queues.receive(&self.name, ask).await?;
        received.into_iter().map(|message| self.message(message)).collect()
    }

    async fn acknowledge(&self, receipts: &[String]) -> Result<(), Error> {
        let outcomes = self.queues.delete(&self.name, receipts.to_vec()).await?;
        settled(outcomes)
    }

    async fn release(&self, receipts: &[String], after: Duration) -> Result<(), Error> {
        let seconds = i64::try_from(after.as_secs()).unwrap_or(i64::MAX);
        let changes = receipts.iter().map(|receipt| (receipt.clone(), seconds)).collect();
        settled(self.queues.change_visibility(&self.name, changes).await?)
    }
}

/// A message whose visibility time has ended is with others or will be: there is nothing left to do.
fn settled(outcomes: Vec<Result<(), crate::Error>>) -> Result<(), Error> {
    for outcome in outcomes {
        match outcome {
            Ok(()) => {}
            Err(crate::Error::Queue { code: Code::MessageNotInflight | Code::InvalidParameterValue, .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

impl QueueSource {
    fn message(&self, received: Received) -> Result<Message, Error> {
        let data = serde_json::to_vec(&EventRecord::of(&received, &self.arn, &self.queues.inner.region))
            .map_err(|error| Error::new(Kind::Internal, "a message is not JSON").with_source(error))?;
        let mut hasher = DefaultHasher::new();
        received.group.as_deref().filter(|_| received.fifo).unwrap_or(&received.message_id).hash(&mut hasher);
        let record = Record {
            data: data.into(),
            sequence: Sequence::from(received.number.unsigned_abs()),
            at_ms: received.sent_ms,
            key_hash: hasher.finish(),
            untemplated: None,
            id: received.message_id.into(),
        };
        Ok(Message { record, receipt: received.receipt })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventRecord<'a> {
    message_id: &'a str,
    receipt_handle: &'a str,
    body: &'a str,
    attributes: SystemAttributes<'a>,
    message_attributes: BTreeMap<&'a str, EventAttribute<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    md5_of_message_attributes: Option<&'a str>,
    md5_of_body: &'a str,
    event_source: &'static str,
    #[serde(rename = "eventSourceARN")]
    event_source_arn: &'a str,
    aws_region: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SystemAttributes<'a> {
    approximate_receive_count: String,
    #[serde(rename = "AWSTraceHeader", skip_serializing_if = "Option::is_none")]
    trace: Option<&'a str>,
    sent_timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_group_id: Option<&'a str>,
    sender_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_deduplication_id: Option<&'a str>,
    approximate_first_receive_timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_queue_source_arn: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventAttribute<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    string_value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binary_value: Option<String>,
    string_list_values: [&'a str; 0],
    binary_list_values: [&'a str; 0],
    data_type: &'a str,
}

impl<'a> EventRecord<'a> {
    fn of(message: &'a Received, arn: &'a str, region: &'a str) -> EventRecord<'a> {
        let attributes = message.attributes.iter().map(|(name, attribute)| {
            let (string_value, binary_value) = match &attribute.value {
                Payload::Text(text) => (Some(text.as_str()), None),
                Payload::Binary(bytes) => (None, Some(STANDARD.encode(bytes))),
            };
            let data_type = attribute.data_type.as_str();
            let value = EventAttribute {
                string_value,
                binary_value,
                string_list_values: [],
                binary_list_values: [],
                data_type,
            };
            (name.as_str(), value)
        });
        EventRecord {
            message_id: &message.message_id,
            receipt_handle: &message.receipt,
            body: &message.body,
            attributes: SystemAttributes {
                approximate_receive_count: message.receives.to_string(),
                trace: message.trace.as_deref(),
                sent_timestamp: message.sent_ms.to_string(),
                sequence_number: message.sequence_number(),
                message_group_id: message.group.as_deref(),
                sender_id: &message.sender,
                message_deduplication_id: message.deduplication.as_deref(),
                approximate_first_receive_timestamp: message.first_received_ms.to_string(),
                dead_letter_queue_source_arn: message.came_from.as_deref(),
            },
            message_attributes: attributes.collect(),
            md5_of_message_attributes: message.attributes_md5.as_deref(),
            md5_of_body: &message.body_md5,
            event_source: "aws:sqs",
            event_source_arn: arn,
            aws_region: region,
        }
    }
}
