//! `AWS::CloudFormation::Stack`: a stack in a stack, made through the same operations as any other.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Ready, string};
use crate::Environment;
use crate::parameters::text;

pub(super) struct Stack;

impl Handler for Stack {
    fn kind(&self) -> &'static str {
        "AWS::CloudFormation::Stack"
    }

    fn name(&self, _properties: &Value) -> Option<String> {
        None
    }

    fn describe(&self, physical: &str, _properties: &Value) -> Option<Call> {
        Some(Call::new("cloudformation", "DescribeStacks", json!({ "StackName": physical })))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        vec![Call::new("cloudformation", "CreateStack", input(physical, properties))]
    }

    fn update(&self, physical: &str, _old: &Value, new: &Value) -> Vec<Call> {
        vec![Call::new("cloudformation", "UpdateStack", input(physical, new))]
    }

    fn delete(&self, physical: &str, _properties: &Value) -> Vec<Call> {
        vec![Call::new("cloudformation", "DeleteStack", json!({ "StackName": physical }))]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &[]
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
    json!({ "StackName": physical, "TemplateURL": properties["TemplateURL"], "Parameters": parameters })
}
