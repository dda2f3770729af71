//! A template as written: its sections, checked for shape, nothing resolved.
//!
//! `Metadata` is ignored. Transforms: [`crate::sam`] and `AWS::LanguageExtensions` without loops; others are refused by name.
//! Follows the template anatomy and the quotas of the CloudFormation user guide, errors in its words.

use serde_json::{Map, Value};

use crate::{Error, Policy, check, order, sam, yaml};

/// Largest template: what CloudFormation takes from a bucket.
const BYTES_MAX: usize = 1_000_000;
/// Resources in one template, as CloudFormation.
const RESOURCES_MAX: usize = 500;
/// Parameters, mappings or outputs in one template, as CloudFormation.
const DECLARED_MAX: usize = 200;

const EXTENSIONS: &str = "AWS::LanguageExtensions";

/// Members of a template.
const SECTIONS: &[&str] = &[
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
];

/// Members of a resource.
const ATTRIBUTES: &[&str] = &[
    "Condition",
    "CreationPolicy",
    "DeletionPolicy",
    "DependsOn",
    "Description",
    "Metadata",
    "Properties",
    "Type",
    "UpdatePolicy",
    "UpdateReplacePolicy",
    "Version",
];

/// One entry of `Resources`.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// `AWS::DynamoDB::Table`.
    pub kind: String,
    pub properties: Value,
    pub depends_on: Vec<String>,
    pub condition: Option<String>,
    /// `DeletionPolicy`.
    pub policy: Policy,
    /// `UpdateReplacePolicy: Retain`: the resource outlives its replacement.
    pub retain_replaced: bool,
}

impl Declared {
    /// The path of a function's code that is not in a bucket.
    pub fn local_code(&self) -> Option<&str> {
        self.properties.get("Code").and_then(Value::as_str)
    }
}

/// A parsed template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Whether it says which format it has.
    pub has_version: bool,
    pub description: Option<String>,
    pub parameters: Map<String, Value>,
    pub rules: Map<String, Value>,
    pub mappings: Map<String, Value>,
    pub conditions: Map<String, Value>,
    pub resources: Vec<(String, Declared)>,
    pub outputs: Map<String, Value>,
    /// `AWS::LanguageExtensions` is declared: `Fn::Length`, `Fn::ToJsonString`, defaults of `Fn::FindInMap`.
    pub extended: bool,
}

impl Template {
    /// Parses JSON (a text that starts with `{`) or YAML.
    ///
    /// # Errors
    /// `Template` when it is too large, nests too deeply, is malformed, names what is not declared, or uses a
    /// transform that cannot be run here.
    pub fn parse(text: &str) -> Result<Template, Error> {
        let (mut sections, extended) = sections(text)?;
        if let Some(unknown) = sections.keys().find(|name| !SECTIONS.contains(&name.as_str())) {
            return Err(Error::template(format!("Invalid template property or properties [{unknown}]")));
        }
        if sections.get("AWSTemplateFormatVersion").is_some_and(|version| version.as_str() != Some("2010-09-09")) {
            let message = "Template format error: unsupported value for AWSTemplateFormatVersion.";
            return Err(Error::template(message));
        }
        let resources = section(&mut sections, "Resources", RESOURCES_MAX)?;
        if resources.is_empty() {
            let message = "Template format error: At least one Resources member must be defined.";
            return Err(Error::template(message));
        }
        let template = Template {
            has_version: sections.contains_key("AWSTemplateFormatVersion"),
            description: sections.get("Description").and_then(Value::as_str).map(str::to_owned),
            parameters: section(&mut sections, "Parameters", DECLARED_MAX)?,
            rules: section(&mut sections, "Rules", DECLARED_MAX)?,
            mappings: section(&mut sections, "Mappings", DECLARED_MAX)?,
            conditions: section(&mut sections, "Conditions", RESOURCES_MAX)?,
            outputs: section(&mut sections, "Outputs", DECLARED_MAX)?,
            resources: resources
                .into_iter()
                .map(|(id, value)| declared(&id, value).map(|declared| (id, declared)))
                .collect::<Result<_, _>>()?,
            extended,
        };
        check::check(&template)?;
        order::order(&template)?;
        Ok(template)
    }

    /// The resource with a logical id.
    pub fn resource(&self, id: &str) -> Option<&Declared> {
        self.resources.iter().find(|(name, _)| name == id).map(|(_, declared)| declared)
    }

    /// Logical ids and written names of the functions it declares.
    pub fn functions(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let name = |declared: &'_ Declared| declared.kind == "AWS::Lambda::Function";
        self.resources
            .iter()
            .filter(move |(_, declared)| name(declared))
            .map(|(id, declared)| (id.as_str(), declared.properties.get("FunctionName").and_then(Value::as_str)))
    }
}

/// A template with its serverless resources replaced by what they stand for, all else as written.
///
/// # Errors
/// As [`Template::parse`] for what is wrong before anything is declared.
pub fn processed(text: &str) -> Result<Value, Error> {
    let (mut sections, extended) = sections(text)?;
    sections.shift_remove("Transform");
    if extended {
        sections.insert("Transform".into(), EXTENSIONS.into());
    }
    Ok(Value::Object(sections))
}

/// The sections behind the transforms, and whether the language extensions are declared.
fn sections(text: &str) -> Result<(Map<String, Value>, bool), Error> {
    if text.len() > BYTES_MAX {
        return Err(Error::template(format!("Template may not exceed {BYTES_MAX} bytes in size.")));
    }
    let Value::Object(mut sections) = document(text)? else {
        return Err(Error::template("Template format error: unsupported structure."));
    };
    let transforms = named(sections.get("Transform"))?;
    if transforms.iter().any(|name| name == sam::TRANSFORM) {
        sam::expand(&mut sections)?;
    }
    let extended = transforms.iter().any(|name| name == EXTENSIONS);
    Ok((sections, extended))
}

fn document(text: &str) -> Result<Value, Error> {
    if !text.trim_start().starts_with('{') {
        return yaml::parse(text);
    }
    let value: Value = serde_json::from_str(text)
        .or_else(|error| yaml::parse(text).map_err(|_| error))
        .map_err(|error| yaml::malformed("JSON", error.line(), error.column(), &error))?;
    check_depth(&value, yaml::DEPTH_MAX)?;
    Ok(value)
}

/// The names of a template's transforms.
///
/// # Errors
/// `Template` when it is malformed or names a transform that cannot be run here.
pub fn transforms(text: &str) -> Result<Vec<String>, Error> {
    named(document(text)?.get("Transform"))
}

fn named(declared: Option<&Value>) -> Result<Vec<String>, Error> {
    let names: Vec<&Value> = match declared {
        None => Vec::new(),
        Some(Value::Array(many)) => many.iter().collect(),
        Some(one) => vec![one],
    };
    let name = |name: &&Value| name.as_str().or_else(|| name.get("Name")?.as_str()).unwrap_or_default().to_owned();
    let names: Vec<String> = names.iter().map(name).collect();
    if let Some(name) = names.iter().find(|name| ![EXTENSIONS, sam::TRANSFORM].contains(&name.as_str())) {
        return Err(Error::template(format!(
            "transform {name} is not supported; supported are [{EXTENSIONS}, {}]: deploy the processed template",
            sam::TRANSFORM
        )));
    }
    Ok(names)
}

fn section(sections: &mut Map<String, Value>, name: &str, limit: usize) -> Result<Map<String, Value>, Error> {
    match sections.shift_remove(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(members)) if members.len() > limit => Err(Error::template(format!(
            "Template format error: Number of {}, {}, is greater than maximum allowed, {limit}",
            name.to_lowercase(),
            members.len()
        ))),
        Some(Value::Object(members)) => Ok(members),
        Some(_) => Err(Error::template(format!("Template format error: {name} must be an object."))),
    }
}

fn declared(id: &str, value: Value) -> Result<Declared, Error> {
    if id.starts_with("Fn::") {
        let name = id.splitn(3, "::").take(2).collect::<Vec<_>>().join("::");
        return Err(Error::template(format!("Template error: {name} is not supported")));
    }
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Error::template(format!("Template format error: Resource name {id} is non alphanumeric.")));
    }
    let Value::Object(members) = &value else {
        return Err(Error::template(format!(
            "Template format error: [/Resources/{id}] resource definition is malformed"
        )));
    };
    let Some(kind) = members.get("Type").and_then(Value::as_str) else {
        return Err(Error::template(format!(
            "Template format error: [/Resources/{id}] Every Resources object must contain a Type member."
        )));
    };
    if let Some(unknown) = members.keys().find(|name| !ATTRIBUTES.contains(&name.as_str())) {
        return Err(Error::template(format!("Invalid template resource property '{unknown}'")));
    }
    let depends_on = match value.get("DependsOn") {
        None => Vec::new(),
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(_) => return Err(Error::template(format!("DependsOn is no string or list. id=`{id}`"))),
    };
    Ok(Declared {
        kind: kind.to_owned(),
        properties: value.get("Properties").cloned().unwrap_or_else(|| Value::Object(Map::new())),
        depends_on,
        condition: value.get("Condition").and_then(Value::as_str).map(str::to_owned),
        policy: policy(id, kind, &value, "DeletionPolicy")?,
        retain_replaced: policy(id, kind, &value, "UpdateReplacePolicy")? == Policy::Retain,
    })
}

fn policy(id: &str, kind: &str, value: &Value, name: &str) -> Result<Policy, Error> {
    match (value.get(name).map(|policy| policy.as_str().unwrap_or_default()), name) {
        (None | Some("Delete"), _) => Ok(Policy::Delete),
        (Some("Retain"), _) => Ok(Policy::Retain),
        (Some("RetainExceptOnCreate"), "DeletionPolicy") => Ok(Policy::RetainExceptOnCreate),
        (Some("Snapshot"), _) => {
            let message = format!("Template error: resource type {kind} does not support {name} Snapshot");
            Err(Error::template(message))
        }
        (Some(other), _) => {
            Err(Error::template(format!("Template format error: Unrecognized {name} {other} for resource {id}")))
        }
    }
}

fn check_depth(value: &Value, depth: usize) -> Result<(), Error> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Error::template(format!("template nests too deeply. limit={}", yaml::DEPTH_MAX)));
    };
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| check_depth(item, depth)),
        Value::Object(members) => members.values().try_for_each(|member| check_depth(member, depth)),
        _ => Ok(()),
    }
}
