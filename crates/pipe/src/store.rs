//! Pipes in the state: definitions with their lifecycle, first starts of shards, recorded gaps.
//!
//! Tables: `pipe (name, creation, definition JSON, current_state, reason, created_ms, modified_ms, started)`,
//! `pipe_start (consumer, shard, at_ms)` for the shards of the first start (0: from the oldest record kept, -1: whole),
//! `pipe_gap (consumer, shard, from_sequence, to_sequence, at_ms)`, `pipe_cut (consumer, shard, through)` for the ends of
//! enriched batches ahead of the position, and `pipe_end (consumer, shard, through)` for shards that were handed over to
//! their end: they are read once the position is there.

use std::collections::BTreeMap;

use event::Sequence;
use state::{Read, Row, Write, params};

use crate::{Definition, Error};

pub(crate) const MIGRATIONS: &[&str] = &[
    "CREATE TABLE pipe (
        name TEXT NOT NULL PRIMARY KEY, creation TEXT NOT NULL, definition TEXT NOT NULL,
        current_state TEXT NOT NULL, reason TEXT, created_ms BIGINT NOT NULL, modified_ms BIGINT NOT NULL,
        started BIGINT NOT NULL);
    CREATE TABLE pipe_start (
        consumer TEXT NOT NULL, shard TEXT NOT NULL, at_ms BIGINT NOT NULL, PRIMARY KEY (consumer, shard));
    CREATE TABLE pipe_gap (
        consumer TEXT NOT NULL, shard TEXT NOT NULL, from_sequence TEXT NOT NULL, to_sequence TEXT,
        at_ms BIGINT NOT NULL, PRIMARY KEY (consumer, shard, from_sequence));
    CREATE TABLE pipe_counter (id BIGINT NOT NULL PRIMARY KEY, next BIGINT NOT NULL);
    INSERT INTO pipe_counter (id, next) VALUES (0, 1);",
    "CREATE TABLE pipe_cut (
        consumer TEXT NOT NULL, shard TEXT NOT NULL, through TEXT NOT NULL, PRIMARY KEY (consumer, shard, through));",
    "CREATE TABLE pipe_end (
        consumer TEXT NOT NULL, shard TEXT NOT NULL, through TEXT NOT NULL, PRIMARY KEY (consumer, shard));",
];

/// Where a pipe is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurrentState {
    Running,
    Stopped,
    Creating,
    Updating,
    Deleting,
    Starting,
    Stopping,
    CreateFailed,
    UpdateFailed,
    StartFailed,
    StopFailed,
    DeleteFailed,
}

const NAMES: &[(CurrentState, &str)] = &[
    (CurrentState::Running, "RUNNING"),
    (CurrentState::Stopped, "STOPPED"),
    (CurrentState::Creating, "CREATING"),
    (CurrentState::Updating, "UPDATING"),
    (CurrentState::Deleting, "DELETING"),
    (CurrentState::Starting, "STARTING"),
    (CurrentState::Stopping, "STOPPING"),
    (CurrentState::CreateFailed, "CREATE_FAILED"),
    (CurrentState::UpdateFailed, "UPDATE_FAILED"),
    (CurrentState::StartFailed, "START_FAILED"),
    (CurrentState::StopFailed, "STOP_FAILED"),
    (CurrentState::DeleteFailed, "DELETE_FAILED"),
];

impl CurrentState {
    pub fn as_str(self) -> &'static str {
        NAMES.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }

    /// Whether a background change is on its way, so that no other may begin.
    pub fn is_moving(self) -> bool {
        use CurrentState::{Creating, Deleting, Starting, Stopping, Updating};
        matches!(self, Creating | Updating | Deleting | Starting | Stopping)
    }

    fn parse(text: &str) -> Option<CurrentState> {
        NAMES.iter().find(|(_, name)| *name == text).map(|(state, _)| *state)
    }
}

/// A stored pipe.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipe {
    pub definition: Definition,
    /// Tells this pipe from an earlier one of the same name.
    pub creation: String,
    pub current: CurrentState,
    pub reason: Option<String>,
    pub created_ms: i64,
    pub modified_ms: i64,
    /// Whether the shards of the first start are recorded.
    pub(crate) started: bool,
}

impl Pipe {
    /// The owner of this pipe's positions.
    pub fn consumer(&self) -> String {
        format!("pipe/{}/{}", self.definition.name, self.creation)
    }
}

/// Records that were trimmed before they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    pub consumer: String,
    pub shard: String,
    /// The last record known before the gap; zero when none was read.
    pub from: Sequence,
    /// The first record behind the gap, once there is one.
    pub to: Option<Sequence>,
    /// When it was noticed, milliseconds since 1970.
    pub at_ms: i64,
}

const COLUMNS: &str = "name, creation, definition, current_state, reason, created_ms, modified_ms, started";

fn pipe(row: &Row<'_>) -> Result<Pipe, Error> {
    let name = row.text(0)?;
    let damaged = || Error::Corrupt(name.to_owned());
    Ok(Pipe {
        creation: row.text(1)?.to_owned(),
        definition: serde_json::from_str(row.text(2)?).map_err(|_| damaged())?,
        current: CurrentState::parse(row.text(3)?).ok_or_else(damaged)?,
        reason: row.text_opt(4)?.map(str::to_owned),
        created_ms: row.int(5)?,
        modified_ms: row.int(6)?,
        started: row.int(7)? != 0,
    })
}

pub(crate) fn get(tx: &Read<'_>, name: &str) -> Result<Pipe, Error> {
    let sql = format!("SELECT {COLUMNS} FROM pipe WHERE name = ?1");
    tx.first(&sql, params![name], pipe)?.ok_or_else(|| Error::NotFound(name.to_owned()))
}

/// Pipes by name, those behind `after`.
pub(crate) fn list(tx: &Read<'_>, after: &str) -> Result<Vec<Pipe>, Error> {
    tx.all(&format!("SELECT {COLUMNS} FROM pipe WHERE name > ?1 ORDER BY name"), params![after], pipe)
}

pub(crate) fn insert(tx: &Write<'_>, definition: &Definition, now_ms: i64) -> Result<Pipe, Error> {
    let name = definition.name.as_str();
    if tx.first("SELECT 1 FROM pipe WHERE name = ?1", params![name], |_| Ok::<_, Error>(()))?.is_some() {
        return Err(Error::Conflict(format!("Pipe {name} already exists.")));
    }
    let next = tx.first("SELECT next FROM pipe_counter WHERE id = 0", &[], |row| row.int(0))?.unwrap_or(1);
    tx.execute("UPDATE pipe_counter SET next = ?1 WHERE id = 0", params![next + 1])?;
    let pipe = Pipe {
        definition: definition.clone(),
        creation: format!("{now_ms}-{next}"),
        current: CurrentState::Creating,
        reason: None,
        created_ms: now_ms,
        modified_ms: now_ms,
        started: false,
    };
    tx.execute(
        "INSERT INTO pipe (name, creation, definition, current_state, reason, created_ms, modified_ms, started)
         VALUES (?1, ?2, ?3, ?4, NULL, ?5, ?5, 0)",
        params![name, &pipe.creation, &json(definition)?, pipe.current.as_str(), now_ms],
    )?;
    Ok(pipe)
}

pub(crate) fn save(tx: &Write<'_>, pipe: &Pipe) -> Result<(), Error> {
    tx.execute(
        "UPDATE pipe SET definition = ?2, current_state = ?3, reason = ?4, modified_ms = ?5
         WHERE name = ?1 AND creation = ?6",
        params![
            &pipe.definition.name,
            &json(&pipe.definition)?,
            pipe.current.as_str(),
            pipe.reason.as_deref(),
            pipe.modified_ms,
            &pipe.creation
        ],
    )?;
    Ok(())
}

pub(crate) fn set_state(
    tx: &Write<'_>,
    name: &str,
    creation: &str,
    current: CurrentState,
    reason: Option<&str>,
) -> Result<(), Error> {
    tx.execute(
        "UPDATE pipe SET current_state = ?3, reason = ?4 WHERE name = ?1 AND creation = ?2",
        params![name, creation, current.as_str(), reason],
    )?;
    Ok(())
}

/// Removes a pipe with its positions and starts. Gaps stay: they are the record of a loss.
pub(crate) fn remove(tx: &Write<'_>, name: &str, creation: &str) -> Result<(), Error> {
    let consumer = format!("pipe/{name}/{creation}");
    tx.execute("DELETE FROM pipe WHERE name = ?1 AND creation = ?2", params![name, creation])?;
    tx.execute("DELETE FROM pipe_start WHERE consumer = ?1", params![&consumer])?;
    tx.execute("DELETE FROM pipe_cut WHERE consumer = ?1", params![&consumer])?;
    tx.execute("DELETE FROM pipe_end WHERE consumer = ?1", params![&consumer])?;
    state::positions::forget(tx, &consumer)?;
    state::positions::forget(tx, &format!("{consumer}/dead-letter"))?;
    Ok(())
}

/// The start in a shard that is read from the oldest record kept.
pub(crate) const FROM_HORIZON: i64 = 0;
/// The start in a shard that is read from its first record, which must be there.
pub(crate) const WHOLE: i64 = -1;

/// Records the shards of the first start, once, with the instants they are read from; all others are read whole.
pub(crate) fn start(
    tx: &Write<'_>,
    name: &str,
    creation: &str,
    consumer: &str,
    shards: &[(String, i64)],
) -> Result<(), Error> {
    if tx.execute(
        "UPDATE pipe SET started = 1 WHERE name = ?1 AND creation = ?2 AND started = 0",
        params![name, creation],
    )? == 0
    {
        return Ok(());
    }
    for (shard, at_ms) in shards {
        tx.execute(
            "INSERT INTO pipe_start (consumer, shard, at_ms) VALUES (?1, ?2, ?3)",
            params![consumer, shard, *at_ms],
        )?;
    }
    Ok(())
}

pub(crate) fn starts(tx: &Read<'_>, consumer: &str) -> Result<BTreeMap<String, i64>, Error> {
    let sql = "SELECT shard, at_ms FROM pipe_start WHERE consumer = ?1";
    let rows = tx.all(sql, params![consumer], |row| Ok::<_, Error>((row.text(0)?.to_owned(), row.int(1)?)))?;
    Ok(rows.into_iter().collect())
}

/// Records that a shard was handed over to its end, the last record being `through`.
pub(crate) fn end(tx: &Write<'_>, consumer: &str, shard: &str, through: Sequence) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO pipe_end (consumer, shard, through) VALUES (?1, ?2, ?3)
         ON CONFLICT (consumer, shard) DO UPDATE SET through = excluded.through",
        params![consumer, shard, &through.padded()],
    )?;
    Ok(())
}

pub(crate) fn ends(tx: &Read<'_>, consumer: &str) -> Result<BTreeMap<String, Sequence>, Error> {
    let sql = "SELECT shard, through FROM pipe_end WHERE consumer = ?1";
    let damaged = |_| Error::Corrupt(consumer.to_owned());
    let row = |row: &Row<'_>| Ok::<_, Error>((row.text(0)?.to_owned(), row.text(1)?.parse().map_err(damaged)?));
    Ok(tx.all(sql, params![consumer], row)?.into_iter().collect())
}

/// Forgets a shard that was read and that nothing refers to any more.
pub(crate) fn forget_shard(tx: &Write<'_>, consumer: &str, shard: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM pipe_start WHERE consumer = ?1 AND shard = ?2", params![consumer, shard])?;
    tx.execute("DELETE FROM pipe_end WHERE consumer = ?1 AND shard = ?2", params![consumer, shard])?;
    Ok(state::positions::forget_shard(tx, consumer, shard)?)
}

pub(crate) fn record_gap(tx: &Write<'_>, gap: &Gap) -> Result<(), Error> {
    let to = gap.to.map(|to| to.padded());
    tx.execute(
        "INSERT INTO pipe_gap (consumer, shard, from_sequence, to_sequence, at_ms) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (consumer, shard, from_sequence) DO UPDATE SET to_sequence = excluded.to_sequence",
        params![&gap.consumer, &gap.shard, &gap.from.padded(), to.as_deref(), gap.at_ms],
    )?;
    Ok(())
}

pub(crate) fn gaps(tx: &Read<'_>, consumer: &str) -> Result<Vec<Gap>, Error> {
    let sql = "SELECT shard, from_sequence, to_sequence, at_ms FROM pipe_gap WHERE consumer = ?1
               ORDER BY shard, from_sequence";
    tx.all(sql, params![consumer], |row| {
        let sequence = |text: &str| text.parse().map_err(|_| Error::Corrupt(consumer.to_owned()));
        Ok(Gap {
            consumer: consumer.to_owned(),
            shard: row.text(0)?.to_owned(),
            from: sequence(row.text(1)?)?,
            to: row.text_opt(2)?.map(sequence).transpose()?,
            at_ms: row.int(3)?,
        })
    })
}

/// Ends of batches ahead of the position, in order.
pub(crate) fn cuts(tx: &Read<'_>, consumer: &str, shard: &str) -> Result<Vec<Sequence>, Error> {
    let sql = "SELECT through FROM pipe_cut WHERE consumer = ?1 AND shard = ?2 AND through >
               COALESCE((SELECT sequence FROM position WHERE consumer = ?1 AND shard = ?2), '') ORDER BY through";
    tx.all(sql, params![consumer, shard], |row| row.text(0)?.parse().map_err(|_| Error::Corrupt(consumer.to_owned())))
}

/// Records the end of a batch, and forgets those that the position has passed.
pub(crate) fn record_cut(tx: &Write<'_>, consumer: &str, shard: &str, through: Sequence) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM pipe_cut WHERE consumer = ?1 AND shard = ?2 AND through <=
             (SELECT sequence FROM position WHERE consumer = ?1 AND shard = ?2)",
        params![consumer, shard],
    )?;
    tx.execute(
        "INSERT INTO pipe_cut (consumer, shard, through) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        params![consumer, shard, &through.padded()],
    )?;
    Ok(())
}

fn json(definition: &Definition) -> Result<String, Error> {
    serde_json::to_string(definition).map_err(|_| Error::Corrupt(definition.name.clone()))
}
