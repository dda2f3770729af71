//! The order of matches: by values of the index, then by number. Resources without a value come last.

use std::cmp::Ordering;

use bytes::Bytes;
use fhir::definitions::{Definitions, ParameterKind, ParameterNumber, TypeNumber};
use fhir::json::Document;
use fhir::search::query::{Sort, SortKey};
use state::params;

use super::cursor::{Cursor, unknown};
use super::plan::Plan;
use super::sql::Bound;
use super::{Scope, run};
use crate::interaction::read::{COLUMNS, version};
use crate::row::{ReferenceTarget, Row, rows};
use crate::schema::{change_key, kind_key, outside_key, parameter_key};
use crate::transaction::find;
use crate::{Error, Permission};

/// Up to so many, bodies tell the values sooner than the index of a parameter does.
const BODIES_MAX: usize = 100;

/// How matches are gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walk {
    Number,
    /// In the order of `lastUpdated`, as an index has it.
    Time {
        descending: bool,
    },
    /// All are found, then sorted.
    Sorted,
}

impl Walk {
    /// The cheapest way that keeps to an order.
    pub fn of(sorts: &[Sort], plan: &Plan) -> Walk {
        match sorts {
            [] => Walk::Number,
            [Sort { key: SortKey::LastUpdated, descending }] if plan.suits_log() => {
                Walk::Time { descending: *descending }
            }
            _ => Walk::Sorted,
        }
    }
}

/// A resource and what it is sorted by.
pub(super) struct Ranked {
    /// Of a search over several types: which of them.
    pub part: usize,
    pub rid: i64,
    keys: Vec<Option<Bound>>,
}

/// Numbers, which rise, with what they are sorted by.
pub(super) fn ranked(
    scope: &Scope<'_>,
    (part, kind): (usize, TypeNumber),
    sorts: &[Sort],
    rids: &[i64],
) -> Result<Vec<Ranked>, Error> {
    let mut ranked: Vec<Ranked> = rids.iter().map(|rid| Ranked { part, rid: *rid, keys: Vec::new() }).collect();
    for sort in sorts {
        let keys = keys(scope, kind, sort, rids)?;
        ranked.iter_mut().zip(keys).for_each(|(ranked, key)| ranked.keys.push(key));
    }
    Ok(ranked)
}

/// The same of one type in their order; only those behind a place.
pub(super) fn sorted(
    scope: &Scope<'_>,
    kind: TypeNumber,
    sorts: &[Sort],
    rids: &[i64],
    after: Option<Cursor>,
) -> Result<Vec<Ranked>, Error> {
    let part = after.map_or(0, |after| after.part);
    let mut ranked = ranked(scope, (part, kind), sorts, rids)?;
    if let Some(after) = after.filter(|after| after.rid > 0) {
        let place = place(scope, kind, sorts, &after)?;
        ranked.retain(|ranked| compare(sorts, ranked, &place) == Ordering::Greater);
    }
    ranked.sort_unstable_by(|a, b| compare(sorts, a, b));
    Ok(ranked)
}

/// Which comes first.
pub(super) fn compare(sorts: &[Sort], a: &Ranked, b: &Ranked) -> Ordering {
    for (sort, (a, b)) in sorts.iter().zip(a.keys.iter().zip(&b.keys)) {
        let order = match (a, b) {
            (Some(a), Some(b)) if sort.descending => b.cmp(a),
            (Some(a), Some(b)) => a.cmp(b),
            (a, b) => a.is_none().cmp(&b.is_none()),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    (a.part, a.rid).cmp(&(b.part, b.rid))
}

/// When the version a page ended with was updated, and its number.
pub(super) fn time(scope: &Scope<'_>, kind: TypeNumber, sorts: &[Sort], after: &Cursor) -> Result<(i64, i64), Error> {
    match place(scope, kind, sorts, after)?.keys.first() {
        Some(Some(Bound::Int(at_ms))) => Ok((*at_ms, after.rid)),
        _ => Err(unknown()),
    }
}

/// The place of the version a page ended with.
pub(super) fn place(scope: &Scope<'_>, kind: TypeNumber, sorts: &[Sort], after: &Cursor) -> Result<Ranked, Error> {
    let sql = format!(
        "SELECT {COLUMNS}, r.id FROM fhir_change c JOIN fhir_resource r ON r.rid = c.rid WHERE c.change = ?1 AND c.rid = ?2 AND r.kind = ?3"
    );
    let change = change_key(scope.store.number, after.sequence);
    let found = scope.tx.first(&sql, params![change, after.rid, kind_key(scope.store.number, kind)], |row| {
        version(row, kind, row.text(6)?)
    })?;
    let found = found.ok_or_else(unknown)?;
    let body = found.body.as_ref().ok_or_else(unknown)?;
    if !scope.store.may_see(scope.caller, kind, &found.id, body, Permission::Search)? {
        return Err(unknown());
    }
    let mut keys = Vec::new();
    for sort in sorts {
        keys.push(match sort.key {
            SortKey::Id => Some(Bound::Text(found.id.clone())),
            SortKey::LastUpdated => Some(Bound::Int(found.at_ms)),
            SortKey::Parameter(parameter) => of_body(scope, kind, parameter, sort.descending, body)?,
        });
    }
    Ok(Ranked { part: after.part, rid: after.rid, keys })
}

/// What resources are sorted by, in their order.
fn keys(scope: &Scope<'_>, kind: TypeNumber, sort: &Sort, rids: &[i64]) -> Result<Vec<Option<Bound>>, Error> {
    let parameter = match sort.key {
        SortKey::Parameter(parameter) => parameter,
        SortKey::Id => {
            let sql = "SELECT id FROM fhir_resource WHERE rid = ?1";
            let id = |rid: &i64| {
                scope.tx.first(sql, params![*rid], |row| Ok::<_, Error>(Bound::Text(row.text(0)?.to_owned())))
            };
            return rids.iter().map(id).collect();
        }
        SortKey::LastUpdated => {
            let sql = "SELECT updated_ms FROM fhir_resource WHERE rid = ?1";
            let time = |rid: &i64| scope.tx.first(sql, params![*rid], |row| Ok::<_, Error>(Bound::Int(row.int(0)?)));
            return rids.iter().map(time).collect();
        }
    };
    if rids.len() > BODIES_MAX {
        return of_index(scope, kind, parameter, sort.descending, rids);
    }
    let of_body = |rid: &i64| match run::current(scope, kind, *rid)?.and_then(|version| version.body) {
        Some(body) => of_body(scope, kind, parameter, sort.descending, &body),
        None => Ok(None),
    };
    rids.iter().map(of_body).collect()
}

/// The least or greatest value of a parameter in a body.
fn of_body(
    scope: &Scope<'_>,
    kind: TypeNumber,
    parameter: ParameterNumber,
    descending: bool,
    body: &Bytes,
) -> Result<Option<Bound>, Error> {
    let document = Document::parse(body.clone())?;
    let mut key = None;
    // No unit has this number: only values without one are compared.
    for row in rows(&document, kind, &scope.store.base(), |_| Ok::<_, Error>(-1))? {
        let value = match row {
            Row::Token { parameter: of, code, .. } if of == parameter => Bound::Text(code),
            Row::String { parameter: of, norm } if of == parameter => Bound::Text(norm),
            Row::Uri { parameter: of, uri } if of == parameter => Bound::Text(uri),
            Row::Date { parameter: of, low, high, .. } if of == parameter => {
                Bound::Int(if descending { high } else { low })
            }
            Row::Quantity { parameter: of, unit: 0, low, .. } if of == parameter => Bound::Int(low),
            Row::Reference { parameter: of, target } if of == parameter => Bound::Int(target_of(scope, &target)?),
            _ => continue,
        };
        merge(&mut key, value, descending);
    }
    Ok(key)
}

fn target_of(scope: &Scope<'_>, target: &ReferenceTarget) -> Result<i64, Error> {
    let found = match target {
        ReferenceTarget::Inside(kind, id) => find(scope.tx, kind_key(scope.store.number, *kind), id)?,
        ReferenceTarget::Outside(url) => find(scope.tx, outside_key(scope.store.number), url)?,
        ReferenceTarget::Named => None,
    };
    Ok(found.map_or(0, |found| found.rid))
}

/// The same from the index of the parameter, gone through once.
fn of_index(
    scope: &Scope<'_>,
    kind: TypeNumber,
    parameter: ParameterNumber,
    descending: bool,
    rids: &[i64],
) -> Result<Vec<Option<Bound>>, Error> {
    let kind_of = Definitions::r4().parameter(parameter).map(|parameter| parameter.kind);
    let (table, column, is_text) = match kind_of {
        Some(ParameterKind::String) => ("fhir_string", "norm", true),
        Some(ParameterKind::Reference) => ("fhir_reference", "target", false),
        Some(ParameterKind::Date) => ("fhir_date", if descending { "high" } else { "low" }, false),
        Some(ParameterKind::Number | ParameterKind::Quantity) => ("fhir_quantity", "low", false),
        Some(ParameterKind::Uri) => ("fhir_uri", "uri", true),
        _ => ("fhir_token", "code", true),
    };
    let unit = if table == "fhir_quantity" { " AND unit = 0" } else { "" };
    let sql = format!("SELECT rid, {column} FROM {table} WHERE p = ?1{unit}");
    let mut keys = vec![None; rids.len()];
    let p = parameter_key(scope.store.number, kind, parameter);
    let apart = Some(-p).filter(|_| table == "fhir_date");
    for p in std::iter::once(p).chain(apart) {
        scope.tx.each(&sql, params![p], |row| {
            if let Ok(at) = rids.binary_search(&row.int(0)?)
                && let Some(key) = keys.get_mut(at)
            {
                let value = if is_text { Bound::Text(row.text(1)?.to_owned()) } else { Bound::Int(row.int(1)?) };
                merge(key, value, descending);
            }
            Ok::<_, Error>(true)
        })?;
    }
    Ok(keys)
}

fn merge(key: &mut Option<Bound>, value: Bound, descending: bool) {
    let is_better = match key {
        Some(known) if descending => value > *known,
        Some(known) => value < *known,
        None => true,
    };
    if is_better {
        *key = Some(value);
    }
}
