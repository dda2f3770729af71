//! What a queue, a bus or a schedule could not do.

use event::Kind;

use crate::queue::Code;

/// Errors of this crate. Messages name resources, members and sizes, never the content of messages or events.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request can never succeed as it is.
    #[error("{0}")]
    Invalid(String),
    /// The event pattern is not one; the message is the service's.
    #[error("{0}")]
    Pattern(String),
    /// More of something than the service takes.
    #[error("{0}")]
    Limit(String),
    /// The named resource does not exist.
    #[error("{0}")]
    NotFound(String),
    /// It exists already with other attributes, or changed meanwhile.
    #[error("{0}")]
    Conflict(String),
    /// It is in a state that does not allow this.
    #[error("{0}")]
    Status(String),
    /// What a queue operation refuses, under its own error code.
    #[error("{message}")]
    Queue { code: Code, message: String },
    #[error("state failed")]
    State(#[from] state::Error),
    #[error("stored {0} is damaged")]
    Corrupt(&'static str),
}

impl Error {
    /// What the caller should do.
    pub fn kind(&self) -> Kind {
        match self {
            Error::Invalid(_) | Error::Pattern(_) | Error::Limit(_) => Kind::Invalid,
            Error::NotFound(_) => Kind::NotFound,
            Error::Conflict(_) | Error::Status(_) => Kind::Conflict,
            Error::Queue { code, .. } => code.kind(),
            Error::State(_) => Kind::Unavailable,
            Error::Corrupt(_) => Kind::Corrupt,
        }
    }
}

impl From<Error> for event::Error {
    fn from(error: Error) -> Self {
        event::Error::new(error.kind(), error.to_string()).with_source(error)
    }
}
