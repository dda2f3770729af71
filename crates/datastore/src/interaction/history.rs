//! History of a resource, a type or the whole datastore (hl7.org/fhir/R4/http.html#history).

use fhir::definitions::{Definitions, TypeNumber};
use state::{Value, params};

use super::read::{COLUMNS, not_found, version};
use crate::schema::{change_key, kind_key, sequence_in, type_in};
use crate::{Caller, Error, Permission, Store, Version};

/// Versions on a page unless told.
const COUNT_DEFAULT: usize = 100;
/// Versions on a page at most.
const COUNT_MAX: usize = 1000;

/// Versions looked at for a page: of a token's, most may be hidden.
const LOOKED_AT_MAX: usize = 4_000;

/// Whose history.
#[derive(Clone, Debug)]
pub enum Scope {
    Resource(TypeNumber, String),
    Type(TypeNumber),
    System,
}

/// Which part of it, newest first.
#[derive(Clone, Debug, Default)]
pub struct HistoryQuery {
    /// Only versions made at this instant or later, milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Only versions that were current at some time in this range.
    pub at: Option<(i64, i64)>,
    pub count: Option<usize>,
    /// Only versions with a lower sequence: the last one of the page before.
    pub before: Option<i64>,
}

/// A page of versions.
#[derive(Debug)]
pub struct HistoryPage {
    pub versions: Vec<Version>,
    /// How many there are in all, before paging; `None` where that was not counted.
    pub total: Option<i64>,
    /// There may be more with a sequence below this one: the next page's [`HistoryQuery::before`].
    pub next: Option<i64>,
}

impl Store {
    /// A page of a history.
    ///
    /// # Errors
    /// `NotFound` when the resource never was, or is hidden from the caller; `Denied` when they may see none of the type.
    pub async fn history(&self, caller: &Caller, scope: Scope, query: HistoryQuery) -> Result<HistoryPage, Error> {
        match &scope {
            Scope::Resource(kind, _) | Scope::Type(kind) => caller.access.demand(*kind, Permission::Read)?,
            Scope::System => {
                let mut kinds = Definitions::r4().resources();
                if !kinds.any(|kind| caller.access.demand(kind, Permission::Read).is_ok()) {
                    return Err(crate::access::denied());
                }
            }
        }
        let count = query.count.unwrap_or(COUNT_DEFAULT).min(COUNT_MAX);
        let (store, caller) = (self.clone(), caller.clone());
        self.shared.state.read(move |tx| page(tx, &store, &caller, &scope, &query, count)).await
    }
}

fn page(
    tx: &state::Read<'_>,
    store: &Store,
    caller: &Caller,
    scope: &Scope,
    query: &HistoryQuery,
    count: usize,
) -> Result<HistoryPage, Error> {
    let (first, next) = (change_key(store.number, 0), change_key(store.number + 1, 0));
    let before = query.before.map_or(next, |sequence| change_key(store.number, sequence));
    let since = query.since_ms.unwrap_or(i64::MIN);
    let (condition, key) = match scope {
        Scope::Resource(kind, id) => {
            let found = crate::transaction::find(tx, kind_key(store.number, *kind), id)?;
            let found = found.filter(|found| found.change > 0).ok_or_else(not_found)?;
            if !store.sees_newest(tx, caller, *kind, id)? {
                return Err(not_found());
            }
            ("c.rid = ?5", found.rid)
        }
        Scope::Type(kind) => ("r.kind = ?5", kind_key(store.number, *kind)),
        Scope::System => ("?5 = 0", 0),
    };
    let from = format!(
        "FROM fhir_change c JOIN fhir_resource r ON r.rid = c.rid
         WHERE c.change > ?1 AND c.change < ?2 AND c.at_ms >= ?3 AND c.at_ms <= ?4 AND c.operation < 4 AND {condition}"
    );
    let until = query.at.map_or(i64::MAX, |(_, high)| high);
    let bounds = |before: i64| -> [Value<'static>; 5] {
        [Value::Int(first), Value::Int(before), Value::Int(since), Value::Int(until), Value::Int(key)]
    };
    let mut versions = Vec::new();
    let mut next_page = None;
    let mut looked_at = 0;
    let sql = format!("SELECT {COLUMNS}, r.kind, r.id {from} ORDER BY c.change DESC");
    tx.each(&sql, &bounds(before), |row| {
        looked_at += 1;
        if looked_at > LOOKED_AT_MAX {
            next_page = Some(sequence_in(row.int(3)?) + 1);
            return Ok(false);
        }
        let Some(kind) = Definitions::r4().stored_type(type_in(row.int(6)?)) else { return Ok(true) };
        let found = version(row, kind, row.text(7)?)?;
        if !is_shown(tx, store, caller, &found)? || !was_current(tx, row.int(3)?, &found, query.at)? {
            return Ok(true);
        }
        if versions.len() < count {
            versions.push(found);
            return Ok::<_, Error>(true);
        }
        next_page = versions.last().map(|last: &Version| last.sequence);
        Ok(false)
    })?;
    let counts = query.at.is_none() && matches!(caller.access, crate::Access::All);
    let total =
        if counts { tx.first(&format!("SELECT count(*) {from}"), &bounds(next), |row| row.int(0))? } else { None };
    Ok(HistoryPage { versions, total, next: next_page })
}

fn is_shown(tx: &state::Read<'_>, store: &Store, caller: &Caller, version: &Version) -> Result<bool, Error> {
    match &version.body {
        Some(body) => Ok(store.may_see(caller, version.kind, &version.id, body, Permission::Read)?
            && store.sees_newest(tx, caller, version.kind, &version.id)?),
        None => Ok(caller.access.is_whole(version.kind, Permission::Read)),
    }
}

/// Whether a version was the current one at some time of a range.
fn was_current(tx: &state::Read<'_>, change: i64, version: &Version, at: Option<(i64, i64)>) -> Result<bool, Error> {
    let Some((low, _)) = at else { return Ok(true) };
    if version.at_ms >= low {
        return Ok(true);
    }
    let sql = "SELECT n.at_ms FROM fhir_change c JOIN fhir_change n ON n.rid = c.rid AND n.version = c.version + 1 WHERE c.change = ?1";
    let next = tx.first(sql, params![change], |row| row.int(0))?;
    Ok(next.is_none_or(|next| next > low))
}
