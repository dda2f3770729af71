//! What a dead letter says of itself: where it came from, why, after how many attempts, and what it carries.

use bytes::Bytes;
use event::{Record, Sequence};
use messaging::queue::{Payload, Received};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Where a letter goes when it is redriven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The queue it was moved from.
    Queue(String),
    /// A rule or schedule, by ARN.
    Delivery(String),
    /// A function, by ARN.
    Function(String),
    /// A pipe or event source mapping, by the name of its pipe.
    Pipe(String),
    Unknown,
}

/// A dead letter.
pub(super) struct Letter {
    pub number: i64,
    pub id: String,
    pub hidden: bool,
    sent_ms: i64,
    receives: i64,
    pub origin: Origin,
    /// Holds no record content.
    reason: String,
    attempts: i64,
    payload: String,
    /// Of a pipe's letter.
    event: Event,
}

/// What is known of the record in a pipe's letter.
#[derive(Default)]
struct Event {
    id: String,
    sequence: Sequence,
    at_ms: i64,
}

/// The members of a letter's body that are looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    pipe: Option<String>,
    #[serde(rename = "eventID")]
    event_id: Option<String>,
    context: Option<Context>,
    request_context: Option<Context>,
    #[serde(rename = "DDBStreamBatchInfo")]
    batch_info: Option<BatchInfo>,
    attempts: Option<i64>,
    error: Option<String>,
    payload: Option<Box<RawValue>>,
    request_payload: Option<Box<RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    function_arn: Option<String>,
    condition: Option<String>,
    approximate_invoke_count: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchInfo {
    start_sequence_number: Option<String>,
    approximate_arrival_of_first_record: Option<String>,
}

impl Letter {
    pub fn of(letter: messaging::queue::Letter) -> Letter {
        let messaging::queue::Letter { message, hidden } = letter;
        let text = |name: &str| match message.attributes.get(name).map(|attribute| &attribute.value) {
            Some(Payload::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let number = |name: &str| text(name).and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
        let told = |code: &str, message: &str| {
            let parts = [text(code), text(message)];
            parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
        };
        if let Some(from) = message.came_from.clone() {
            let reason = format!("received {} times", message.receives);
            let attempts = message.receives;
            return Letter::plain(message, hidden, Origin::Queue(from), reason, attempts);
        }
        if let Some(arn) = text("RULE_ARN").or_else(|| text("SCHEDULE_ARN")) {
            let (reason, attempts) = (told("ERROR_CODE", "ERROR_MESSAGE"), number("RETRY_ATTEMPTS") + 1);
            return Letter::plain(message, hidden, Origin::Delivery(arn), reason, attempts);
        }
        if let Some(arn) = text("FunctionArn") {
            let (reason, attempts) = (told("ErrorCode", "ErrorMessage"), number("Attempts"));
            return Letter::plain(message, hidden, Origin::Function(arn), reason, attempts);
        }
        match serde_json::from_str::<Body>(&message.body) {
            Ok(body) => Letter::of_body(message, hidden, body),
            Err(_) => Letter::plain(message, hidden, Origin::Unknown, String::new(), 0),
        }
    }

    /// A letter that is its payload.
    fn plain(message: Received, hidden: bool, origin: Origin, reason: String, attempts: i64) -> Letter {
        Letter {
            number: message.number,
            id: message.message_id,
            hidden,
            sent_ms: message.sent_ms,
            receives: message.receives,
            origin,
            reason,
            attempts,
            payload: message.body,
            event: Event::default(),
        }
    }

    /// A letter that holds its payload beside the context.
    fn of_body(message: Received, hidden: bool, body: Body) -> Letter {
        let context = body.context.or(body.request_context).unwrap_or_default();
        let condition = context.condition.unwrap_or_default();
        let attempts = body.attempts.or(context.approximate_invoke_count).unwrap_or_default();
        let (origin, payload) = match (body.pipe, body.payload, context.function_arn, body.request_payload) {
            (Some(pipe), Some(payload), ..) => (Origin::Pipe(pipe), payload),
            (_, _, Some(arn), Some(payload)) => (Origin::Function(arn), payload),
            _ => return Letter::plain(message, hidden, Origin::Unknown, condition, attempts),
        };
        let reason = [Some(condition), body.error].into_iter().flatten().collect::<Vec<_>>().join(": ");
        let (mut sequence, mut at_ms) = (Sequence::ZERO, message.sent_ms);
        if let Some(info) = body.batch_info {
            sequence = info.start_sequence_number.and_then(|text| text.parse().ok()).unwrap_or_default();
            let arrived = info.approximate_arrival_of_first_record;
            let arrived = arrived.and_then(|text| chrono::DateTime::parse_from_rfc3339(&text).ok());
            at_ms = arrived.map_or(at_ms, |arrived| arrived.timestamp_millis());
        }
        let event = Event { id: body.event_id.unwrap_or_else(|| message.message_id.clone()), sequence, at_ms };
        let letter = Letter::plain(message, hidden, origin, reason, attempts);
        Letter { payload: payload.get().to_owned(), event, ..letter }
    }

    /// What the operator sees; the payload only when it was asked for.
    pub fn show(&self, payload: bool) -> Value {
        let (kind, source) = self.origin.told();
        let mut shown = json!({
            "id": self.id, "number": self.number, "sent_ms": self.sent_ms, "receives": self.receives,
            "hidden": self.hidden, "kind": kind, "source": source, "reason": self.reason, "attempts": self.attempts,
        });
        if payload {
            shown["payload"] = serde_json::from_str(&self.payload).unwrap_or_else(|_| json!(self.payload));
        }
        shown
    }

    /// What a function gets again.
    pub fn payload(&self) -> Bytes {
        Bytes::from(self.payload.clone())
    }

    /// What a pipe gets again: the record as its source gave it.
    pub fn record(&self) -> Record {
        // A record that was no JSON stands in its letter as a string.
        let data = serde_json::from_str::<String>(&self.payload).unwrap_or_else(|_| self.payload.clone());
        let Event { id, sequence, at_ms } = &self.event;
        let (sequence, at_ms) = (*sequence, *at_ms);
        Record { data: data.into(), sequence, at_ms, key_hash: 0, id: id.as_str().into(), untemplated: None }
    }
}

impl Origin {
    /// The kind of source, and its ARN or name.
    pub fn told(&self) -> (&'static str, &str) {
        match self {
            Origin::Queue(arn) => ("queue", arn),
            Origin::Delivery(arn) if arn.contains(":scheduler:") => ("schedule", arn),
            Origin::Delivery(arn) => ("rule", arn),
            Origin::Function(arn) => ("function", arn),
            // A mapping's pipe is named `KIND/UUID`, which no other pipe can be.
            Origin::Pipe(name) => name.split_once('/').map_or(("pipe", name), |(_, uuid)| ("mapping", uuid)),
            Origin::Unknown => ("unknown", ""),
        }
    }
}
