//! The order in which resources can be made: what is referred to first, `DependsOn` included.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{Error, Template};

/// Logical ids, each after all it depends on; otherwise as declared.
///
/// # Errors
/// `Template` when an id is not declared, or a cycle exists (its members are named).
pub fn order(template: &Template) -> Result<Vec<String>, Error> {
    let needs = dependencies(template)?;
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut ordered = Vec::new();
    while ordered.len() < template.resources.len() {
        let ready = template.resources.iter().map(|(id, _)| id.as_str()).find(|id| {
            !done.contains(id)
                && needs.get(*id).is_none_or(|needed| needed.iter().all(|need| done.contains(need.as_str())))
        });
        let Some(id) = ready else {
            return Err(Error::template(format!(
                "Circular dependency between resources: [{}]",
                cycle(&needs, &done).join(", ")
            )));
        };
        done.insert(id);
        ordered.push(id.to_owned());
    }
    Ok(ordered)
}

/// Each logical id with those it needs.
///
/// # Errors
/// `Template` when a reference names nothing that is declared.
pub fn dependencies(template: &Template) -> Result<BTreeMap<String, BTreeSet<String>>, Error> {
    let ids: BTreeSet<&str> = template.resources.iter().map(|(id, _)| id.as_str()).collect();
    let mut needs = BTreeMap::new();
    for (id, declared) in &template.resources {
        attributes(&declared.properties, &ids)?;
        let mut found = BTreeSet::new();
        references(&declared.properties, &mut found);
        found.extend(declared.depends_on.iter().cloned());
        for name in &found {
            if !ids.contains(name.as_str()) && !template.parameters.contains_key(name) {
                return Err(Error::template(format!(
                    "Template format error: Unresolved resource dependencies [{name}] in the Resources block of the \
                     template"
                )));
            }
        }
        found.retain(|name| ids.contains(name.as_str()));
        needs.insert(id.clone(), found);
    }
    let mut found = BTreeSet::new();
    for output in template.outputs.values() {
        attributes(output, &ids)?;
        references(output, &mut found);
    }
    for name in &found {
        if !ids.contains(name.as_str()) && !template.parameters.contains_key(name) {
            return Err(Error::template(format!(
                "Template format error: Unresolved resource dependencies [{name}] in the Outputs block of the template"
            )));
        }
    }
    Ok(needs)
}

/// Walks from any unfinished resource along unfinished needs until one repeats.
fn cycle(needs: &BTreeMap<String, BTreeSet<String>>, done: &BTreeSet<&str>) -> Vec<String> {
    let mut path: Vec<String> = Vec::new();
    let mut next = needs.keys().find(|id| !done.contains(id.as_str()));
    while let Some(id) = next {
        if let Some(start) = path.iter().position(|seen| seen == id) {
            return path.split_off(start);
        }
        path.push(id.clone());
        next = needs.get(id).and_then(|needed| needed.iter().find(|need| !done.contains(need.as_str())));
    }
    path
}

/// Refuses attributes of what is no resource.
fn attributes(value: &Value, ids: &BTreeSet<&str>) -> Result<(), Error> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| attributes(item, ids)),
        Value::Object(members) => {
            let of = members.get("Fn::GetAtt").filter(|_| members.len() == 1).and_then(|path| match path {
                Value::Array(parts) => parts.first().and_then(Value::as_str),
                path => path.as_str().and_then(|path| path.split('.').next()),
            });
            match of.filter(|id| !ids.contains(id)) {
                Some(id) => Err(Error::template(format!(
                    "Template error: instance of Fn::GetAtt references undefined resource {id}"
                ))),
                None => members.values().try_for_each(|member| attributes(member, ids)),
            }
        }
        _ => Ok(()),
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(members) => {
            if let (1, Some((name, body))) = (members.len(), members.iter().next()) {
                match (name.as_str(), body) {
                    ("Ref", Value::String(id)) => add(id, found),
                    ("Fn::GetAtt", Value::String(path)) => add(path.split('.').next().unwrap_or_default(), found),
                    ("Fn::GetAtt", Value::Array(parts)) => {
                        add(parts.first().and_then(Value::as_str).unwrap_or_default(), found);
                    }
                    ("Fn::Sub", Value::String(text)) => placeholders(text, &[], found),
                    ("Fn::Sub", Value::Array(parts)) => {
                        let own: Vec<&str> = parts
                            .get(1)
                            .and_then(Value::as_object)
                            .map(|own| own.keys().map(String::as_str).collect())
                            .unwrap_or_default();
                        placeholders(parts.first().and_then(Value::as_str).unwrap_or_default(), &own, found);
                    }
                    _ => {}
                }
            }
            members.values().for_each(|member| references(member, found));
        }
        _ => {}
    }
}

fn placeholders(text: &str, own: &[&str], found: &mut BTreeSet<String>) {
    for part in text.split("${").skip(1) {
        let Some((name, _)) = part.split_once('}') else { continue };
        let name = name.trim();
        if !name.starts_with('!') && !own.contains(&name) {
            add(name.split('.').next().unwrap_or_default(), found);
        }
    }
}

fn add(id: &str, found: &mut BTreeSet<String>) {
    if !id.is_empty() && !id.starts_with("AWS::") {
        found.insert(id.to_owned());
    }
}
