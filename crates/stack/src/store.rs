//! Stacks, their resources, events, exports and change sets on the state.
//!
//! Tables `stack`, `stack_resource`, `stack_change_set` keep JSON bodies under their keys; `stack_event` is append
//! only; `stack_export` guards that a name is exported once, `stack_import` that what is in use stays exported.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use state::{Read, Write, params};

use crate::Error;

/// What stands for a value that is not shown.
const MASK: &str = "****";

pub(crate) const MIGRATIONS: &[&str] = &[
    "CREATE TABLE stack (
        id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, live BIGINT NOT NULL, created_ms BIGINT NOT NULL,
        body TEXT NOT NULL);
    CREATE INDEX stack_name ON stack (name, live);
    CREATE TABLE stack_resource (
        stack TEXT NOT NULL, logical TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (stack, logical));
    CREATE TABLE stack_event (
        stack TEXT NOT NULL, number BIGINT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (stack, number));
    CREATE TABLE stack_export (name TEXT NOT NULL PRIMARY KEY, stack TEXT NOT NULL, value TEXT NOT NULL);
    CREATE TABLE stack_change_set (
        stack TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (stack, name));",
    "CREATE TABLE stack_import (
        stack TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (stack, name));",
];

/// One output of a stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    pub key: String,
    pub value: String,
    pub description: Option<String>,
    pub export: Option<String>,
}

/// A template with its parameter values, tags and code: what a stack is, or was, to be.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Wanted {
    pub template: String,
    /// Every parameter of the template, defaults too.
    pub parameters: BTreeMap<String, String>,
    /// Names of parameters that are never shown (`NoEcho`).
    pub no_echo: BTreeSet<String>,
    /// Tags of the stack, which its resources get too.
    pub tags: BTreeMap<String, String>,
    pub sources: Sources,
}

/// What a template names but does not hold: files on the machine that serves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sources {
    /// Where a relative `TemplateURL` begins.
    pub directory: Option<String>,
    /// Code by logical id or `FunctionName`.
    pub functions: BTreeMap<String, Code>,
}

/// A function's code: a file, a directory or a zip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Code {
    /// Absolute.
    pub path: String,
    /// Tells whether the content is still the same; empty when the caller does not know.
    pub digest: String,
}

impl Wanted {
    /// The parameters as they may be shown.
    pub fn shown(&self) -> BTreeMap<String, String> {
        let show = |(name, value): (&String, &String)| {
            let value = if self.no_echo.contains(name) { MASK } else { value };
            (name.clone(), value.to_owned())
        };
        self.parameters.iter().map(show).collect()
    }

    /// A text in which no value of a `NoEcho` parameter stands.
    pub(crate) fn masked(&self, text: &str) -> String {
        let secrets =
            self.no_echo.iter().filter_map(|name| self.parameters.get(name)).filter(|value| !value.is_empty());
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASK))
    }
}

impl std::fmt::Debug for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wanted").field("template_bytes", &self.template.len()).finish_non_exhaustive()
    }
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
    pub outputs: Vec<Output>,
    pub disable_rollback: bool,
    /// Remove what a failed creation made, the stack too (`OnFailure: DELETE`).
    pub delete_on_failure: bool,
    /// `EnableTerminationProtection`.
    pub protected: bool,
    /// The stack this one is nested in.
    pub parent: Option<String>,
    /// Logical ids a deletion leaves behind (`RetainResources`).
    pub spared: BTreeSet<String>,
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
    pub policy: Policy,
    pub retain_replaced: bool,
    pub made: i64,
    /// Place in the template's order; the last is removed first.
    pub position: i64,
}

/// What becomes of a resource that leaves its stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Policy {
    #[default]
    Delete,
    Retain,
    /// Kept, unless the operation that made it is rolled back.
    RetainExceptOnCreate,
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
    /// `True`, `False` or `Conditional`; for `Modify` only.
    pub replacement: Option<String>,
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

/// The names of the stacks that import a name, sorted.
pub(crate) fn importers(tx: &Read<'_>, name: &str) -> Result<Vec<String>, Error> {
    let sql = "SELECT stack.name FROM stack_import JOIN stack ON stack.id = stack_import.stack
               WHERE stack_import.name = ?1 ORDER BY stack.name";
    tx.all(sql, params![name], |row| Ok(row.text(0)?.to_owned()))
}

/// The name of the stack that exports a name.
fn exporter(tx: &Read<'_>, name: &str) -> Result<Option<String>, Error> {
    let sql = "SELECT stack.name FROM stack_export JOIN stack ON stack.id = stack_export.stack
               WHERE stack_export.name = ?1";
    tx.first(sql, params![name], |row| Ok(row.text(0)?.to_owned()))
}

/// Records that a stack uses exports, all of which exist now.
pub(crate) fn hold(tx: &Write<'_>, stack: &str, names: &BTreeSet<String>) -> Result<(), Error> {
    for name in names {
        if exporter(tx, name)?.is_none() {
            return Err(Error::template(format!("No export named {name} found.")));
        }
        let sql = "INSERT INTO stack_import (stack, name) VALUES (?1, ?2) ON CONFLICT (stack, name) DO NOTHING";
        tx.execute(sql, params![stack, name])?;
    }
    Ok(())
}

/// Forgets all uses of exports by a stack but those named.
pub(crate) fn release(tx: &Write<'_>, stack: &str, kept: &BTreeSet<String>) -> Result<(), Error> {
    tx.execute("DELETE FROM stack_import WHERE stack = ?1", params![stack])?;
    hold(tx, stack, kept)
}

/// The first export of a stack that would change although another stack uses it, with those that do.
pub(crate) fn in_use(tx: &Read<'_>, stack: &str, outputs: &[Output]) -> Result<Option<InUse>, Error> {
    for (name, _, value) in exports(tx)?.into_iter().filter(|(_, owner, _)| owner == stack) {
        let after = outputs.iter().find(|output| output.export.as_ref() == Some(&name));
        if after.is_some_and(|after| after.value == value) {
            continue;
        }
        let users = importers(tx, &name)?;
        if !users.is_empty() {
            return Ok(Some(InUse { name, users, removed: after.is_none() }));
        }
    }
    Ok(None)
}

/// An export that others use.
pub(crate) struct InUse {
    pub name: String,
    /// Names of stacks; at least one.
    pub users: Vec<String>,
    /// It would go, rather than get another value.
    pub removed: bool,
}

/// Replaces a stack's exports. What others use must stay as it is.
pub(crate) fn export(tx: &Write<'_>, stack: &str, outputs: &[Output]) -> Result<(), Error> {
    if let Some(InUse { name, users, removed }) = in_use(tx, stack, outputs)? {
        let verb = if removed { "deleted" } else { "updated" };
        let users = users.join(", ");
        return Err(Error::template(format!("Export {name} cannot be {verb} as it is in use by {users}")));
    }
    tx.execute("DELETE FROM stack_export WHERE stack = ?1", params![stack])?;
    for output in outputs {
        let Some(name) = &output.export else { continue };
        let sql = "INSERT INTO stack_export (name, stack, value) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO NOTHING";
        if tx.execute(sql, params![name, stack, &output.value])? == 0 {
            let owner = exporter(tx, name)?.unwrap_or_default();
            return Err(Error::template(format!("Export with name {name} is already exported by stack {owner}.")));
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
