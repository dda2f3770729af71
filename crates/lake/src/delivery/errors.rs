//! Error objects: one JSON line per record that could not be delivered (Firehose developer guide, "Data delivery
//! failure handling").

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// Error type of records that a format cannot hold.
pub const FORMAT_CONVERSION_FAILED: &str = "format-conversion-failed";
/// Error type of records that a processor could not handle.
pub const PROCESSING_FAILED: &str = "processing-failed";

/// Appends the line of one record. Both timestamps are its arrival, so a repeated flush writes the same bytes.
pub fn append(out: &mut Vec<u8>, code: &str, message: &str, at_ms: i64, record: &[u8]) {
    let line = json!({
        "attemptsMade": 1,
        "arrivalTimestamp": at_ms,
        "errorCode": code,
        "errorMessage": message,
        "attemptEndingTimestamp": at_ms,
        "rawData": STANDARD.encode(record),
    });
    out.extend_from_slice(line.to_string().as_bytes());
    out.push(b'\n');
}
