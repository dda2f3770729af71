//! Stacks, their resources, events, exports and change sets on the state.
//!
//! Tables `stack`, `stack_resource`, `stack_change_set` keep JSON bodies under their keys; `stack_event` is append
//! only; `stack_export` guards that a name is exported once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use state::{Read, Write, params};

use crate::Error;

pub(crate) const MIGRATIONS: &[&str] = &["CREATE TABLE stack (
        id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, live BIGINT NOT NULL, created_ms BIGINT NOT NULL,
        body TEXT NOT NULL);
    CREATE INDEX stack_name ON stack (name, live);
    CREATE TABLE stack_resource (
        stack TEXT NOT NULL, logical TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (stack, logical));
    CREATE TABLE stack_event (
        stack TEXT NOT NULL, number BIGINT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (stack, number));
    CREATE TABLE stack_export (name TEXT NOT NULL PRIMARY KEY, stack TEXT NOT NULL, value TEXT NOT NULL);
    CREATE TABLE stack_change_set (
        stack TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (stack, name));"];

/// One output of a stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    pub key: String,
    pub value: String,
    pub description: Option<String>,
    pub export: Option<String>,
}

/// A template with its parameter values: what a stack is, or was, to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Wanted {
    pub template: String,
    pub parameters: BTreeMap<String, String>,
}

/// A stack as recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stack {
    pub id: String,
    pub name: String,
    /// As CloudFormation names it, `UPDATE_ROLLBACK_COMPLETE`.
    pub status: String,
    pub reason: Option<String>,
    pub created_ms: i64,
    pub updated_ms: Option<i64>,
    pub deleted_ms: Option<i64>,
    pub wanted: Wanted,
    /// What a failed update goes back to.
    pub previous: Option<Wanted>,
    pub tags: BTreeMap<String, String>,
    pub outputs: Vec<Output>,
    pub disable_rollback: bool,
    /// Replaced resources that still exist.
    pub replaced: Vec<Resource>,
    /// Counts resources made, for the order of removal.
    pub made: i64,
}

impl Stack {
    /// An operation is under way.
    pub fn busy(&self) -> bool {
        self.status.ends_with("_IN_PROGRESS") && self.status != "REVIEW_IN_PROGRESS"
    }
}

/// A resource of a stack as recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    pub logical: String,
    pub kind: String,
    /// Name the service knows it by; empty while nothing was made.
    pub physical: String,
    pub status: String,
    pub reason: Option<String>,
    pub updated_ms: i64,
    /// What was applied.
    pub properties: Value,
    /// What is being applied and may be in part.
    pub target: Option<Value>,
    pub reference: String,
    pub attributes: Map<String, Value>,
    pub retain: bool,
    pub retain_replaced: bool,
    pub made: i64,
    /// Place in the template's order; the last is removed first.
    pub position: i64,
}

/// One line of a stack's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub at_ms: i64,
    pub logical: String,
    pub physical: String,
    pub kind: String,
    pub status: String,
    pub reason: Option<String>,
}

/// A prepared create or update.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeSet {
    pub id: String,
    pub name: String,
    pub stack: String,
    pub created_ms: i64,
    /// `CREATE_COMPLETE` or `FAILED`.
    pub status: String,
    pub reason: Option<String>,
    /// `AVAILABLE`, `UNAVAILABLE`, `EXECUTE_COMPLETE`.
    pub execution: String,
    pub wanted: Wanted,
    pub tags: BTreeMap<String, String>,
    pub changes: Vec<Change>,
}

/// One resource a change set touches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// `Add`, `Modify` or `Remove`.
    pub action: String,
    pub logical: String,
    pub kind: String,
    pub physical: Option<String>,
}

fn encode(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|_| Error::Stored("encode"))
}

fn decode<T: DeserializeOwned>(text: &str, part: &'static str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|_| Error::Stored(part))
}

pub(crate) fn put(tx: &Write<'_>, stack: &Stack) -> Result<(), Error> {
    let live = stack.status != "DELETE_COMPLETE";
    tx.execute(
        "INSERT INTO stack (id, name, live, created_ms, body) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO UPDATE SET live = excluded.live, body = excluded.body",
        params![&stack.id, &stack.name, live, stack.created_ms, &encode(stack)?],
    )?;
    Ok(())
}

/// By id, or by name among those that are not deleted.
pub(crate) fn find(tx: &Read<'_>, name: &str) -> Result<Option<Stack>, Error> {
    let sql = "SELECT body FROM stack WHERE id = ?1 OR (name = ?1 AND live = 1)";
    tx.first(sql, params![name], |row| decode(row.text(0)?, "stack"))
}

pub(crate) fn all(tx: &Read<'_>) -> Result<Vec<Stack>, Error> {
    tx.all("SELECT body FROM stack ORDER BY created_ms DESC, id", &[], |row| decode(row.text(0)?, "stack"))
}

pub(crate) fn put_resource(tx: &Write<'_>, stack: &str, resource: &Resource) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO stack_resource (stack, logical, body) VALUES (?1, ?2, ?3)
         ON CONFLICT (stack, logical) DO UPDATE SET body = excluded.body",
        params![stack, &resource.logical, &encode(resource)?],
    )?;
    Ok(())
}

pub(crate) fn drop_resource(tx: &Write<'_>, stack: &str, logical: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM stack_resource WHERE stack = ?1 AND logical = ?2", params![stack, logical])?;
    Ok(())
}

pub(crate) fn resources(tx: &Read<'_>, stack: &str) -> Result<Vec<Resource>, Error> {
    tx.all("SELECT body FROM stack_resource WHERE stack = ?1 ORDER BY logical", params![stack], |row| {
        decode(row.text(0)?, "resource")
    })
}

pub(crate) fn append(tx: &Write<'_>, stack: &str, event: &Event) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO stack_event (stack, number, body)
         SELECT ?1, COALESCE(MAX(number), 0) + 1, ?2 FROM stack_event WHERE stack = ?1",
        params![stack, &encode(event)?],
    )?;
    Ok(())
}

/// Events with their numbers, oldest first.
pub(crate) fn events(tx: &Read<'_>, stack: &str) -> Result<Vec<(i64, Event)>, Error> {
    tx.all("SELECT number, body FROM stack_event WHERE stack = ?1 ORDER BY number", params![stack], |row| {
        Ok((row.int(0)?, decode(row.text(1)?, "event")?))
    })
}

/// Exports as (name, stack id, value).
pub(crate) fn exports(tx: &Read<'_>) -> Result<Vec<(String, String, String)>, Error> {
    tx.all("SELECT name, stack, value FROM stack_export ORDER BY name", &[], |row| {
        Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.text(2)?.to_owned()))
    })
}

/// Replaces a stack's exports.
pub(crate) fn export(tx: &Write<'_>, stack: &str, outputs: &[Output]) -> Result<(), Error> {
    tx.execute("DELETE FROM stack_export WHERE stack = ?1", params![stack])?;
    for output in outputs {
        let Some(name) = &output.export else { continue };
        let sql = "INSERT INTO stack_export (name, stack, value) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO NOTHING";
        if tx.execute(sql, params![name, stack, &output.value])? == 0 {
            return Err(Error::template(format!("Export with name {name} is already exported by another stack")));
        }
    }
    Ok(())
}

pub(crate) fn put_change_set(tx: &Write<'_>, set: &ChangeSet) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO stack_change_set (stack, name, body) VALUES (?1, ?2, ?3)
         ON CONFLICT (stack, name) DO UPDATE SET body = excluded.body",
        params![&set.stack, &set.name, &encode(set)?],
    )?;
    Ok(())
}

pub(crate) fn change_sets(tx: &Read<'_>) -> Result<Vec<ChangeSet>, Error> {
    tx.all("SELECT body FROM stack_change_set ORDER BY stack, name", &[], |row| decode(row.text(0)?, "change set"))
}

pub(crate) fn drop_change_set(tx: &Write<'_>, set: &ChangeSet) -> Result<(), Error> {
    tx.execute("DELETE FROM stack_change_set WHERE stack = ?1 AND name = ?2", params![&set.stack, &set.name])?;
    Ok(())
}
