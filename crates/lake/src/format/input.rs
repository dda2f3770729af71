//! What is done to a record before it is delivered: decompression and de-aggregation (Firehose Developer Guide,
//! "Dynamic partitioning of aggregated data").

use std::io::Read;

use serde::Deserialize;

/// Bytes that one record may grow to when it is unpacked.
const UNPACKED_BYTES_MAX: u64 = 16 << 20;
/// Records within one record, as documented.
pub const RECORDS_MAX: usize = 500;

/// How several records travel in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// JSON objects one after another, with or without line ends between them.
    Json,
    /// Parts between these bytes.
    Delimited(Vec<u8>),
}

/// Why a record cannot be taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsplit {
    #[error("the record is not a run of JSON objects")]
    NotObjects,
    #[error("the record holds no records")]
    Empty,
    #[error("the record holds more than {RECORDS_MAX} records")]
    TooMany,
}

impl Unsplit {
    /// The `errorCode` of the error object.
    pub fn code(self) -> &'static str {
        match self {
            Unsplit::NotObjects | Unsplit::Empty => "RecordDeAggregation.MalformedData",
            Unsplit::TooMany => "RecordDeAggregation.TooManyRecords",
        }
    }
}

/// The records within a record.
///
/// # Errors
/// When it is malformed, empty or holds too many; none of them is answered then.
pub fn records<'a>(data: &'a [u8], aggregation: &Aggregation) -> Result<Vec<&'a [u8]>, Unsplit> {
    let parts: Vec<&[u8]> = match aggregation {
        Aggregation::Json => {
            let values = super::json::split(data).map_err(|_| Unsplit::NotObjects)?;
            if values.iter().any(|value| !value.starts_with(b"{")) {
                return Err(Unsplit::NotObjects);
            }
            values
        }
        Aggregation::Delimited(mark) => {
            let (mut parts, mut at) = (Vec::new(), 0);
            let ends = memchr::memmem::find_iter(data, mark).filter(|_| !mark.is_empty());
            for end in ends.chain([data.len()]) {
                parts.extend(data.get(at..end).filter(|part| !part.is_empty()));
                at = end + mark.len();
                if parts.len() > RECORDS_MAX {
                    break;
                }
            }
            parts
        }
    };
    match parts.len() {
        0 => Err(Unsplit::Empty),
        1..=RECORDS_MAX => Ok(parts),
        _ => Err(Unsplit::TooMany),
    }
}

/// The bytes within a gzip file; `None` when it is malformed or larger than 16 MiB.
pub fn gunzip(data: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let read = flate2::read::MultiGzDecoder::new(data).take(UNPACKED_BYTES_MAX + 1).read_to_end(&mut out).ok()?;
    (read as u64 <= UNPACKED_BYTES_MAX).then_some(out)
}

/// What a subscription filter of CloudWatch Logs sends, as far as it is read here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    log_events: Vec<LogEvent>,
}

#[derive(Deserialize)]
struct LogEvent {
    message: String,
}

/// The messages of the log events in a record, one a line; `None` when it holds no log events.
pub fn log_messages(data: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for values in serde_json::Deserializer::from_slice(data).into_iter::<Subscription>() {
        for event in values.ok()?.log_events {
            out.extend_from_slice(event.message.trim_end_matches('\n').as_bytes());
            out.push(b'\n');
        }
    }
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(data: &str, aggregation: Aggregation, expected: Result<&[&str], Unsplit>) {
        let found = records(data.as_bytes(), &aggregation);
        let expected = expected.map(|parts| parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>());
        assert_eq!(found, expected, "{data}");
    }

    #[test]
    fn records_within_records_are_found() {
        check(r#"{"a":1}{"b":"}{"}"#, Aggregation::Json, Ok(&[r#"{"a":1}"#, r#"{"b":"}{"}"#]));
        check("{\"a\":1}\n {\"b\":2}\n", Aggregation::Json, Ok(&[r#"{"a":1}"#, r#"{"b":2}"#]));
        check(r#"[{"a":1}, {}]"#, Aggregation::Json, Err(Unsplit::NotObjects));
        check(r#"{"a":1}{"#, Aggregation::Json, Err(Unsplit::NotObjects));
        check("a##b####c", Aggregation::Delimited(b"##".to_vec()), Ok(&["a", "b", "c"]));
        check("a##", Aggregation::Delimited(b"##".to_vec()), Ok(&["a"]));
        check("", Aggregation::Json, Err(Unsplit::Empty));
    }

    #[test]
    fn a_record_holds_at_most_five_hundred() {
        for (count, good) in [(RECORDS_MAX, true), (RECORDS_MAX + 1, false)] {
            assert_eq!(records("{}".repeat(count).as_bytes(), &Aggregation::Json).is_ok(), good);
            assert_eq!(records("x,".repeat(count).as_bytes(), &Aggregation::Delimited(b",".to_vec())).is_ok(), good);
        }
    }

    #[test]
    fn what_is_not_gzip_is_refused() {
        assert_eq!(gunzip(b"plain"), None);
    }

    #[test]
    fn messages_are_taken_out_of_log_events() {
        let data =
            br#"{"owner":"1","logEvents":[{"id":"1","message":"a\n"},{"message":"b"}]}{"logEvents":[{"message":"c"}]}"#;
        assert_eq!(log_messages(data).unwrap(), b"a\nb\nc\n");
        assert_eq!(log_messages(b"{}"), None);
    }
}
