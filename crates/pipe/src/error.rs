//! What a pipe operation could not do.

use event::Kind;

/// Errors of [`crate::Pipes`]. Messages follow the Pipes API; they hold names and paths, never record content.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request can never succeed as it is.
    #[error("{0}")]
    Invalid(String),
    #[error("Pipe {0} does not exist.")]
    NotFound(String),
    #[error("{0}")]
    Conflict(String),
    #[error("state failed")]
    State(#[from] state::Error),
    /// A stored definition cannot be read back.
    #[error("stored pipe is damaged. pipe=`{0}`")]
    Corrupt(String),
    /// A source or target refused.
    #[error(transparent)]
    Event(#[from] event::Error),
}

impl Error {
    /// What the caller should do.
    pub fn kind(&self) -> Kind {
        match self {
            Error::Invalid(_) => Kind::Invalid,
            Error::NotFound(_) => Kind::NotFound,
            Error::Conflict(_) => Kind::Conflict,
            Error::State(_) => Kind::Unavailable,
            Error::Corrupt(_) => Kind::Corrupt,
            Error::Event(error) => error.kind(),
        }
    }
}
