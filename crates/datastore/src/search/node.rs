//! A condition as what the index tables answer.

use super::sql::{Bound, Sql};
use fhir::search::query::Condition;

/// Rows of one index table.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    pub table: &'static str,
    /// Column and comparison, such as `code = `, and what is compared with; joined by AND. Nested texts have `{}` for a value.
    pub filters: Vec<(String, Vec<Bound>)>,
    /// All columns before `rid` are given: a resource is looked up in one step.
    pub is_point: bool,
}

impl Scan {
    pub fn new(table: &'static str, p: i64) -> Scan {
        Scan { table, filters: vec![("p = {}".into(), vec![p.into()])], is_point: false }
    }

    /// With one more filter: `{}` stands for each value.
    #[must_use]
    pub fn and(mut self, filter: &str, values: impl IntoIterator<Item = impl Into<Bound>>) -> Scan {
        self.filters.push((filter.into(), values.into_iter().map(Into::into).collect()));
        self
    }

    /// With the filters of another scan of the same rows.
    #[must_use]
    pub fn with_filters_of(mut self, other: Scan) -> Scan {
        self.filters.extend(other.filters.into_iter().filter(|(filter, _)| filter != "p = {}"));
        self
    }

    #[must_use]
    pub fn point(mut self) -> Scan {
        self.is_point = true;
        self
    }

    fn filter(&self, sql: &mut Sql) -> String {
        let mut text = String::new();
        for (filter, values) in &self.filters {
            if !text.is_empty() {
                text.push_str(" AND ");
            }
            let mut parts = filter.split("{}");
            text.push_str(parts.next().unwrap_or_default());
            for (value, part) in values.iter().zip(parts) {
                text.push_str(&sql.bind(value.clone()));
                text.push_str(part);
            }
        }
        text
    }

    /// A SELECT of the numbers of resources; some may come twice.
    pub fn rids(&self, sql: &mut Sql) -> String {
        format!("SELECT rid FROM {} WHERE {}", self.table, self.filter(sql))
    }
}

/// Resources that have something in common.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// Every resource of the type.
    Everything,
    /// Those in any of the scans; of none, no resource at all.
    Index(Vec<Scan>),
    /// Certain ones that are there.
    Rids(Vec<i64>),
    /// `lastUpdated` is in this range, milliseconds since 1970, both ends inclusive.
    Updated(i64, i64),
    /// They refer, by the parameter with this key, to one of a kind that is in the node.
    Chain(Vec<(i64, Node, i64)>),
    /// One of `kind` in the node refers to them by the parameter with this key.
    Has {
        p: i64,
        kind: i64,
        node: Box<Node>,
    },
    /// Items of the list with this number.
    Listed {
        p: i64,
        list: i64,
    },
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    /// Only a body tells.
    Body(Box<Condition>),
}

impl Node {
    pub fn never() -> Node {
        Node::Index(Vec::new())
    }

    /// Whether candidates can be listed without going through the whole type.
    pub fn has_source(&self) -> bool {
        match self {
            Node::Everything | Node::Not(_) | Node::Body(_) => false,
            Node::Any(parts) => parts.iter().all(Node::has_source),
            Node::All(parts) => parts.iter().any(Node::has_source),
            _ => true,
        }
    }

    /// Whether a body must tell, somewhere in it.
    pub fn needs_body(&self) -> bool {
        match self {
            Node::Body(_) => true,
            Node::All(parts) | Node::Any(parts) => parts.iter().any(Node::needs_body),
            Node::Not(part) => part.needs_body(),
            _ => false,
        }
    }

    /// Whether one resource is tested in a step or a few.
    pub fn is_probe(&self) -> bool {
        match self {
            Node::Everything | Node::Rids(_) | Node::Updated(..) | Node::Listed { .. } | Node::Body(_) => true,
            Node::Index(scans) => scans.iter().all(|scan| scan.is_point),
            Node::Chain(_) => false,
            Node::Has { node, .. } => node.is_probe(),
            Node::All(parts) | Node::Any(parts) => parts.iter().all(Node::is_probe),
            Node::Not(part) => part.is_probe(),
        }
    }

    /// Whether its source lists each resource once, in the order of their numbers.
    pub fn is_ordered(&self) -> bool {
        match self {
            Node::Everything => true,
            Node::Index(scans) => matches!(scans.as_slice(), [scan] if scan.is_point),
            _ => false,
        }
    }

    /// A SELECT of the numbers of candidates: resources of a kind that are there; some may come twice.
    pub fn source(&self, sql: &mut Sql, kind: i64) -> String {
        match self {
            Node::Index(scans) if scans.is_empty() => "SELECT rid FROM fhir_resource WHERE 1 = 0".into(),
            Node::Index(scans) => joined(scans.iter().map(|scan| scan.rids(sql)).collect(), " UNION ALL "),
            Node::Rids(rids) => {
                format!("SELECT rid FROM fhir_resource WHERE rid IN ({})", list(rids))
            }
            Node::Updated(from, before) => {
                let (kind, from, before) = (sql.bind(kind), sql.bind(*from), sql.bind(*before));
                format!(
                    "SELECT rid FROM fhir_resource WHERE kind = {kind} AND updated_ms >= {from} AND updated_ms <= {before} AND change > 0 AND deleted = 0"
                )
            }
            Node::Chain(ways) => {
                let way = |(p, node, target): &(i64, Node, i64)| {
                    let p = sql.bind(*p);
                    let inner = node.selected(sql, *target);
                    format!("SELECT rid FROM fhir_reference WHERE p = {p} AND target IN ({inner})")
                };
                joined(ways.iter().map(way).collect(), " UNION ALL ")
            }
            Node::Has { p, kind: referring, node } => {
                let p = sql.bind(*p);
                let inner = node.selected(sql, *referring);
                let kind = sql.bind(kind);
                format!(
                    "SELECT f.target AS rid FROM fhir_reference f CROSS JOIN fhir_resource t ON t.rid = f.target
                     WHERE f.p = {p} AND f.rid IN ({inner}) AND {}",
                    live("t", &kind)
                )
            }
            Node::Listed { p, list } => {
                let (p, list, kind) = (sql.bind(*p), sql.bind(*list), sql.bind(kind));
                format!(
                    "SELECT f.target AS rid FROM fhir_reference f CROSS JOIN fhir_resource t ON t.rid = f.target
                     WHERE f.p = {p} AND f.rid = {list} AND {}",
                    live("t", &kind)
                )
            }
            Node::Any(parts) if self.has_source() && !parts.is_empty() => {
                joined(parts.iter().map(|part| part.source(sql, kind)).collect(), " UNION ALL ")
            }
            Node::All(parts) if self.has_source() => {
                let driver = parts.iter().position(Node::has_source).unwrap_or_default();
                self.driven(sql, kind, parts, driver)
            }
            _ => everything(sql, kind),
        }
    }

    /// The source of one part, tested with the others.
    fn driven(&self, sql: &mut Sql, kind: i64, parts: &[Node], driver: usize) -> String {
        let source = parts.get(driver).map(|part| part.source(sql, kind)).unwrap_or_default();
        let others = parts.iter().enumerate().filter(|(at, _)| *at != driver);
        let tests: Vec<String> = others.map(|(_, part)| part.test(sql, kind, "d.rid")).collect();
        let tests = if tests.is_empty() { "1 = 1".into() } else { tests.join(" AND ") };
        format!("SELECT d.rid FROM ({source}) d WHERE {tests}")
    }

    /// Exactly those of a kind that are in the node: what a nested condition needs.
    fn selected(&self, sql: &mut Sql, kind: i64) -> String {
        if self.has_source() {
            return self.source(sql, kind);
        }
        let source = everything(sql, kind);
        let test = self.test(sql, kind, "d.rid");
        format!("SELECT d.rid FROM ({source}) d WHERE {test}")
    }

    /// Whether the resource with the number in `rid` is in the node, as SQL.
    pub fn test(&self, sql: &mut Sql, kind: i64, rid: &str) -> String {
        match self {
            Node::Everything | Node::Body(_) => "1 = 1".into(),
            Node::Index(scans) if scans.is_empty() => "1 = 0".into(),
            Node::Index(scans) => {
                let test = |scan: &Scan| {
                    if scan.is_point {
                        format!("EXISTS (SELECT 1 FROM {} x WHERE {} AND x.rid = {rid})", scan.table, scan.filter(sql))
                    } else {
                        format!("{rid} IN ({})", scan.rids(sql))
                    }
                };
                any(scans.iter().map(test).collect())
            }
            Node::Rids(rids) => format!("{rid} IN ({})", list(rids)),
            Node::Updated(from, before) => {
                let (from, before) = (sql.bind(*from), sql.bind(*before));
                format!(
                    "EXISTS (SELECT 1 FROM fhir_resource x WHERE x.rid = {rid} AND x.updated_ms >= {from} AND x.updated_ms <= {before})"
                )
            }
            Node::Chain(_) => format!("{rid} IN ({})", self.source(sql, kind)),
            Node::Has { p, kind: referring, node } => {
                let p = sql.bind(*p);
                let inner = node.test(sql, *referring, "h.rid");
                format!("EXISTS (SELECT 1 FROM fhir_reference h WHERE h.p = {p} AND h.target = {rid} AND {inner})")
            }
            Node::Listed { p, list } => {
                let (p, list) = (sql.bind(*p), sql.bind(*list));
                format!(
                    "EXISTS (SELECT 1 FROM fhir_reference x WHERE x.p = {p} AND x.target = {rid} AND x.rid = {list})"
                )
            }
            Node::All(parts) if parts.is_empty() => "1 = 1".into(),
            Node::All(parts) => {
                let tests: Vec<String> = parts.iter().map(|part| part.test(sql, kind, rid)).collect();
                format!("({})", tests.join(" AND "))
            }
            Node::Any(parts) => any(parts.iter().map(|part| part.test(sql, kind, rid)).collect()),
            Node::Not(part) => format!("NOT {}", part.test(sql, kind, rid)),
        }
    }
}

fn everything(sql: &mut Sql, kind: i64) -> String {
    format!("SELECT rid FROM fhir_resource WHERE kind = {} AND change > 0 AND deleted = 0", sql.bind(kind))
}

/// That a resource is of a kind and there: index rows tell it of what they are of, not of what they lead to.
fn live(table: &str, kind: &str) -> String {
    format!("{table}.kind = {kind} AND {table}.change > 0 AND {table}.deleted = 0")
}

fn any(tests: Vec<String>) -> String {
    if tests.is_empty() { "1 = 0".into() } else { format!("({})", tests.join(" OR ")) }
}

fn joined(parts: Vec<String>, by: &str) -> String {
    if parts.is_empty() { "SELECT rid FROM fhir_resource WHERE 1 = 0".into() } else { parts.join(by) }
}

fn list(rids: &[i64]) -> String {
    let texts: Vec<String> = rids.iter().map(i64::to_string).collect();
    texts.join(",")
}
