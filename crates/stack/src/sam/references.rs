//! `FUNCTION.Alias`, `FUNCTION.Version`: names of what is generated, which stand for its logical id.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Such names, `Fn.Alias` to `FnAliaslive`.
#[derive(Default)]
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    pub fn add(&mut self, function: &str, name: &str, id: &str) {
        self.0.insert(format!("{function}.{name}"), id.to_owned());
    }

    /// Puts the logical ids in their places.
    pub fn resolve(&self, sections: &mut Map<String, Value>) {
        if !self.0.is_empty() {
            sections.values_mut().for_each(|section| self.walk(section));
        }
    }

    fn walk(&self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item)),
            Value::Object(members) => {
                for (name, member) in members {
                    match (name.as_str(), member) {
                        ("Ref", Value::String(text)) => {
                            if let Some(id) = self.0.get(text.as_str()) {
                                *text = id.clone();
                            }
                        }
                        ("Fn::Sub", Value::String(text)) => self.substitute(text),
                        ("Fn::Sub", Value::Array(parts)) => {
                            if let Some(Value::String(text)) = parts.first_mut() {
                                self.substitute(text);
                            }
                            parts.iter_mut().for_each(|part| self.walk(part));
                        }
                        ("Fn::GetAtt", Value::Array(parts)) => self.attribute(parts),
                        (_, member) => self.walk(member),
                    }
                }
            }
            _ => {}
        }
    }

    fn substitute(&self, text: &mut String) {
        for (name, id) in &self.0 {
            *text = text.replace(&format!("${{{name}}}"), &format!("${{{id}}}"));
            *text = text.replace(&format!("${{{name}."), &format!("${{{id}."));
        }
    }

    /// `[Fn, Version.Version]` and `[Fn.Version, Version]` are one.
    fn attribute(&self, parts: &mut Vec<Value>) {
        let path: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
        if path.len() != parts.len() {
            return;
        }
        let path = path.join(".");
        let found = self.0.iter().find_map(|(name, id)| Some((id, path.strip_prefix(&format!("{name}."))?)));
        if let Some((id, attribute)) = found {
            *parts = vec![id.as_str().into(), attribute.into()];
        }
    }
}
