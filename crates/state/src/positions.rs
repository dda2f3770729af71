//! How far a consumer has got in each shard: written in the same transaction as the effect, so both or neither count.
//!
//! Table `position (consumer, shard, sequence)`: `sequence` is 40 digits, padded with zeros.

use crate::{Error, Read, Write, params};

pub(crate) const MIGRATIONS: &[&str] = &["CREATE TABLE position (
        consumer TEXT NOT NULL, shard TEXT NOT NULL, sequence TEXT NOT NULL,
        PRIMARY KEY (consumer, shard)) WITHOUT ROWID;"];

/// Moves a position forward. An older sequence than the stored one changes nothing.
///
/// # Errors
/// When the statement fails.
pub fn advance(tx: &Write<'_>, consumer: &str, shard: &str, sequence: &str) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO position (consumer, shard, sequence) VALUES (?1, ?2, ?3)
         ON CONFLICT (consumer, shard) DO UPDATE SET sequence = excluded.sequence
         WHERE excluded.sequence > position.sequence",
        params![consumer, shard, sequence],
    )?;
    Ok(())
}

/// All positions of a consumer as (shard, padded sequence).
///
/// # Errors
/// When the statement fails.
pub fn load(tx: &Read<'_>, consumer: &str) -> Result<Vec<(String, String)>, Error> {
    tx.all("SELECT shard, sequence FROM position WHERE consumer = ?1 ORDER BY shard", params![consumer], |row| {
        Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))
    })
}

/// Forgets one shard of a consumer, once it is read and its children run.
///
/// # Errors
/// When the statement fails.
pub fn forget_shard(tx: &Write<'_>, consumer: &str, shard: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM position WHERE consumer = ?1 AND shard = ?2", params![consumer, shard])?;
    Ok(())
}

/// Forgets a consumer that will not come back.
///
/// # Errors
/// When the statement fails.
pub fn forget(tx: &Write<'_>, consumer: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM position WHERE consumer = ?1", params![consumer])?;
    Ok(())
}
