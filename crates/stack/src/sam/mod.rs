//! The transform `AWS::Serverless-2016-10-31`: `AWS::Serverless::Function` and `AWS::Serverless::SimpleTable` become the
//! resources they stand for. Pure: sections of a template in, sections out.
//!
//! Follows the AWS SAM specification; generated logical ids are those that SAM generates. Not done: APIs, layers, state
//! machines, connectors, deployment preferences, packaging. What is not done is refused by name.

mod events;
mod function;
mod globals;
mod policies;
mod publish;
mod references;
mod role;
mod simple_table;

use serde_json::{Map, Value, json};

use crate::Error;
use references::Names;

pub(crate) const TRANSFORM: &str = "AWS::Serverless-2016-10-31";

const FUNCTION: &str = "AWS::Serverless::Function";
const SIMPLE_TABLE: &str = "AWS::Serverless::SimpleTable";

/// What a resource becomes: logical ids with resources.
type Made = Vec<(String, Value)>;

/// A serverless resource as written, globals merged in.
struct Written<'a> {
    id: &'a str,
    /// The resource's members beside `Type` and `Properties`.
    attributes: Map<String, Value>,
    properties: Map<String, Value>,
}

/// Replaces serverless resources, and references to what they generate.
///
/// # Errors
/// `Template`, naming the resource and the member that is not known or not right.
pub(crate) fn expand(sections: &mut Map<String, Value>) -> Result<(), Error> {
    let globals = globals::read(sections.shift_remove("Globals"))?;
    let Some(Value::Object(resources)) = sections.shift_remove("Resources") else { return Ok(()) };
    let (mut expanded, mut names) = (Map::new(), Names::default());
    for (id, resource) in resources {
        let made = match resource["Type"].as_str() {
            Some(FUNCTION) => function::expand(written(&id, resource, &globals)?, &mut names)?,
            Some(SIMPLE_TABLE) => simple_table::expand(written(&id, resource, &globals)?)?,
            Some(kind) if kind.starts_with("AWS::Serverless::") => {
                let supported = [FUNCTION, SIMPLE_TABLE].join(", ");
                return Err(invalid(&id, format!("{kind} is not supported; supported are [{supported}]")));
            }
            _ => vec![(id, resource)],
        };
        for (id, resource) in made {
            if expanded.insert(id.clone(), resource).is_some() {
                return Err(invalid(&id, "The template has a resource of this logical id, which is generated too."));
            }
        }
    }
    sections.insert("Resources".into(), Value::Object(expanded));
    names.resolve(sections);
    Ok(())
}

fn written<'a>(id: &'a str, resource: Value, globals: &globals::Globals) -> Result<Written<'a>, Error> {
    let Value::Object(mut attributes) = resource else { return Err(invalid(id, "it must be an object")) };
    let kind = attributes.shift_remove("Type");
    let own = match attributes.shift_remove("Properties") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(own)) => own,
        Some(_) => return Err(invalid(id, "'Properties' must be an object")),
    };
    let properties = globals.merged(kind.as_ref().and_then(Value::as_str).unwrap_or_default(), own);
    Ok(Written { id, attributes, properties })
}

impl Written<'_> {
    /// Refuses members that are not in either list; `supported` are done, the others are SAM's but not.
    fn check(&self, kind: &str, supported: &[&[&str]], others: &[&str]) -> Result<(), Error> {
        let known = |name: &str| supported.iter().any(|list| list.contains(&name));
        match self.properties.keys().find(|name| !known(name)) {
            None => Ok(()),
            Some(name) if others.contains(&name.as_str()) => {
                Err(invalid(self.id, format!("property {name} of {kind} is not supported")))
            }
            Some(name) => Err(invalid(self.id, format!("property {name} not defined for resource of type {kind}"))),
        }
    }

    /// A generated resource, with what it has of the one it is generated for.
    fn beside(&self, kind: &str, properties: Map<String, Value>) -> Value {
        let mut resource = Map::from_iter([("Type".to_owned(), json!(kind))]);
        for name in ["Condition", "DeletionPolicy", "UpdateReplacePolicy"] {
            resource.extend(self.attributes.get(name).map(|value| (name.to_owned(), value.clone())));
        }
        resource.insert("Properties".into(), Value::Object(properties));
        Value::Object(resource)
    }

    /// The resource that takes the logical id, with all of its attributes.
    fn itself(&self, kind: &str, properties: Map<String, Value>) -> Value {
        let mut resource = self.attributes.clone();
        resource.insert("Type".into(), json!(kind));
        resource.insert("Properties".into(), Value::Object(properties));
        Value::Object(resource)
    }
}

/// `[{Key, Value}]` of an object of tags.
fn tags(written: Option<&Value>) -> Vec<Value> {
    let tags = written.and_then(Value::as_object).into_iter().flatten();
    tags.map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// The members of `properties` that are named.
fn pick(properties: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    names.iter().filter_map(|name| Some(((*name).to_owned(), properties.get(*name)?.clone()))).collect()
}

fn arn_of(id: &str) -> Value {
    json!({ "Fn::GetAtt": [id, "Arn"] })
}

/// An error in SAM's words.
fn invalid(id: &str, why: impl std::fmt::Display) -> Error {
    failed(format!("Resource with id [{id}] is invalid. {why}"))
}

fn failed(what: String) -> Error {
    Error::template(format!(
        "Transform {TRANSFORM} failed with: Invalid Serverless Application Specification document. Number of errors found: 1. {what}"
    ))
}
