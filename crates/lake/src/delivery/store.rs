//! The rows behind delivery streams. Every function is one step of a transaction.
//!
//! - `delivery_stream`: definitions. - `delivery_plan`: flushes that are not committed. - `delivery_through`: partitions
//!   ahead of the consumer's position. - `delivery_spool`: direct puts not in a file. - `delivery_total`: counters.

use event::Sequence;
use state::{Read, Write, params, positions};

use super::definition::Stored;
use super::plan::{Plan, Ranges};
use crate::Error;

pub const MIGRATIONS: &[&str] = &["CREATE TABLE delivery_stream (name TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);
     CREATE TABLE delivery_plan (consumer TEXT NOT NULL, part TEXT NOT NULL, stream TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (consumer, part)) WITHOUT ROWID;
     CREATE TABLE delivery_through (consumer TEXT NOT NULL, shard TEXT NOT NULL, part TEXT NOT NULL,
        stream TEXT NOT NULL, sequence TEXT NOT NULL, PRIMARY KEY (consumer, shard, part)) WITHOUT ROWID;
     CREATE INDEX delivery_through_sequence ON delivery_through (consumer, shard, sequence);
     CREATE TABLE delivery_spool (stream TEXT NOT NULL, sequence BIGINT NOT NULL, at_ms BIGINT NOT NULL,
        data BLOB NOT NULL, PRIMARY KEY (stream, sequence));
     CREATE TABLE delivery_total (stream TEXT NOT NULL PRIMARY KEY, records BIGINT NOT NULL, bytes BIGINT NOT NULL,
        files BIGINT NOT NULL);"];

fn decode<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Stored(name.into(), error))
}

fn encode<T: serde::Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Encode(error.to_string()))
}

pub fn streams(tx: &Read<'_>) -> Result<Vec<Stored>, Error> {
    tx.all("SELECT name, body FROM delivery_stream ORDER BY name", &[], |row| decode(row.text(0)?, row.text(1)?))
}

pub fn save_stream(tx: &Write<'_>, stored: &Stored) -> Result<(), Error> {
    let body = encode(stored)?;
    tx.execute(
        "INSERT INTO delivery_stream (name, body) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET body = ?2",
        params![&stored.definition.delivery_stream_name, &body],
    )?;
    Ok(())
}

pub fn delete_stream(tx: &Write<'_>, name: &str, id: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM delivery_stream WHERE name = ?1", params![name])?;
    tx.execute("DELETE FROM delivery_plan WHERE stream = ?1", params![id])?;
    tx.execute("DELETE FROM delivery_through WHERE stream = ?1", params![id])?;
    tx.execute("DELETE FROM delivery_spool WHERE stream = ?1", params![id])?;
    tx.execute("DELETE FROM delivery_total WHERE stream = ?1", params![id])?;
    Ok(positions::forget(tx, &super::spool::consumer(id))?)
}

/// All plans as (consumer, partition, stream id, plan).
pub fn plans(tx: &Read<'_>) -> Result<Vec<(String, String, String, Plan)>, Error> {
    tx.all("SELECT consumer, part, stream, body FROM delivery_plan", &[], |row| {
        let plan = decode(row.text(0)?, row.text(3)?)?;
        Ok((row.text(0)?.into(), row.text(1)?.into(), row.text(2)?.into(), plan))
    })
}

pub fn save_plan(tx: &Write<'_>, stream: &str, consumer: &str, part: &str, plan: &Plan) -> Result<(), Error> {
    let body = encode(plan)?;
    tx.execute(
        "INSERT INTO delivery_plan (consumer, part, stream, body) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (consumer, part) DO UPDATE SET stream = ?3, body = ?4",
        params![consumer, part, stream, &body],
    )?;
    Ok(())
}

pub fn forget_plan(tx: &Write<'_>, consumer: &str, part: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM delivery_plan WHERE consumer = ?1 AND part = ?2", params![consumer, part])?;
    Ok(())
}

/// Drops what is kept for a consumer that will not come back.
pub fn forget_consumer(tx: &Write<'_>, consumer: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM delivery_plan WHERE consumer = ?1", params![consumer])?;
    tx.execute("DELETE FROM delivery_through WHERE consumer = ?1", params![consumer])?;
    Ok(positions::forget(tx, consumer)?)
}

/// The files of a plan count: the partition's throughs, the counters, no plan any more.
pub fn commit(
    tx: &Write<'_>,
    stream: &str,
    consumer: &str,
    part: &str,
    plan: &Plan,
    ranges: &Ranges,
) -> Result<(), Error> {
    for (shard, range) in ranges {
        tx.execute(
            "INSERT INTO delivery_through (consumer, shard, part, stream, sequence) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (consumer, shard, part) DO UPDATE SET sequence = excluded.sequence
             WHERE excluded.sequence > delivery_through.sequence",
            params![consumer, shard, part, stream, &range.last.padded()],
        )?;
    }
    forget_plan(tx, consumer, part)?;
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    tx.execute(
        "INSERT INTO delivery_total (stream, records, bytes, files) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (stream) DO UPDATE SET records = records + ?2, bytes = bytes + ?3, files = files + ?4",
        params![stream, number(plan.records), number(plan.bytes), number(plan.objects.len() as u64)],
    )?;
    Ok(())
}

/// Moves the position of a shard; throughs and spooled records behind it are not needed any more.
pub fn advance(tx: &Write<'_>, stream: &str, consumer: &str, shard: &str, to: Sequence) -> Result<(), Error> {
    let padded = to.padded();
    positions::advance(tx, consumer, shard, &padded)?;
    tx.execute(
        "DELETE FROM delivery_through WHERE consumer = ?1 AND shard = ?2 AND sequence <= ?3",
        params![consumer, shard, &padded],
    )?;
    if consumer == super::spool::consumer(stream) {
        let sequence: i64 = to.to_string().parse().unwrap_or(i64::MAX);
        tx.execute("DELETE FROM delivery_spool WHERE stream = ?1 AND sequence <= ?2", params![stream, sequence])?;
    }
    Ok(())
}

/// Shard, partition and sequence of what is ahead of a consumer's positions.
pub fn throughs(tx: &Read<'_>, consumer: &str) -> Result<Vec<(String, String, String)>, Error> {
    tx.all("SELECT shard, part, sequence FROM delivery_through WHERE consumer = ?1", params![consumer], |row| {
        Ok((row.text(0)?.into(), row.text(1)?.into(), row.text(2)?.into()))
    })
}

/// Records, bytes and files delivered.
pub fn totals(tx: &Read<'_>, stream: &str) -> Result<(u64, u64, u64), Error> {
    let sql = "SELECT records, bytes, files FROM delivery_total WHERE stream = ?1";
    let number = |value: i64| u64::try_from(value).unwrap_or(0);
    let found = tx.first::<_, Error>(sql, params![stream], |row| {
        Ok((number(row.int(0)?), number(row.int(1)?), number(row.int(2)?)))
    })?;
    Ok(found.unwrap_or_default())
}
