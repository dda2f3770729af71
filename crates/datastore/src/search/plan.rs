//! Which part of a search drives: the one with the fewest candidates.

use std::cell::OnceCell;

use fhir::search::query::Condition;

use super::Scope;
use super::node::Node;
use super::sql::Sql;
use crate::Error;

/// Candidates are counted up to here.
const COUNTED_MAX: i64 = 2000;
/// Of so few candidates the bodies are read sooner than a long range of an index.
const FEW: i64 = 100;
/// Rows of an index that are read as soon as one body is.
const ROWS_PER_BODY: i64 = 300;

/// What a resource must be.
pub(super) struct Part {
    pub node: Node,
    /// The condition it was made of, where a body tells the same.
    pub condition: Option<Condition>,
}

impl From<Node> for Part {
    fn from(node: Node) -> Self {
        Part { node, condition: None }
    }
}

/// How a search is done: parts in the order they are asked.
pub(super) struct Plan {
    pub kind: i64,
    /// What lists candidates.
    pub driver: Node,
    /// Candidates of the driver, at most [`COUNTED_MAX`]; more are as many.
    pub estimate: i64,
    /// What the index tells of each candidate, or a body.
    pub tests: Vec<Node>,
    /// What was read from the index at once, since it cannot be asked of a single candidate.
    pub sets: Vec<Set>,
    /// Candidates, once they were listed.
    pub listed: OnceCell<Vec<i64>>,
}

/// Numbers that rise, and whether candidates must be among them.
pub(super) struct Set {
    rids: Vec<i64>,
    is_among: bool,
    told: String,
}

impl Set {
    pub fn allows(&self, rid: i64) -> bool {
        self.rids.binary_search(&rid).is_ok() == self.is_among
    }
}

/// Plans a search in one type.
pub(super) fn plan(scope: &Scope<'_>, kind: i64, parts: Vec<Part>) -> Result<Plan, Error> {
    let mut flat = Vec::new();
    parts.into_iter().for_each(|part| flatten(part, &mut flat));
    let mut best: Option<(usize, i64)> = None;
    for (at, part) in flat.iter().enumerate().filter(|(_, part)| part.node.has_source()) {
        let limit = best.map_or(COUNTED_MAX, |(_, fewest)| fewest);
        if limit == 0 {
            break;
        }
        let estimate = count(scope, kind, &part.node, limit)?;
        if best.is_none() || estimate < limit {
            best = Some((at, estimate));
        }
    }
    let (driver, estimate) = match best {
        Some((at, estimate)) => (flat.remove(at).node, estimate),
        None => (Node::Everything, count(scope, kind, &Node::Everything, COUNTED_MAX)?),
    };
    let mut plan = Plan { kind, driver, estimate, tests: Vec::new(), sets: Vec::new(), listed: OnceCell::new() };
    for part in flat {
        add(scope, &mut plan, part)?;
    }
    Ok(plan)
}

/// Conditions that all must hold, side by side.
fn flatten(part: Part, flat: &mut Vec<Part>) {
    match part.node {
        Node::All(nodes) if part.condition.is_none() => {
            nodes.into_iter().for_each(|node| flatten(node.into(), flat));
        }
        Node::Everything => {}
        node => flat.push(Part { node, condition: part.condition }),
    }
}

/// Adds what candidates are tested with.
fn add(scope: &Scope<'_>, plan: &mut Plan, part: Part) -> Result<(), Error> {
    let (node, is_among) = match &part.node {
        Node::Not(inner) => (&**inner, false),
        node => (node, true),
    };
    if node.is_probe() || !node.has_source() || node.needs_body() {
        plan.tests.push(part.node);
        return Ok(());
    }
    if let Some(condition) = part.condition.filter(|_| plan.estimate <= FEW) {
        let limit = plan.estimate * ROWS_PER_BODY;
        if count(scope, plan.kind, node, limit)? >= limit {
            plan.tests.push(Node::Body(Box::new(condition)));
            return Ok(());
        }
    }
    let mut sql = Sql::default();
    let source = node.source(&mut sql, plan.kind);
    let mut rids: Vec<i64> = scope.tx.all(&source, &sql.params(), |row| Ok::<_, Error>(row.int(0)?))?;
    rids.sort_unstable();
    rids.dedup();
    plan.sets.push(Set { rids, is_among, told: part.node.told() });
    Ok(())
}

fn count(scope: &Scope<'_>, kind: i64, node: &Node, limit: i64) -> Result<i64, Error> {
    let mut sql = Sql::default();
    let source = node.source(&mut sql, kind);
    let limit = sql.bind(limit);
    let text = format!("SELECT count(*) FROM (SELECT 1 FROM ({source}) LIMIT {limit})");
    Ok(scope.tx.first(&text, &sql.params(), |row| row.int(0))?.unwrap_or(0))
}

impl Plan {
    /// Whether bodies must tell.
    pub fn needs_body(&self) -> bool {
        self.driver.needs_body() || self.tests.iter().any(Node::needs_body)
    }

    /// Whether candidates are so few that all of them are looked at for their number.
    pub fn is_small(&self) -> bool {
        self.estimate < COUNTED_MAX
    }

    /// Whether going through the log of changes soon meets matches.
    pub fn suits_log(&self) -> bool {
        let is_everywhere = matches!(self.driver, Node::Everything) || (!self.is_small() && self.driver.is_probe());
        is_everywhere && self.sets.is_empty()
    }

    /// The plan in words, a line each step.
    pub fn told(&self) -> Vec<String> {
        let more = if self.estimate >= COUNTED_MAX { " or more" } else { "" };
        let mut lines = vec![format!("drive: {} ({}{more} candidates)", self.driver.told(), self.estimate)];
        lines.extend(self.tests.iter().map(|test| format!("test: {}", test.told())));
        lines.extend(self.sets.iter().map(|set| format!("set: {} ({} resources)", set.told, set.rids.len())));
        lines
    }
}

impl Node {
    /// What it is, without what is compared with.
    fn told(&self) -> String {
        let parts = |parts: &[Node]| parts.iter().map(Node::told).collect::<Vec<_>>().join(", ");
        match self {
            Node::Everything => "every resource of the type".into(),
            Node::Index(scans) => {
                let scan = |scan: &super::node::Scan| {
                    let columns: Vec<&str> = scan.filters.iter().map(|(filter, _)| filter.as_str()).collect();
                    format!("{} [{}]", scan.table, columns.join(" AND ").replace("{}", "?"))
                };
                if scans.is_empty() {
                    "nothing".into()
                } else {
                    scans.iter().map(scan).collect::<Vec<_>>().join(" or ")
                }
            }
            Node::Rids(rids) => format!("{} resources", rids.len()),
            Node::Updated(..) => "last updated in a range".into(),
            Node::Chain(ways) => {
                format!("refers to ({})", ways.iter().map(|(_, node, _)| node.told()).collect::<Vec<_>>().join(" or "))
            }
            Node::Has { node, .. } => format!("is referred to by ({})", node.told()),
            Node::Listed { .. } => "item of a list".into(),
            Node::All(all) => format!("all of ({})", parts(all)),
            Node::Any(any) => format!("any of ({})", parts(any)),
            Node::Not(part) => format!("not ({})", part.told()),
            Node::Body(_) => "read the body".into(),
        }
    }
}
