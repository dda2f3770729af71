//! What an interaction could not do.

use fhir::outcome::Issue;

/// What the caller should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request can never succeed as it is: it cannot be read.
    Invalid,
    /// The resource breaks rules.
    Unprocessable,
    NotFound,
    /// It was there and is deleted.
    Gone,
    /// It changed meanwhile, or exists already.
    Conflict,
    /// A condition of the request does not hold, or more than one resource matches it.
    Precondition,
    /// FHIR has it, we do not.
    NotSupported,
    Denied,
    TooLarge,
    /// Try again later.
    Unavailable,
    /// Stored bytes are not what was written.
    Corrupt,
}

/// An error with what to tell. Texts hold ids, element paths and names, nothing of a resource's content.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.told())]
pub struct Error {
    kind: Kind,
    /// At least one.
    pub issues: Vec<Issue>,
    #[source]
    source: Option<state::Error>,
}

impl Error {
    pub fn new(kind: Kind, diagnostics: impl Into<String>) -> Error {
        Error::with_issues(kind, vec![Issue::error(code(kind), diagnostics)])
    }

    /// With issues of its own, at least one.
    pub fn with_issues(kind: Kind, issues: Vec<Issue>) -> Error {
        Error { kind, issues, source: None }
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    fn told(&self) -> &str {
        self.issues.first().map_or("no reason told", |issue| &issue.diagnostics)
    }
}

/// The issue type that says the same.
fn code(kind: Kind) -> &'static str {
    match kind {
        Kind::Invalid => "invalid",
        Kind::Unprocessable => "processing",
        Kind::NotFound => "not-found",
        Kind::Gone => "deleted",
        Kind::Conflict => "conflict",
        Kind::Precondition => "conflict",
        Kind::NotSupported => "not-supported",
        Kind::Denied => "forbidden",
        Kind::TooLarge => "too-costly",
        Kind::Unavailable => "transient",
        Kind::Corrupt => "exception",
    }
}

impl From<state::Error> for Error {
    fn from(error: state::Error) -> Self {
        Error { source: Some(error), ..Error::new(Kind::Unavailable, "the state failed") }
    }
}

impl From<fhir::search::query::QueryError> for Error {
    fn from(error: fhir::search::query::QueryError) -> Self {
        let kind = if error.is_unsupported { Kind::NotSupported } else { Kind::Invalid };
        Error::new(kind, error.to_string())
    }
}

impl From<fhir::json::Error> for Error {
    fn from(error: fhir::json::Error) -> Self {
        let kind = if error.reason == fhir::json::Reason::Size { Kind::TooLarge } else { Kind::Invalid };
        let issue = Issue::error("structure", format!("the body is not a JSON document: {error}"));
        Error::with_issues(kind, vec![issue])
    }
}

impl From<Error> for event::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            Kind::NotFound | Kind::Gone => event::Kind::NotFound,
            Kind::Conflict | Kind::Precondition => event::Kind::Conflict,
            Kind::Denied => event::Kind::Denied,
            Kind::Unavailable => event::Kind::Unavailable,
            Kind::Corrupt => event::Kind::Corrupt,
            Kind::Invalid | Kind::Unprocessable | Kind::NotSupported | Kind::TooLarge => event::Kind::Invalid,
        };
        event::Error::new(kind, error.to_string()).with_source(error)
    }
}
