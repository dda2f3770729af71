//! `ExtendedS3DestinationConfiguration` and what is in it (Firehose API reference).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::conversion;
use super::definition::invalid;
use super::partition::Required;
use super::prefix::{self, Prefix};
use super::processing::{Processing, Processor};
use crate::Error;

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
    pub s3_backup_configuration: Option<Backup>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_format_conversion_configuration: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynamic_partitioning_configuration: Option<DynamicPartitioning>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_extension: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_time_zone: Option<String>,
}

/// `S3BackupConfiguration`: where source records go before they are processed; in the shape of `S3DestinationConfiguration`. `ErrorOutputPrefix` is checked and
/// kept; a backup takes any record, so nothing is ever written there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Backup {
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
    pub retry_options: Option<RetryOptions>,
}

/// How long delivery to a partition is retried. A file is retried here until it is written, so this is only kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RetryOptions {
    /// 0 to 7200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_in_seconds: Option<u32>,
}

impl Backup {
    /// The plain destination that the backup is.
    pub(super) fn as_destination(&self) -> Destination {
        Destination {
            role_arn: self.role_arn.clone(),
            bucket_arn: self.bucket_arn.clone(),
            prefix: self.prefix.clone(),
            error_output_prefix: self.error_output_prefix.clone(),
            buffering_hints: self.buffering_hints.clone(),
            compression_format: self.compression_format.clone(),
            encryption_configuration: self.encryption_configuration.clone(),
            cloud_watch_logging_options: self.cloud_watch_logging_options.clone(),
            processing_configuration: None,
            s3_backup_mode: None,
            s3_backup_configuration: None,
            data_format_conversion_configuration: None,
            dynamic_partitioning_configuration: None,
            file_extension: None,
            custom_time_zone: None,
        }
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

    /// Where source records are backed up, when `S3BackupMode` is `Enabled`.
    pub fn backup(&self) -> Option<Destination> {
        let enabled = self.s3_backup_mode.as_deref() == Some("Enabled");
        self.s3_backup_configuration.as_ref().filter(|_| enabled).map(Backup::as_destination)
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
            if update.contains_key("S3BackupConfiguration") {
                return Err(invalid("an update takes S3BackupUpdate, not S3BackupConfiguration"));
            }
            let mut update = update.clone();
            match (update.remove("S3BackupUpdate"), members.get_mut("S3BackupConfiguration")) {
                (Some(Value::Object(backup)), Some(Value::Object(known))) => known.extend(backup),
                (Some(backup), _) => drop(members.insert("S3BackupConfiguration".into(), backup)),
                (None, _) => {}
            }
            members.extend(update);
        }
        let merged: Destination = serde_json::from_value(merged).map_err(|error| invalid(error.to_string()))?;
        if merged.is_partitioned() != self.is_partitioned() {
            return Err(invalid("dynamic partitioning cannot be switched on or off after creation"));
        }
        if self.backup().is_some() && merged.backup().is_none() {
            return Err(invalid("S3BackupMode cannot be disabled once it is enabled"));
        }
        merged.check()?;
        Ok(merged)
    }

    /// Refuses what is out of range, in conflict or cannot be done.
    ///
    /// # Errors
    /// `Invalid`, naming the member.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.check_store("")?;
        match (self.s3_backup_mode.as_deref(), &self.s3_backup_configuration) {
            (None | Some("Disabled"), _) | (Some("Enabled"), Some(_)) => {}
            (Some("Enabled"), None) => return Err(invalid("S3BackupMode Enabled needs S3BackupConfiguration")),
            (Some(_), _) => return Err(invalid("S3BackupMode must be Disabled or Enabled")),
        }
        if let Some(backup) = &self.s3_backup_configuration {
            backup.as_destination().check_store("S3BackupConfiguration.")?;
        }
        let extension = self.file_extension.as_deref().unwrap_or_default();
        let extension_byte = |b: u8| b.is_ascii_alphanumeric() || b"!-_.*'()".contains(&b);
        if extension.len() > 128
            || !(extension.is_empty() || extension.starts_with('.') && extension.bytes().all(extension_byte))
        {
            return Err(invalid("FileExtension must begin with a dot and hold only 0-9a-zA-Z!-_.*'()"));
        }
        if let Some(processing) = &self.processing_configuration {
            processing.check()?;
        }
        if let Some(conversion) = &self.data_format_conversion_configuration {
            conversion::check(conversion)?;
        }
        self.check_partitioning()
    }

    /// What holds for a destination and for a backup.
    fn check_store(&self, path: &str) -> Result<(), Error> {
        if self.bucket_arn.strip_prefix("arn:aws:s3:::").is_none_or(|bucket| bucket.is_empty() || bucket.contains('/'))
        {
            return Err(invalid(format!("{path}BucketARN must be arn:aws:s3:::BUCKET")));
        }
        let BufferingHints { size_mb, interval_seconds } = self.buffering_hints;
        if !(1..=128).contains(&size_mb) {
            return Err(invalid(format!("{path}BufferingHints.SizeInMBs must be between 1 and 128")));
        }
        if interval_seconds > 900 {
            return Err(invalid(format!("{path}BufferingHints.IntervalInSeconds must be between 0 and 900")));
        }
        if let Some(format) = &self.compression_format {
            crate::format::Compression::parse(format).map_err(|error| invalid(format!("{path}{error}")))?;
        }
        let named = |error: Error| invalid(format!("{path}{error}"));
        let (data, _) = self.prefixes().map_err(named)?;
        if !self.is_partitioned() && data.has_partition_keys() {
            return Err(invalid(format!("{path}Prefix uses partition keys but dynamic partitioning is not enabled")));
        }
        Ok(())
    }

    /// `Prefix` and `ErrorOutputPrefix`, compiled.
    pub(super) fn prefixes(&self) -> Result<(Prefix, Prefix), Error> {
        let zone = prefix::zone(self.custom_time_zone.as_deref())?;
        let data = Prefix::data(&self.prefix, self.is_partitioned(), zone)?;
        let error = Prefix::error(self.error_output_prefix.as_deref(), &self.prefix, zone)?;
        Ok((data, error))
    }

    fn check_partitioning(&self) -> Result<(), Error> {
        if !self.is_partitioned() {
            if self.processor("MetadataExtraction").is_some() {
                return Err(invalid("processor MetadataExtraction needs dynamic partitioning"));
            }
            return Ok(());
        }
        let (data, _) = self.prefixes()?;
        if !data.has_partition_keys() {
            return Err(invalid("Prefix must use partition keys when dynamic partitioning is enabled"));
        }
        for key in data.required() {
            let (name, kind) = match key {
                Required::Query(name) => (name, "MetadataExtraction"),
                Required::Lambda(name) => (name, "Lambda"),
            };
            if self.processor(kind).is_none() {
                return Err(invalid(format!("Prefix uses the partition key {name} without a {kind} processor")));
            }
        }
        let retry = self.dynamic_partitioning_configuration.as_ref().and_then(|dynamic| dynamic.retry_options.as_ref());
        if retry.and_then(|retry| retry.duration_in_seconds).is_some_and(|seconds| seconds > 7200) {
            return Err(invalid("RetryOptions.DurationInSeconds must be between 0 and 7200"));
        }
        Ok(())
    }
}
