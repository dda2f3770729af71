//! What an operation on functions could not do, in Lambda's words.

use event::Kind;

/// Errors of [`crate::Functions`]. Messages never hold payloads, code or environment values.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A member breaks a constraint of the API model (`ValidationException`).
    #[error("{0}")]
    Constraint(String),
    /// `InvalidParameterValueException`
    #[error("{0}")]
    Invalid(String),
    /// The payload is no JSON (`InvalidRequestContentException`).
    #[error("{0}")]
    Content(String),
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Conflict(String),
    /// The revision is another (`PreconditionFailedException`).
    #[error("{0}")]
    Precondition(String),
    #[error("{0}")]
    TooLarge(String),
    /// `TooManyRequestsException`; `reason` is its member `Reason`.
    #[error("{message}")]
    Throttled { reason: &'static str, message: String },
    #[error("{0}")]
    CodeStorage(String),
    #[error("{0}")]
    PolicyLength(String),
    /// A worker cannot be started for a reason that is not the function's.
    #[error("{0}")]
    Host(String),
    #[error("state failed")]
    State(#[from] state::Error),
    #[error("stored function is damaged. name=`{0}`")]
    Corrupt(String),
}

impl Error {
    /// What the caller should do.
    pub fn kind(&self) -> Kind {
        match self {
            Error::Constraint(_)
            | Error::Invalid(_)
            | Error::Content(_)
            | Error::TooLarge(_)
            | Error::CodeStorage(_)
            | Error::PolicyLength(_) => Kind::Invalid,
            Error::NotFound(_) => Kind::NotFound,
            Error::Conflict(_) | Error::Precondition(_) => Kind::Conflict,
            Error::Throttled { .. } => Kind::Throttled,
            Error::Host(_) | Error::State(_) => Kind::Unavailable,
            Error::Corrupt(_) => Kind::Corrupt,
        }
    }

    /// A constraint of the API model that a value breaks.
    pub(crate) fn constraint(member: &str, value: &str, constraint: &str) -> Error {
        let shown: String = value.chars().take(256).collect();
        Error::Constraint(format!(
            "1 validation error detected: Value '{shown}' at '{member}' failed to satisfy constraint: {constraint}"
        ))
    }

    /// One of [`Error::constraint`] for a number that is out of its range.
    pub(crate) fn check_range(member: &str, value: i64, least: i64, most: i64) -> Result<(), Error> {
        match value {
            value if value < least => Err(Error::constraint(
                member,
                &value.to_string(),
                &format!("Member must have value greater than or equal to {least}"),
            )),
            value if value > most => Err(Error::constraint(
                member,
                &value.to_string(),
                &format!("Member must have value less than or equal to {most}"),
            )),
            _ => Ok(()),
        }
    }

    pub(crate) fn check_one_of(member: &str, value: &str, allowed: &[&str]) -> Result<(), Error> {
        match allowed.contains(&value) {
            true => Ok(()),
            false => Err(Error::constraint(
                member,
                value,
                &format!("Member must satisfy enum value set: [{}]", allowed.join(", ")),
            )),
        }
    }
}

impl From<Error> for event::Error {
    fn from(error: Error) -> Self {
        event::Error::new(error.kind(), error.to_string()).with_source(error)
    }
}
