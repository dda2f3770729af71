//! `_filter` expressions (hl7.org/fhir/R4/search_filter.html): `given eq "peter" and birthdate ge 2014-10-10`.

use std::cell::Cell;

use super::condition::{Condition, Modifier, Operand, Prefix};
use super::parse::{Failure, Links, QueryError, condition, refused};
use super::{CHAIN_MAX, PARAMETERS_MAX};
use crate::definitions::{Definitions, ParameterKind, TypeNumber};

const NAME: &str = "_filter";
/// Parentheses within each other.
const NESTING_MAX: usize = 20;

/// Reads an expression into a condition.
pub(super) fn parse(resource: TypeNumber, text: &str) -> Result<Condition, QueryError> {
    let mut parser = Parser { resource, rest: text.trim(), conditions: 0 };
    let condition = parser.any(0)?;
    if parser.rest.is_empty() { Ok(condition) } else { Err(parser.wrong("does not end here")) }
}

struct Parser<'a> {
    resource: TypeNumber,
    rest: &'a str,
    conditions: usize,
}

impl<'a> Parser<'a> {
    fn wrong(&self, reason: &str) -> QueryError {
        refused(NAME, format!("{reason}: {} characters before its end", self.rest.chars().count()))
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// The next word, if it is this one.
    fn word(&mut self, word: &str) -> bool {
        let rest = self.rest.strip_prefix(word).filter(|rest| rest.is_empty() || rest.starts_with([' ', '(', ')']));
        self.rest = rest.map_or(self.rest, str::trim_start);
        rest.is_some()
    }

    /// `a or b`, which binds less than `and`.
    fn any(&mut self, depth: usize) -> Result<Condition, QueryError> {
        let mut parts = vec![self.all(depth)?];
        while self.word("or") {
            parts.push(self.all(depth)?);
        }
        Ok(single(parts, Condition::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Condition, QueryError> {
        let mut parts = vec![self.one(depth)?];
        while self.word("and") {
            parts.push(self.one(depth)?);
        }
        Ok(single(parts, Condition::All))
    }

    fn one(&mut self, depth: usize) -> Result<Condition, QueryError> {
        if depth > NESTING_MAX {
            return Err(refused(NAME, format!("at most {NESTING_MAX} parentheses within each other")));
        }
        self.skip_space();
        let is_not = self.word("not");
        if let Some(rest) = self.rest.strip_prefix('(') {
            self.rest = rest;
            let inner = self.any(depth + 1)?;
            self.rest = self.rest.strip_prefix(')').ok_or_else(|| self.wrong("a parenthesis is not closed"))?;
            self.skip_space();
            return Ok(if is_not { Condition::Not(Box::new(inner)) } else { inner });
        }
        if is_not {
            return Err(self.wrong("`not` stands before a parenthesis"));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Condition, QueryError> {
        self.conditions += 1;
        if self.conditions > PARAMETERS_MAX {
            return Err(refused(NAME, format!("at most {PARAMETERS_MAX} comparisons")));
        }
        let path = self.until(&[' ', '(', ')', '['])?;
        if self.rest.starts_with('[') {
            return Err(self.wrong("filters inside of a path are not served"));
        }
        if path.split('.').count() > CHAIN_MAX {
            return Err(refused(NAME, format!("at most {CHAIN_MAX} links")));
        }
        self.skip_space();
        let operator = self.until(&[' ', '(', ')'])?;
        self.skip_space();
        let value = self.value()?;
        self.skip_space();
        compare(self.resource, path, operator, &value)
    }

    fn until(&mut self, ends: &[char]) -> Result<&'a str, QueryError> {
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if word.is_empty() {
            return Err(self.wrong("a word is missing"));
        }
        self.rest = rest;
        Ok(word)
    }

    /// A quoted text, or what stands up to a space.
    fn value(&mut self) -> Result<String, QueryError> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            return self.until(&[' ', ')']).map(str::to_owned);
        };
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &quoted[at + 1..];
                    return Ok(value);
                }
                '\\' => value.extend(characters.next().map(|(_, character)| character)),
                _ => value.push(character),
            }
        }
        Err(self.wrong("a quote is not closed"))
    }
}

fn single(mut parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    if parts.len() == 1 { parts.remove(0) } else { join(parts) }
}

fn compare(resource: TypeNumber, path: &str, operator: &str, value: &str) -> Result<Condition, QueryError> {
    let kind = match path.rsplit_once('.') {
        None => Definitions::r4().search_parameter(resource, path).map(|parameter| parameter.kind),
        // Of what a chain leads to, the condition itself tells.
        Some(_) => None,
    };
    let taken =
        |name: String, value: &str| match condition(resource, &name, value, Links { depth: 0, ways: &Cell::new(0) }) {
            Ok(condition) => Ok(condition),
            Err(Failure::Unknown) => Err(refused(NAME, format!("no search parameter: `{path}`"))),
            Err(Failure::Refused(error)) => Err(refused(NAME, format!("`{path}` {}", error.reason))),
        };
    // A comma is part of the value here.
    let escaped = value.replace('\\', "\\\\").replace(',', "\\,").replace('$', "\\$");
    let is_ordered = matches!(kind, Some(ParameterKind::Date | ParameterKind::Number | ParameterKind::Quantity));
    match operator {
        "pr" => match value {
            "true" => taken(format!("{path}:missing"), "false"),
            "false" => taken(format!("{path}:missing"), "true"),
            _ => Err(refused(NAME, "`pr` takes true or false")),
        },
        "gt" | "lt" | "ge" | "le" | "sa" | "eb" | "ap" => taken(path.into(), &format!("{operator}{escaped}")),
        "eq" if kind == Some(ParameterKind::String) => {
            Ok(compared_by(taken(format!("{path}:exact"), &escaped)?, &Modifier::Whole))
        }
        "ew" if kind == Some(ParameterKind::String) => {
            Ok(compared_by(taken(format!("{path}:exact"), &escaped)?, &Modifier::Ends))
        }
        "po" if kind == Some(ParameterKind::Date) => taken(path.into(), &escaped).map(overlapping),
        "eq" | "re" | "sw" if operator != "sw" || kind == Some(ParameterKind::String) => taken(path.into(), &escaped),
        "ne" if is_ordered => taken(path.into(), &format!("ne{escaped}")),
        "ne" => Ok(Condition::Not(Box::new(compare(resource, path, "eq", value)?))),
        "co" if kind == Some(ParameterKind::String) => taken(format!("{path}:contains"), &escaped),
        "co" | "sw" | "ew" | "po" | "ss" | "sb" | "in" => {
            Err(QueryError { is_unsupported: true, ..refused(NAME, format!("`{operator}` of `{path}` is not served")) })
        }
        _ => Err(refused(NAME, format!("no operator: `{operator}`"))),
    }
}

/// The same values compared another way.
fn compared_by(condition: Condition, modifier: &Modifier) -> Condition {
    match condition {
        Condition::Parameter { parameter, operands, .. } => {
            Condition::Parameter { parameter, modifier: modifier.clone(), operands }
        }
        other => other,
    }
}

/// Dates that share an instant with the given ones.
fn overlapping(condition: Condition) -> Condition {
    let overlaps = |operand| match operand {
        Operand::Date(_, range) => Operand::Date(Prefix::Overlaps, range),
        other => other,
    };
    match condition {
        Condition::Parameter { parameter, modifier, operands } => {
            let operands = operands.into_iter().map(overlaps).collect();
            Condition::Parameter { parameter, modifier, operands }
        }
        other => other,
    }
}
