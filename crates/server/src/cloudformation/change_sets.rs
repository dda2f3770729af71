//! Change sets: what `aws cloudformation deploy` goes through.

use std::sync::Arc;

use serde_json::{Value, json};
use stack::ChangeSet;

use super::{pairs, refuse, request, required, text, time};
use crate::{App, AwsError};

pub(super) async fn create(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let create = text(input, "ChangeSetType") == Some("CREATE");
    let current = match app.stacks.stack(required(input, "StackName")?).await {
        Ok(stack) if !create => Some(stack),
        Err(error) if !create => return Err(refuse(error)),
        _ => None,
    };
    let request = request::read(app, input, current.as_ref()).await?;
    let set = app.stacks.prepare(required(input, "ChangeSetName")?, create, request).await.map_err(refuse)?;
    Ok(json!({ "Id": set.id, "StackId": set.stack }))
}

pub(super) async fn describe(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let set = find(app, input).await?;
    let changes: Vec<Value> = set
        .changes
        .iter()
        .map(|change| {
            json!({
                "Type": "Resource",
                "ResourceChange": {
                    "Action": change.action,
                    "LogicalResourceId": change.logical,
                    "PhysicalResourceId": change.physical,
                    "ResourceType": change.kind,
                    "Replacement": change.replacement,
                    "Scope": if change.action == "Modify" { json!(["Properties"]) } else { json!([]) },
                    "Details": [],
                },
            })
        })
        .collect();
    let mut body = summary(app, &set).await?;
    body["Parameters"] = json!(pairs(&set.wanted.shown(), "ParameterKey", "ParameterValue"));
    body["Tags"] = json!(pairs(&set.wanted.tags, "Key", "Value"));
    body["Changes"] = json!(changes);
    Ok(body)
}

pub(super) async fn execute(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let set = find(app, input).await?;
    let id = app.stacks.execute(set).await.map_err(refuse)?;
    app.stacks.start(id);
    Ok(json!({}))
}

pub(super) async fn delete(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let set = find(app, input).await?;
    app.stacks.discard(set).await.map_err(refuse)?;
    Ok(json!({}))
}

pub(super) async fn list(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let mut summaries = Vec::new();
    for set in app.stacks.change_sets(Some(required(input, "StackName")?)).await.map_err(refuse)? {
        summaries.push(summary(app, &set).await?);
    }
    Ok(json!({ "Summaries": summaries }))
}

async fn find(app: &Arc<App>, input: &Value) -> Result<ChangeSet, AwsError> {
    let name = required(input, "ChangeSetName")?;
    app.stacks.change_set(name, text(input, "StackName")).await.map_err(|error| match error {
        stack::Error::NotFound(message) => AwsError::new(404, "ChangeSetNotFound", message),
        error => refuse(error),
    })
}

async fn summary(app: &Arc<App>, set: &ChangeSet) -> Result<Value, AwsError> {
    let stack = app.stacks.stack(&set.stack).await.map_err(refuse)?;
    Ok(json!({
        "ChangeSetId": set.id,
        "ChangeSetName": set.name,
        "StackId": set.stack,
        "StackName": stack.name,
        "CreationTime": time(set.created_ms),
        "Status": set.status,
        "StatusReason": set.reason,
        "ExecutionStatus": set.execution,
    }))
}
