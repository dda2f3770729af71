//! A message on its way in, as it was taken, and as it is handed out; and what text a message may be.

use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::attribute::{self, Attribute, Attributes, Payload};
use super::code::{Code, invalid_value};
use super::settings::{SIZE_MAX, Settings};
use crate::Error;

const DELAY_S_MAX: i64 = 900;
const ID_CHARS_MAX: usize = 128;

/// A message to be sent.
#[derive(Clone, Default)]
pub struct NewMessage {
    pub body: String,
    pub attributes: Attributes,
    /// Seconds, 0 to 900. `None`: as the queue says.
    pub delay_s: Option<i64>,
    /// `MessageGroupId`: FIFO queues need it.
    pub group: Option<String>,
    /// `MessageDeduplicationId`: FIFO queues only.
    pub deduplication: Option<String>,
    /// `AWSTraceHeader`.
    pub trace: Option<String>,
    /// Who sends (`SenderId`). Empty: the account.
    pub sender: String,
}

/// What the sender is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub message_id: String,
    pub body_md5: String,
    pub attributes_md5: Option<String>,
    pub system_attributes_md5: Option<String>,
    /// FIFO queues only.
    pub sequence_number: Option<String>,
}

/// A message that was handed out. All members but `receipt` are equal on every receive, or grow.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    pub message_id: String,
    /// What deletes this message or changes its visibility.
    pub receipt: String,
    pub body: String,
    pub body_md5: String,
    pub attributes: Attributes,
    pub attributes_md5: Option<String>,
    pub sender: String,
    pub sent_ms: i64,
    /// How often it was handed out, here and where it came from.
    pub receives: i64,
    pub first_received_ms: i64,
    pub group: Option<String>,
    pub deduplication: Option<String>,
    pub trace: Option<String>,
    /// The ARN of the queue whose dead letter it is.
    pub came_from: Option<String>,
    /// Place in the queue.
    pub number: i64,
    /// Whether `number` is shown as `SequenceNumber`.
    pub fifo: bool,
}

impl Received {
    /// `SequenceNumber`, of FIFO queues.
    pub fn sequence_number(&self) -> Option<String> {
        self.fifo.then(|| sequence_number(self.number))
    }
}

/// Twenty digits, so that text order is number order.
pub(super) fn sequence_number(number: i64) -> String {
    format!("{number:020}")
}

/// A checked message with its digests, made before the transaction that takes it.
pub(super) struct Ready {
    pub message: NewMessage,
    pub body_md5: String,
    pub attributes_md5: Option<String>,
    pub system_attributes_md5: Option<String>,
    /// As it is kept.
    pub attributes_json: Option<String>,
    pub size: usize,
}

impl Ready {
    /// # Errors
    /// What no queue would take.
    pub fn new(message: NewMessage) -> Result<Ready, Error> {
        if message.body.is_empty() {
            return Err(Code::MissingParameter.error("The request must contain the parameter MessageBody."));
        }
        let size = message.body.len() + attribute::size(&message.attributes);
        if size > SIZE_MAX as usize {
            return Err(too_long(SIZE_MAX));
        }
        check_characters(&message.body)?;
        attribute::check(&message.attributes)?;
        if let Some(delay_s) = message.delay_s.filter(|delay_s| !(0..=DELAY_S_MAX).contains(delay_s)) {
            let reason = format!("DelaySeconds must be >= 0 and <= {DELAY_S_MAX}.");
            return Err(invalid_value(delay_s, "DelaySeconds", &reason));
        }
        for (parameter, id) in [("MessageGroupId", &message.group), ("MessageDeduplicationId", &message.deduplication)]
        {
            check_id(parameter, id.as_deref())?;
        }
        let trace = message.trace.as_ref().map(|trace| {
            let value = Payload::Text(trace.clone());
            Attributes::from([("AWSTraceHeader".to_owned(), Attribute { data_type: "String".into(), value })])
        });
        let attributes_json = match message.attributes.is_empty() {
            true => None,
            false => Some(serde_json::to_string(&message.attributes).map_err(|_| Error::Corrupt("attributes"))?),
        };
        Ok(Ready {
            body_md5: hex::encode(Md5::digest(&message.body)),
            attributes_md5: attribute::digest(&message.attributes),
            system_attributes_md5: trace.as_ref().and_then(attribute::digest),
            attributes_json,
            size,
            message,
        })
    }

    /// What this queue asks beyond that. Answers the deduplication id of FIFO queues.
    ///
    /// # Errors
    /// `InvalidParameterValue`, `MissingParameter`.
    pub fn fit(&self, settings: &Settings) -> Result<Option<String>, Error> {
        const OTHER_TYPE: &str = "The request include parameter that is not valid for this queue type.";
        let message = &self.message;
        if self.size > settings.size_max as usize {
            return Err(too_long(settings.size_max));
        }
        if !settings.fifo {
            return match &message.deduplication {
                Some(id) => Err(invalid_value(id, "MessageDeduplicationId", OTHER_TYPE)),
                None => Ok(None),
            };
        }
        let id = self.placed(settings)?;
        if let Some(delay_s) = message.delay_s.filter(|delay_s| *delay_s > 0) {
            return Err(invalid_value(delay_s, "DelaySeconds", OTHER_TYPE));
        }
        Ok(id)
    }

    /// Whether a FIFO queue knows the group of this message and what makes it the same as another. Answers its deduplication id.
    ///
    /// # Errors
    /// `MissingParameter`, `InvalidParameterValue`.
    pub fn placed(&self, settings: &Settings) -> Result<Option<String>, Error> {
        let message = &self.message;
        if !settings.fifo {
            return Ok(None);
        }
        if message.group.is_none() {
            return Err(Code::MissingParameter.error("The request must contain the parameter MessageGroupId."));
        }
        match &message.deduplication {
            Some(id) => Ok(Some(id.clone())),
            None if settings.content_deduplication => Ok(Some(hex::encode(Sha256::digest(&message.body)))),
            None => Err(Code::InvalidParameterValue.error(
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
            )),
        }
    }
}

/// XML 1.0 characters only.
pub(super) fn check_characters(text: &str) -> Result<(), Error> {
    // Most text is above the control characters; U+FFFE and U+FFFF begin with 0xEF.
    let suspect = |byte: u8| byte < 0x20 || byte == 0xEF;
    let refused =
        |c: char| matches!(c, '\u{0}'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}');
    if text.bytes().any(suspect) && text.chars().any(refused) {
        return Err(Code::InvalidMessageContents.error(
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | \
             #x10000 to #x10FFFF",
        ));
    }
    Ok(())
}

/// Ids: 1 to 128 letters, digits and punctuation.
pub(super) fn check_id(parameter: &str, id: Option<&str>) -> Result<(), Error> {
    let allowed = |id: &str| (1..=ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    match id {
        Some(id) if !allowed(id) => {
            let shown: String = id.chars().take(ID_CHARS_MAX).collect();
            let reason =
                format!("{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length.");
            Err(invalid_value(shown, parameter, &reason))
        }
        _ => Ok(()),
    }
}

fn too_long(bytes_max: i64) -> Error {
    let message =
        format!("One or more parameters are invalid. Reason: Message must be shorter than {bytes_max} bytes.");
    Code::InvalidParameterValue.error(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_characters_of_xml() {
        for text in ["a\tb\r\n", "ä", "\u{FFFD}", "\u{10FFFF}", "\u{E000}"] {
            assert!(check_characters(text).is_ok(), "{text:?}");
        }
        for text in ["\u{0}", "\u{1F}", "\u{B}", "\u{FFFE}", "\u{FFFF}"] {
            assert!(check_characters(text).is_err(), "{text:?}");
        }
    }
}
