//! What can go wrong with a template or a stack, by what the caller should do.

use event::Kind;

/// An error of this crate. Messages name logical ids, names and limits.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The template, a parameter or the request is not right.
    #[error("{0}")]
    Template(String),
    /// No such stack or resource.
    #[error("{0}")]
    NotFound(String),
    /// The stack exists already, or is in a state that does not allow the operation.
    #[error("{0}")]
    Conflict(String),
    /// An update that changes nothing.
    #[error("No updates are to be performed.")]
    NoUpdates,
    /// A service refused to make, change or remove a resource.
    #[error("{0}")]
    Resource(String),
    /// The database failed.
    #[error("state failed")]
    State(#[from] state::Error),
    /// A stored row is not what was written.
    #[error("stored stack is damaged. part=`{0}`")]
    Stored(&'static str),
}

impl Error {
    /// What the caller should do about it.
    pub fn kind(&self) -> Kind {
        match self {
            Error::Template(_) | Error::NoUpdates | Error::Resource(_) => Kind::Invalid,
            Error::NotFound(_) => Kind::NotFound,
            Error::Conflict(_) => Kind::Conflict,
            Error::State(_) => Kind::Unavailable,
            Error::Stored(_) => Kind::Corrupt,
        }
    }

    pub(crate) fn template(message: impl Into<String>) -> Self {
        Error::Template(message.into())
    }
}
