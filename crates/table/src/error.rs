//! What can go wrong in this crate, by the AWS exception it becomes on the wire.

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
}

impl Error {
    /// A `ValidationException` with AWS's text.
    pub fn validation(message: impl Into<String>) -> Self {
        Error::Validation(message.into())
    }
}
