//! Records of a pipe as payloads of a function: a JSON array, never larger than one invocation takes.

use std::ops::Range;

use bytes::Bytes;
use event::{Error, Kind, Record};

use crate::{Functions, Invocation, Outcome};

/// Consecutive records whose array fits.
///
/// # Errors
/// `Invalid` for a record that alone is too large.
pub(crate) fn chunks(records: &[Record], bytes_max: usize) -> Result<Vec<Range<usize>>, Error> {
    let (mut found, mut start, mut bytes) = (Vec::new(), 0, 2);
    for (index, record) in records.iter().enumerate() {
        let length = record.data.len() + 1;
        if length + 2 > bytes_max {
            let id = &record.id;
            return Err(Error::new(Kind::Invalid, format!("a record is too large for a function. id=`{id}`")));
        }
        if bytes + length > bytes_max {
            found.push(start..index);
            (start, bytes) = (index, 2);
        }
        bytes += length;
    }
    if start < records.len() {
        found.push(start..records.len());
    }
    Ok(found)
}

/// The records' payloads as one array.
pub(crate) fn array(records: &[Record]) -> Bytes {
    let mut out = Vec::with_capacity(records.iter().map(|record| record.data.len() + 1).sum::<usize>() + 2);
    out.push(b'[');
    for (index, record) in records.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&record.data);
    }
    out.push(b']');
    out.into()
}

/// Calls a function for a pipe.
///
/// # Errors
/// `Unavailable` when the function failed, so that the caller tries again; the error's type, but not its text, is told.
pub(crate) async fn call(functions: &Functions, arn: &str, payload: Bytes) -> Result<Outcome, Error> {
    let outcome = functions.invoke(arn, None, Invocation::of(payload)).await?;
    if !outcome.is_error {
        return Ok(outcome);
    }
    let error: serde_json::Value = serde_json::from_slice(&outcome.payload).unwrap_or_default();
    let kind: String = error["errorType"].as_str().unwrap_or("unknown").chars().take(128).collect();
    Err(Error::new(Kind::Unavailable, format!("the function failed. function=`{arn}` error=`{kind}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(data: &str) -> Record {
        let sequence = event::Sequence::from(1u64);
        Record {
            data: Bytes::from(data.to_owned()),
            sequence,
            at_ms: 0,
            key_hash: 0,
            untemplated: None,
            id: "x".into(),
        }
    }

    #[test]
    fn an_array_is_cut_where_it_would_be_too_large() {
        let records: Vec<Record> = ["1", "22", "333", "4"].map(record).into();
        assert_eq!(array(&records[..]), "[1,22,333,4]");
        assert_eq!(chunks(&records, 100).unwrap().first(), Some(&(0..4)));
        assert_eq!(chunks(&records, 8).unwrap(), [0..2, 2..4]);
        assert!(chunks(&[], 8).unwrap().is_empty());
        assert_eq!(chunks(&records, 5).unwrap_err().kind(), Kind::Invalid);
        for part in chunks(&records, 8).unwrap() {
            assert!(array(&records[part]).len() <= 8);
        }
    }
}
