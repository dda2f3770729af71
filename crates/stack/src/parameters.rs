//! Values of a template's parameters: what was given, else the default, checked against type and constraints.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::{Error, Template};

/// Largest value of a parameter, as CloudFormation.
const VALUE_BYTES_MAX: usize = 4096;

/// Resolves all parameters of a template.
///
/// A parameter of an `AWS::SSM::...` type that was not given keeps its default as it stands: there is no parameter
/// store to ask. Lists become arrays.
///
/// # Errors
/// `Template` when a value is missing, unknown, of the wrong type, or not allowed.
pub fn parameters(template: &Template, given: &BTreeMap<String, String>) -> Result<Map<String, Value>, Error> {
    let mut values = Map::new();
    for (name, value) in effective(template, given)? {
        let declared = template.parameters.get(&name).unwrap_or(&Value::Null);
        values.insert(name.clone(), typed(&name, declared, value)?);
    }
    Ok(values)
}

/// The values of all parameters as strings: those given, and the defaults of the others.
///
/// # Errors
/// `Template` when one is missing or unknown.
pub(crate) fn effective(
    template: &Template,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Error> {
    let list = |names: Vec<&String>| names.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let unknown: Vec<&String> = given.keys().filter(|name| !template.parameters.contains_key(*name)).collect();
    if !unknown.is_empty() {
        return Err(Error::template(format!("Parameters: [{}] do not exist in the template", list(unknown))));
    }
    let default = |name: &str| template.parameters.get(name)?.get("Default").map(text);
    let (mut values, mut missing) = (BTreeMap::new(), Vec::new());
    for name in template.parameters.keys() {
        match given.get(name).cloned().or_else(|| default(name)) {
            Some(value) => _ = values.insert(name.clone(), value),
            None => missing.push(name),
        }
    }
    if missing.is_empty() {
        return Ok(values);
    }
    Err(Error::template(format!("Parameters: [{}] must have values", list(missing))))
}

/// Names of the parameters whose values are never shown.
pub(crate) fn no_echo(template: &Template) -> BTreeSet<String> {
    let hidden = |declared: &Value| declared.get("NoEcho").map(text).is_some_and(|flag| flag == "true");
    template.parameters.iter().filter(|(_, declared)| hidden(declared)).map(|(name, _)| name.clone()).collect()
}

fn typed(name: &str, declared: &Value, value: String) -> Result<Value, Error> {
    let kind = declared.get("Type").and_then(Value::as_str).unwrap_or("String");
    let list = kind == "CommaDelimitedList" || kind.contains("List<") || kind.contains("<CommaDelimitedList>");
    let items: Vec<String> =
        if list { value.split(',').map(|item| item.trim().to_owned()).collect() } else { vec![value.clone()] };
    for item in &items {
        check(name, kind, declared, item)?;
    }
    if list { Ok(Value::Array(items.into_iter().map(Value::String).collect())) } else { Ok(Value::String(value)) }
}

/// Checks one value; no message repeats it, since it may be a secret.
fn check(name: &str, kind: &str, declared: &Value, value: &str) -> Result<(), Error> {
    let Some(why) = breach(name, kind, declared, value)? else { return Ok(()) };
    let constraint = declared.get("ConstraintDescription").and_then(Value::as_str);
    Err(Error::template(match constraint {
        Some(description) => format!("Parameter '{name}' failed to satisfy constraint: {description}"),
        None => format!("Parameter '{name}' {why}"),
    }))
}

fn breach(name: &str, kind: &str, declared: &Value, value: &str) -> Result<Option<String>, Error> {
    if value.len() > VALUE_BYTES_MAX {
        return Ok(Some(format!("must contain at most {VALUE_BYTES_MAX} bytes")));
    }
    let bound = |member: &str| declared.get(member).map(text).and_then(|bound| bound.parse::<f64>().ok());
    if kind == "Number" || kind == "List<Number>" {
        let Ok(number) = value.parse::<f64>() else { return Ok(Some("must be a number.".into())) };
        if let Some(least) = bound("MinValue").filter(|least| number < *least) {
            return Ok(Some(format!("must be a number not less than {least}")));
        }
        if let Some(most) = bound("MaxValue").filter(|most| number > *most) {
            return Ok(Some(format!("must be a number not greater than {most}")));
        }
    }
    if let Some(Value::Array(allowed)) = declared.get("AllowedValues")
        && !allowed.iter().any(|one| text(one) == value)
    {
        let allowed: Vec<String> = allowed.iter().map(text).collect();
        return Ok(Some(format!("must be one of AllowedValues: [{}]", allowed.join(", "))));
    }
    let length = |member: &str| declared.get(member).map(text).and_then(|bound| bound.parse::<usize>().ok());
    let characters = value.chars().count();
    if let Some(least) = length("MinLength").filter(|least| characters < *least) {
        return Ok(Some(format!("must contain at least {least} characters")));
    }
    if let Some(most) = length("MaxLength").filter(|most| characters > *most) {
        return Ok(Some(format!("must contain at most {most} characters")));
    }
    if let Some(pattern) = declared.get("AllowedPattern").and_then(Value::as_str) {
        // The whole value must match.
        let compiled = regex::Regex::new(&format!("^(?:{pattern})$"))
            .map_err(|_| Error::template(format!("Template error: AllowedPattern of parameter {name} is not valid")))?;
        if !compiled.is_match(value) {
            return Ok(Some(format!("must match pattern {pattern}")));
        }
    }
    Ok(None)
}

/// A scalar as CloudFormation turns it into a string.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
