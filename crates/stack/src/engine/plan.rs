//! What a change set would do: each resource to be added, changed or removed, as far as it can be told beforehand.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::apply::{complete_properties, present};
use super::known::Known;
use crate::resources::{handler, replaces};
use crate::store::{Change, Resource, Stack, Wanted};
use crate::{Environment, Error, Lookup, Scope, Template, parameters};

/// Stands for what only the deployment can tell.
const LATER: &str = "{{known after the deployment}}";

pub(super) struct Plan<'a> {
    pub template: &'a Template,
    pub wanted: &'a Wanted,
    pub stack: &'a Stack,
    pub environment: &'a Environment,
}

/// Resources as they are; those that are not yet there answer [`LATER`], and so do exports.
struct Guess(Known);

impl Lookup for Guess {
    fn reference(&self, id: &str) -> Option<Value> {
        self.0.reference(id).or_else(|| Some(json!(LATER)))
    }

    fn attribute(&self, id: &str, attribute: &str) -> Option<Value> {
        self.0.attribute(id, attribute).or_else(|| Some(json!(LATER)))
    }

    fn import(&self, _name: &str) -> Option<Value> {
        Some(json!(LATER))
    }
}

impl Plan<'_> {
    /// The changes, removals last.
    pub fn changes(&self, resources: Vec<Resource>) -> Result<Vec<Change>, Error> {
        let values = parameters(self.template, &self.wanted.parameters)?;
        let resources: BTreeMap<String, Resource> =
            resources.into_iter().map(|resource| (resource.logical.clone(), resource)).collect();
        let known = Known::new(resources, BTreeMap::new());
        let names = (self.stack.name.as_str(), self.stack.id.as_str());
        let present = present(self.template, &values, self.environment, names, &known)?;
        let guess = Guess(known);
        let scope = Scope::new(self.template, &values, self.environment, names, &guess)?;
        let rows = &guess.0.resources;
        let mut changes = Vec::new();
        for (id, declared) in self.template.resources.iter().filter(|(id, _)| present.contains(id)) {
            let Some(row) = rows.get(id) else {
                changes.push(change("Add", id, &declared.kind, None, None));
                continue;
            };
            // What cannot be resolved before (a Select of what is not there yet) may change.
            let Ok(properties) = scope.resolve(&declared.properties) else {
                changes.push(change("Modify", id, &declared.kind, Some(row), Some("Conditional")));
                continue;
            };
            let mut properties = properties.unwrap_or_default();
            let Some(handler) = handler(&declared.kind) else { continue };
            complete_properties(handler, id, &mut properties, self.stack, self.wanted);
            if row.kind != declared.kind || row.properties != properties {
                let new = row.kind != declared.kind || replaces(handler, &row.properties, &properties);
                changes.push(change("Modify", id, &declared.kind, Some(row), Some(if new { "True" } else { "False" })));
            }
        }
        for (id, row) in rows.iter().filter(|(id, _)| !present.contains(*id)) {
            changes.push(change("Remove", id, &row.kind, Some(row), None));
        }
        Ok(changes)
    }
}

fn change(action: &str, logical: &str, kind: &str, row: Option<&Resource>, replacement: Option<&str>) -> Change {
    Change {
        action: action.to_owned(),
        logical: logical.to_owned(),
        kind: kind.to_owned(),
        physical: row.map(|row| row.physical.clone()),
        replacement: replacement.map(str::to_owned),
    }
}
