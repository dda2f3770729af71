//! What is done to a record before it is delivered: decompression and de-aggregation (Firehose Developer Guide,
//! "Dynamic partitioning of aggregated data").

use std::io::Read;

/// Bytes that one record may grow to when it is unpacked.
const UNPACKED_BYTES_MAX: u64 = 64 << 20;

/// How several records travel in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// JSON values one after another, or one array of them.
    Json,
    /// Parts between these bytes.
    Delimited(Vec<u8>),
}

/// The records within a record; `None` when it is malformed.
pub fn records<'a>(data: &'a [u8], aggregation: &Aggregation) -> Option<Vec<&'a [u8]>> {
    match aggregation {
        Aggregation::Json if data.trim_ascii_start().starts_with(b"[") => {
            let items: Vec<&serde_json::value::RawValue> = serde_json::from_slice(data).ok()?;
            Some(items.into_iter().map(|item| item.get().as_bytes()).collect())
        }
        Aggregation::Json => super::json::split(data).ok(),
        Aggregation::Delimited(mark) if mark.is_empty() => None,
        Aggregation::Delimited(mark) => {
            let (mut parts, mut at) = (Vec::new(), 0);
            for end in memchr::memmem::find_iter(data, mark).chain([data.len()]) {
                parts.extend(data.get(at..end).filter(|part| !part.is_empty()));
                at = end + mark.len();
            }
            Some(parts)
        }
    }
}

/// The bytes within a gzip file; `None` when it is malformed or larger than 64 MiB.
pub fn gunzip(data: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let read = flate2::read::MultiGzDecoder::new(data).take(UNPACKED_BYTES_MAX + 1).read_to_end(&mut out).ok()?;
    (read as u64 <= UNPACKED_BYTES_MAX).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(data: &str, aggregation: Aggregation, expected: Option<&[&str]>) {
        let found = records(data.as_bytes(), &aggregation);
        let expected = expected.map(|parts| parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>());
        assert_eq!(found, expected, "{data}");
    }

    #[test]
    fn records_within_records_are_found() {
        check(r#"{"a":1}{"b":"}{"}"#, Aggregation::Json, Some(&[r#"{"a":1}"#, r#"{"b":"}{"}"#]));
        check("{\"a\":1}\n {\"b\":2}\n", Aggregation::Json, Some(&[r#"{"a":1}"#, r#"{"b":2}"#]));
        check(r#" [{"a":[1]}, {}]"#, Aggregation::Json, Some(&[r#"{"a":[1]}"#, "{}"]));
        check(r#"{"a":1}{"#, Aggregation::Json, None);
        check("a##b####c", Aggregation::Delimited(b"##".to_vec()), Some(&["a", "b", "c"]));
        check("a", Aggregation::Delimited(Vec::new()), None);
        check("", Aggregation::Json, Some(&[]));
    }

    #[test]
    fn what_is_not_gzip_is_refused() {
        assert_eq!(gunzip(b"plain"), None);
    }
}
