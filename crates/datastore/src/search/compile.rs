//! A condition of a query as a node over the index.

use fhir::definitions::{Definitions, ParameterKind, ParameterNumber, SearchParameter, TypeNumber};
use fhir::search::check::DateRule;
use fhir::search::date::Range;
use fhir::search::query::{Condition, Modifier, Operand, Prefix};

use super::node::{Node, Scan};
use super::plan::Part;
use super::sql::Sql;
use super::{Scope, operand, run};
use crate::access::Restriction;
use crate::schema::{kind_key, parameter_key};
use crate::transaction::{Found, find};
use crate::{Error, Kind, Permission};

/// Parts that one statement joins.
const JOINED_MAX: usize = 50;

/// Everything a search in a type may see, as a node.
pub(super) fn restriction(scope: &Scope<'_>, kind: TypeNumber, permission: Permission) -> Result<Node, Error> {
    match scope.caller.access.restriction(kind, permission) {
        Restriction::Everything => Ok(Node::Everything),
        Restriction::Nothing => Ok(Node::never()),
        Restriction::Where(condition) => compile(scope, kind, &condition),
    }
}

/// The nodes of conditions that all must hold.
pub(super) fn conjunction(scope: &Scope<'_>, kind: TypeNumber, conditions: &[Condition]) -> Result<Vec<Part>, Error> {
    let mut parts = Vec::new();
    let mut dates: Vec<(ParameterNumber, Vec<DateRule>, Vec<Condition>)> = Vec::new();
    for condition in conditions {
        let Some((parameter, rule)) = single_date(scope, condition) else {
            let told = is_told_by_body(condition).then(|| condition.clone());
            parts.push(Part { node: compile(scope, kind, condition)?, condition: told });
            continue;
        };
        match dates.iter_mut().find(|(other, ..)| *other == parameter) {
            Some((_, rules, conditions)) => {
                rules.push(rule);
                conditions.push(condition.clone());
            }
            None => dates.push((parameter, vec![rule], vec![condition.clone()])),
        }
    }
    for (parameter, rules, conditions) in dates {
        let node = date_range(parameter_key(scope.store.number, kind, parameter), rules);
        parts.push(Part { node, condition: Some(Condition::All(conditions)) });
    }
    Ok(parts)
}

/// Whether a body tells the same as the index. What references lead to, only the index knows.
fn is_told_by_body(condition: &Condition) -> bool {
    let (Condition::Parameter { parameter, .. } | Condition::Missing { parameter, .. }) = condition else {
        return false;
    };
    let kind = Definitions::r4().parameter(*parameter).map(|parameter| parameter.kind);
    kind.is_some_and(|kind| !matches!(kind, ParameterKind::Reference | ParameterKind::Composite))
}

/// A condition on a date with one value.
fn single_date(scope: &Scope<'_>, condition: &Condition) -> Option<(ParameterNumber, DateRule)> {
    match condition {
        Condition::Parameter { parameter, modifier: Modifier::None, operands } => match operands.as_slice() {
            [Operand::Date(prefix, wanted)] => Some((*parameter, DateRule::of(*prefix, *wanted, scope.now.ms))),
            _ => None,
        },
        _ => None,
    }
}

/// Rules that all must hold of a date: of those not apart, of one row.
fn date_range(p: i64, rules: Vec<DateRule>) -> Node {
    let (narrow, apart): (Vec<Scan>, Vec<Scan>) = rules.into_iter().map(|rule| operand::dates(p, rule)).unzip();
    let narrow = narrow.into_iter().reduce(Scan::with_filters_of).into_iter().collect();
    let apart = apart.into_iter().map(|scan| Node::Index(vec![scan])).collect();
    Node::Any(vec![Node::Index(narrow), Node::All(apart)])
}

/// The node of a condition.
pub(super) fn compile(scope: &Scope<'_>, kind: TypeNumber, condition: &Condition) -> Result<Node, Error> {
    match condition {
        Condition::Parameter { parameter, modifier, operands } => {
            parameter_node(scope, kind, condition, *parameter, modifier, operands)
        }
        Condition::Missing { parameter, is_missing } => {
            let parameter = known(*parameter)?;
            let Some(table) = table(parameter.kind) else { return Ok(Node::Body(Box::new(condition.clone()))) };
            let p = parameter_key(scope.store.number, kind, parameter.number);
            let keys: &[i64] = if parameter.kind == ParameterKind::Date { &[p, -p] } else { &[p] };
            let present = Node::Index(keys.iter().map(|p| Scan::new(table, *p)).collect());
            Ok(if *is_missing { Node::Not(Box::new(present)) } else { present })
        }
        Condition::Id(ids) => {
            let mut rids = Vec::new();
            for id in ids {
                let found = find(scope.tx, kind_key(scope.store.number, kind), id)?;
                rids.extend(found.filter(Found::is_live).map(|found| found.rid));
            }
            Ok(Node::Rids(rids))
        }
        Condition::LastUpdated(ranges) => any(scope, kind, last_updated(scope, ranges)),
        Condition::Words { .. } => Ok(Node::Body(Box::new(condition.clone()))),
        Condition::InList(id) => in_list(scope, id),
        Condition::Chain { parameter, targets } => {
            let p = parameter_key(scope.store.number, kind, *parameter);
            let way = |(target, condition): &(TypeNumber, Condition)| {
                Ok((p, nested(scope, *target, condition)?, kind_key(scope.store.number, *target)))
            };
            Ok(Node::Chain(targets.iter().map(way).collect::<Result<_, Error>>()?))
        }
        Condition::Has { kind: referring, parameter, condition } => {
            let p = parameter_key(scope.store.number, *referring, *parameter);
            let node = nested(scope, *referring, condition)?;
            Ok(Node::Has { p, kind: kind_key(scope.store.number, *referring), node: Box::new(node) })
        }
        Condition::All(parts) => {
            Ok(Node::All(conjunction(scope, kind, parts)?.into_iter().map(|part| part.node).collect()))
        }
        Condition::Any(parts) => {
            // Where a body must tell only some of them, those are found out at once.
            let told = |part| told(scope, kind, compile(scope, kind, part)?);
            any(scope, kind, parts.iter().map(told).collect::<Result<_, Error>>()?)
        }
        Condition::Not(part) => {
            let inner = told(scope, kind, compile(scope, kind, part)?)?;
            Ok(Node::Not(Box::new(inner)))
        }
    }
}

fn known(parameter: ParameterNumber) -> Result<&'static SearchParameter, Error> {
    Definitions::r4().parameter(parameter).ok_or_else(|| Error::new(Kind::Corrupt, "a search parameter is not defined"))
}

/// The index table of a kind of parameters.
fn table(kind: ParameterKind) -> Option<&'static str> {
    match kind {
        ParameterKind::Token => Some("fhir_token"),
        ParameterKind::String => Some("fhir_string"),
        ParameterKind::Reference => Some("fhir_reference"),
        ParameterKind::Date => Some("fhir_date"),
        ParameterKind::Number | ParameterKind::Quantity => Some("fhir_quantity"),
        ParameterKind::Uri => Some("fhir_uri"),
        ParameterKind::Composite | ParameterKind::Special => None,
    }
}

fn parameter_node(
    scope: &Scope<'_>,
    kind: TypeNumber,
    condition: &Condition,
    number: ParameterNumber,
    modifier: &Modifier,
    operands: &[Operand],
) -> Result<Node, Error> {
    let parameter = known(number)?;
    let p = parameter_key(scope.store.number, kind, number);
    let body = || Node::Body(Box::new(condition.clone()));
    match modifier {
        // What is compared is in no index.
        Modifier::Text => return Ok(body()),
        _ if parameter.kind == ParameterKind::Composite => {
            return composite(scope, kind, parameter, condition, operands);
        }
        _ => {}
    }
    let mut scans = Vec::new();
    let mut is_cut = false;
    for operand in operands {
        is_cut |= operand::is_cut(operand);
        scans.extend(operand::scans(scope, parameter, p, modifier, operand)?);
    }
    let index = index(scope, scans)?;
    Ok(match modifier {
        Modifier::Not => Node::Not(Box::new(index)),
        // Candidates; the body tells the rest.
        Modifier::Exact | Modifier::Ends | Modifier::OfType => Node::All(vec![index, body()]),
        // What is contained may stand behind the part of a long text that the index has.
        Modifier::Contains => {
            let long = Node::All(vec![Node::Index(vec![operand::long_texts(p)]), body()]);
            Node::Any(vec![index, told(scope, kind, long)?])
        }
        _ if is_cut => Node::All(vec![index, body()]),
        _ => index,
    })
}

/// Rows of any of the scans. SQL joins only so many: the resources of more are found out at once.
fn index(scope: &Scope<'_>, scans: Vec<Scan>) -> Result<Node, Error> {
    if scans.len() <= JOINED_MAX {
        return Ok(Node::Index(scans));
    }
    let mut rids = Vec::new();
    for scan in scans {
        let mut sql = Sql::default();
        let text = scan.rids(&mut sql);
        rids.extend(scope.tx.all(&text, &sql.params(), |row| Ok::<_, Error>(row.int(0)?))?);
    }
    Ok(numbers(rids))
}

/// What is in any of the nodes; of many, found out at once.
fn any(scope: &Scope<'_>, kind: TypeNumber, nodes: Vec<Node>) -> Result<Node, Error> {
    if nodes.len() <= JOINED_MAX {
        return Ok(Node::Any(nodes));
    }
    let mut rids = Vec::new();
    for node in nodes {
        rids.extend(run::all(scope, kind, node)?);
    }
    Ok(numbers(rids))
}

fn numbers(mut rids: Vec<i64>) -> Node {
    rids.sort_unstable();
    rids.dedup();
    Node::Rids(rids)
}

/// Candidates have values of all components somewhere; the body tells whether they stand together.
fn composite(
    scope: &Scope<'_>,
    kind: TypeNumber,
    parameter: &SearchParameter,
    condition: &Condition,
    operands: &[Operand],
) -> Result<Node, Error> {
    let mut candidates = Vec::new();
    for operand in operands {
        let Operand::Composite(parts) = operand else { continue };
        let mut all = Vec::new();
        for (component, part) in parameter.components.iter().zip(parts) {
            let found = known(component.parameter)?;
            // Components are parameters of the type too, but for a few.
            let is_indexed =
                Definitions::r4().search_parameter(kind, &found.code).is_some_and(|own| own.number == found.number);
            if is_indexed {
                let p = parameter_key(scope.store.number, kind, found.number);
                all.push(Node::Index(operand::scans(scope, found, p, &Modifier::None, part)?));
            }
        }
        candidates.push(all);
    }
    let mut parts = match <[Vec<Node>; 1]>::try_from(candidates) {
        Ok([all]) => all,
        Err(many) => vec![any(scope, kind, many.into_iter().map(Node::All).collect())?],
    };
    parts.push(Node::Body(Box::new(condition.clone())));
    Ok(Node::All(parts))
}

/// A node without need of bodies: where it has any, the resources in it are found out at once.
fn told(scope: &Scope<'_>, kind: TypeNumber, node: Node) -> Result<Node, Error> {
    if node.needs_body() { Ok(Node::Rids(run::all(scope, kind, node)?)) } else { Ok(node) }
}

/// What a link leads to: only what the caller may search.
fn nested(scope: &Scope<'_>, kind: TypeNumber, condition: &Condition) -> Result<Node, Error> {
    let node = told(scope, kind, compile(scope, kind, condition)?)?;
    Ok(match restriction(scope, kind, Permission::Search)? {
        Node::Everything => node,
        allowed => Node::All(vec![node, told(scope, kind, allowed)?]),
    })
}

fn in_list(scope: &Scope<'_>, id: &str) -> Result<Node, Error> {
    let definitions = Definitions::r4();
    let list = definitions.resource("List").and_then(|kind| Some((kind, definitions.search_parameter(kind, "item")?)));
    let Some((kind, item)) = list else { return Ok(Node::never()) };
    let found = find(scope.tx, kind_key(scope.store.number, kind), id)?.filter(Found::is_live);
    let Some(found) = found else { return Ok(Node::never()) };
    let seen = Node::All(vec![Node::Rids(vec![found.rid]), restriction(scope, kind, Permission::Read)?]);
    if run::all(scope, kind, seen)?.is_empty() {
        return Ok(Node::never());
    }
    Ok(Node::Listed { p: parameter_key(scope.store.number, kind, item.number), list: found.rid })
}

/// `_lastUpdated` is an instant: every rule is one range of instants, or all but one.
fn last_updated(scope: &Scope<'_>, ranges: &[(Prefix, Range)]) -> Vec<Node> {
    let node = |(prefix, wanted): &(Prefix, Range)| match DateRule::of(*prefix, *wanted, scope.now.ms) {
        DateRule::Inside(range) | DateRule::Overlaps(range) => Node::Updated(range.low, range.high),
        DateRule::NotInside(range) => Node::Not(Box::new(Node::Updated(range.low, range.high))),
        DateRule::EndsAfter(ms) | DateRule::BeginsAfter(ms) => Node::Updated(ms.saturating_add(1), i64::MAX),
        DateRule::BeginsBefore(ms) | DateRule::EndsBefore(ms) => Node::Updated(i64::MIN, ms.saturating_sub(1)),
        DateRule::EndsAfterOrInside(_, range) => Node::Updated(range.low, i64::MAX),
        DateRule::BeginsBeforeOrInside(_, range) => Node::Updated(i64::MIN, range.high),
    };
    ranges.iter().map(node).collect()
}
