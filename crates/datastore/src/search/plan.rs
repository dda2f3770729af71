//! Which part of a search drives: the one with the fewest candidates.

use super::Scope;
use super::node::Node;
use super::sql::Sql;
use crate::Error;

/// Candidates are counted up to here.
const COUNTED_MAX: i64 = 2000;

/// Parts in the order they are asked.
pub(super) struct Plan {
    pub kind: i64,
    /// What lists candidates.
    pub driver: Node,
    /// Candidates of the driver, at most [`COUNTED_MAX`]; more are as many.
    pub estimate: i64,
    /// What each candidate is tested with.
    pub tests: Vec<Node>,
}

/// Plans a search in one type.
pub(super) fn plan(scope: &Scope<'_>, kind: i64, parts: Vec<Node>) -> Result<Plan, Error> {
    let mut flat = Vec::new();
    parts.into_iter().for_each(|part| flatten(part, &mut flat));
    let mut best: Option<(usize, i64)> = None;
    for (at, part) in flat.iter().enumerate().filter(|(_, part)| part.has_source()) {
        let limit = best.map_or(COUNTED_MAX, |(_, fewest)| fewest);
        if limit == 0 {
            break;
        }
        let estimate = count(scope, kind, part, limit)?;
        if best.is_none() || estimate < limit {
            best = Some((at, estimate));
        }
    }
    let (driver, estimate) = match best {
        Some((at, estimate)) => (flat.remove(at), estimate),
        None => (Node::Everything, COUNTED_MAX),
    };
    Ok(Plan { kind, driver, estimate, tests: flat })
}

/// Conditions that all must hold, side by side.
fn flatten(part: Node, flat: &mut Vec<Node>) {
    match part {
        Node::All(parts) => parts.into_iter().for_each(|part| flatten(part, flat)),
        Node::Everything => {}
        other => flat.push(other),
    }
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

    /// The plan in words, a line each step.
    pub fn told(&self) -> Vec<String> {
        let more = if self.estimate >= COUNTED_MAX { " or more" } else { "" };
        let mut lines = vec![format!("drive: {} ({}{more} candidates)", self.driver.told(), self.estimate)];
        lines.extend(self.tests.iter().map(|test| format!("test: {}", test.told())));
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
            Node::Changed(..) => "last change in a range".into(),
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
