//! What delivery streams and the catalog could not do.

use event::Kind;

/// What can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request that can never succeed; the message is for its author.
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    NotFound(String),
    /// It exists already, or is in use.
    #[error("{0}")]
    Conflict(String),
    /// The version given is not the current one.
    #[error("{0}")]
    Version(String),
    /// The consumer must begin again from its durable positions.
    #[error("{0}")]
    Rewind(String),
    #[error("delivery is stopped")]
    Stopped,
    #[error("stored definition cannot be read. name=`{0}`")]
    Stored(String, #[source] serde_json::Error),
    #[error("a file could not be encoded: {0}")]
    Encode(String),
    #[error("state failed")]
    State(#[from] state::Error),
    #[error("object store failed")]
    Objects(#[from] objects::Error),
}

impl Error {
    /// What the caller should do.
    pub fn kind(&self) -> Kind {
        match self {
            Error::Invalid(_) | Error::Rewind(_) => Kind::Invalid,
            Error::NotFound(_) => Kind::NotFound,
            Error::Conflict(_) | Error::Version(_) => Kind::Conflict,
            Error::Stopped | Error::Objects(_) | Error::State(_) => Kind::Unavailable,
            Error::Stored(..) => Kind::Corrupt,
            Error::Encode(_) => Kind::Internal,
        }
    }
}

impl From<Error> for event::Error {
    fn from(error: Error) -> Self {
        event::Error::new(error.kind(), error.to_string()).with_source(error)
    }
}
