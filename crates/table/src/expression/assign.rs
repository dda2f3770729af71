//! The right side of `SET`: a path, a value, a sum, a difference, `if_not_exists` or `list_append`.

use super::path::Path;
use super::token::{Class, Tokens};
use super::{Context, Kind};
use crate::Error;
use crate::item::{AttributeValue, Item};

/// Deepest nesting of functions; far more than anyone writes, far less than the call stack holds.
const NESTING_MAX: usize = 32;

pub(super) const WRONG_TYPE: &str = "An operand in the update expression has an incorrect data type";
const MISSING: &str = "The provided expression refers to an attribute that does not exist in the item";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Assign {
    Path(Path),
    Value(AttributeValue),
    Plus(Box<Assign>, Box<Assign>),
    Minus(Box<Assign>, Box<Assign>),
    IfNotExists(Path, Box<Assign>),
    Append(Box<Assign>, Box<Assign>),
}

impl Assign {
    /// Reads a value with at most one `+` or `-`.
    pub fn parse(tokens: &mut Tokens<'_>, context: &mut Context) -> Result<Assign, Error> {
        Assign::sum(tokens, context, 0)
    }

    fn sum(tokens: &mut Tokens<'_>, context: &mut Context, depth: usize) -> Result<Assign, Error> {
        let left = Assign::operand(tokens, context, depth)?;
        let sign = tokens.peek();
        if !sign.is_sign("+") && !sign.is_sign("-") {
            return Ok(left);
        }
        tokens.advance();
        tokens.count_operator()?;
        let right = Assign::operand(tokens, context, depth)?;
        check_type(tokens.kind, sign.text, &left, "N")?;
        check_type(tokens.kind, sign.text, &right, "N")?;
        let (left, right) = (Box::new(left), Box::new(right));
        Ok(if sign.text == "+" { Assign::Plus(left, right) } else { Assign::Minus(left, right) })
    }

    fn operand(tokens: &mut Tokens<'_>, context: &mut Context, depth: usize) -> Result<Assign, Error> {
        let kind = tokens.kind;
        if depth > NESTING_MAX {
            return Err(kind.invalid(format_args!(
                "The expression is nested too deeply; maximum nesting of functions: {NESTING_MAX}"
            )));
        }
        let first = tokens.peek();
        if first.class == Class::Value {
            tokens.advance();
            return Ok(Assign::Value(context.value(kind, first.text)?));
        }
        if tokens.take_sign("(") {
            let inner = Assign::sum(tokens, context, depth + 1)?;
            tokens.expect_sign(")")?;
            return Ok(inner);
        }
        if first.class != Class::Word || !tokens.peek_at(1).is_sign("(") {
            return Path::parse(tokens, context).map(Assign::Path);
        }
        Assign::function(tokens, context, depth)
    }

    fn function(tokens: &mut Tokens<'_>, context: &mut Context, depth: usize) -> Result<Assign, Error> {
        let kind = tokens.kind;
        let name = tokens.expect_name()?;
        match name {
            "if_not_exists" | "list_append" => {}
            "attribute_exists" | "attribute_not_exists" | "attribute_type" | "begins_with" | "contains" | "size" => {
                return Err(
                    kind.invalid(format_args!("The function is not allowed in an update expression; function: {name}"))
                );
            }
            _ => return Err(kind.invalid(format_args!("Invalid function name; function: {name}"))),
        }
        tokens.advance();
        tokens.count_operator()?;
        let mut arguments = vec![Assign::operand(tokens, context, depth + 1)?];
        while tokens.take_sign(",") {
            arguments.push(Assign::operand(tokens, context, depth + 1)?);
        }
        tokens.expect_sign(")")?;
        let count = arguments.len();
        let [first, second] = <[Assign; 2]>::try_from(arguments).map_err(|_| {
            kind.invalid(format_args!(
                "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {count}"
            ))
        })?;
        if name == "list_append" {
            check_type(kind, name, &first, "L")?;
            check_type(kind, name, &second, "L")?;
            return Ok(Assign::Append(Box::new(first), Box::new(second)));
        }
        let Assign::Path(path) = first else {
            return Err(kind
                .invalid(format_args!("Operator or function requires a document path; operator or function: {name}")));
        };
        Ok(Assign::IfNotExists(path, Box::new(second)))
    }

    /// The type, when it is known without an item.
    fn constant_type(&self) -> Option<&'static str> {
        match self {
            Assign::Value(value) => Some(value.type_name()),
            Assign::Append(..) => Some("L"),
            Assign::Plus(..) | Assign::Minus(..) => Some("N"),
            Assign::Path(_) | Assign::IfNotExists(..) => None,
        }
    }

    /// The value for an item.
    pub fn evaluate(&self, item: &Item) -> Result<AttributeValue, Error> {
        match self {
            Assign::Path(path) => path.get(item).cloned().ok_or_else(|| Error::validation(MISSING)),
            Assign::Value(value) => Ok(value.clone()),
            Assign::IfNotExists(path, other) => path.get(item).map_or_else(|| other.evaluate(item), |v| Ok(v.clone())),
            Assign::Plus(left, right) => match (left.evaluate(item)?, right.evaluate(item)?) {
                (AttributeValue::N(left), AttributeValue::N(right)) => Ok(AttributeValue::N(left.add(&right)?)),
                _ => Err(Error::validation(WRONG_TYPE)),
            },
            Assign::Minus(left, right) => match (left.evaluate(item)?, right.evaluate(item)?) {
                (AttributeValue::N(left), AttributeValue::N(right)) => Ok(AttributeValue::N(left.sub(&right)?)),
                _ => Err(Error::validation(WRONG_TYPE)),
            },
            Assign::Append(left, right) => match (left.evaluate(item)?, right.evaluate(item)?) {
                (AttributeValue::L(mut left), AttributeValue::L(right)) => {
                    left.extend(right);
                    Ok(AttributeValue::L(left))
                }
                _ => Err(Error::validation(WRONG_TYPE)),
            },
        }
    }
}

fn check_type(kind: Kind, operator: &str, operand: &Assign, expected: &str) -> Result<(), Error> {
    match operand.constant_type().filter(|found| *found != expected) {
        None => Ok(()),
        Some(found) => Err(kind.invalid(format_args!(
            "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {found}"
        ))),
    }
}
