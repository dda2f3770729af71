//! What a call takes, and where it comes from.

use std::fmt;

use async_trait::async_trait;
use event::{Arn, Error};
use serde_json::Value;

/// One API destination with its connection.
#[derive(Clone, PartialEq)]
pub struct Endpoint {
    /// `*` stand for path parameters: `https://api.example.org/patients/*/visits`.
    pub url: String,
    /// Such as `POST`.
    pub method: String,
    /// `BASIC`, `API_KEY` or `OAUTH_CLIENT_CREDENTIALS`.
    pub authorization_type: String,
    /// `AuthParameters` of the connection, with its secrets.
    pub auth_parameters: Value,
    /// Calls a second, 1 or more.
    pub rate_max: u32,
}

impl fmt::Debug for Endpoint {
    // The parameters are secrets, and a URL may hold one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint {{ method: {}, authorization_type: {} }}", self.method, self.authorization_type)
    }
}

/// Knows the API destinations.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The destination as it is now: asked for before each batch, so that changes of a connection count at once.
    ///
    /// # Errors
    /// `NotFound` without the destination or its connection; `Conflict` while the connection is not authorized.
    async fn endpoint(&self, arn: &Arn) -> Result<Endpoint, Error>;
}
