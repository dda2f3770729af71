//! Values of a template's parameters: what was given, else the default, checked against type and allowed values.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{Error, Template};

/// Resolves all parameters of a template.
///
/// A parameter of an `AWS::SSM::...` type that was not given keeps its default as it stands: there is no parameter
/// store to ask. Lists become arrays.
///
/// # Errors
/// `Template` when a value is missing, unknown, of the wrong type, or not allowed.
pub fn parameters(template: &Template, given: &BTreeMap<String, String>) -> Result<Map<String, Value>, Error> {
    if let Some(unknown) = given.keys().find(|name| !template.parameters.contains_key(*name)) {
        return Err(Error::template(format!("Parameters: [{unknown}] do not exist in the template")));
    }
    let mut values = Map::new();
    for (name, declared) in &template.parameters {
        let default = declared.get("Default").map(text);
        let Some(value) = given.get(name).cloned().or(default) else {
            return Err(Error::template(format!("Parameters: [{name}] must have values")));
        };
        values.insert(name.clone(), typed(name, declared, value)?);
    }
    Ok(values)
}

fn typed(name: &str, declared: &Value, value: String) -> Result<Value, Error> {
    let kind = declared.get("Type").and_then(Value::as_str).unwrap_or("String");
    let items: Vec<String> = if kind == "CommaDelimitedList" || kind.starts_with("List<") {
        value.split(',').map(|item| item.trim().to_owned()).collect()
    } else {
        vec![value.clone()]
    };
    for item in &items {
        check(name, kind, declared, item)?;
    }
    if kind == "CommaDelimitedList" || kind.starts_with("List<") {
        Ok(Value::Array(items.into_iter().map(Value::String).collect()))
    } else {
        Ok(Value::String(value))
    }
}

fn check(name: &str, kind: &str, declared: &Value, value: &str) -> Result<(), Error> {
    let refuse = |why: &str| Err(Error::template(format!("Parameter '{name}' {why}")));
    if kind.contains("Number") {
        let Ok(number) = value.parse::<f64>() else { return refuse("must be a number.") };
        let bound = |member: &str| declared.get(member).map(text).and_then(|bound| bound.parse::<f64>().ok());
        if bound("MinValue").is_some_and(|least| number < least) {
            return refuse("is less than MinValue.");
        }
        if bound("MaxValue").is_some_and(|most| number > most) {
            return refuse("is more than MaxValue.");
        }
    }
    if let Some(Value::Array(allowed)) = declared.get("AllowedValues")
        && !allowed.iter().any(|one| text(one) == value)
    {
        let allowed: Vec<String> = allowed.iter().map(text).collect();
        return refuse(&format!("must be one of AllowedValues: [{}]", allowed.join(", ")));
    }
    let length = |member: &str| declared.get(member).map(text).and_then(|bound| bound.parse::<usize>().ok());
    let characters = value.chars().count();
    if length("MinLength").is_some_and(|least| characters < least) {
        return refuse("is shorter than MinLength.");
    }
    if length("MaxLength").is_some_and(|most| characters > most) {
        return refuse("is longer than MaxLength.");
    }
    Ok(())
}

/// A scalar as CloudFormation turns it into a string.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
