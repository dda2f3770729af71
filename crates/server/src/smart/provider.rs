//! A datastore's `IdentityProviderConfiguration`: which tokens it takes, and what clients are told of it.

use datastore::Datastore;
use serde_json::{Map, Value};

use super::scope::Versions;

/// The identity provider of a datastore that takes tokens.
pub(crate) struct Provider {
    pub(super) versions: Versions,
    /// `IdpLambdaArn`.
    pub(super) function: Option<String>,
    /// `Metadata`: the document that clients discover.
    pub(crate) metadata: Map<String, Value>,
}

impl Provider {
    /// That of a datastore; `None` when it takes signed requests only.
    pub(crate) fn of(datastore: &Datastore) -> Option<Provider> {
        let settings: Value = serde_json::from_str(&datastore.settings).ok()?;
        let configuration = settings.get("IdentityProviderConfiguration")?;
        let versions = match configuration.get("AuthorizationStrategy")?.as_str()? {
            "SMART_ON_FHIR" => Versions::Both,
            "SMART_ON_FHIR_V1" => Versions::Only1,
            _ => return None,
        };
        let metadata = serde_json::from_str(configuration.get("Metadata")?.as_str()?).ok()?;
        let function = configuration.get("IdpLambdaArn").and_then(Value::as_str).map(str::to_owned);
        Some(Provider { versions, function, metadata })
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.metadata.get(name).and_then(Value::as_str)
    }

    /// Whether a token's audience is this datastore: its endpoint under whatever name the server is reached, or what the
    /// metadata's `audience` says.
    pub(super) fn is_audience(&self, datastore: &str, audience: &str) -> bool {
        let told = match self.metadata.get("audience") {
            Some(Value::String(told)) => told == audience,
            Some(Value::Array(told)) => told.iter().any(|told| told.as_str() == Some(audience)),
            _ => false,
        };
        let path = audience.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
        let is_endpoint = path.is_some_and(|path| {
            path.strip_suffix('/').unwrap_or(path).strip_prefix("datastore/").and_then(|path| path.strip_suffix("/r4"))
                == Some(datastore)
        });
        told || is_endpoint
    }
}
