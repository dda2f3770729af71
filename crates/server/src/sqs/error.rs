//! The service's errors in both protocols: a shape name, and the older code that clients also read from a header.

use messaging::queue::Code;

use crate::AwsError;

/// Shape name and query code of a refusal.
fn names(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::InvalidAttributeName => ("InvalidAttributeName", "InvalidAttributeName"),
        Code::InvalidAttributeValue => ("InvalidAttributeValue", "InvalidAttributeValue"),
        Code::InvalidMessageContents => ("InvalidMessageContents", "InvalidMessageContents"),
        Code::InvalidParameterValue => ("InvalidParameterValueException", "InvalidParameterValue"),
        Code::MessageNotInflight => ("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"),
        Code::MissingParameter => ("MissingRequiredParameterException", "MissingParameter"),
        Code::OverLimit => ("OverLimit", "OverLimit"),
        Code::PurgeQueueInProgress => ("PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress"),
        Code::QueueDoesNotExist => ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"),
        Code::QueueNameExists => ("QueueNameExists", "QueueAlreadyExists"),
        Code::ReceiptHandleIsInvalid => ("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"),
        Code::ResourceNotFound => ("ResourceNotFoundException", "ResourceNotFoundException"),
        Code::UnsupportedOperation => ("UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation"),
    }
}

/// An error with both names; those that are not the service's own stand in another namespace.
pub(super) fn of(shape: &str, query_code: &'static str, message: impl Into<String>) -> AwsError {
    let namespace = if matches!(query_code, "InvalidParameterValue" | "MissingParameter") {
        "com.amazon.coral.service"
    } else {
        "com.amazonaws.sqs"
    };
    let error = AwsError::new(400, shape, message).with("__type", format!("{namespace}#{shape}"));
    AwsError { query_code: Some(query_code), ..error }
}

/// What the engine refused.
pub(super) fn refuse(error: messaging::Error) -> AwsError {
    match error {
        messaging::Error::Queue { code, message } => {
            let (shape, query_code) = names(code);
            of(shape, query_code, message)
        }
        error => {
            tracing::error!(%error, "queue operation failed");
            let error = AwsError::new(500, "InternalFailure", "The request could not be done.");
            AwsError { query_code: Some("InternalError"), ..error }
        }
    }
}

/// `InvalidParameterValue` in the service's words.
pub(super) fn invalid(value: impl std::fmt::Display, parameter: &str, reason: &str) -> AwsError {
    let message = format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}");
    let (shape, query_code) = names(Code::InvalidParameterValue);
    of(shape, query_code, message)
}

pub(super) fn missing(parameter: &str) -> AwsError {
    let (shape, query_code) = names(Code::MissingParameter);
    of(shape, query_code, format!("The request must contain the parameter {parameter}."))
}

pub(super) fn no_queue() -> AwsError {
    let (shape, query_code) = names(Code::QueueDoesNotExist);
    of(shape, query_code, "The specified queue does not exist.")
}

pub(super) fn unknown_attribute(name: &str) -> AwsError {
    let shown: String = name.chars().take(128).collect();
    let (shape, query_code) = names(Code::InvalidAttributeName);
    of(shape, query_code, format!("Unknown Attribute {shown}."))
}

/// The query code of a failed batch entry, and its message; the whole batch fails when it is not the sender's fault.
pub(super) fn entry(error: messaging::Error) -> Result<(&'static str, String), AwsError> {
    match error {
        messaging::Error::Queue { code, message } => Ok((names(code).1, message)),
        error => Err(refuse(error)),
    }
}
