//! A delivery stream's definition, in the shape of `CreateDeliveryStream` (Firehose API reference).
//!
//! Members that are not known are refused by name. What the service has and this product cannot do yet is refused when
//! a definition is checked; nothing is ignored silently but encryption, roles and logging, which are kept and shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use super::destination::{Backup, BufferingHints, Destination, DynamicPartitioning};
pub use super::processing::{Parameter, Processing, Processor};
use crate::Error;

const EXTENDED: &str = "ExtendedS3DestinationConfiguration";
const PLAIN: &str = "S3DestinationConfiguration";

/// The input of `CreateDeliveryStream`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Definition {
    pub delivery_stream_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_stream_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_stream_encryption_configuration_input: Option<Encryption>,
    #[serde(rename = "ExtendedS3DestinationConfiguration")]
    pub destination: Destination,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// Server-side encryption as asked for; the lake's store decides what really happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Encryption {
    pub key_type: String,
    #[serde(default, rename = "KeyARN", skip_serializing_if = "Option::is_none")]
    pub key_arn: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Tag {
    pub key: String,
    #[serde(default)]
    pub value: String,
}

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::Invalid(message.into())
}

impl Definition {
    /// Reads the input of `CreateDeliveryStream`. `S3DestinationConfiguration` is the extended one with fewer members.
    ///
    /// # Errors
    /// `Invalid`, naming a member that is unknown, missing or of the wrong type, or a value out of range.
    pub fn from_json(mut input: Value) -> Result<Definition, Error> {
        if let Some(members) = input.as_object_mut()
            && let Some(plain) = members.remove(PLAIN).filter(|plain| !plain.is_null())
        {
            if members.contains_key(EXTENDED) {
                return Err(invalid("Exactly one destination configuration is supported for a Firehose."));
            }
            let plain: Backup = serde_json::from_value(plain).map_err(|error| invalid(error.to_string()))?;
            let extended = serde_json::to_value(plain.as_destination()).map_err(|error| invalid(error.to_string()))?;
            members.insert(EXTENDED.into(), extended);
        }
        let definition: Definition = serde_json::from_value(input).map_err(|error| invalid(error.to_string()))?;
        definition.check()?;
        Ok(definition)
    }

    fn check(&self) -> Result<(), Error> {
        let name = &self.delivery_stream_name;
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        if name.is_empty() || name.len() > 64 || !name.bytes().all(allowed) {
            return Err(invalid("DeliveryStreamName must match [a-zA-Z0-9_.-]+ and have 1 to 64 characters"));
        }
        match self.delivery_stream_type.as_deref() {
            None | Some("DirectPut") => {}
            Some(other) => return Err(invalid(format!("DeliveryStreamType {other} is not supported; use DirectPut"))),
        }
        if self.tags.len() > 50 {
            return Err(invalid("Tags must have at most 50 entries"));
        }
        self.destination.check()
    }
}

/// A definition as it is kept in the state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    /// Differs for a stream that was deleted and created again.
    pub id: String,
    pub definition: Definition,
    /// Counts up with every update, from 1.
    pub version: u64,
    pub created_ms: i64,
    pub updated_ms: Option<i64>,
    pub tags: BTreeMap<String, String>,
}
