//! Runs a plan: candidates in order, bodies where they must tell, pages.

use fhir::definitions::{Definitions, TypeNumber};
use fhir::json::Document;
use fhir::search::check::fits;
use fhir::search::query::{Condition, Options, Query, Sort, Summary, Total};
use state::params;

use super::candidates::{self, Batch};
use super::compile::{compile, conjunction, restriction};
use super::cursor::Cursor;
use super::node::Node;
use super::order::{self, Walk};
use super::plan::{Part, Plan, plan};
use super::{Page, Scope, Search, include, merge};
use crate::access::in_compartment;
use crate::interaction::read::{COLUMNS, version};
use crate::schema::{kind_key, type_in};
use crate::{Access, Error, Kind, Permission, Version};

/// Matches on a page unless told.
const COUNT_DEFAULT: usize = 100;
/// Candidates read at once.
const BATCH: usize = 500;
/// Candidates whose bodies are read for one search.
const BODIES_MAX: usize = 1_000_000;

/// A page of a search.
pub(super) fn page(scope: &Scope<'_>, search: &Search) -> Result<Page, Error> {
    let mut page = Page { total: Some(0), ..Page::default() };
    let options = search.parts.first().map(|(_, query)| query.options.clone()).unwrap_or_default();
    let only_counts = options.summary == Summary::Count || options.count == Some(0);
    let count = if only_counts { 0 } else { options.count.unwrap_or(COUNT_DEFAULT) };
    let first = search.after.map_or(0, |cursor| cursor.part);
    let mut is_allowed = false;
    // Several types have one order, so that all is found before the first is told.
    let mut merged = (search.parts.len() > 1 && !options.sort.is_empty() && !only_counts).then(Vec::new);
    for (part, (kind, query)) in search.parts.iter().enumerate() {
        // What other types have, but this one has not, no resource of it fits.
        let is_known = |name: &String| search.parts.iter().any(|(_, other)| !other.ignored.contains(name));
        if query.ignored.iter().any(is_known) {
            is_allowed = true;
            continue;
        }
        let Some(plan) = planned(scope, search, *kind, query, &mut is_allowed)? else { continue };
        let ignored = query.ignored.iter().filter(|name| !page.ignored.contains(name)).cloned().collect::<Vec<_>>();
        page.ignored.extend(ignored);
        // How many candidates there are, tells of resources that a restricted caller may not see.
        if search.explain && matches!(scope.caller.access, Access::All) {
            page.plan.push(format!("type: {}", Definitions::r4().name(*kind)));
            page.plan.extend(plan.told());
        }
        let after = search.after.filter(|cursor| cursor.part == part);
        let mut known = None;
        if let Some(merged) = &mut merged {
            let rids = all_matching(scope, &mut Bodies { kind: *kind, plan: &plan, read: 0 })?;
            known = Some(rids.len() as i64);
            merged.extend(order::ranked(scope, (part, *kind), &query.options.sort, &rids)?);
        } else if part >= first && page.next.is_none() && !only_counts {
            let wanted = count.saturating_sub(page.matches.len());
            let is_all = fill(scope, (part, *kind), &plan, &query.options.sort, after, wanted, &mut page)?;
            let is_known = is_all && after.is_none() && search.parts.len() == 1;
            known = is_known.then_some(page.matches.len() as i64);
        }
        let total = total(scope, *kind, &plan, &options, only_counts, known)?;
        page.total = page.total.zip(total).map(|(sum, total)| sum + total);
    }
    if !is_allowed {
        return Err(Error::new(Kind::Denied, "the access granted does not cover this search"));
    }
    if let Some(merged) = merged {
        merge::fill(scope, search, merged, count, &mut page)?;
    }
    include::include(scope, &options, &mut page)?;
    Ok(page)
}

/// Adds matches of one part to a page, up to `wanted`; true when there are no more.
fn fill(
    scope: &Scope<'_>,
    (part, kind): (usize, TypeNumber),
    plan: &Plan,
    sorts: &[Sort],
    after: Option<Cursor>,
    wanted: usize,
    page: &mut Page,
) -> Result<bool, Error> {
    // A page that was full before this type began goes on at its beginning.
    let mut last = after.unwrap_or(Cursor { part, rid: 0, sequence: 0 });
    let mut found = 0;
    let is_all = each(scope, kind, plan, sorts, after, wanted + 1, &mut |rid, version| {
        found += 1;
        if found <= wanted {
            last = Cursor { part, rid, sequence: version.sequence };
            page.matches.push(version);
        }
        Ok(found <= wanted)
    })?;
    page.next = (found > wanted).then_some(last);
    Ok(is_all)
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
    let mut parts: Vec<Part> = vec![restriction.into()];
    parts.extend(conjunction(scope, kind, &query.conditions)?);
    if let Some((compartment, id)) = &search.compartment {
        let node = match in_compartment(compartment, kind, id) {
            Some(condition) => compile(scope, kind, &condition)?,
            None => Node::never(),
        };
        parts.push(node.into());
    }
    plan(scope, kind_key(scope.store.number, kind), parts).map(Some)
}

/// All resources of a node, by number.
pub(super) fn all(scope: &Scope<'_>, kind: TypeNumber, node: Node) -> Result<Vec<i64>, Error> {
    let plan = plan(scope, kind_key(scope.store.number, kind), vec![node.into()])?;
    all_matching(scope, &mut Bodies { kind, plan: &plan, read: 0 })
}

/// The ids of resources that fit and that the caller may search; at most `limit`.
pub(super) fn ids(
    scope: &Scope<'_>,
    kind: TypeNumber,
    conditions: &[Condition],
    limit: usize,
) -> Result<Vec<String>, Error> {
    let mut parts: Vec<Part> = vec![restriction(scope, kind, Permission::Search)?.into()];
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
    after: Option<Cursor>,
    wanted: usize,
    found: &mut dyn FnMut(i64, Version) -> Result<bool, Error>,
) -> Result<bool, Error> {
    let mut bodies = Bodies { kind, plan, read: 0 };
    let walk = Walk::of(sorts, plan);
    if walk == Walk::Sorted {
        return each_sorted(scope, &mut bodies, sorts, after, found);
    }
    let is_filtered = plan.needs_body() || !plan.sets.is_empty();
    let limit = if is_filtered { BATCH } else { wanted.clamp(1, BATCH) };
    let after = after.filter(|after| after.rid > 0);
    let mut place = match walk {
        Walk::Time { .. } => after.map(|after| order::time(scope, kind, sorts, &after)).transpose()?,
        _ => after.map(|after| (after.rid, after.rid)),
    };
    loop {
        let Batch { rids, next } = match walk {
            Walk::Time { descending } => candidates::by_time(scope, plan, place, descending, limit)?,
            _ => candidates::by_number(scope, plan, place.map_or(0, |(_, rid)| rid), limit)?,
        };
        for rid in rids {
            if let Some(version) = bodies.matching(scope, rid)?
                && !found(rid, version)?
            {
                return Ok(false);
            }
        }
        if next.is_none() {
            return Ok(true);
        }
        place = next;
    }
}

/// All matches are found before the first is told.
fn each_sorted(
    scope: &Scope<'_>,
    bodies: &mut Bodies<'_>,
    sorts: &[Sort],
    after: Option<Cursor>,
    found: &mut dyn FnMut(i64, Version) -> Result<bool, Error>,
) -> Result<bool, Error> {
    let rids = all_matching(scope, bodies)?;
    for ranked in order::sorted(scope, bodies.kind, sorts, &rids, after)? {
        if let Some(version) = current(scope, bodies.kind, ranked.rid)?
            && !found(ranked.rid, version)?
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The numbers of all matches.
fn all_matching(scope: &Scope<'_>, bodies: &mut Bodies<'_>) -> Result<Vec<i64>, Error> {
    let mut rids = candidates::by_number(scope, bodies.plan, 0, usize::MAX)?.rids;
    if bodies.plan.needs_body() {
        let mut matching = Vec::new();
        for rid in rids {
            if bodies.matching(scope, rid)?.is_some() {
                matching.push(rid);
            }
        }
        rids = matching;
    }
    Ok(rids)
}

/// Reads candidates' bodies; only so many for one search.
struct Bodies<'a> {
    kind: TypeNumber,
    plan: &'a Plan,
    read: usize,
}

impl Bodies<'_> {
    /// A candidate, if what only a body tells fits.
    fn matching(&mut self, scope: &Scope<'_>, rid: i64) -> Result<Option<Version>, Error> {
        let found = current(scope, self.kind, rid)?;
        if !self.plan.needs_body() {
            return Ok(found);
        }
        self.read += 1;
        if self.read > BODIES_MAX {
            let reason = "too many resources would have to be read: add a condition that an index holds";
            return Err(Error::new(Kind::TooLarge, reason));
        }
        match found {
            Some(version) if body_fits(scope, self.kind, self.plan, &version)? => Ok(Some(version)),
            _ => Ok(None),
        }
    }
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
        return candidates::count(scope, plan).map(Some);
    }
    if !only_counts && options.total != Total::Accurate && !plan.is_small() {
        return Ok(None);
    }
    Ok(Some(all_matching(scope, &mut Bodies { kind, plan, read: 0 })?.len() as i64))
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
