//! YAML templates to JSON: the short forms `!Ref`, `!Sub`, `!GetAtt a.b` become their long forms.

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

use crate::Error;

/// Nesting a template may have, in either syntax.
pub(crate) const DEPTH_MAX: usize = 64;

/// Parses YAML (JSON is YAML too, but is better parsed as JSON).
///
/// # Errors
/// `Template` when the text is no YAML or nests too deeply.
pub(crate) fn parse(text: &str) -> Result<Value, Error> {
    let yaml: Yaml = serde_yaml_ng::from_str(text).map_err(|error| {
        let (line, column) = error.location().map(|at| (at.line(), at.column())).unwrap_or_default();
        malformed("YAML", line, column, &error)
    })?;
    convert(yaml, DEPTH_MAX)
}

/// The error for a text that is not what it should be, in CloudFormation's words and with the parser's reason.
pub(crate) fn malformed(language: &str, line: usize, column: usize, reason: &dyn std::fmt::Display) -> Error {
    Error::template(format!(
        "Template format error: {language} not well-formed. (line {line}, column {column}): {reason}"
    ))
}

fn convert(yaml: Yaml, depth: usize) -> Result<Value, Error> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Error::template(format!("template nests too deeply. limit={DEPTH_MAX}")));
    };
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), _, _) => json!(value),
            (_, Some(value), _) => json!(value),
            (_, _, Some(value)) => json!(value),
            _ => Value::Null,
        },
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => {
            Value::Array(items.into_iter().map(|item| convert(item, depth)).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(members) => {
            let mut map = Map::new();
            for (name, value) in members {
                map.insert(key(name)?, convert(value, depth)?);
            }
            Value::Object(map)
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            long_form(tag.trim_start_matches('!'), convert(tagged.value, depth)?)
        }
    })
}

fn key(name: Yaml) -> Result<String, Error> {
    match name {
        Yaml::String(text) => Ok(text),
        // An account id or a port as a mapping's key.
        Yaml::Number(number) => Ok(number.to_string()),
        Yaml::Bool(value) => Ok(value.to_string()),
        _ => Err(Error::template("template has a key that is no string")),
    }
}

fn long_form(tag: &str, value: Value) -> Value {
    match (tag, value) {
        ("Ref" | "Condition", value) => json!({ tag: value }),
        ("GetAtt", Value::String(path)) => match path.split_once('.') {
            Some((id, attribute)) => json!({ "Fn::GetAtt": [id, attribute] }),
            None => json!({ "Fn::GetAtt": [path] }),
        },
        (tag, value) => json!({ format!("Fn::{tag}"): value }),
    }
}
