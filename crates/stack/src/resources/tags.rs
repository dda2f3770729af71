//! Tags of a stack on its resources: merged into the properties, and told to the service when they change.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Surroundings;
use crate::parameters::text;

/// Adds the stack's tags to a `Tags` list of `{Key, Value}`; the resource's own come first.
pub(super) fn list(properties: &mut Value, around: &Surroundings<'_>) {
    let own = read(properties);
    let missing: Vec<Value> = around
        .wanted
        .tags
        .iter()
        .filter(|(key, _)| !own.contains_key(*key))
        .map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect();
    if missing.is_empty() {
        return;
    }
    if let Value::Object(members) = properties
        && let Value::Array(tags) = members.entry("Tags").or_insert_with(|| json!([]))
    {
        tags.extend(missing);
    }
}

/// The same for a `Tags` object of names and values.
pub(super) fn map(properties: &mut Value, around: &Surroundings<'_>) {
    if around.wanted.tags.is_empty() {
        return;
    }
    if let Value::Object(members) = properties
        && let Value::Object(tags) = members.entry("Tags").or_insert_with(|| json!({}))
    {
        for (key, value) in &around.wanted.tags {
            tags.entry(key.clone()).or_insert_with(|| json!(value));
        }
    }
}

/// The tags of properties, in either form.
pub(super) fn read(properties: &Value) -> BTreeMap<String, String> {
    match properties.get("Tags") {
        Some(Value::Array(tags)) => {
            tags.iter().filter_map(|tag| Some((text(tag.get("Key")?), text(tag.get("Value")?)))).collect()
        }
        Some(Value::Object(tags)) => tags.iter().map(|(key, value)| (key.clone(), text(value))).collect(),
        _ => BTreeMap::new(),
    }
}

/// Tags to be set and keys to be removed on the way from `old` to `new`.
pub(super) fn change(old: &Value, new: &Value) -> (BTreeMap<String, String>, Vec<String>) {
    let (before, after) = (read(old), read(new));
    let gone = before.keys().filter(|key| !after.contains_key(*key)).cloned().collect();
    (after.into_iter().filter(|(key, value)| before.get(key) != Some(value)).collect(), gone)
}

/// `[{Key, Value}]`.
pub(super) fn pairs(tags: &BTreeMap<String, String>) -> Value {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// `{key: value}`.
pub(super) fn object(tags: &BTreeMap<String, String>) -> Value {
    Value::Object(tags.iter().map(|(key, value)| (key.clone(), json!(value))).collect::<Map<_, _>>())
}
