//! What can be said of a template's functions before anything is resolved: each is known, well placed, and names a
//! condition or mapping that is declared. References to resources are the business of [`crate::order`].

use serde_json::Value;

use crate::{Error, Template};

/// Functions of every template.
const FUNCTIONS: &[&str] = &[
    "Fn::And",
    "Fn::Base64",
    "Fn::Cidr",
    "Fn::Equals",
    "Fn::FindInMap",
    "Fn::GetAZs",
    "Fn::GetAtt",
    "Fn::If",
    "Fn::ImportValue",
    "Fn::Join",
    "Fn::Not",
    "Fn::Or",
    "Fn::Select",
    "Fn::Split",
    "Fn::Sub",
];

/// Functions of the transform `AWS::LanguageExtensions`.
const EXTENSIONS: &[&str] = &["Fn::Length", "Fn::ToJsonString"];

/// Checks resources, outputs and conditions.
///
/// # Errors
/// `Template`, naming the function, condition or mapping.
pub(crate) fn check(template: &Template) -> Result<(), Error> {
    for (_, declared) in &template.resources {
        condition(template, declared.condition.as_deref(), "Resources")?;
        walk(template, &declared.properties, "Resources")?;
    }
    for (key, output) in &template.outputs {
        let Value::Object(members) = output else {
            return Err(Error::template(format!("Template format error: [/Outputs/{key}] must be an object")));
        };
        if !members.contains_key("Value") {
            let message = format!("Template format error: Output {key} is malformed. It must contain a Value member");
            return Err(Error::template(message));
        }
        condition(template, members.get("Condition").and_then(Value::as_str), "Outputs")?;
        walk(template, output, "Outputs")?;
    }
    for body in template.conditions.values() {
        walk(template, body, "Conditions")?;
    }
    Ok(())
}

fn walk(template: &Template, value: &Value, block: &str) -> Result<(), Error> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| walk(template, item, block)),
        Value::Object(members) => {
            for (name, body) in members {
                if name.starts_with("Fn::") {
                    if members.len() != 1 {
                        return Err(Error::template(format!(
                            "Template error: {name} must be the only member of its object"
                        )));
                    }
                    function(template, name, body, block)?;
                }
                walk(template, body, block)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn function(template: &Template, name: &str, body: &Value, block: &str) -> Result<(), Error> {
    if name == "Fn::Transform" || name.starts_with("Fn::ForEach") {
        let name = name.splitn(3, "::").take(2).collect::<Vec<_>>().join("::");
        return Err(Error::template(format!("Template error: {name} is not supported")));
    }
    if EXTENSIONS.contains(&name) {
        if template.extended {
            return Ok(());
        }
        return Err(Error::template(format!("Template error: {name} needs the transform AWS::LanguageExtensions")));
    }
    if !FUNCTIONS.contains(&name) {
        let supported = FUNCTIONS.join(", ");
        return Err(Error::template(format!(
            "Template error: Encountered unsupported function: {name} Supported functions are: [{supported}]"
        )));
    }
    match (name, body) {
        ("Fn::If", Value::Array(parts)) => condition(template, parts.first().and_then(Value::as_str), block),
        ("Fn::FindInMap", Value::Array(parts)) => match parts.as_slice() {
            [Value::String(map), ..] if !template.mappings.contains_key(map) => Err(Error::template(format!(
                "Template error: Mapping named '{map}' is not present in the 'Mappings' section of template."
            ))),
            [_, _, _, _, ..] if !template.extended => {
                let message = "Template error: a default of Fn::FindInMap needs the transform AWS::LanguageExtensions";
                Err(Error::template(message))
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

fn condition(template: &Template, name: Option<&str>, block: &str) -> Result<(), Error> {
    match name {
        Some(name) if !template.conditions.contains_key(name) => Err(Error::template(format!(
            "Template format error: Unresolved condition dependency {name} in the {block} block of the template"
        ))),
        _ => Ok(()),
    }
}
