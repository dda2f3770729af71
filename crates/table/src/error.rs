//! What can go wrong in this crate, by the AWS exception it becomes on the wire.

use event::Kind;

use crate::item::Item;

/// Begins the message of one thing that is wrong.
const ONE: &str = "1 validation error detected: ";

fn is_counted(message: &str) -> bool {
    message.split_once(" validation error").is_some_and(|(count, _)| count.bytes().all(|byte| byte.is_ascii_digit()))
}

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

    /// As the service tells what it refuses a single write for before it looks at the table: with the number of what is wrong.
    pub fn counted(self) -> Self {
        match self {
            Error::Validation(message) if !is_counted(&message) => Error::Validation(format!("{ONE}{message}")),
            other => other,
        }
    }

    /// All that is wrong, told in one message.
    ///
    /// # Errors
    /// `Validation`; another failure as it is.
    pub(crate) fn all(checks: impl IntoIterator<Item = Result<(), Error>>) -> Result<(), Error> {
        let mut wrong = Vec::new();
        for check in checks {
            match check {
                Ok(()) => {}
                Err(Error::Validation(message)) => wrong.push(message.strip_prefix(ONE).unwrap_or(&message).to_owned()),
                Err(other) => return Err(other),
            }
        }
        match wrong.as_slice() {
            [] => Ok(()),
            [one] => Err(Error::Validation(format!("{ONE}{one}"))),
            several => {
                let message = several.join("; ");
                Err(Error::Validation(format!("{} validation errors detected: {message}", several.len())))
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_counted_once() {
        let one = || Error::validation("a").counted();
        assert_eq!(one(), Error::validation("1 validation error detected: a"));
        assert_eq!(one().counted(), one());
        assert_eq!(Error::all([]), Ok(()));
        assert_eq!(Error::all([Ok(()), Err(one())]), Err(one()));
        let both = Err(Error::validation("2 validation errors detected: a; b"));
        assert_eq!(Error::all([Err(one()), Ok(()), Err(Error::validation("b"))]), both);
        assert_eq!(Error::all([Err(one()), Err(Error::Expired)]), Err(Error::Expired));
    }
}
