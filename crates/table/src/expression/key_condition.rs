//! Key condition expressions: one hash key value and, if wanted, an interval of range keys.

use std::ops::Bound;

use super::condition::{Condition, Op};
use super::operand::Operand;
use super::predicate::{Comparator, Predicate};
use super::{Context, Kind};
use crate::Error;
use crate::item::AttributeValue;
use crate::item::key::{self, Type};

/// Which items of a table or index a query reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCondition {
    /// The hash key they share.
    pub hash: AttributeValue,
    /// What their range keys have in common; all of them without it.
    pub range: Option<RangeCondition>,
}

/// A condition on the range key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RangeCondition {
    Equal(AttributeValue),
    Less(AttributeValue),
    LessOrEqual(AttributeValue),
    Greater(AttributeValue),
    GreaterOrEqual(AttributeValue),
    /// Both bounds belong to it.
    Between(AttributeValue, AttributeValue),
    BeginsWith(AttributeValue),
}

impl RangeCondition {
    /// The condition as an interval of [`key::encode`]d values.
    pub fn bounds(&self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        let bytes = |value: &AttributeValue| key::encode(value).unwrap_or_default();
        match self {
            RangeCondition::Equal(value) => (Bound::Included(bytes(value)), Bound::Included(bytes(value))),
            RangeCondition::Less(value) => (Bound::Unbounded, Bound::Excluded(bytes(value))),
            RangeCondition::LessOrEqual(value) => (Bound::Unbounded, Bound::Included(bytes(value))),
            RangeCondition::Greater(value) => (Bound::Excluded(bytes(value)), Bound::Unbounded),
            RangeCondition::GreaterOrEqual(value) => (Bound::Included(bytes(value)), Bound::Unbounded),
            RangeCondition::Between(low, high) => (Bound::Included(bytes(low)), Bound::Included(bytes(high))),
            RangeCondition::BeginsWith(prefix) => {
                let prefix = bytes(prefix);
                let end = key::after_prefix(&prefix).map_or(Bound::Unbounded, Bound::Excluded);
                (Bound::Included(prefix), end)
            }
        }
    }

    fn values(&self) -> Vec<&AttributeValue> {
        match self {
            RangeCondition::Between(low, high) => vec![low, high],
            RangeCondition::Equal(value)
            | RangeCondition::Less(value)
            | RangeCondition::LessOrEqual(value)
            | RangeCondition::Greater(value)
            | RangeCondition::GreaterOrEqual(value)
            | RangeCondition::BeginsWith(value) => vec![value],
        }
    }
}

impl KeyCondition {
    /// Reads a key condition for a table or index with these key attributes.
    ///
    /// # Errors
    /// `Validation` when it is not one equality on the hash key with at most one condition on the range key, or a value has not the
    /// type of its key.
    pub fn parse(
        text: &str,
        context: &mut Context,
        hash: (&str, Type),
        range: Option<(&str, Type)>,
    ) -> Result<KeyCondition, Error> {
        let condition = Condition::parse(Kind::KeyCondition, text, context)?;
        let mut conditions: Vec<(String, RangeCondition)> = Vec::new();
        for op in condition.into_program() {
            match op {
                Op::Test(predicate) => {
                    let (name, condition) = key_test(predicate)?;
                    if conditions.iter().any(|(other, _)| *other == name) {
                        return Err(Error::validation(
                            "KeyConditionExpressions must only contain one condition per key",
                        ));
                    }
                    conditions.push((name, condition));
                }
                Op::And => {}
                Op::Or => return Err(invalid_operator("OR")),
                Op::Not => return Err(invalid_operator("NOT")),
            }
        }
        if conditions.len() > 2 {
            return Err(Error::validation("Conditions can be of length 1 or 2 only"));
        }
        let mut take = |name: &str| {
            let position = conditions.iter().position(|(other, _)| other == name)?;
            Some(conditions.swap_remove(position).1)
        };
        let hash_condition = take(hash.0).ok_or_else(|| missed(hash.0))?;
        check_type(hash.0, &hash_condition, hash.1)?;
        let RangeCondition::Equal(value) = hash_condition else {
            return Err(Error::validation("Query key condition not supported"));
        };
        let range_condition = range.and_then(|(name, kind)| Some((take(name)?, kind)));
        if !conditions.is_empty() {
            return Err(
                range.map_or_else(|| Error::validation("Query key condition not supported"), |(name, _)| missed(name))
            );
        }
        if let (Some((condition, kind)), Some((name, _))) = (&range_condition, range) {
            check_type(name, condition, *kind)?;
        }
        Ok(KeyCondition { hash: value, range: range_condition.map(|(condition, _)| condition) })
    }
}

fn missed(name: &str) -> Error {
    Error::Validation(format!("Query condition missed key schema element: {name}"))
}

fn invalid_operator(operator: &str) -> Error {
    Error::Validation(format!("Invalid operator used in KeyConditionExpression: {operator}"))
}

fn check_type(name: &str, condition: &RangeCondition, kind: Type) -> Result<(), Error> {
    for value in condition.values() {
        if Type::of(value) != Some(kind) {
            return Err(Error::validation(
                "One or more parameter values were invalid: Condition parameter type does not match schema type",
            ));
        }
        let empty = match value {
            AttributeValue::S(text) if text.is_empty() => "string",
            AttributeValue::B(bytes) if bytes.is_empty() => "binary",
            _ => continue,
        };
        return Err(Error::Validation(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {empty} value. Key: {name}"
        )));
    }
    Ok(())
}

/// The key attribute of a test and what it asks of it.
fn key_test(predicate: Predicate) -> Result<(String, RangeCondition), Error> {
    match predicate {
        Predicate::Compare(_, Comparator::NotEqual, _) => Err(invalid_operator("<>")),
        Predicate::Compare(left @ Operand::Value(_), comparator, right) => {
            key_test(Predicate::Compare(right, comparator.flipped(), left)).map_err(|error| match error {
                // Two values: nothing to exchange.
                Error::Validation(_) => unsupported(comparator.sign()),
                other => other,
            })
        }
        Predicate::Compare(left, comparator, Operand::Value(value)) => {
            let name = attribute(left, comparator.sign())?;
            let condition = match comparator {
                Comparator::Equal | Comparator::NotEqual => RangeCondition::Equal(value),
                Comparator::Less => RangeCondition::Less(value),
                Comparator::LessOrEqual => RangeCondition::LessOrEqual(value),
                Comparator::Greater => RangeCondition::Greater(value),
                Comparator::GreaterOrEqual => RangeCondition::GreaterOrEqual(value),
            };
            Ok((name, condition))
        }
        Predicate::Between(key, Operand::Value(low), Operand::Value(high)) => {
            Ok((attribute(key, "BETWEEN")?, RangeCondition::Between(low, high)))
        }
        Predicate::BeginsWith(key, Operand::Value(prefix)) => {
            Ok((attribute(key, "begins_with")?, RangeCondition::BeginsWith(prefix)))
        }
        Predicate::Compare(Operand::Path(_), _, Operand::Path(_)) => Err(Error::validation(
            "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition",
        )),
        Predicate::Compare(_, comparator, _) => Err(unsupported(comparator.sign())),
        Predicate::Between(..) => Err(unsupported("BETWEEN")),
        Predicate::BeginsWith(..) => Err(unsupported("begins_with")),
        Predicate::In(..) => Err(invalid_operator("IN")),
        Predicate::Exists(_) => Err(invalid_operator("attribute_exists")),
        Predicate::NotExists(_) => Err(invalid_operator("attribute_not_exists")),
        Predicate::Type(..) => Err(invalid_operator("attribute_type")),
        Predicate::Contains(..) => Err(invalid_operator("contains")),
    }
}

fn unsupported(operator: &str) -> Error {
    Error::Validation(format!(
        "Invalid condition in KeyConditionExpression: {operator} operator must have one operand that is a key attribute"
    ))
}

fn attribute(operand: Operand, operator: &str) -> Result<String, Error> {
    match operand {
        Operand::Path(path) if path.steps.is_empty() => Ok(path.attribute),
        Operand::Path(_) => {
            Err(Error::validation("KeyConditionExpressions cannot have conditions on nested attributes"))
        }
        Operand::Size(_) => Err(invalid_operator("size")),
        Operand::Value(_) => Err(unsupported(operator)),
    }
}
