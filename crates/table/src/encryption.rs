//! `SSESpecification`: how a table asks to be encrypted. Kept and shown; data is not encrypted here.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Error;
use crate::capacity::one_of;

/// `SSESpecification`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct SseSpecification {
    pub enabled: Option<bool>,
    #[serde(rename = "SSEType")]
    pub kind: Option<String>,
    #[serde(rename = "KMSMasterKeyId")]
    pub key: Option<String>,
}

impl SseSpecification {
    /// What is kept: nothing for a table that is to have the service's own key.
    ///
    /// # Errors
    /// `Validation` for a type other than `KMS`, or a key of a table that is not to be encrypted with one.
    pub(crate) fn kept(self) -> Result<Option<SseSpecification>, Error> {
        one_of("sseSpecification.sseType", self.kind.as_deref(), &["KMS"])?;
        match (self.enabled.unwrap_or(false), &self.key) {
            (false, Some(_)) => Err(Error::validation(
                "One or more parameter values were invalid: KMSMasterKeyId must not be given when Enabled is false",
            )),
            (false, None) => Ok(None),
            (true, _) => Ok(Some(self)),
        }
    }

    /// `SSEDescription`.
    pub(crate) fn description(&self) -> Value {
        let mut description = json!({"Status": "ENABLED", "SSEType": "KMS"});
        if let Some(key) = &self.key {
            description["KMSMasterKeyArn"] = json!(key);
        }
        description
    }
}
