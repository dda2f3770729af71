//! A delivery stream's definition, in the shape of `CreateDeliveryStream` (Firehose API reference).
//!
//! Members that are not known are refused by name. What the service has and this product cannot do yet is refused in
//! `Destination::check`; nothing is ignored silently but encryption, roles and logging, which are kept and shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::prefix::{self, Prefix};
use crate::Error;

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

/// `ExtendedS3DestinationConfiguration`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Destination {
    #[serde(default, rename = "RoleARN", skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    #[serde(rename = "BucketARN")]
    pub bucket_arn: String,
    #[serde(default)]
    pub prefix: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_output_prefix: Option<String>,
    #[serde(default)]
    pub buffering_hints: BufferingHints,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression_format: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_configuration: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_watch_logging_options: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processing_configuration: Option<Processing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_backup_mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_backup_configuration: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_format_conversion_configuration: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynamic_partitioning_configuration: Option<DynamicPartitioning>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_extension: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_time_zone: Option<String>,
}

/// When a buffer becomes a file: whichever comes first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BufferingHints {
    /// 1 to 128, default 5.
    #[serde(rename = "SizeInMBs", default = "size_default")]
    pub size_mb: u32,
    /// 0 to 900, default 300.
    #[serde(rename = "IntervalInSeconds", default = "interval_default")]
    pub interval_seconds: u32,
}

fn size_default() -> u32 {
    5
}

fn interval_default() -> u32 {
    300
}

impl Default for BufferingHints {
    fn default() -> Self {
        BufferingHints { size_mb: size_default(), interval_seconds: interval_default() }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DynamicPartitioning {
    #[serde(default)]
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_options: Option<Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Processing {
    #[serde(default)]
    pub enabled: bool,
    #[serde(default)]
    pub processors: Vec<Processor>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Processor {
    #[serde(rename = "Type")]
    pub kind: String,
    #[serde(default)]
    pub parameters: Vec<Parameter>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Parameter {
    pub parameter_name: String,
    pub parameter_value: String,
}

impl Processor {
    /// The value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|p| p.parameter_name == name).map(|p| p.parameter_value.as_str())
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::Invalid(message.into())
}

impl Definition {
    /// Reads the input of `CreateDeliveryStream`.
    ///
    /// # Errors
    /// `Invalid`, naming a member that is unknown, missing or of the wrong type, or a value out of range.
    pub fn from_json(input: Value) -> Result<Definition, Error> {
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

impl Destination {
    /// The bucket named by `BucketARN`.
    pub fn bucket(&self) -> &str {
        self.bucket_arn.strip_prefix("arn:aws:s3:::").unwrap_or(&self.bucket_arn)
    }

    /// The enabled processors.
    pub fn processors(&self) -> &[Processor] {
        match &self.processing_configuration {
            Some(processing) if processing.enabled => &processing.processors,
            _ => &[],
        }
    }

    /// The enabled processor of a type.
    pub fn processor(&self, kind: &str) -> Option<&Processor> {
        self.processors().iter().find(|processor| processor.kind == kind)
    }

    /// What goes behind each record: nothing without an `AppendDelimiterToRecord` processor.
    pub fn delimiter(&self) -> Vec<u8> {
        self.processor("AppendDelimiterToRecord").map_or_else(Vec::new, |processor| {
            match processor.parameter("Delimiter") {
                None | Some("\\n") => b"\n".to_vec(),
                Some(other) => other.as_bytes().to_vec(),
            }
        })
    }

    pub fn is_partitioned(&self) -> bool {
        self.dynamic_partitioning_configuration.as_ref().is_some_and(|dynamic| dynamic.enabled)
    }

    /// True when `DataFormatConversionConfiguration` is there and not switched off.
    pub fn converts_format(&self) -> bool {
        let conversion = self.data_format_conversion_configuration.as_ref();
        conversion.is_some_and(|conversion| conversion.get("Enabled").and_then(Value::as_bool) != Some(false))
    }

    /// This destination with the members of an `ExtendedS3DestinationUpdate` in place of its own.
    ///
    /// # Errors
    /// `Invalid`, naming the member.
    pub fn updated(&self, update: &Map<String, Value>) -> Result<Destination, Error> {
        let mut merged = serde_json::to_value(self).map_err(|error| invalid(error.to_string()))?;
        if let Some(members) = merged.as_object_mut() {
            members.extend(update.clone());
            if let Some(backup) = members.remove("S3BackupUpdate") {
                members.insert("S3BackupConfiguration".into(), backup);
            }
        }
        let merged: Destination = serde_json::from_value(merged).map_err(|error| invalid(error.to_string()))?;
        if merged.is_partitioned() != self.is_partitioned() {
            return Err(invalid("dynamic partitioning cannot be switched on or off after creation"));
        }
        merged.check()?;
        Ok(merged)
    }

    fn check(&self) -> Result<(), Error> {
        if self.bucket_arn.strip_prefix("arn:aws:s3:::").is_none_or(|bucket| bucket.is_empty() || bucket.contains('/'))
        {
            return Err(invalid("BucketARN must be arn:aws:s3:::BUCKET"));
        }
        let BufferingHints { size_mb, interval_seconds } = self.buffering_hints;
        if !(1..=128).contains(&size_mb) {
            return Err(invalid("BufferingHints.SizeInMBs must be between 1 and 128"));
        }
        if interval_seconds > 900 {
            return Err(invalid("BufferingHints.IntervalInSeconds must be between 0 and 900"));
        }
        if self.s3_backup_mode.as_deref().is_some_and(|mode| mode != "Disabled") {
            return Err(invalid("S3BackupMode Enabled is not supported"));
        }
        let extension = self.file_extension.as_deref().unwrap_or_default();
        let extension_byte = |b: u8| b.is_ascii_alphanumeric() || b"!-_.*'()".contains(&b);
        if extension.len() > 128
            || !(extension.is_empty() || extension.starts_with('.') && extension.bytes().all(extension_byte))
        {
            return Err(invalid("FileExtension must begin with a dot and hold only 0-9a-zA-Z!-_.*'()"));
        }
        self.check_processors()?;
        self.check_prefixes()
    }

    fn check_processors(&self) -> Result<(), Error> {
        for processor in self.processors() {
            match processor.kind.as_str() {
                "MetadataExtraction" => {
                    let engine = processor.parameter("JsonParsingEngine");
                    if processor.parameter("MetadataExtractionQuery").is_none() || engine.is_some_and(|e| e != "JQ-1.6")
                    {
                        return Err(invalid(
                            "MetadataExtraction needs MetadataExtractionQuery and the JsonParsingEngine JQ-1.6",
                        ));
                    }
                }
                "AppendDelimiterToRecord" => {}
                "Lambda" => {
                    return Err(invalid("processor type Lambda is not supported yet: functions cannot run here"));
                }
                other => return Err(invalid(format!("processor type {other} is not supported"))),
            }
        }
        Ok(())
    }

    fn check_prefixes(&self) -> Result<(), Error> {
        let zone = prefix::zone(self.custom_time_zone.as_deref())?;
        let data = Prefix::data(&self.prefix, self.is_partitioned(), zone)?;
        Prefix::error(self.error_output_prefix.as_deref(), zone)?;
        if self.is_partitioned() {
            if !data.has_partition_keys() {
                return Err(invalid("Prefix must use partition keys when dynamic partitioning is enabled"));
            }
            if self.error_output_prefix.is_none() {
                return Err(invalid("ErrorOutputPrefix is required when dynamic partitioning is enabled"));
            }
            if self.processor("MetadataExtraction").is_none() {
                return Err(invalid("dynamic partitioning needs a MetadataExtraction processor"));
            }
        } else if data.has_partition_keys() {
            return Err(invalid("Prefix uses partition keys but dynamic partitioning is not enabled"));
        }
        Ok(())
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
