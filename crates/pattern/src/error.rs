//! Why a pattern was refused, or could not be matched. Never holds event content.

use expr::scan::Malformed;

/// What is wrong with a pattern or an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The pattern is not one the service would take. The message is the service's own.
    #[error("Event pattern is not valid. Reason: {reason}")]
    Pattern { reason: String },
    /// The event is not JSON, `at` bytes from its start.
    #[error("event is not JSON. at={at}")]
    Event { at: usize },
}

impl Error {
    pub(crate) fn pattern(reason: impl Into<String>) -> Self {
        Error::Pattern { reason: reason.into() }
    }
}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Self {
        Error::Event { at: malformed.at }
    }
}
