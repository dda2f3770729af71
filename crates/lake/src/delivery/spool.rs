//! Direct puts: durable in the state before they are acknowledged, then delivered like a source's records.

use bytes::Bytes;
use event::Record;
use state::{Read, Write, params, positions};

use crate::Error;

/// The one shard of direct puts.
pub const SHARD: &str = "spool";

/// The consumer of a stream's direct puts.
pub fn consumer(stream: &str) -> String {
    format!("direct/{stream}")
}

/// Appends records and answers their sequences, which are never given again.
pub fn append(tx: &Write<'_>, stream: &str, at_ms: i64, records: &[Bytes]) -> Result<Vec<i64>, Error> {
    let sql = "SELECT COALESCE(MAX(sequence), 0) FROM delivery_spool WHERE stream = ?1";
    let newest = tx.first::<_, Error>(sql, params![stream], |row| Ok(row.int(0)?))?.unwrap_or(0);
    let positions = positions::load(tx, &consumer(stream))?;
    let position: i64 = positions.first().and_then(|(_, sequence)| sequence.parse().ok()).unwrap_or(0);
    let mut sequences = Vec::with_capacity(records.len());
    for (sequence, data) in (newest.max(position) + 1..).zip(records) {
        tx.execute(
            "INSERT INTO delivery_spool (stream, sequence, at_ms, data) VALUES (?1, ?2, ?3, ?4)",
            params![stream, sequence, at_ms, data.as_ref()],
        )?;
        sequences.push(sequence);
    }
    Ok(sequences)
}

/// At most `limit` records behind a sequence.
pub fn read(tx: &Read<'_>, stream: &str, after: i64, limit: i64) -> Result<Vec<Record>, Error> {
    tx.all(
        "SELECT sequence, at_ms, data FROM delivery_spool WHERE stream = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3",
        params![stream, after, limit],
        |row| {
            let sequence = row.int(0)?;
            Ok(Record {
                data: Bytes::copy_from_slice(row.blob(2)?),
                sequence: u64::try_from(sequence).unwrap_or(0).into(),
                at_ms: row.int(1)?,
                key_hash: 0,
                untemplated: None,
                id: sequence.to_string().into(),
            })
        },
    )
}
