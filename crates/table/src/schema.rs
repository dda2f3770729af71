//! The SQL tables behind tables, items and streams, and the counters.

use state::{Write, params};

use crate::Error;

/// Items are ordered by the hash of their hash key, so that segments of a scan and shards of a stream are intervals.
pub(crate) const MIGRATIONS: &[&str] = &["
CREATE TABLE ddb_counter (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL);
CREATE TABLE ddb_secret (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE ddb_table (name TEXT NOT NULL PRIMARY KEY, id BIGINT NOT NULL, stream BIGINT, definition TEXT NOT NULL);
CREATE TABLE ddb_item (
    table_id BIGINT NOT NULL, token BIGINT NOT NULL, hash_key BLOB NOT NULL, range_key BLOB NOT NULL, item BLOB NOT NULL,
    PRIMARY KEY (table_id, token, hash_key, range_key)) WITHOUT ROWID;
CREATE TABLE ddb_stream (
    id BIGINT NOT NULL PRIMARY KEY, arn TEXT NOT NULL UNIQUE, table_name TEXT NOT NULL, label TEXT NOT NULL,
    view TEXT NOT NULL, key_schema TEXT NOT NULL, created_ms BIGINT NOT NULL, disabled_ms BIGINT);
CREATE TABLE ddb_shard (
    number BIGINT NOT NULL PRIMARY KEY, stream BIGINT NOT NULL, id TEXT NOT NULL, parent TEXT,
    token_from BIGINT NOT NULL, token_to BIGINT NOT NULL, created_ms BIGINT NOT NULL,
    first_sequence BIGINT NOT NULL, last_sequence BIGINT NOT NULL, closed_ms BIGINT NOT NULL, trimmed BIGINT NOT NULL);
CREATE UNIQUE INDEX ddb_shard_id ON ddb_shard (stream, id);
CREATE INDEX ddb_shard_open ON ddb_shard (stream, closed_ms, token_from);
CREATE TABLE ddb_record (
    shard BIGINT NOT NULL, sequence BIGINT NOT NULL, at_ms BIGINT NOT NULL, token BIGINT NOT NULL, event_id TEXT NOT NULL,
    data BLOB NOT NULL, PRIMARY KEY (shard, sequence)) WITHOUT ROWID;
CREATE INDEX ddb_record_at ON ddb_record (shard, at_ms, sequence);
"];

/// The next number of a counter, from 1; never given twice.
pub(crate) fn next(tx: &Write<'_>, counter: &str) -> Result<i64, Error> {
    tx.execute(
        "INSERT INTO ddb_counter (name, value) VALUES (?1, 1) ON CONFLICT (name) DO UPDATE SET value = ddb_counter.value + 1",
        params![counter],
    )?;
    let value = tx.first("SELECT value FROM ddb_counter WHERE name = ?1", params![counter], |row| row.int(0))?;
    value.ok_or_else(|| Error::Internal("counter is gone".into()))
}
