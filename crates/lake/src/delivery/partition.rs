//! Which buffer a record belongs to: the values of its partition keys, or the kind of error that took it.
//!
//! The answer depends on the record and the definition alone, so a replay after a crash gives the same one. Function
//! processors will answer the same [`Keys`] here.

use super::definition::Destination;
use crate::Error;

/// Keys and values, in the order of the query.
pub type Keys = Vec<(String, String)>;

/// Extracts partition keys with the query of the `MetadataExtraction` processor.
pub struct Partitioner {
    query: Option<expr::Jq>,
    required: Vec<String>,
}

/// Why a record has no partition: the `errorCode` and `errorMessage` of its error object.
#[derive(Debug, PartialEq, Eq)]
pub struct Unpartitioned {
    pub code: &'static str,
    pub message: String,
}

impl Partitioner {
    /// # Errors
    /// `Invalid` when the query cannot be compiled.
    pub fn new(destination: &Destination, required: Vec<String>) -> Result<Self, Error> {
        let text = destination.processor("MetadataExtraction").and_then(|p| p.parameter("MetadataExtractionQuery"));
        let query = match text.filter(|_| destination.is_partitioned()) {
            Some(text) => Some(expr::Jq::parse(text).map_err(|error| {
                Error::Invalid(format!("MetadataExtractionQuery is not a valid JQ expression: {error}"))
            })?),
            None => None,
        };
        Ok(Partitioner { query, required })
    }

    /// The keys of a record.
    ///
    /// # Errors
    /// When the record is not JSON, or a key of the prefix is missing or empty.
    pub fn keys(&self, record: &[u8]) -> Result<Keys, Unpartitioned> {
        let Some(query) = &self.query else { return Ok(Vec::new()) };
        let found = query.object(record).map_err(|_| Unpartitioned {
            code: "DynamicPartitioning.MetadataExtractionFailed",
            message: "the metadata extraction query could not be applied to the record".into(),
        })?;
        let mut keys = Vec::with_capacity(self.required.len());
        for name in &self.required {
            match found.iter().find(|(key, _)| key == name) {
                Some((key, value)) if !value.is_empty() && value != "null" => keys.push((key.clone(), value.clone())),
                _ => {
                    return Err(Unpartitioned {
                        code: "DynamicPartitioning.PartitionKeyMissing",
                        message: format!("the record has no value for the partition key {name}"),
                    });
                }
            }
        }
        Ok(keys)
    }
}
