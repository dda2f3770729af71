//! Batches: one to ten entries with distinct ids, each answered by itself.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::error;
use crate::AwsError;

const ENTRIES_MAX: usize = 10;
const ID_CHARS_MAX: usize = 80;

/// # Errors
/// `EmptyBatchRequest`, `TooManyEntriesInBatchRequest`, `InvalidBatchEntryId`, `BatchEntryIdsNotDistinct`.
pub(super) fn check<'a>(entry: &str, ids: impl ExactSizeIterator<Item = &'a str>) -> Result<(), AwsError> {
    let count = ids.len();
    if count == 0 {
        let message = format!("There should be at least one {entry} in the request.");
        return Err(error::of("EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", message));
    }
    if count > ENTRIES_MAX {
        let message = format!("Maximum number of entries per request are {ENTRIES_MAX}. You have sent {count}.");
        let code = "AWS.SimpleQueueService.TooManyEntriesInBatchRequest";
        return Err(error::of("TooManyEntriesInBatchRequest", code, message));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut seen = BTreeSet::new();
    for id in ids {
        if id.is_empty() || id.len() > ID_CHARS_MAX || !id.chars().all(allowed) {
            let message = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at \
                           most 80 letters long.";
            return Err(error::of("InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId", message));
        }
        if !seen.insert(id) {
            let code = "AWS.SimpleQueueService.BatchEntryIdsNotDistinct";
            return Err(error::of("BatchEntryIdsNotDistinct", code, format!("Id {id} repeated.")));
        }
    }
    Ok(())
}

/// The answer: what was done and what was not, by id.
///
/// # Errors
/// When an entry failed by a fault of ours.
pub(super) fn answer<T>(
    ids: Vec<String>,
    outcomes: Vec<Result<T, messaging::Error>>,
    members: impl Fn(T) -> Map<String, Value>,
) -> Result<Value, AwsError> {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (id, outcome) in ids.into_iter().zip(outcomes) {
        match outcome {
            Ok(done) => {
                let mut entry = Map::from_iter([("Id".to_owned(), Value::String(id))]);
                entry.extend(members(done));
                successful.push(Value::Object(entry));
            }
            Err(failure) => {
                let (code, message) = error::entry(failure)?;
                failed.push(json!({"Id": id, "SenderFault": true, "Code": code, "Message": message}));
            }
        }
    }
    let mut body = Map::from_iter([("Successful".to_owned(), Value::Array(successful))]);
    if !failed.is_empty() {
        body.insert("Failed".into(), Value::Array(failed));
    }
    Ok(Value::Object(body))
}
