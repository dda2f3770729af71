//! Shards: opening, closing, rolling, splitting, trimming.

use sha2::{Digest, Sha256};
use state::{Write, params};

use super::{RETENTION_MS, ROLL_MS, SHARDS, find};
use crate::tables::Environment;
use crate::{Error, Tables, schema};

/// An open shard.
pub(super) struct Open {
    pub number: i64,
    pub id: String,
    pub token_from: i64,
    pub token_to: i64,
    pub created_ms: i64,
}

/// Creates a stream with its first shards; answers id, ARN and label.
pub(crate) fn create(
    tx: &Write<'_>,
    env: &Environment,
    table: &str,
    view: &str,
    key_schema: &str,
) -> Result<(i64, String, String), Error> {
    let id = schema::next(tx, "stream")?;
    let now = env.clock.now_ms();
    let mut at = now;
    // Two streams of a table in one millisecond must not share a label.
    let (arn, label) = loop {
        let label = chrono::DateTime::from_timestamp_millis(at)
            .map(|time| time.format("%Y-%m-%dT%H:%M:%S%.3f").to_string())
            .ok_or_else(|| Error::Internal("the clock is out of range".into()))?;
        let arn = env.arn(format!("table/{table}/stream/{label}"));
        if tx.first("SELECT id FROM ddb_stream WHERE arn = ?1", params![&arn], |row| row.int(0))?.is_none() {
            break (arn, label);
        }
        at += 1;
    };
    tx.execute(
        "INSERT INTO ddb_stream (id, arn, table_name, label, view, key_schema, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![id, &arn, table, &label, view, key_schema, now],
    )?;
    let width = i64::MAX / SHARDS + 1;
    for slot in 0..SHARDS {
        let from = slot * width;
        let to = if slot == SHARDS - 1 { i64::MAX } else { from + (width - 1) };
        insert(tx, id, None, (from, to), now)?;
    }
    Ok((id, arn, label))
}

fn insert(tx: &Write<'_>, stream: i64, parent: Option<&str>, tokens: (i64, i64), now: i64) -> Result<(), Error> {
    let number = schema::next(tx, "shard")?;
    let digest = Sha256::digest(format!("{stream}/{number}"));
    let tail = hex::encode(digest.get(..4).unwrap_or_default());
    let id = format!("shardId-{now:020}-{tail}");
    let first = schema::next(tx, "sequence")?;
    tx.execute(
        "INSERT INTO ddb_shard (number, stream, id, parent, token_from, token_to, created_ms, first_sequence, last_sequence,
            closed_ms, trimmed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, 0, ?9)",
        params![number, stream, &id, parent, tokens.0, tokens.1, now, first, first - 1],
    )?;
    Ok(())
}

const OPEN: &str =
    "SELECT number, id, token_from, token_to, created_ms FROM ddb_shard WHERE stream = ?1 AND closed_ms = 0";

fn open_row(row: &state::Row<'_>) -> Result<Open, Error> {
    Ok(Open {
        number: row.int(0)?,
        id: row.text(1)?.to_owned(),
        token_from: row.int(2)?,
        token_to: row.int(3)?,
        created_ms: row.int(4)?,
    })
}

/// The open shard for a token, rolled when it is old.
pub(super) fn for_token(tx: &Write<'_>, stream: i64, token: i64, now: i64) -> Result<Open, Error> {
    let sql = format!("{OPEN} AND token_from <= ?2 ORDER BY token_from DESC LIMIT 1");
    let find = || tx.first(&sql, params![stream, token], open_row);
    let gone = || Error::Internal("stream without an open shard".into());
    let open = find()?.ok_or_else(gone)?;
    if open.created_ms + ROLL_MS > now {
        return Ok(open);
    }
    replace(tx, stream, &open, 1, now)?;
    find()?.ok_or_else(gone)
}

/// Closes a shard and opens its children.
fn replace(tx: &Write<'_>, stream: i64, shard: &Open, children: i64, now: i64) -> Result<(), Error> {
    close(tx, shard, now)?;
    let (from, to) = (shard.token_from, shard.token_to);
    if children == 2 && from < to {
        let middle = from + (to - from) / 2;
        insert(tx, stream, Some(&shard.id), (from, middle), now)?;
        return insert(tx, stream, Some(&shard.id), (middle + 1, to), now);
    }
    insert(tx, stream, Some(&shard.id), (from, to), now)
}

fn close(tx: &Write<'_>, shard: &Open, now: i64) -> Result<(), Error> {
    tx.execute("UPDATE ddb_shard SET closed_ms = ?2 WHERE number = ?1", params![shard.number, now.max(1)])?;
    Ok(())
}

/// Closes all shards of a stream that gets no more records.
pub(crate) fn close_all(tx: &Write<'_>, stream: i64, now: i64) -> Result<(), Error> {
    for shard in tx.all(OPEN, params![stream], open_row)? {
        close(tx, &shard, now)?;
    }
    tx.execute("UPDATE ddb_stream SET disabled_ms = ?2 WHERE id = ?1", params![stream, now])?;
    Ok(())
}

impl Tables {
    /// Closes every open shard of a stream and gives each one child: what AWS does about every four hours.
    ///
    /// # Errors
    /// `NotFound` for an unknown stream, `Validation` for one that is disabled.
    pub async fn rotate_stream(&self, arn: &str) -> Result<(), Error> {
        self.reshard(arn, 1).await
    }

    /// Closes every open shard of a stream and gives each two children, half of the keys each.
    ///
    /// # Errors
    /// As [`Tables::rotate_stream`].
    pub async fn split_stream(&self, arn: &str) -> Result<(), Error> {
        self.reshard(arn, 2).await
    }

    async fn reshard(&self, arn: &str, children: i64) -> Result<(), Error> {
        let (arn, now) = (arn.to_owned(), self.env.clock.now_ms());
        self.state
            .write(move |tx| {
                let stream = find(tx, &arn)?.id;
                let open = tx.all(OPEN, params![stream], open_row)?;
                if open.is_empty() {
                    return Err(Error::validation("the stream is disabled: it has no open shards"));
                }
                for shard in open {
                    replace(tx, stream, &shard, children, now)?;
                }
                Ok(())
            })
            .await?;
        self.env.written.notify_waiters();
        Ok(())
    }

    /// Removes records older than 24 hours, then closed shards and disabled streams of that age. Call it now and then;
    /// answers how many records went.
    ///
    /// # Errors
    /// `Internal` when the state fails.
    pub async fn trim(&self) -> Result<usize, Error> {
        /// Records removed in one transaction, so that writers need not wait long.
        const RECORDS_MAX: i64 = 5_000;
        let horizon = self.env.clock.now_ms() - RETENTION_MS;
        let shards = self
            .state
            .read(|read| read.all("SELECT number FROM ddb_shard", &[], |row| Ok::<_, Error>(row.int(0)?)))
            .await?;
        let mut removed = 0;
        for shard in shards {
            loop {
                let some = self.state.write(move |tx| trim_shard(tx, shard, horizon, RECORDS_MAX)).await?;
                removed += some;
                if (some as i64) < RECORDS_MAX {
                    break;
                }
            }
        }
        self.state
            .write(move |tx| {
                tx.execute(
                    "DELETE FROM ddb_shard WHERE closed_ms > 0 AND closed_ms < ?1
                        AND NOT EXISTS (SELECT 1 FROM ddb_record WHERE shard = number)",
                    params![horizon],
                )?;
                tx.execute(
                    "DELETE FROM ddb_stream WHERE disabled_ms < ?1
                        AND NOT EXISTS (SELECT 1 FROM ddb_shard WHERE stream = ddb_stream.id)",
                    params![horizon],
                )?;
                Ok::<_, Error>(())
            })
            .await?;
        Ok(removed)
    }
}

fn trim_shard(tx: &Write<'_>, shard: i64, horizon: i64, limit: i64) -> Result<usize, Error> {
    let old = tx.all(
        "SELECT sequence FROM ddb_record WHERE shard = ?1 AND at_ms < ?2 ORDER BY at_ms, sequence LIMIT ?3",
        params![shard, horizon, limit],
        |row| Ok::<_, Error>(row.int(0)?),
    )?;
    let Some(last) = old.iter().max() else { return Ok(0) };
    let removed = tx.execute("DELETE FROM ddb_record WHERE shard = ?1 AND sequence <= ?2", params![shard, *last])?;
    tx.execute("UPDATE ddb_shard SET trimmed = ?2 WHERE number = ?1 AND trimmed < ?2", params![shard, *last])?;
    Ok(removed)
}
