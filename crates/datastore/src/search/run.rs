//! Runs a plan: candidates in order, bodies where they must tell, pages.

use fhir::definitions::{Definitions, TypeNumber};
use fhir::json::Document;
use fhir::search::check::fits;
use fhir::search::query::{Condition, Options, Query, Sort, Summary, Total};
use state::params;

use super::compile::{compile, conjunction, restriction};
use super::cursor::Cursor;
use super::node::Node;
use super::plan::{Plan, plan};
use super::sql::{Bound, Sql};
use super::{Page, Scope, Search, include, sort};
use crate::access::in_compartment;
use crate::interaction::read::{COLUMNS, version};
use crate::schema::{kind_key, type_in};
use crate::{Error, Kind, Permission, Version};

/// Matches on a page unless told.
const COUNT_DEFAULT: usize = 100;
/// Candidates read at once.
const BATCH: usize = 500;
/// Candidates whose bodies are read for one search.
const BODIES_MAX: usize = 1_000_000;

/// A candidate and what it is sorted by.
struct Candidate {
    rid: i64,
    keys: Vec<Option<Bound>>,
}

/// A page of a search.
pub(super) fn page(scope: &Scope<'_>, search: &Search) -> Result<Page, Error> {
    let mut page = Page { total: Some(0), ..Page::default() };
    let options = search.parts.first().map(|(_, query)| query.options.clone()).unwrap_or_default();
    let only_counts = options.summary == Summary::Count || options.count == Some(0);
    let count = if only_counts { 0 } else { options.count.unwrap_or(COUNT_DEFAULT) };
    let first = search.after.as_ref().map_or(0, |cursor| cursor.part);
    let mut is_allowed = false;
    for (part, (kind, query)) in search.parts.iter().enumerate() {
        let Some(plan) = planned(scope, search, *kind, query, &mut is_allowed)? else { continue };
        page.ignored
            .extend(query.ignored.iter().filter(|name| !page.ignored.contains(name)).cloned().collect::<Vec<_>>());
        if search.explain {
            page.plan.push(format!("type: {}", Definitions::r4().name(*kind)));
            page.plan.extend(plan.told());
        }
        let after = search.after.as_ref().filter(|cursor| cursor.part == part);
        let wants_rows = part >= first && page.next.is_none() && !only_counts;
        let mut exhausted = false;
        if wants_rows {
            let mut last = None;
            let wanted = count.saturating_sub(page.matches.len());
            let mut found = 0;
            exhausted =
                each(scope, *kind, &plan, &query.options.sort, after, wanted + 1, &mut |candidate, version| {
                    found += 1;
                    if found <= wanted {
                        last = Some(Cursor { part, rid: candidate.rid, keys: candidate.keys.clone() });
                        page.matches.push(version);
                    }
                    Ok(found <= wanted)
                })?;
            if found > wanted {
                // A page that was full before this type began goes on at its beginning.
                page.next = last.or_else(|| Some(Cursor { part, rid: 0, keys: Vec::new() }));
            }
        }
        let is_known = exhausted && after.is_none() && first == 0 && search.parts.len() == 1;
        let known = is_known.then_some(page.matches.len() as i64);
        let total = total(scope, *kind, &plan, &options, only_counts, known)?;
        page.total = page.total.zip(total).map(|(sum, total)| sum + total);
    }
    if !is_allowed {
        return Err(Error::new(Kind::Denied, "the access granted does not cover this search"));
    }
    include::include(scope, &options, &mut page)?;
    Ok(page)
}

/// The plan of a search in one type; nothing when the caller may not search it.
fn planned(
    scope: &Scope<'_>,
    search: &Search,
    kind: TypeNumber,
    query: &Query,
    is_allowed: &mut bool,
) -> Result<Option<Plan>, Error> {
    let restriction = restriction(scope, kind, Permission::Search)?;
    if matches!(&restriction, Node::Index(scans) if scans.is_empty()) {
        return Ok(None);
    }
    *is_allowed = true;
    let mut parts = vec![restriction];
    parts.extend(conjunction(scope, kind, &query.conditions)?);
    if let Some((compartment, id)) = &search.compartment {
        parts.push(match in_compartment(compartment, kind, id) {
            Some(condition) => compile(scope, kind, &condition)?,
            None => Node::never(),
        });
    }
    plan(scope, kind_key(scope.store.number, kind), parts).map(Some)
}

/// All resources of a node, by number.
pub(super) fn all(scope: &Scope<'_>, kind: TypeNumber, node: Node) -> Result<Vec<i64>, Error> {
    let plan = plan(scope, kind_key(scope.store.number, kind), vec![node])?;
    let mut rids = Vec::new();
    each(scope, kind, &plan, &[], None, usize::MAX, &mut |candidate, _| {
        rids.push(candidate.rid);
        Ok(true)
    })?;
    Ok(rids)
}

/// The ids of resources that fit and that the caller may search; at most `limit`.
pub(super) fn ids(
    scope: &Scope<'_>,
    kind: TypeNumber,
    conditions: &[Condition],
    limit: usize,
) -> Result<Vec<String>, Error> {
    let mut parts = vec![restriction(scope, kind, Permission::Search)?];
    parts.extend(conjunction(scope, kind, conditions)?);
    let plan = plan(scope, kind_key(scope.store.number, kind), parts)?;
    let mut ids = Vec::new();
    each(scope, kind, &plan, &[], None, limit, &mut |_, version| {
        ids.push(version.id);
        Ok(ids.len() < limit)
    })?;
    Ok(ids)
}

/// Hands on matches in order, until `found` answers false; true when there are no more. `wanted` bounds what is read ahead.
fn each(
    scope: &Scope<'_>,
    kind: TypeNumber,
    plan: &Plan,
    sorts: &[Sort],
    after: Option<&Cursor>,
    wanted: usize,
    found: &mut dyn FnMut(&Candidate, Version) -> Result<bool, Error>,
) -> Result<bool, Error> {
    let needs_body = plan.needs_body();
    let mut after = after.cloned();
    let mut bodies = 0;
    loop {
        let limit = if needs_body { BATCH } else { wanted.min(BATCH) };
        let batch = batch(scope, kind, plan, sorts, after.as_ref(), limit)?;
        let is_last = batch.len() < limit;
        for candidate in &batch {
            let Some(version) = current(scope, kind, candidate.rid)? else { continue };
            bodies += usize::from(needs_body);
            if bodies > BODIES_MAX {
                return Err(Error::new(
                    Kind::TooLarge,
                    "too many resources would have to be read: add a condition that an index holds",
                ));
            }
            if needs_body && !body_fits(scope, kind, plan, &version)? {
                continue;
            }
            if !found(candidate, version)? {
                return Ok(false);
            }
        }
        let Some(last) = batch.last().filter(|_| !is_last) else { return Ok(true) };
        after = Some(Cursor { part: 0, rid: last.rid, keys: last.keys.clone() });
    }
}

/// The next candidates behind a place.
fn batch(
    scope: &Scope<'_>,
    kind: TypeNumber,
    plan: &Plan,
    sorts: &[Sort],
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Vec<Candidate>, Error> {
    let mut sql = Sql::default();
    let keys = sort::keys(scope, kind, sorts, &mut sql);
    let matching = matching(plan, &mut sql);
    let behind =
        after.map(|after| sort::behind(&keys, &after.keys, after.rid, &mut sql)).unwrap_or_else(|| "1 = 1".into());
    let limit = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let is_distinct = !plan.driver.is_ordered();
    let text = if keys.is_empty() {
        let distinct = if is_distinct { "DISTINCT " } else { "" };
        format!("SELECT {distinct}d.rid {matching} AND {behind} ORDER BY d.rid LIMIT {limit}")
    } else {
        let (joins, columns, order) = (sort::joins(&keys), sort::columns(&keys), sort::order(&keys));
        format!(
            "SELECT d.rid{columns} FROM (SELECT DISTINCT d.rid {matching}) d{joins} WHERE {behind} ORDER BY {order} LIMIT {limit}"
        )
    };
    let key = |row: &state::Row<'_>, column: usize| {
        let number = row.int_opt(column).map(|number| number.map(Bound::Int));
        number.or_else(|_| row.text(column).map(|text| Some(Bound::Text(text.to_owned()))))
    };
    scope.tx.all(&text, &sql.params(), |row| {
        let keys = (1..=keys.len()).map(|column| key(row, column)).collect::<Result<_, _>>()?;
        Ok::<_, Error>(Candidate { rid: row.int(0)?, keys })
    })
}

/// FROM and WHERE of a plan; the candidate is `d.rid`.
fn matching(plan: &Plan, sql: &mut Sql) -> String {
    let source = plan.driver.source(sql, plan.kind);
    let mut text = format!("FROM ({source}) d");
    if plan.driver.is_sure() {
        text.push_str(" WHERE 1 = 1");
    } else {
        let kind = sql.bind(plan.kind);
        text.push_str(&format!(
            " CROSS JOIN fhir_resource r ON r.rid = d.rid WHERE r.kind = {kind} AND r.change > 0 AND r.deleted = 0"
        ));
    }
    for test in &plan.tests {
        let test = test.test(sql, plan.kind, "d.rid");
        text.push_str(&format!(" AND {test}"));
    }
    text
}

/// How many match, where that is asked or costs little.
fn total(
    scope: &Scope<'_>,
    kind: TypeNumber,
    plan: &Plan,
    options: &Options,
    only_counts: bool,
    known: Option<i64>,
) -> Result<Option<i64>, Error> {
    if known.is_some() || (options.total == Total::None && !only_counts) {
        return Ok(known.filter(|_| options.total != Total::None));
    }
    if !plan.needs_body() {
        let mut sql = Sql::default();
        let matching = matching(plan, &mut sql);
        let counted = if plan.driver.is_ordered() { "count(*)" } else { "count(DISTINCT d.rid)" };
        return Ok(scope.tx.first(&format!("SELECT {counted} {matching}"), &sql.params(), |row| row.int(0))?);
    }
    if !only_counts && options.total != Total::Accurate {
        return Ok(None);
    }
    let mut total = 0;
    each(scope, kind, plan, &[], None, usize::MAX, &mut |_, _| {
        total += 1;
        Ok(true)
    })?;
    Ok(Some(total))
}

/// The current version of a resource of a type, by its number.
pub(super) fn current(scope: &Scope<'_>, kind: TypeNumber, rid: i64) -> Result<Option<Version>, Error> {
    let sql = format!(
        "SELECT {COLUMNS}, r.id FROM fhir_resource r JOIN fhir_change c ON c.change = r.change WHERE r.rid = ?1 AND r.deleted = 0"
    );
    scope.tx.first(&sql, params![rid], |row| version(row, kind, row.text(6)?))
}

/// The current version of any resource, by its number.
pub(super) fn current_of_any(scope: &Scope<'_>, rid: i64) -> Result<Option<Version>, Error> {
    let kind = scope.tx.first("SELECT kind FROM fhir_resource WHERE rid = ?1", params![rid], |row| row.int(0))?;
    let kind = kind.and_then(|kind| Definitions::r4().stored_type(type_in(kind)));
    kind.map_or(Ok(None), |kind| current(scope, kind, rid))
}

/// Whether a body fits all that only bodies tell.
fn body_fits(scope: &Scope<'_>, kind: TypeNumber, plan: &Plan, version: &Version) -> Result<bool, Error> {
    let Some(body) = &version.body else { return Ok(false) };
    let document = Document::parse(body.clone())?;
    Ok(std::iter::once(&plan.driver).chain(&plan.tests).all(|node| told_by_body(scope, kind, node, &document)))
}

/// A node is true here unless a body says otherwise: the rest was tested by the index.
fn told_by_body(scope: &Scope<'_>, kind: TypeNumber, node: &Node, document: &Document) -> bool {
    match node {
        Node::Body(condition) => fits(document, kind, condition, scope.now) == Some(true),
        Node::All(parts) => parts.iter().all(|part| told_by_body(scope, kind, part, document)),
        _ => true,
    }
}
