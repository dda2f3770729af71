//! The one way out of this crate: calls of service operations.

use serde_json::Value;

/// Calls an operation of a service as a wire client would, with the operation's own JSON members.
///
/// A call that failed may be repeated by the engine after a restart; operations must answer their usual "exists" and
/// "not found" codes then.
#[async_trait::async_trait]
pub trait Api: Send + Sync {
    /// # Errors
    /// The service's error code and message.
    async fn call(&self, service: &str, operation: &str, input: Value) -> Result<Value, ApiError>;

    /// Whether there is such a service. Types of others are refused before anything is made.
    fn serves(&self, service: &str) -> bool;
}

/// What a service answered instead of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// As on the wire, `ResourceNotFoundException`.
    pub code: String,
    pub message: String,
}

impl ApiError {
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        ApiError { code: code.into(), message: message.into() }
    }

    /// The thing named does not exist.
    pub fn is_not_found(&self) -> bool {
        self.code.contains("NotFound")
            || self.code.contains("NoSuch")
            || self.code.contains("NonExistent")
            || self.code.contains("DoesNotExist")
            || (self.code == "ValidationError" && self.message.contains("does not exist"))
    }

    /// The thing to be made exists already.
    pub fn is_exists(&self) -> bool {
        self.code.contains("AlreadyExists")
            || self.code.contains("AlreadyOwned")
            || self.code == "ResourceInUseException"
            || self.code.ends_with("ConflictException")
    }
}
