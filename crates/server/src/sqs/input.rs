//! Inputs: typed members, and the queue a URL names.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error;
use crate::{App, AwsError};

/// Where a call without a wire finds its queues.
const DEFAULT_HOST: &str = "localhost:4566";

/// Who answers, and under which address it was asked.
pub(super) struct Caller<'a> {
    pub app: &'a Arc<App>,
    /// Of the request; empty for calls from inside.
    pub host: &'a str,
}

impl Caller<'_> {
    /// `http://HOST/ACCOUNT/NAME`.
    pub fn url(&self, name: &str) -> String {
        let host = if self.host.is_empty() { DEFAULT_HOST } else { self.host };
        format!("http://{host}/{}/{name}", self.app.identity.account)
    }

    /// The queue a URL names; only its path counts.
    ///
    /// # Errors
    /// `MissingParameter`, `InvalidAddress`, `QueueDoesNotExist` for another account.
    pub fn queue(&self, url: &str) -> Result<String, AwsError> {
        if url.is_empty() {
            return Err(error::missing("QueueUrl"));
        }
        let path = url.split_once("://").map_or(url, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
        let mut parts = path.trim_matches('/').rsplit('/');
        match (parts.next(), parts.next()) {
            (Some(name), Some(account)) if !name.is_empty() && account == self.app.identity.account => {
                Ok(name.to_owned())
            }
            (Some(_), Some(_)) => Err(error::no_queue()),
            _ => {
                let shown: String = url.chars().take(256).collect();
                let message = format!("The address {shown} is not valid for this endpoint.");
                Err(error::of("InvalidAddress", "InvalidAddress", message))
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Alone {
    #[serde(default)]
    queue_url: String,
}

/// The queue of an operation that has no other member.
pub(super) fn queue_alone(caller: &Caller<'_>, input: Value) -> Result<String, AwsError> {
    caller.queue(&decode::<Alone>(input)?.queue_url)
}

/// The input as a type.
///
/// # Errors
/// `SerializationException` without a value of the request; `MissingParameter`.
pub(super) fn decode<T: DeserializeOwned>(input: Value) -> Result<T, AwsError> {
    serde_json::from_value(input).map_err(|failure| {
        // Serde's other messages may quote a value of the request.
        let text = failure.to_string();
        match text.split('`').nth(1) {
            Some(member) if text.starts_with("missing field") => error::missing(member),
            Some(member) if text.starts_with("unknown field") => {
                let shown: String = member.chars().take(128).collect();
                AwsError::serialization(format!("unsupported parameter: {shown}"))
            }
            _ => AwsError::serialization("the request has a member of the wrong type"),
        }
    })
}
