//! What there is: stacks, events, resources, exports.

use std::sync::Arc;

use serde_json::{Value, json};
use stack::{Resource, Stack};

use super::{list as members, pairs, refuse, required, text, time};
use crate::{App, AwsError};

pub(super) async fn stacks(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let stacks = match text(input, "StackName") {
        Some(name) => {
            let stack = app.stacks.stack(name).await.map_err(refuse)?;
            vec![stack]
        }
        None => {
            let mut all = app.stacks.stacks().await.map_err(refuse)?;
            all.retain(|stack| stack.status != "DELETE_COMPLETE");
            all
        }
    };
    Ok(json!({ "Stacks": stacks.iter().map(full).collect::<Vec<_>>() }))
}

pub(super) async fn list(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let wanted = members(input, "StackStatusFilter");
    let stacks = app.stacks.stacks().await.map_err(refuse)?;
    let summaries: Vec<Value> = stacks
        .iter()
        .filter(|stack| wanted.is_empty() || wanted.iter().any(|status| status.as_str() == Some(&stack.status)))
        .map(summary)
        .collect();
    Ok(json!({ "StackSummaries": summaries }))
}

pub(super) async fn events(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let stack = app.stacks.stack(required(input, "StackName")?).await.map_err(refuse)?;
    let events = app.stacks.events(&stack.id).await.map_err(refuse)?;
    let events: Vec<Value> = events
        .iter()
        .rev()
        .map(|(number, event)| {
            json!({
                "StackId": stack.id,
                "EventId": format!("{}-{number}", event.logical),
                "StackName": stack.name,
                "LogicalResourceId": event.logical,
                "PhysicalResourceId": event.physical,
                "ResourceType": event.kind,
                "Timestamp": time(event.at_ms),
                "ResourceStatus": event.status,
                "ResourceStatusReason": event.reason,
            })
        })
        .collect();
    Ok(json!({ "StackEvents": events }))
}

/// `DescribeStackResources` and `ListStackResources`, which differ in the list's name.
pub(super) async fn resources(app: &Arc<App>, input: &Value, member: &str) -> Result<Value, AwsError> {
    let stack = app.stacks.stack(required(input, "StackName")?).await.map_err(refuse)?;
    let logical = text(input, "LogicalResourceId");
    let resources = app.stacks.resources(&stack.id).await.map_err(refuse)?;
    let resources: Vec<Value> = resources
        .iter()
        .filter(|resource| logical.is_none_or(|id| id == resource.logical))
        .map(|resource| shown(&stack, resource))
        .collect();
    Ok(json!({ member: resources }))
}

pub(super) async fn resource(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let stack = app.stacks.stack(required(input, "StackName")?).await.map_err(refuse)?;
    let logical = required(input, "LogicalResourceId")?;
    let resources = app.stacks.resources(&stack.id).await.map_err(refuse)?;
    let found = resources.iter().find(|resource| resource.logical == logical).ok_or_else(|| {
        let message = format!("Resource {logical} does not exist for stack {}", stack.name);
        AwsError::new(400, "ValidationError", message)
    })?;
    Ok(json!({ "StackResourceDetail": shown(&stack, found) }))
}

pub(super) async fn exports(app: &Arc<App>) -> Result<Value, AwsError> {
    let exports = app.stacks.exports().await.map_err(refuse)?;
    let exports: Vec<Value> = exports
        .iter()
        .map(|(name, stack, value)| json!({ "ExportingStackId": stack, "Name": name, "Value": value }))
        .collect();
    Ok(json!({ "Exports": exports }))
}

pub(super) async fn imports(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let name = required(input, "ExportName")?;
    let importers = app.stacks.importers(name).await.map_err(refuse)?;
    if importers.is_empty() {
        let message = format!("Export '{name}' is not imported by any stack.");
        return Err(AwsError::new(400, "ValidationError", message));
    }
    Ok(json!({ "Imports": importers }))
}

fn summary(stack: &Stack) -> Value {
    json!({
        "StackId": stack.id,
        "StackName": stack.name,
        "CreationTime": time(stack.created_ms),
        "LastUpdatedTime": stack.updated_ms.map(time),
        "DeletionTime": stack.deleted_ms.map(time),
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason,
        "ParentId": stack.parent,
        "DriftInformation": { "StackDriftStatus": "NOT_CHECKED" },
    })
}

fn full(stack: &Stack) -> Value {
    let outputs: Vec<Value> = stack
        .outputs
        .iter()
        .map(|output| {
            json!({
                "OutputKey": output.key,
                "OutputValue": output.value,
                "Description": output.description,
                "ExportName": output.export,
            })
        })
        .collect();
    let mut body = summary(stack);
    body["DisableRollback"] = json!(stack.disable_rollback);
    body["NotificationARNs"] = json!([]);
    body["Capabilities"] = json!([]);
    body["Parameters"] = json!(pairs(&stack.wanted.shown(), "ParameterKey", "ParameterValue"));
    body["Tags"] = json!(pairs(&stack.wanted.tags, "Key", "Value"));
    body["Outputs"] = json!(outputs);
    body["EnableTerminationProtection"] = json!(stack.protected);
    body
}

fn shown(stack: &Stack, resource: &Resource) -> Value {
    json!({
        "StackName": stack.name,
        "StackId": stack.id,
        "LogicalResourceId": resource.logical,
        "PhysicalResourceId": if resource.reference.is_empty() { &resource.physical } else { &resource.reference },
        "ResourceType": resource.kind,
        "Timestamp": time(resource.updated_ms),
        "LastUpdatedTimestamp": time(resource.updated_ms),
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.reason,
    })
}
