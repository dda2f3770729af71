//! The tests that conditions are made of: comparisons, `BETWEEN`, `IN` and functions.

use std::cmp::Ordering;

use super::operand::{Operand, begins_with, contains, order};
use super::path::Path;
use super::token::{Class, Tokens};
use super::{Context, Kind};
use crate::Error;
use crate::item::{AttributeValue, Item};

/// Most operands of `IN`.
const IN_MAX: usize = 100;

/// The types `attribute_type` knows.
const TYPES: [&str; 10] = ["B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M"];

/// Functions that are conditions of their own.
const TESTS: [&str; 5] = ["attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparator {
    fn of(sign: &str) -> Option<Comparator> {
        Some(match sign {
            "=" => Comparator::Equal,
            "<>" => Comparator::NotEqual,
            "<" => Comparator::Less,
            "<=" => Comparator::LessOrEqual,
            ">" => Comparator::Greater,
            ">=" => Comparator::GreaterOrEqual,
            _ => return None,
        })
    }

    pub fn sign(self) -> &'static str {
        match self {
            Comparator::Equal => "=",
            Comparator::NotEqual => "<>",
            Comparator::Less => "<",
            Comparator::LessOrEqual => "<=",
            Comparator::Greater => ">",
            Comparator::GreaterOrEqual => ">=",
        }
    }

    /// The comparator that says the same with the sides exchanged.
    pub fn flipped(self) -> Comparator {
        match self {
            Comparator::Less => Comparator::Greater,
            Comparator::LessOrEqual => Comparator::GreaterOrEqual,
            Comparator::Greater => Comparator::Less,
            Comparator::GreaterOrEqual => Comparator::LessOrEqual,
            same => same,
        }
    }

    fn holds(self, left: &AttributeValue, right: &AttributeValue) -> bool {
        match self {
            Comparator::Equal => left == right,
            Comparator::NotEqual => left != right,
            Comparator::Less => order(left, right) == Some(Ordering::Less),
            Comparator::LessOrEqual => order(left, right).is_some_and(Ordering::is_le),
            Comparator::Greater => order(left, right) == Some(Ordering::Greater),
            Comparator::GreaterOrEqual => order(left, right).is_some_and(Ordering::is_ge),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Predicate {
    Compare(Operand, Comparator, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(Path),
    NotExists(Path),
    Type(Path, String),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
}

impl Predicate {
    /// Reads the test at the cursor.
    pub fn parse(tokens: &mut Tokens<'_>, context: &mut Context) -> Result<Predicate, Error> {
        let first = tokens.peek();
        if first.class == Class::Word && tokens.peek_at(1).is_sign("(") && TESTS.contains(&first.text) {
            return function(tokens, context);
        }
        let left = operand(tokens, context)?;
        let sign = tokens.peek();
        tokens.count_operator()?;
        if let Some(comparator) = (sign.class == Class::Sign).then(|| Comparator::of(sign.text)).flatten() {
            tokens.advance();
            let right = operand(tokens, context)?;
            check_distinct_operands(tokens.kind, "operator", sign.text, &left, &[&right])?;
            if !matches!(comparator, Comparator::Equal | Comparator::NotEqual) {
                check_types(tokens.kind, sign.text, &[&left, &right], &["S", "N", "B"])?;
            }
            Ok(Predicate::Compare(left, comparator, right))
        } else if tokens.take_keyword("BETWEEN") {
            let low = operand(tokens, context)?;
            tokens.expect_keyword("AND")?;
            let high = operand(tokens, context)?;
            check_types(tokens.kind, "BETWEEN", &[&left, &low, &high], &["S", "N", "B"])?;
            check_bounds(tokens.kind, &low, &high)?;
            Ok(Predicate::Between(left, low, high))
        } else if tokens.take_keyword("IN") {
            tokens.expect_sign("(")?;
            let list = operands(tokens, context)?;
            if list.len() > IN_MAX {
                return Err(tokens.kind.invalid(format_args!(
                    "The IN operator is provided with too many operands; number of operands: {}",
                    list.len()
                )));
            }
            Ok(Predicate::In(left, list))
        } else {
            Err(tokens.syntax_error())
        }
    }

    pub fn matches(&self, item: &Item) -> bool {
        match self {
            Predicate::Compare(left, comparator, right) => match (left.value(item), right.value(item)) {
                (Some(left), Some(right)) => comparator.holds(&left, &right),
                _ => *comparator == Comparator::NotEqual,
            },
            Predicate::Between(value, low, high) => {
                let bounds = value.value(item).zip(low.value(item)).zip(high.value(item));
                bounds.is_some_and(|((value, low), high)| {
                    Comparator::GreaterOrEqual.holds(&value, &low) && Comparator::LessOrEqual.holds(&value, &high)
                })
            }
            Predicate::In(value, list) => {
                value.value(item).is_some_and(|value| list.iter().any(|each| each.value(item).as_ref() == Some(&value)))
            }
            Predicate::Exists(path) => path.get(item).is_some(),
            Predicate::NotExists(path) => path.get(item).is_none(),
            Predicate::Type(path, name) => path.get(item).is_some_and(|value| value.type_name() == name),
            Predicate::BeginsWith(value, prefix) => {
                value.value(item).zip(prefix.value(item)).is_some_and(|(value, prefix)| begins_with(&value, &prefix))
            }
            Predicate::Contains(value, part) => {
                value.value(item).zip(part.value(item)).is_some_and(|(value, part)| contains(&value, &part))
            }
        }
    }

    /// The operands, paths of functions included.
    pub fn paths(&self) -> Vec<&Path> {
        let operands: Vec<&Operand> = match self {
            Predicate::Exists(path) | Predicate::NotExists(path) | Predicate::Type(path, _) => return vec![path],
            Predicate::Compare(a, _, b) | Predicate::BeginsWith(a, b) | Predicate::Contains(a, b) => vec![a, b],
            Predicate::Between(a, b, c) => vec![a, b, c],
            Predicate::In(a, list) => std::iter::once(a).chain(list).collect(),
        };
        let path = |operand| match operand {
            &Operand::Path(ref path) | &Operand::Size(ref path) => Some(path),
            Operand::Value(_) => None,
        };
        operands.into_iter().filter_map(path).collect()
    }
}

/// Reads a function that is a test.
fn function(tokens: &mut Tokens<'_>, context: &mut Context) -> Result<Predicate, Error> {
    let kind = tokens.kind;
    let name = tokens.advance().text;
    tokens.advance();
    tokens.count_operator()?;
    let arguments = operands(tokens, context)?;
    let count = arguments.len();
    let wrong_count = || {
        kind.invalid(format_args!(
            "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {count}"
        ))
    };
    let mut arguments = arguments.into_iter();
    let first = arguments.next().ok_or_else(wrong_count)?;
    if let "attribute_exists" | "attribute_not_exists" = name {
        if count != 1 {
            return Err(wrong_count());
        }
        let path = document_path(kind, name, first)?;
        return Ok(if name == "attribute_exists" { Predicate::Exists(path) } else { Predicate::NotExists(path) });
    }
    let second = arguments.next().filter(|_| count == 2).ok_or_else(wrong_count)?;
    if name == "attribute_type" {
        let path = document_path(kind, name, first)?;
        return Ok(Predicate::Type(path, type_argument(kind, second)?));
    }
    check_distinct_operands(kind, "operator or function", name, &first, &[&second])?;
    if name == "begins_with" {
        check_types(kind, name, &[&first, &second], &["S", "B"])?;
        return Ok(Predicate::BeginsWith(first, second));
    }
    Ok(Predicate::Contains(first, second))
}

/// Operands up to the closing parenthesis; the opening one is taken.
fn operands(tokens: &mut Tokens<'_>, context: &mut Context) -> Result<Vec<Operand>, Error> {
    let mut list = vec![operand(tokens, context)?];
    while tokens.take_sign(",") {
        list.push(operand(tokens, context)?);
    }
    tokens.expect_sign(")")?;
    Ok(list)
}

fn operand(tokens: &mut Tokens<'_>, context: &mut Context) -> Result<Operand, Error> {
    let kind = tokens.kind;
    let first = tokens.peek();
    if first.class == Class::Value {
        tokens.advance();
        return Ok(Operand::Value(context.value(kind, first.text)?));
    }
    if first.class != Class::Word || !tokens.peek_at(1).is_sign("(") {
        return Path::parse(tokens, context).map(Operand::Path);
    }
    let name = tokens.expect_name()?;
    if TESTS.contains(&name) || matches!(name, "if_not_exists" | "list_append") {
        return Err(kind.invalid(format_args!(
            "The function is not allowed to be used this way in an expression; function: {name}"
        )));
    }
    if name != "size" {
        return Err(kind.invalid(format_args!("Invalid function name; function: {name}")));
    }
    tokens.advance();
    tokens.count_operator()?;
    let path = match tokens.peek().class {
        Class::Word if tokens.peek().text == name && tokens.peek_at(1).is_sign("(") => {
            return Err(wrong_type(kind, name, "N"));
        }
        Class::Word if tokens.peek_at(1).is_sign("(") => {
            return Err(kind.invalid(format_args!(
                "The function is not allowed to be used this way in an expression; function: {}",
                tokens.peek().text
            )));
        }
        Class::Value => {
            let value = context.value(kind, tokens.advance().text)?;
            let length = super::operand::length(&value).ok_or_else(|| wrong_type(kind, name, value.type_name()))?;
            tokens.expect_sign(")")?;
            return Ok(Operand::Value(length));
        }
        _ => Path::parse(tokens, context)?,
    };
    tokens.expect_sign(")")?;
    Ok(Operand::Size(path))
}

fn document_path(kind: Kind, function: &str, operand: Operand) -> Result<Path, Error> {
    match operand {
        Operand::Path(path) => Ok(path),
        _ => Err(kind
            .invalid(format_args!("Operator or function requires a document path; operator or function: {function}"))),
    }
}

fn type_argument(kind: Kind, operand: Operand) -> Result<String, Error> {
    match operand {
        Operand::Value(AttributeValue::S(name)) if TYPES.contains(&name.as_str()) => Ok(name),
        Operand::Value(AttributeValue::S(name)) => Err(kind.invalid(format_args!(
            "Invalid attribute type name found; type: {name}, valid types: {{{}}}",
            TYPES.join(",")
        ))),
        Operand::Value(value) => Err(wrong_type(kind, "attribute_type", value.type_name())),
        _ => Err(kind.invalid(
            "Incorrect operand type for operator or function; operator or function: attribute_type, operand type: path",
        )),
    }
}

fn wrong_type(kind: Kind, operator: &str, found: &str) -> Error {
    kind.invalid(format_args!(
        "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {found}"
    ))
}

fn check_types(kind: Kind, operator: &str, operands: &[&Operand], allowed: &[&str]) -> Result<(), Error> {
    match operands.iter().filter_map(|operand| operand.constant_type()).find(|found| !allowed.contains(found)) {
        Some(found) => Err(wrong_type(kind, operator, found)),
        None => Ok(()),
    }
}

fn check_distinct_operands(
    kind: Kind,
    label: &str,
    name: &str,
    first: &Operand,
    others: &[&Operand],
) -> Result<(), Error> {
    match first {
        Operand::Path(path) if others.contains(&first) => Err(kind.invalid(format_args!(
            "The first operand must be distinct from the remaining operands for this operator or function; {label}: {name}, first operand: {path}"
        ))),
        _ => Ok(()),
    }
}

fn check_bounds(kind: Kind, low: &Operand, high: &Operand) -> Result<(), Error> {
    let (Operand::Value(low), Operand::Value(high)) = (low, high) else { return Ok(()) };
    match order(low, high) {
        None => Err(kind.invalid("The BETWEEN operator requires same data type for lower and upper bounds")),
        Some(Ordering::Greater) => {
            Err(kind.invalid("The BETWEEN operator requires upper bound to be greater than or equal to lower bound"))
        }
        Some(_) => Ok(()),
    }
}
