//! `AWS::CloudFormation::Stack`: a stack in a stack, made through the same operations as any other.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, Ready, Surroundings, string, tags};
use crate::Environment;
use crate::parameters::text;
use crate::store::Sources;

/// The member that tells the new stack which stack it is in; only the engine may give it.
const PARENT: &str = "ParentId";
/// The member that hands [`Sources`] on.
const SOURCES: &str = "WatershedSources";

pub(super) struct Stack;

impl Handler for Stack {
    fn kind(&self) -> &'static str {
        "AWS::CloudFormation::Stack"
    }

    fn properties(&self) -> Properties {
        Properties { used: &[&["Parameters", "Tags", "TemplateURL"]], recorded: &[], structures: &[] }
    }

    fn name(&self, _properties: &Value) -> Option<String> {
        None
    }

    fn describe(&self, physical: &str, _properties: &Value) -> Option<Call> {
        Some(Call::new("cloudformation", "DescribeStacks", json!({ "StackName": physical })))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        let mut input = input(physical, properties);
        input[PARENT] = properties[PARENT].clone();
        vec![Call::new("cloudformation", "CreateStack", input)]
    }

    fn update(&self, physical: &str, _old: &Value, new: &Value, _described: &Value) -> Vec<Call> {
        vec![Call::new("cloudformation", "UpdateStack", input(physical, new))]
    }

    fn delete(&self, physical: &str, _properties: &Value, _described: &Value) -> Vec<Call> {
        vec![Call::new("cloudformation", "DeleteStack", json!({ "StackName": physical }))]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &[]
    }

    fn adapt(&self, _id: &str, properties: &mut Value, around: &Surroundings<'_>) {
        tags::list(properties, around);
        let Value::Object(members) = properties else { return };
        members.insert(PARENT.into(), json!(around.stack));
        let sources = &around.wanted.sources;
        let url = members.get("TemplateURL").map(text).unwrap_or_default();
        let url = match &sources.directory {
            Some(directory) if !url.contains("://") && !url.starts_with('/') => format!("{directory}/{url}"),
            _ => url,
        };
        let directory = match url.rsplit_once('/') {
            Some((directory, _)) if url.starts_with('/') => Some(directory.to_owned()),
            _ => sources.directory.clone(),
        };
        members.insert("TemplateURL".into(), json!(url));
        let sources = Sources { directory, functions: sources.functions.clone() };
        members.insert(SOURCES.into(), json!(sources));
    }

    fn kept(&self, physical: &str, described: &Value) -> String {
        let reason = string(described, "/Stacks/0/StackStatusReason").unwrap_or_default();
        format!("Embedded stack {physical} was not successfully deleted: {reason}")
    }

    fn reverted(&self, described: &Value) -> bool {
        string(described, "/Stacks/0/StackStatus").as_deref() == Some("UPDATE_ROLLBACK_COMPLETE")
    }

    fn ready(&self, described: &Value) -> Ready {
        let status = string(described, "/Stacks/0/StackStatus").unwrap_or_default();
        match status.as_str() {
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "DELETE_COMPLETE" | "" => Ready::Yes,
            status if status.ends_with("_IN_PROGRESS") => Ready::Wait,
            status => Ready::Failed(format!(
                "Embedded stack was not successful: {status} {}",
                string(described, "/Stacks/0/StackStatusReason").unwrap_or_default()
            )),
        }
    }

    fn reference(&self, physical: &str, described: &Value) -> String {
        string(described, "/Stacks/0/StackId").unwrap_or_else(|| physical.to_owned())
    }

    fn attributes(&self, _physical: &str, described: &Value, _environment: &Environment) -> Map<String, Value> {
        let outputs = described.pointer("/Stacks/0/Outputs").and_then(Value::as_array);
        outputs
            .into_iter()
            .flatten()
            .filter_map(|output| {
                let key = output.get("OutputKey")?.as_str()?;
                Some((format!("Outputs.{key}"), output.get("OutputValue")?.clone()))
            })
            .collect()
    }
}

fn input(physical: &str, properties: &Value) -> Value {
    let parameters: Vec<Value> = properties
        .get("Parameters")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            // A list parameter travels as a comma separated string.
            let value = match value {
                Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
                value => text(value),
            };
            json!({ "ParameterKey": name, "ParameterValue": value })
        })
        .collect();
    json!({
        "StackName": physical,
        "TemplateURL": properties["TemplateURL"],
        "Parameters": parameters,
        "Tags": properties.get("Tags").cloned().unwrap_or_else(|| json!([])),
        SOURCES: properties[SOURCES],
    })
}
