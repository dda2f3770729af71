//! Candidates of a plan: resources that pass all that the index can tell.

use super::Scope;
use super::plan::Plan;
use super::sql::Sql;
use crate::Error;

/// A place in an order: what is ordered by, then the number.
pub(super) type Place = (i64, i64);

/// Some candidates.
pub(super) struct Batch {
    pub rids: Vec<i64>,
    /// Where the next ones are behind, when there may be more.
    pub next: Option<Place>,
}

/// Candidates behind a number, in the order of their numbers; at most `limit` are looked at.
pub(super) fn by_number(scope: &Scope<'_>, plan: &Plan, after: i64, limit: usize) -> Result<Batch, Error> {
    if is_listed(plan) {
        let rids = listed(scope, plan)?;
        let behind = rids.get(rids.partition_point(|rid| *rid <= after)..).unwrap_or_default();
        let rids = behind.get(..limit).unwrap_or(behind).to_vec();
        let next = rids.last().map(|rid| (*rid, *rid)).filter(|_| rids.len() < behind.len());
        return Ok(Batch { rids, next });
    }
    let mut sql = Sql::default();
    let matching = matching(plan, &mut sql);
    let after = sql.bind(after);
    let bound = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let text = format!("SELECT d.rid {matching} AND d.rid > {after} ORDER BY d.rid LIMIT {bound}");
    let mut rids = scope.tx.all(&text, &sql.params(), |row| Ok::<_, Error>(row.int(0)?))?;
    let next = rids.last().map(|rid| (*rid, *rid)).filter(|_| rids.len() >= limit);
    rids.retain(|rid| plan.sets.iter().all(|set| set.allows(*rid)));
    Ok(Batch { rids, next })
}

/// Whether all candidates are found at once: they are few, or the driver lists them in no order, or twice.
fn is_listed(plan: &Plan) -> bool {
    plan.is_small() || !plan.driver.is_ordered()
}

/// All candidates, sorted here, once for page and total.
fn listed<'a>(scope: &Scope<'_>, plan: &'a Plan) -> Result<&'a [i64], Error> {
    if let Some(rids) = plan.listed.get() {
        return Ok(rids);
    }
    let mut sql = Sql::default();
    let text = format!("SELECT d.rid {}", matching(plan, &mut sql));
    let mut rids = scope.tx.all(&text, &sql.params(), |row| Ok::<_, Error>(row.int(0)?))?;
    rids.sort_unstable();
    rids.dedup();
    rids.retain(|rid| plan.sets.iter().all(|set| set.allows(*rid)));
    Ok(plan.listed.get_or_init(|| rids))
}

/// The same in the order of `lastUpdated`, then of their numbers.
pub(super) fn by_time(
    scope: &Scope<'_>,
    plan: &Plan,
    after: Option<Place>,
    descending: bool,
    limit: usize,
) -> Result<Batch, Error> {
    let mut sql = Sql::default();
    let kind = sql.bind(plan.kind);
    let mut text = format!(
        "SELECT d.rid, d.updated_ms FROM fhir_resource d WHERE d.kind = {kind} AND d.change > 0 AND d.deleted = 0"
    );
    for node in std::iter::once(&plan.driver).chain(&plan.tests) {
        text.push_str(&format!(" AND {}", node.test(&mut sql, plan.kind, "d.rid")));
    }
    let (compare, order) = if descending { ("<", " DESC") } else { (">", "") };
    if let Some((time, rid)) = after {
        let (time, rid) = (sql.bind(time), sql.bind(rid));
        text.push_str(&format!(
            " AND d.updated_ms {compare}= {time} AND (d.updated_ms {compare} {time} OR d.rid > {rid})"
        ));
    }
    let bound = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    text.push_str(&format!(" ORDER BY d.updated_ms{order}, d.rid LIMIT {bound}"));
    let mut next = None;
    let mut rids = scope.tx.all(&text, &sql.params(), |row| {
        next = Some((row.int(1)?, row.int(0)?));
        Ok::<_, Error>(row.int(0)?)
    })?;
    next = next.filter(|_| rids.len() >= limit);
    rids.retain(|rid| plan.sets.iter().all(|set| set.allows(*rid)));
    Ok(Batch { rids, next })
}

/// How many there are.
pub(super) fn count(scope: &Scope<'_>, plan: &Plan) -> Result<i64, Error> {
    if is_listed(plan) {
        return Ok(listed(scope, plan)?.len() as i64);
    }
    if !plan.sets.is_empty() {
        return Ok(by_number(scope, plan, 0, usize::MAX)?.rids.len() as i64);
    }
    let mut sql = Sql::default();
    let text = format!("SELECT count(*) {}", matching(plan, &mut sql));
    Ok(scope.tx.first(&text, &sql.params(), |row| row.int(0))?.unwrap_or(0))
}

/// FROM and WHERE of a plan; the candidate is `d.rid`.
fn matching(plan: &Plan, sql: &mut Sql) -> String {
    let source = plan.driver.source(sql, plan.kind);
    let mut text = format!("FROM ({source}) d WHERE 1 = 1");
    for test in &plan.tests {
        let test = test.test(sql, plan.kind, "d.rid");
        text.push_str(&format!(" AND {test}"));
    }
    text
}
