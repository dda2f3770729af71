//! What an identity operation could not do, by the codes of IAM and STS.

/// Errors of [`crate::Identities`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `ValidationError`.
    #[error("{0}")]
    Validation(String),
    /// `MalformedPolicyDocument`.
    #[error("{0}")]
    Malformed(String),
    /// `NoSuchEntity`.
    #[error("{0}")]
    NotFound(String),
    /// `EntityAlreadyExists`.
    #[error("{0}")]
    Exists(String),
    /// `DeleteConflict`.
    #[error("{0}")]
    InUse(&'static str),
    /// `LimitExceeded`.
    #[error("{0}")]
    Limit(String),
    /// `AccessDenied`: there is no such role to assume.
    #[error("{0}")]
    Denied(String),
    #[error("state failed")]
    State(#[from] state::Error),
    #[error("a stored value is damaged. name=`{0}`")]
    Corrupt(String),
}

impl Error {
    /// HTTP status and code.
    pub fn code(&self) -> (u16, &'static str) {
        match self {
            Error::Validation(_) => (400, "ValidationError"),
            Error::Malformed(_) => (400, "MalformedPolicyDocument"),
            Error::NotFound(_) => (404, "NoSuchEntity"),
            Error::Exists(_) => (409, "EntityAlreadyExists"),
            Error::InUse(_) => (409, "DeleteConflict"),
            Error::Limit(_) => (409, "LimitExceeded"),
            Error::Denied(_) => (403, "AccessDenied"),
            Error::State(_) => (503, "ServiceUnavailable"),
            Error::Corrupt(_) => (500, "ServiceFailure"),
        }
    }

    pub(crate) fn no_role(name: &str) -> Error {
        Error::NotFound(format!("The role with name {name} cannot be found."))
    }

    pub(crate) fn no_policy(arn: &str) -> Error {
        Error::NotFound(format!("Policy {arn} does not exist or is not attachable."))
    }
}
