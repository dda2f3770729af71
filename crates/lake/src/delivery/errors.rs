//! Error objects: one JSON line per record that could not be delivered (Firehose developer guide, "Handle data
//! delivery failures", "Handle failure in data transformation", "Handle data format conversion errors").
//!
//! Timestamps are the record's arrival unless a function waited, so that a repeated flush writes the same bytes.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use event::Record;
use serde_json::{Value, json};

use crate::encoder::RecordError;

/// What `!{firehose:error-output-type}` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorType {
    /// A processor could not handle the record, or it has no partition.
    Processing,
    Decompression,
    /// The format cannot hold the record.
    FormatConversion,
}

impl ErrorType {
    pub const ALL: [ErrorType; 3] = [ErrorType::Processing, ErrorType::Decompression, ErrorType::FormatConversion];

    pub fn as_str(self) -> &'static str {
        match self {
            ErrorType::Processing => "processing-failed",
            ErrorType::Decompression => "decompression-failed",
            ErrorType::FormatConversion => "format-conversion-failed",
        }
    }
}

/// Why a record could not be processed.
#[derive(Clone)]
pub struct Failure {
    pub kind: ErrorType,
    pub code: Cow<'static, str>,
    /// Never holds content of the record.
    pub message: String,
    pub attempts: u32,
    /// When the last attempt ended; the arrival when there was nothing to wait for.
    pub ended_ms: Option<i64>,
    /// The record as it was given to the step that failed.
    pub raw: Bytes,
    pub lambda_arn: Option<String>,
}

impl Failure {
    pub fn new(kind: ErrorType, code: impl Into<Cow<'static, str>>, message: impl Into<String>, raw: Bytes) -> Failure {
        let (code, message) = (code.into(), message.into());
        Failure { kind, code, message, attempts: 1, ended_ms: None, raw, lambda_arn: None }
    }

    /// Appends the line of a record that arrived at `at_ms`.
    pub fn append(&self, out: &mut Vec<u8>, at_ms: i64) {
        let mut object = json!({
            "attemptsMade": self.attempts,
            "arrivalTimestamp": at_ms,
            "errorCode": self.code,
            "errorMessage": self.message,
            "attemptEndingTimestamp": self.ended_ms.unwrap_or(at_ms),
            "rawData": STANDARD.encode(&self.raw),
        });
        if let (Some(arn), Some(members)) = (&self.lambda_arn, object.as_object_mut()) {
            members.insert("lambdaArn".into(), arn.as_str().into());
        }
        line(out, &object);
    }
}

/// Appends the line of a record that a format cannot hold. `table` is the destination's `SchemaConfiguration`.
pub fn append_conversion(
    out: &mut Vec<u8>,
    error: &RecordError,
    record: &Record,
    part: u32,
    data: &[u8],
    table: Option<&Value>,
) {
    let member = |name: &str| table.and_then(|table| table.get(name)).cloned().unwrap_or(Value::Null);
    line(
        out,
        &json!({
            "attemptsMade": 1,
            "arrivalTimestamp": record.at_ms,
            "lastErrorCode": error.code,
            "lastErrorMessage": error.message,
            "attemptEndingTimestamp": record.at_ms,
            "rawData": STANDARD.encode(data),
            "sequenceNumber": record.sequence.to_string(),
            "subSequenceNumber": part,
            "dataCatalogTable": {
                "catalogId": member("CatalogId"),
                "databaseName": member("DatabaseName"),
                "tableName": member("TableName"),
                "region": member("Region"),
                "versionId": member("VersionId"),
            },
        }),
    );
}

fn line(out: &mut Vec<u8>, object: &Value) {
    out.extend_from_slice(object.to_string().as_bytes());
    out.push(b'\n');
}
