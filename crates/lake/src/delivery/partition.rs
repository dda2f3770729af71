//! Which buffer a record belongs to: the values of its partition keys.
//!
//! The answer depends on the record, a function's answer and the definition alone, so a replay gives the same one.

use bytes::Bytes;

use super::definition::Destination;
use super::errors::{ErrorType, Failure};
use crate::Error;

/// Keys and values, in the order of the prefix.
pub type Keys = Vec<(String, String)>;

/// A partition key that the prefix uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Required {
    /// `!{partitionKeyFromQuery:NAME}`.
    Query(String),
    /// `!{partitionKeyFromLambda:NAME}`.
    Lambda(String),
}

impl Required {
    /// How the key is called in [`Keys`]. A query and a function may both have a key of one name.
    pub fn label(&self) -> String {
        match self {
            Required::Query(name) => name.clone(),
            Required::Lambda(name) => format!("partitionKeyFromLambda:{name}"),
        }
    }
}

/// Extracts partition keys with the query of the `MetadataExtraction` processor.
pub struct Partitioner {
    query: Option<expr::Jq>,
    required: Vec<(Required, String)>,
}

impl Partitioner {
    /// # Errors
    /// `Invalid` when the query cannot be compiled.
    pub fn new(destination: &Destination, required: Vec<Required>) -> Result<Self, Error> {
        let text = destination.processor("MetadataExtraction").and_then(|p| p.parameter("MetadataExtractionQuery"));
        let query = text.map(expr::Jq::parse).transpose().map_err(|error| {
            Error::Invalid(format!("MetadataExtractionQuery is not a valid JQ expression: {error}"))
        })?;
        Ok(Partitioner { query, required: required.into_iter().map(|key| (key.clone(), key.label())).collect() })
    }

    /// Appends bytes that stand for the keys of a record: where they are equal, so is what [`Partitioner::keys`] answers.
    /// `false` when only that can tell.
    pub fn identity(&self, record: &[u8], out: &mut Vec<u8>) -> bool {
        match &self.query {
            _ if self.required.is_empty() => true,
            Some(query) if self.required.iter().all(|(key, _)| matches!(key, Required::Query(_))) => {
                query.identity(record, out).unwrap_or(false)
            }
            _ => false,
        }
    }

    /// The keys of a record; `answered` are those of a function.
    ///
    /// # Errors
    /// When the record is not JSON, or a key of the prefix is missing or empty.
    pub fn keys(&self, record: &Bytes, answered: &Keys) -> Result<Keys, Failure> {
        if self.required.is_empty() {
            return Ok(Keys::new());
        }
        let fail = |code, message: String| Failure::new(ErrorType::Processing, code, message, record.clone());
        let found = match &self.query {
            Some(query) => query.object(record).map_err(|_| {
                let message = "the metadata extraction query could not be applied to the record";
                fail("DynamicPartitioning.MetadataExtractionFailed", message.into())
            })?,
            None => Keys::new(),
        };
        let value = |required: &Required| {
            let (keys, name) = match required {
                Required::Query(name) => (&found, name),
                Required::Lambda(name) => (answered, name),
            };
            let value = keys.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
            value.filter(|value| !value.is_empty() && value != "null").ok_or_else(|| {
                let message = format!("the record has no value for the partition key {name}");
                fail("DynamicPartitioning.PartitionKeyMissing", message)
            })
        };
        self.required.iter().map(|(required, label)| Ok((label.clone(), value(required)?))).collect()
    }
}
