//! Checks of members and the service's words for what does not pass them.

use event::Arn;
use serde_json::{Map, Value};

use crate::Error;

/// Refuses members this program does not know, unless they are null, or empty and in `if_empty`.
pub(super) fn supported(value: &Value, prefix: &str, known: &[&str], if_empty: &[&str]) -> Result<(), Error> {
    let Some(members) = value.as_object() else {
        if value.is_null() {
            return Ok(());
        }
        return Err(Error::Invalid(format!("{} is not an object", prefix.trim_end_matches('.'))));
    };
    for (member, value) in members {
        let empty = value.as_str().is_some_and(str::is_empty) || value.as_object().is_some_and(Map::is_empty);
        let harmless = value.is_null() || (empty && if_empty.contains(&member.as_str()));
        if !harmless && !known.contains(&member.as_str()) {
            return Err(not_supported(&format!("{prefix}{member}")));
        }
    }
    Ok(())
}

pub(super) fn check_enum(input: &Map<String, Value>, member: &str, known: &[&str]) -> Result<(), Error> {
    match input.get(member) {
        None => Ok(()),
        Some(Value::String(text)) if known.contains(&text.as_str()) => Ok(()),
        Some(other) => Err(enumeration(other.as_str().unwrap_or("?"), &lower_first(member), known)),
    }
}

pub(super) fn parse_arn(text: &str, path: &str) -> Result<Arn, Error> {
    text.parse().map_err(|_| constraint(text, path, "Member must be an ARN"))
}

pub(super) fn lower_first(member: &str) -> String {
    let mut chars = member.chars();
    chars.next().map(|first| first.to_ascii_lowercase().to_string() + chars.as_str()).unwrap_or_default()
}

pub(super) fn not_supported(path: &str) -> Error {
    Error::Invalid(format!("{path} is not supported"))
}

pub(super) fn length(path: &str, max: usize) -> Error {
    Error::Invalid(format!(
        "1 validation error detected: Value at '{path}' failed to satisfy constraint: Member must have length between 1 and {max}"
    ))
}

pub(super) fn enumeration(value: &str, path: &str, known: &[&str]) -> Error {
    constraint(value, path, &format!("Member must satisfy enum value set: [{}]", known.join(", ")))
}

pub(super) fn constraint(value: &str, path: &str, rule: &str) -> Error {
    Error::Invalid(format!(
        "1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: {rule}"
    ))
}
