//! What a template may say of a resource: each type declares it in one table, [`Handler::properties`]; all else is refused
//! by name, with CloudFormation's words, when the resource's turn comes.
//!
//! Structures that a handler hands on as they are stand in no table: the service refuses what it does not know.
//!
//! [`Handler::properties`]: super::Handler::properties

use serde_json::Value;

/// The properties of one type.
pub(crate) struct Properties {
    /// Acted on, in lists that handlers pick from.
    pub used: &'static [&'static [&'static str]],
    /// Accepted and kept with the stack, without effect; docs/services.md lists them.
    pub recorded: &'static [&'static str],
    /// Structures the handler takes apart itself: the way there (`*` is each element of a list) and their members.
    pub structures: &'static [(&'static [&'static str], &'static [&'static str])],
}

impl Properties {
    /// Why a resource cannot have these properties, if it cannot. Values are never told.
    pub fn refused(&self, logical: &str, properties: &Value) -> Option<String> {
        let known = |name: &str| self.used.iter().any(|list| list.contains(&name)) || self.recorded.contains(&name);
        if let Some((name, _)) = properties.as_object()?.iter().find(|(name, _)| !known(name)) {
            return Some(format!("Encountered unsupported property {name}"));
        }
        let mut extraneous = Vec::new();
        for (way, members) in self.structures {
            walk(properties, way, "#", &mut |place, name| {
                if !members.contains(&name) {
                    extraneous.push(format!("{place}: extraneous key [{name}] is not permitted"));
                }
            });
        }
        let all = extraneous.join("\n");
        (!all.is_empty()).then(|| format!("Properties validation failed for resource {logical} with message:\n{all}"))
    }
}

/// Tells each member of the objects at the end of `way`, with the place of its object.
fn walk(value: &Value, way: &[&str], place: &str, tell: &mut dyn FnMut(&str, &str)) {
    match (way, value) {
        ([], Value::Object(members)) => members.keys().for_each(|name| tell(place, name)),
        (["*", rest @ ..], Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, rest, &format!("{place}/{index}"), tell);
            }
        }
        ([name, rest @ ..], Value::Object(members)) => {
            if let Some(member) = members.get(*name) {
                walk(member, rest, &format!("{place}/{name}"), tell);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resources::HANDLERS;

    const TYPE: Properties = Properties {
        used: &[&["Name", "Routes"], &["Settings"]],
        recorded: &["KmsKeyId"],
        structures: &[(&["Settings"], &["Size"]), (&["Routes", "*", "Weight"], &["Value"])],
    };

    #[track_caller]
    fn check(properties: Value, refused: Option<&str>) {
        assert_eq!(TYPE.refused("R", &properties).as_deref(), refused, "{properties}");
    }

    #[test]
    fn what_is_declared_is_accepted_and_all_else_named() {
        check(json!({}), None);
        check(json!({ "Name": "n", "KmsKeyId": "k", "Settings": { "Size": 1 }, "Routes": [{ "Any": 1 }] }), None);
        check(json!({ "Name": "n", "Typo": "n" }), Some("Encountered unsupported property Typo"));
        check(json!({ "Settings": "text", "Routes": { "Weight": {} } }), None);
        check(
            json!({ "Settings": { "Size": 1, "Colour": "red" }, "Routes": [{}, { "Weight": { "Kind": 1 } }] }),
            Some(
                "Properties validation failed for resource R with message:\n#/Settings: extraneous key [Colour] is not \
                 permitted\n#/Routes/1/Weight: extraneous key [Kind] is not permitted",
            ),
        );
    }

    #[test]
    fn no_table_says_a_thing_twice_or_looks_where_nothing_is() {
        for handler in HANDLERS {
            let Properties { used, recorded, structures } = handler.properties();
            let mut all: Vec<&str> = used.iter().copied().flatten().chain(recorded).copied().collect();
            let roots_known = structures.iter().all(|(way, _)| way.first().is_some_and(|root| all.contains(root)));
            assert!(roots_known, "{}", handler.kind());
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count, "{}", handler.kind());
        }
    }

    #[test]
    fn what_serverless_templates_become_is_accepted() {
        let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/sam");
        for case in std::fs::read_dir(cases).unwrap() {
            let text = std::fs::read_to_string(case.unwrap().path().join("expected.json")).unwrap();
            let template: Value = serde_json::from_str(&text).unwrap();
            for (id, resource) in template["Resources"].as_object().unwrap() {
                let kind = resource["Type"].as_str().unwrap();
                let Some(handler) = crate::resources::handler(kind) else { continue };
                assert_eq!(handler.properties().refused(id, &resource["Properties"]), None, "{kind}");
            }
        }
    }
}
