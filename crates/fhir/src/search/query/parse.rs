//! Reads a query string's names and values.

use std::cell::Cell;

use super::condition::{Condition, Modifier, Operand};
use super::operand::{self, split, unescape};
use super::options::{Include, Options, Sort, SortKey, Summary, Total};
use super::{CHAIN_MAX, COUNT_MAX, PARAMETERS_MAX, VALUES_MAX, WAYS_MAX, filter};
use crate::definitions::{Definitions, ParameterKind, SearchParameter, TypeNumber};

/// What a query asks for, of resources of one type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// All must hold.
    pub conditions: Vec<Condition>,
    pub options: Options,
    /// Names that are no parameter of the type and were passed over.
    pub ignored: Vec<String>,
}

/// What is done with a name that is no search parameter (`Prefer: handling`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    Refused,
    Ignored,
}

/// A name or value that cannot be taken. Its text holds names, no values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("search parameter `{name}`: {reason}")]
pub struct QueryError {
    pub name: String,
    pub reason: String,
    /// It may be right, but is not served here.
    pub is_unsupported: bool,
}

pub(super) fn refused(name: &str, reason: impl Into<String>) -> QueryError {
    QueryError { name: name.chars().take(200).collect(), reason: reason.into(), is_unsupported: false }
}

fn unsupported(name: &str, reason: impl Into<String>) -> QueryError {
    QueryError { is_unsupported: true, ..refused(name, reason) }
}

impl Query {
    /// Reads decoded pairs in their order. `_format`, `_pretty`, `_type` and the pages' own names are the caller's.
    ///
    /// # Errors
    /// The first name or value that cannot be taken.
    pub fn parse(resource: TypeNumber, pairs: &[(String, String)], unknown: Unknown) -> Result<Query, QueryError> {
        if pairs.len() > PARAMETERS_MAX {
            return Err(refused("", format!("a query has at most {PARAMETERS_MAX} parameters")));
        }
        let mut query = Query::default();
        for (name, value) in pairs {
            if result_parameter(resource, name, value, &mut query.options)? {
                continue;
            }
            match condition(resource, name, value, Links { depth: 0, ways: &Cell::new(0) }) {
                Ok(condition) => query.conditions.push(condition),
                Err(Failure::Unknown) if unknown == Unknown::Ignored => query.ignored.push(name.clone()),
                Err(Failure::Unknown) => {
                    let kind = Definitions::r4().name(resource);
                    return Err(refused(name, format!("no search parameter of {kind}")));
                }
                Err(Failure::Refused(error)) => return Err(error),
            }
        }
        Ok(query)
    }
}

/// How far a name has led.
#[derive(Clone, Copy)]
pub(super) struct Links<'a> {
    pub depth: usize,
    /// Conditions made of the name: one for each type that a reference may lead to.
    pub ways: &'a Cell<usize>,
}

impl Links<'_> {
    fn next(self) -> Self {
        Links { depth: self.depth + 1, ..self }
    }
}

pub(super) enum Failure {
    /// There is no parameter of that name.
    Unknown,
    Refused(QueryError),
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        Failure::Refused(error)
    }
}

/// A condition by its name and value.
pub(super) fn condition(resource: TypeNumber, name: &str, value: &str, links: Links<'_>) -> Result<Condition, Failure> {
    if links.depth > CHAIN_MAX {
        return Err(refused(name, format!("at most {CHAIN_MAX} links")).into());
    }
    links.ways.set(links.ways.get() + 1);
    if links.ways.get() > WAYS_MAX {
        return Err(too_many_ways(name));
    }
    if let Some(rest) = name.strip_prefix("_has:") {
        return has(name, rest, value, links);
    }
    if let Some((link, rest)) = name.split_once('.') {
        return chain(resource, name, link, rest, value, links);
    }
    let (code, modifier) = name.split_once(':').map_or((name, None), |(code, modifier)| (code, Some(modifier)));
    match (code, modifier) {
        ("_id", None) => return Ok(Condition::Id(split(value, ',').into_iter().map(unescape).collect())),
        ("_lastUpdated", None) => {
            let read = |text| operand::read_date(text).map_err(|reason| refused(name, reason));
            return Ok(Condition::LastUpdated(split(value, ',').into_iter().map(read).collect::<Result<_, _>>()?));
        }
        ("_text" | "_content", None) => {
            let words = value.split_whitespace().map(str::to_lowercase).collect();
            return Ok(Condition::Words { narrative_only: code == "_text", words });
        }
        ("_list", None) => return Ok(Condition::InList(value.trim_start_matches("List/").into())),
        ("_filter", None) => return filter::parse(resource, value).map_err(Failure::from),
        ("_query", _) => return Err(unsupported(name, "named queries are not served").into()),
        ("_id" | "_lastUpdated" | "_text" | "_content" | "_list" | "_filter", Some(_)) => {
            return Err(refused(name, "takes no modifier").into());
        }
        _ => {}
    }
    let parameter = Definitions::r4().search_parameter(resource, code).ok_or(Failure::Unknown)?;
    of_parameter(parameter, name, modifier, value)
}

fn of_parameter(
    parameter: &SearchParameter,
    name: &str,
    modifier: Option<&str>,
    value: &str,
) -> Result<Condition, Failure> {
    if modifier == Some("missing") {
        let is_missing = match value {
            "true" => true,
            "false" => false,
            _ => return Err(refused(name, "`:missing` is true or false").into()),
        };
        return Ok(Condition::Missing { parameter: parameter.number, is_missing });
    }
    if parameter.kind == ParameterKind::Special {
        return Err(unsupported(name, "is not served").into());
    }
    let modifier = modifier_of(parameter, name, modifier)?;
    let values = split(value, ',');
    if values.len() > VALUES_MAX {
        return Err(refused(name, format!("at most {VALUES_MAX} values")).into());
    }
    let read = |text| operand::read(parameter, &modifier, text).map_err(|reason| refused(name, reason));
    let operands: Vec<Operand> = values.into_iter().map(read).collect::<Result<_, _>>()?;
    Ok(Condition::Parameter { parameter: parameter.number, modifier, operands })
}

fn modifier_of(parameter: &SearchParameter, name: &str, modifier: Option<&str>) -> Result<Modifier, QueryError> {
    let Some(modifier) = modifier else { return Ok(Modifier::None) };
    let found = match (parameter.kind, modifier) {
        (ParameterKind::String, "exact") => Modifier::Exact,
        (ParameterKind::String, "contains") => Modifier::Contains,
        (ParameterKind::Token, "text") => Modifier::Text,
        (ParameterKind::Token, "not") => Modifier::Not,
        (ParameterKind::Token, "of-type") => Modifier::OfType,
        (ParameterKind::Reference, "identifier") => Modifier::Identifier,
        (ParameterKind::Uri, "above") => Modifier::Above,
        (ParameterKind::Uri, "below") => Modifier::Below,
        (ParameterKind::Token, "in" | "not-in" | "above" | "below") => {
            return Err(unsupported(name, format!("`:{modifier}` needs a terminology server")));
        }
        (ParameterKind::Reference, "above" | "below") => {
            return Err(unsupported(name, format!("`:{modifier}` of references is not served")));
        }
        (ParameterKind::Reference, kind) => match Definitions::r4().resource(kind) {
            Some(kind) => Modifier::Type(kind),
            None => return Err(refused(name, format!("no such modifier: `:{kind}`"))),
        },
        _ => return Err(refused(name, format!("no modifier of its kind: `:{modifier}`"))),
    };
    Ok(found)
}

fn too_many_ways(name: &str) -> Failure {
    refused(name, format!("leads at most {WAYS_MAX} ways: name the types of its links")).into()
}

/// `subject:Patient.name`, `subject.name`.
fn chain(
    resource: TypeNumber,
    name: &str,
    link: &str,
    rest: &str,
    value: &str,
    links: Links<'_>,
) -> Result<Condition, Failure> {
    let definitions = Definitions::r4();
    let (code, kind) = link.split_once(':').map_or((link, None), |(code, kind)| (code, Some(kind)));
    let parameter = definitions.search_parameter(resource, code).ok_or(Failure::Unknown)?;
    if parameter.kind != ParameterKind::Reference {
        return Err(refused(name, "only references can be followed").into());
    }
    let kinds: Vec<TypeNumber> = match kind {
        Some(kind) => {
            vec![definitions.resource(kind).ok_or_else(|| refused(name, format!("no resource type: `{kind}`")))?]
        }
        None if parameter.targets.is_empty() => definitions.resources().collect(),
        None => parameter.targets.iter().copied().filter(|kind| !definitions.of(*kind).is_abstract).collect(),
    };
    let mut targets = Vec::new();
    let mut first_refused = None;
    for kind in kinds {
        match condition(kind, rest, value, links.next()) {
            Ok(condition) => targets.push((kind, condition)),
            // Of the types a reference may lead to, some have no such parameter, or another one of that name.
            Err(Failure::Unknown) => {}
            Err(Failure::Refused(error)) => first_refused = first_refused.or(Some(error)),
        }
    }
    if links.ways.get() > WAYS_MAX {
        return Err(too_many_ways(name));
    }
    if targets.is_empty() {
        if let Some(error) = first_refused {
            return Err(error.into());
        }
        return Err(refused(name, format!("no resource it leads to has the parameter `{rest}`")).into());
    }
    Ok(Condition::Chain { parameter: parameter.number, targets })
}

/// `_has:Observation:patient:code`.
fn has(name: &str, rest: &str, value: &str, links: Links<'_>) -> Result<Condition, Failure> {
    let definitions = Definitions::r4();
    let mut parts = rest.splitn(3, ':');
    let (Some(kind), Some(code), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(refused(name, "is `_has:TYPE:REFERENCE:PARAMETER`").into());
    };
    let kind = definitions.resource(kind).ok_or_else(|| refused(name, format!("no resource type: `{kind}`")))?;
    let parameter = definitions.search_parameter(kind, code).filter(|found| found.kind == ParameterKind::Reference);
    let parameter = parameter.ok_or_else(|| refused(name, format!("no reference of that type: `{code}`")))?;
    let condition = match condition(kind, rest, value, links.next()) {
        Err(Failure::Unknown) => {
            return Err(refused(name, format!("no search parameter of that type: `{rest}`")).into());
        }
        other => other?,
    };
    Ok(Condition::Has { kind, parameter: parameter.number, condition: Box::new(condition) })
}

/// Takes a result parameter; false when the name is none.
fn result_parameter(resource: TypeNumber, name: &str, value: &str, options: &mut Options) -> Result<bool, QueryError> {
    let definitions = Definitions::r4();
    match name {
        "_sort" => {
            for key in value.split(',') {
                let (code, descending) = key.strip_prefix('-').map_or((key, false), |code| (code, true));
                let key = match code {
                    "_id" => SortKey::Id,
                    "_lastUpdated" => SortKey::LastUpdated,
                    _ => match definitions.search_parameter(resource, code) {
                        Some(found) if !matches!(found.kind, ParameterKind::Composite | ParameterKind::Special) => {
                            SortKey::Parameter(found.number)
                        }
                        _ => return Err(refused(name, format!("nothing to sort by: `{code}`"))),
                    },
                };
                options.sort.push(Sort { key, descending });
            }
        }
        "_count" => {
            let count: usize = value.parse().map_err(|_| refused(name, "is a number from 0 on"))?;
            options.count = Some(count.min(COUNT_MAX));
        }
        "_total" => {
            options.total = match value {
                "none" => Total::None,
                "estimate" => Total::Estimate,
                "accurate" => Total::Accurate,
                _ => return Err(refused(name, "is none, estimate or accurate")),
            }
        }
        "_summary" => {
            options.summary = match value {
                "true" => Summary::True,
                "text" => Summary::Text,
                "data" => Summary::Data,
                "count" => Summary::Count,
                "false" => Summary::False,
                _ => return Err(refused(name, "is true, text, data, count or false")),
            }
        }
        "_elements" => {
            let elements = value.split(',').filter(|element| !element.is_empty());
            options.elements.extend(elements.map(|element| element.rsplit('.').next().unwrap_or(element).to_owned()));
        }
        "_contained" | "_containedType" if value != "false" && name == "_contained" => {
            return Err(unsupported(name, "contained resources are not searched"));
        }
        "_contained" | "_containedType" => {}
        _ => {
            let (code, iterates) = match name.split_once(':') {
                Some((code, "iterate" | "recurse")) => (code, true),
                _ => (name, false),
            };
            match code {
                "_include" => options.includes.push(include(name, value, iterates)?),
                "_revinclude" => options.revincludes.push(include(name, value, iterates)?),
                _ => return Ok(false),
            }
        }
    }
    Ok(true)
}

fn include(name: &str, value: &str, iterates: bool) -> Result<Include, QueryError> {
    let definitions = Definitions::r4();
    let kind =
        |text: &str| definitions.resource(text).ok_or_else(|| refused(name, format!("no resource type: `{text}`")));
    if value == "*" {
        return Ok(Include { source: None, parameter: None, target: None, iterates });
    }
    let mut parts = value.splitn(3, ':');
    let source = match parts.next().unwrap_or_default() {
        "*" => None,
        text => Some(kind(text)?),
    };
    let code = parts.next().ok_or_else(|| refused(name, "is TYPE:PARAMETER[:TARGET]"))?;
    let parameter = match (code, source) {
        ("*", _) => None,
        (code, Some(source)) => {
            let found =
                definitions.search_parameter(source, code).filter(|found| found.kind == ParameterKind::Reference);
            Some(found.ok_or_else(|| refused(name, format!("no reference of that type: `{code}`")))?.number)
        }
        (_, None) => return Err(refused(name, "a parameter needs its type")),
    };
    let target = parts.next().filter(|text| !text.is_empty()).map(kind).transpose()?;
    Ok(Include { source, parameter, target, iterates })
}
