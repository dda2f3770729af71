//! What can go wrong in this crate, by the AWS exception it becomes on the wire.

use event::Kind;

use crate::item::Item;

/// An error of a table operation.
///
/// The text of [`Error::Validation`] is written for the caller who sent the request. It quotes names, placeholders and expression
/// text, never attribute values.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum Error {
    /// `ValidationException`: the request can never succeed as it is.
    #[error("{0}")]
    Validation(String),
    /// `SerializationException`: the JSON does not have the shape of the request.
    #[error("{0}")]
    Serialization(String),
    /// `ResourceNotFoundException`.
    #[error("{0}")]
    NotFound(String),
    /// `ResourceInUseException`.
    #[error("{0}")]
    InUse(String),
    /// `ConditionalCheckFailedException`, with the item when the caller asked for it.
    #[error("The conditional request failed")]
    ConditionFailed(Option<Item>),
    /// `ExpiredIteratorException`: the iterator is older than 15 minutes.
    #[error("Iterator expired. The iterator was created more than 15 minutes ago")]
    Expired,
    /// `TrimmedDataAccessException`: the records asked for are older than what is kept.
    #[error("The operation attempted to read past the oldest stream record in a shard")]
    Trimmed,
    /// `InternalServerError`: the state failed. The text is for the log.
    #[error("internal failure: {0}")]
    Internal(String),
}

impl Error {
    /// A `ValidationException` with AWS's text.
    pub fn validation(message: impl Into<String>) -> Self {
        Error::Validation(message.into())
    }

    /// What the caller should do about it.
    pub fn kind(&self) -> Kind {
        match self {
            Error::Validation(_) | Error::Serialization(_) => Kind::Invalid,
            Error::NotFound(_) => Kind::NotFound,
            Error::InUse(_) | Error::ConditionFailed(_) => Kind::Conflict,
            Error::Expired => Kind::Expired,
            Error::Trimmed => Kind::Trimmed,
            Error::Internal(_) => Kind::Internal,
        }
    }
}

impl From<state::Error> for Error {
    fn from(error: state::Error) -> Self {
        Error::Internal(error.to_string())
    }
}

impl From<Error> for event::Error {
    fn from(error: Error) -> Self {
        event::Error::new(error.kind(), error.to_string())
    }
}
