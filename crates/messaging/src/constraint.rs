//! Constraints on members, refused in the words all AWS services share.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Error;

const TAGS_MAX: usize = 50;

/// A tag at the wire.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// Refuses a name that is too long or has other characters than letters, digits and `. - _` (and `extra`); says both if both are so.
pub(crate) fn name(member: &str, value: &str, chars_max: usize, extra: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c) || extra.contains(c);
    let shown: String = value.chars().take(256).collect();
    let mut broken = Vec::new();
    if value.is_empty() || !value.chars().all(allowed) {
        broken.push(format!("Member must satisfy regular expression pattern: [{extra}\\.\\-_A-Za-z0-9]+"));
    }
    if value.chars().nth(chars_max).is_some() {
        broken.push(format!("Member must have length less than or equal to {chars_max}"));
    }
    if broken.is_empty() {
        return Ok(());
    }
    let plural = if broken.len() == 1 { "" } else { "s" };
    let each = broken.iter().map(|one| format!("Value '{shown}' at '{member}' failed to satisfy constraint: {one}"));
    let each: Vec<String> = each.collect();
    Err(Error::Invalid(format!("{} validation error{plural} detected: {}", broken.len(), each.join("; "))))
}

pub(crate) fn length(member: &str, value: &str, chars_max: usize) -> Result<(), Error> {
    if value.chars().nth(chars_max).is_none() {
        return Ok(());
    }
    // The value may be long, and content: it is not repeated.
    let shown: String = value.chars().take(64).collect();
    Err(refused(member, &shown, &format!("Member must have length less than or equal to {chars_max}")))
}

pub(crate) fn one_of(member: &str, value: &str, allowed: &[&str]) -> Result<(), Error> {
    if allowed.contains(&value) {
        return Ok(());
    }
    Err(refused(member, value, &format!("Member must satisfy enum value set: [{}]", allowed.join(", "))))
}

pub(crate) fn range(member: &str, value: i64, from: i64, to: i64) -> Result<(), Error> {
    if value < from {
        return Err(refused(
            member,
            &value.to_string(),
            &format!("Member must have value greater than or equal to {from}"),
        ));
    }
    if value > to {
        return Err(refused(member, &value.to_string(), &format!("Member must have value less than or equal to {to}")));
    }
    Ok(())
}

fn refused(member: &str, value: &str, constraint: &str) -> Error {
    Error::Invalid(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    ))
}

/// Adds tags to those that are there.
pub(crate) fn add_tags(tags: &mut BTreeMap<String, String>, added: &[Tag]) -> Result<(), Error> {
    for (index, tag) in added.iter().enumerate() {
        if added.iter().take(index).any(|other| other.key == tag.key) {
            return Err(Error::Invalid("Invalid parameter: Duplicated keys are not allowed.".into()));
        }
        if tag.key.is_empty() || tag.key.chars().count() > 128 || tag.value.chars().count() > 256 {
            return Err(Error::Invalid("A tag's key has 1 to 128 characters, its value at most 256.".into()));
        }
        tags.insert(tag.key.clone(), tag.value.clone());
    }
    if tags.len() > TAGS_MAX {
        return Err(Error::Limit(format!("A resource can have at most {TAGS_MAX} tags.")));
    }
    Ok(())
}

/// As the wire lists them.
pub fn tag_list(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}
