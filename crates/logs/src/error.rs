//! What a log operation could not do.

use event::Kind;

/// Errors of [`crate::Logs`], in the service's words.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Invalid(String),
    /// Holds `group` or `stream`.
    #[error("The specified log {0} does not exist.")]
    NotFound(&'static str),
    #[error("The specified log {0} already exists")]
    Exists(&'static str),
    #[error("state failed")]
    State(#[from] state::Error),
    #[error("stored log group is damaged. group=`{0}`")]
    Corrupt(String),
}

impl Error {
    /// What the caller should do.
    pub fn kind(&self) -> Kind {
        match self {
            Error::Invalid(_) => Kind::Invalid,
            Error::NotFound(_) => Kind::NotFound,
            Error::Exists(_) => Kind::Conflict,
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
