//! `GetRecords`.

use std::sync::Arc;

use bytes::Bytes;
use event::Record;
use serde::Deserialize;
use serde_json::{Value, json};
use state::{Read, params};

use super::{Position, find, sequence};
use crate::capacity::up_to;
use crate::{Error, Tables};

/// Most records in one answer.
const RECORDS_MAX: i64 = 1000;
/// Bytes after which an answer ends.
const BYTES_MAX: usize = 1024 * 1024;

/// Input of `GetRecords`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GetRecords {
    pub shard_iterator: String,
    pub limit: Option<i64>,
}

impl Tables {
    /// # Errors
    /// `Expired`, `Trimmed`, or `Validation` for an iterator that is not ours.
    pub async fn get_records(&self, input: GetRecords) -> Result<Value, Error> {
        let limit = up_to("limit", input.limit.unwrap_or(RECORDS_MAX), RECORDS_MAX)?;
        let (records, next) = self.read_shard(&input.shard_iterator, limit).await?;
        let mut decoded = Vec::with_capacity(records.len());
        for record in records {
            let mut value: Value = serde_json::from_slice(&record.data)
                .map_err(|_| Error::Internal("stored stream record is not readable".into()))?;
            if let Some(object) = value.as_object_mut() {
                // Only event source mappings and pipes add it.
                object.shift_remove("eventSourceARN");
                // Stored as pipes hand it on; this operation names the members differently.
                if let Some(identity) = object.get_mut("userIdentity") {
                    *identity = json!({"PrincipalId": identity["principalId"], "Type": identity["type"]});
                }
            }
            decoded.push(value);
        }
        let mut answer = json!({ "Records": decoded });
        if let Some(next) = next {
            answer["NextShardIterator"] = next.into();
        }
        Ok(answer)
    }

    /// Records behind an iterator and the iterator behind them.
    pub(crate) async fn read_shard(&self, token: &str, limit: i64) -> Result<(Vec<Record>, Option<String>), Error> {
        let (position, arn) = Position::verify(&self.env, token)?;
        let (env, arn, now) = (self.env.clone(), arn.to_owned(), self.env.clock.now_ms());
        self.state
            .read(move |read| {
                let (records, next) = page(read, &arn, position, limit.min(RECORDS_MAX))?;
                let next = next.map(|after| Position { after, issued_ms: now, ..position }.sign(&env, &arn));
                Ok((records, next))
            })
            .await
    }
}

fn page(read: &Read<'_>, arn: &str, at: Position, limit: i64) -> Result<(Vec<Record>, Option<i64>), Error> {
    find(read, arn)?;
    let sql = "SELECT closed_ms, last_sequence, trimmed FROM ddb_shard WHERE number = ?1";
    let shard =
        read.first(sql, params![at.shard], |row| Ok::<_, Error>((row.int(0)? > 0, row.int(1)?, row.int(2)?)))?;
    let Some((closed, last, trimmed)) = shard else { return Err(Error::Trimmed) };
    if at.after < trimmed {
        return Err(Error::Trimmed);
    }
    let mut bytes = 0;
    let mut after = at.after;
    let mut records = Vec::new();
    read.each(
        "SELECT sequence, at_ms, token, event_id, data FROM ddb_record WHERE shard = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3",
        params![at.shard, at.after, limit],
        |row| {
            let data = row.blob(4)?;
            bytes += data.len();
            if bytes > BYTES_MAX && !records.is_empty() {
                return Ok(false);
            }
            after = row.int(0)?;
            records.push(Record {
                data: Bytes::copy_from_slice(data),
                sequence: sequence(after),
                at_ms: row.int(1)?,
                key_hash: row.int(2)?.unsigned_abs(),
                untemplated: None,
                id: Arc::from(row.text(3)?),
            });
            Ok::<_, Error>(true)
        },
    )?;
    // A shard without records ends at its first number, which is no record's.
    let ended = closed && (after >= last || records.is_empty());
    Ok((records, (!ended).then_some(after)))
}
