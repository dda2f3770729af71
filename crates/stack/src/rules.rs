//! The `Rules` section: what the values of parameters must satisfy together.
//!
//! Functions: `Fn::Contains`, `Fn::EachMemberEquals`, `Fn::EachMemberIn` and those of conditions. `Fn::RefAll`,
//! `Fn::ValueOf` and `Fn::ValueOfAll` are refused by name: they ask an account for its networks.

use serde_json::{Map, Value};

use crate::intrinsics::scalar;
use crate::parameters::text;
use crate::{Error, Scope, conditions};

/// Checks every assertion whose rule applies.
///
/// # Errors
/// `Template` with the description of the first assertion that does not hold, or when a rule is malformed.
pub(crate) fn check(rules: &Map<String, Value>, scope: &Scope<'_>) -> Result<(), Error> {
    for (name, rule) in rules {
        if let Some(condition) = rule.get("RuleCondition")
            && !holds(condition, scope)?
        {
            continue;
        }
        for assertion in rule.get("Assertions").and_then(Value::as_array).into_iter().flatten() {
            let assert = assertion.get("Assert").ok_or_else(|| malformed(name))?;
            if !holds(assert, scope)? {
                let why = assertion.get("AssertDescription").and_then(Value::as_str).unwrap_or("an assertion failed");
                return Err(Error::template(format!("Template validation error: Rule {name}: {why}")));
            }
        }
    }
    Ok(())
}

fn holds(value: &Value, scope: &Scope<'_>) -> Result<bool, Error> {
    let Value::Object(members) = value else { return Err(malformed("assertion")) };
    let (Some((name, body)), 1) = (members.iter().next(), members.len()) else { return Err(malformed("assertion")) };
    let list = || body.as_array().map(Vec::as_slice).ok_or_else(|| malformed(name));
    match (name.as_str(), list()?) {
        ("Fn::Not", [one]) => Ok(!holds(one, scope)?),
        ("Fn::And", many) => many.iter().try_fold(true, |all, one| Ok(all && holds(one, scope)?)),
        ("Fn::Or", many) => many.iter().try_fold(false, |any, one| Ok(any || holds(one, scope)?)),
        ("Fn::Contains", [all, one]) => Ok(texts(all, scope)?.contains(&text(&scalar(one, scope)?))),
        ("Fn::EachMemberEquals", [all, one]) => {
            let one = text(&scalar(one, scope)?);
            Ok(texts(all, scope)?.iter().all(|member| member == &one))
        }
        ("Fn::EachMemberIn", [some, all]) => {
            let all = texts(all, scope)?;
            Ok(texts(some, scope)?.iter().all(|member| all.contains(member)))
        }
        ("Fn::Equals", _) => conditions::test(value, scope),
        _ => Err(Error::template(format!("Template error: {name} is not supported in Rules or is malformed"))),
    }
}

fn texts(value: &Value, scope: &Scope<'_>) -> Result<Vec<String>, Error> {
    match scalar(value, scope)? {
        Value::Array(items) => Ok(items.iter().map(text).collect()),
        one => Ok(vec![text(&one)]),
    }
}

fn malformed(name: &str) -> Error {
    Error::template(format!("Template error: Rules are malformed at {name}"))
}
