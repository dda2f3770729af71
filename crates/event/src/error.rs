//! What went wrong between a source and a target, by what the caller should do about it.

use std::fmt;

/// What the caller should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request can never succeed as it is.
    Invalid,
    /// What it names does not exist (any more).
    NotFound,
    /// It exists already, or changed meanwhile.
    Conflict,
    /// Try again later, more slowly.
    Throttled,
    /// Try again later.
    Unavailable,
    /// The caller may not do this.
    Denied,
    /// The position asked for is older than what is kept: record a gap, then follow the policy.
    Trimmed,
    /// The cursor is too old: open a new one after the last record processed.
    Expired,
    /// Stored bytes are not what was written.
    Corrupt,
    /// A bug here.
    Internal,
}

/// An error at a seam between crates. The message holds ids, paths and sizes, never record content.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), source: None }
    }

    /// Keeps the cause, which is never repeated in the message.
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}
