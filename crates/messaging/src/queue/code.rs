//! Error codes of the queue service, by their names in the JSON protocol (SQS API reference, "Common errors" of each action).

use event::Kind;

use crate::Error;

/// Why an operation on a queue was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    InvalidAttributeName,
    InvalidAttributeValue,
    InvalidMessageContents,
    InvalidParameterValue,
    MessageNotInflight,
    MissingParameter,
    /// Too many messages are in flight.
    OverLimit,
    PurgeQueueInProgress,
    QueueDoesNotExist,
    QueueNameExists,
    ReceiptHandleIsInvalid,
    /// A move task or its source.
    ResourceNotFound,
    UnsupportedOperation,
}

impl Code {
    /// What the caller should do.
    pub fn kind(self) -> Kind {
        match self {
            Code::QueueDoesNotExist | Code::ResourceNotFound => Kind::NotFound,
            Code::QueueNameExists => Kind::Conflict,
            Code::OverLimit | Code::PurgeQueueInProgress => Kind::Throttled,
            _ => Kind::Invalid,
        }
    }

    pub(crate) fn error(self, message: impl Into<String>) -> Error {
        Error::Queue { code: self, message: message.into() }
    }
}

pub(crate) fn no_queue() -> Error {
    Code::QueueDoesNotExist.error("The specified queue does not exist.")
}

/// In the service's words; `value` is a parameter, never message content.
pub(crate) fn invalid_value(value: impl std::fmt::Display, parameter: &str, reason: &str) -> Error {
    let message = format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}");
    Code::InvalidParameterValue.error(message)
}
