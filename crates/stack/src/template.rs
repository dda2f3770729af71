//! A template as written: its sections, checked for shape, nothing resolved.
//!
//! Sections understood: Description, Parameters, Mappings, Conditions, Resources, Outputs. `Rules` and `Metadata` are
//! ignored; a `Transform` is refused, since nothing here could run it.

use serde_json::{Map, Value};

use crate::{Error, order, yaml};

/// Largest template: what CloudFormation takes from a bucket.
const BYTES_MAX: usize = 1_048_576;
/// Resources in one template, as CloudFormation.
const RESOURCES_MAX: usize = 500;
/// Parameters or outputs in one template, as CloudFormation.
const DECLARED_MAX: usize = 200;

/// One entry of `Resources`.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// `AWS::DynamoDB::Table`.
    pub kind: String,
    pub properties: Value,
    pub depends_on: Vec<String>,
    pub condition: Option<String>,
    /// `DeletionPolicy: Retain`: the resource outlives its stack.
    pub retain: bool,
    /// `UpdateReplacePolicy: Retain`: the resource outlives its replacement.
    pub retain_replaced: bool,
}

/// A parsed template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    pub description: Option<String>,
    pub parameters: Map<String, Value>,
    pub mappings: Map<String, Value>,
    pub conditions: Map<String, Value>,
    pub resources: Vec<(String, Declared)>,
    pub outputs: Map<String, Value>,
}

impl Template {
    /// Parses JSON (a text that starts with `{`) or YAML.
    ///
    /// # Errors
    /// `Template` when it is too large, nests too deeply, is malformed, or uses a transform.
    pub fn parse(text: &str) -> Result<Template, Error> {
        if text.len() > BYTES_MAX {
            return Err(Error::template(format!("template is too large. bytes={} limit={BYTES_MAX}", text.len())));
        }
        let value = if text.trim_start().starts_with('{') {
            let value: Value = serde_json::from_str(text)
                .or_else(|error| yaml::parse(text).map_err(|_| error))
                .map_err(|error| Error::template(format!("template is not JSON: {error}")))?;
            check_depth(&value, yaml::DEPTH_MAX)?;
            value
        } else {
            yaml::parse(text)?
        };
        let Value::Object(mut sections) = value else {
            return Err(Error::template("template is no object"));
        };
        if sections.contains_key("Transform") {
            return Err(Error::template("transforms are not supported; deploy the processed template"));
        }
        let resources = section(&mut sections, "Resources", RESOURCES_MAX)?;
        if resources.is_empty() {
            return Err(Error::template("At least one Resources member must be defined."));
        }
        let template = Template {
            description: sections.get("Description").and_then(Value::as_str).map(str::to_owned),
            parameters: section(&mut sections, "Parameters", DECLARED_MAX)?,
            mappings: section(&mut sections, "Mappings", DECLARED_MAX)?,
            conditions: section(&mut sections, "Conditions", RESOURCES_MAX)?,
            outputs: section(&mut sections, "Outputs", DECLARED_MAX)?,
            resources: resources
                .into_iter()
                .map(|(id, value)| declared(&id, value).map(|declared| (id, declared)))
                .collect::<Result<_, _>>()?,
        };
        order::order(&template)?;
        Ok(template)
    }

    /// The resource with a logical id.
    pub fn resource(&self, id: &str) -> Option<&Declared> {
        self.resources.iter().find(|(name, _)| name == id).map(|(_, declared)| declared)
    }
}

fn section(sections: &mut Map<String, Value>, name: &str, limit: usize) -> Result<Map<String, Value>, Error> {
    match sections.remove(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(members)) if members.len() > limit => {
            Err(Error::template(format!("section {name} is too long. entries={} limit={limit}", members.len())))
        }
        Some(Value::Object(members)) => Ok(members),
        Some(_) => Err(Error::template(format!("section {name} is no object"))),
    }
}

fn declared(id: &str, value: Value) -> Result<Declared, Error> {
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Error::template(format!("logical id is not alphanumeric. id=`{id}`")));
    }
    let Some(kind) = value.get("Type").and_then(Value::as_str) else {
        return Err(Error::template(format!("resource has no Type. id=`{id}`")));
    };
    let depends_on = match value.get("DependsOn") {
        None => Vec::new(),
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(_) => return Err(Error::template(format!("DependsOn is no string or list. id=`{id}`"))),
    };
    let retains = |name: &str| {
        matches!(value.get(name).and_then(Value::as_str), Some("Retain" | "RetainExceptOnCreate" | "Snapshot"))
    };
    Ok(Declared {
        kind: kind.to_owned(),
        properties: value.get("Properties").cloned().unwrap_or_else(|| Value::Object(Map::new())),
        depends_on,
        condition: value.get("Condition").and_then(Value::as_str).map(str::to_owned),
        retain: retains("DeletionPolicy"),
        retain_replaced: retains("UpdateReplacePolicy"),
    })
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
