//! The `Conditions` section: each name to true or false, from parameters and mappings alone.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::Error;
use crate::intrinsics::{Scope, scalar};

/// Evaluates every condition.
///
/// # Errors
/// `Template` when one is malformed, or names itself directly or through others.
pub(crate) fn evaluate(declared: &Map<String, Value>, scope: &mut Scope<'_>) -> Result<(), Error> {
    for name in declared.keys() {
        named(name, declared, scope, &mut Vec::new())?;
    }
    Ok(())
}

fn named(
    name: &str,
    declared: &Map<String, Value>,
    scope: &mut Scope<'_>,
    path: &mut Vec<String>,
) -> Result<bool, Error> {
    if let Some(known) = scope.conditions.get(name) {
        return Ok(*known);
    }
    if path.iter().any(|one| one == name) {
        return Err(Error::template(format!("Circular dependency between conditions: [{}]", path.join(", "))));
    }
    let Some(body) = declared.get(name) else {
        return Err(Error::template(format!("Unresolved condition dependency {name} in the Conditions block")));
    };
    path.push(name.to_owned());
    // Others first, so that `test` finds all it needs.
    let mut needed = BTreeMap::new();
    collect(body, &mut needed);
    for other in needed.keys() {
        named(other, declared, scope, path)?;
    }
    path.pop();
    let value = test(body, scope)?;
    scope.conditions.insert(name.to_owned(), value);
    Ok(value)
}

fn collect(value: &Value, found: &mut BTreeMap<String, ()>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(other) if name == "Condition" => {
                        found.insert(other.clone(), ());
                    }
                    member => collect(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

/// Evaluates one condition expression.
pub(crate) fn test(value: &Value, scope: &Scope<'_>) -> Result<bool, Error> {
    let malformed = || Error::template("condition is malformed: expected one of And, Or, Not, Equals, Condition");
    let Value::Object(members) = value else { return Err(malformed()) };
    let (Some((name, body)), 1) = (members.iter().next(), members.len()) else { return Err(malformed()) };
    let list = || body.as_array().map(Vec::as_slice).ok_or_else(malformed);
    match name.as_str() {
        "Condition" => {
            let name = body.as_str().ok_or_else(malformed)?;
            scope
                .conditions
                .get(name)
                .copied()
                .ok_or_else(|| Error::template(format!("condition is not declared. name=`{name}`")))
        }
        "Fn::Not" => match list()? {
            [one] => Ok(!test(one, scope)?),
            _ => Err(malformed()),
        },
        "Fn::And" => list()?.iter().try_fold(true, |all, one| Ok(test(one, scope)? && all)),
        "Fn::Or" => list()?.iter().try_fold(false, |any, one| Ok(test(one, scope)? || any)),
        "Fn::Equals" => match list()? {
            [left, right] => Ok(scalar(left, scope)? == scalar(right, scope)?),
            _ => Err(malformed()),
        },
        _ => Err(malformed()),
    }
}
