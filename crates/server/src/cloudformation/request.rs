//! What create, update and change set ask for, and which members each operation knows.
//!
//! Members beside the API's own: `WatershedSources` hands over where relative template paths begin (`directory`) and
//! the code of functions (`functions`), as JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use stack::OnFailure;

use super::{flag, list, required, templates, text};
use crate::{App, AwsError};

/// Members that create, update and change set share. Roles and capabilities are accepted: whoever may call may do all.
const SHARED: &[&str] = &[
    "Capabilities",
    "ClientRequestToken",
    "Parameters",
    "RoleARN",
    "StackName",
    "Tags",
    "TemplateBody",
    "TemplateURL",
    SOURCES,
];

/// Members of single operations, beside [`SHARED`] for those that take it.
const MEMBERS: &[(&str, bool, &[&str])] = &[
    (
        "CreateStack",
        true,
        &["DisableRollback", "EnableTerminationProtection", "OnFailure", "ParentId", "RetainExceptOnCreate"],
    ),
    ("UpdateStack", true, &["DisableRollback", "RetainExceptOnCreate", "UsePreviousTemplate"]),
    (
        "CreateChangeSet",
        true,
        &["ChangeSetName", "ChangeSetType", "ClientToken", "Description", "IncludeNestedStacks", "UsePreviousTemplate"],
    ),
    ("DeleteStack", false, &["ClientRequestToken", "RetainResources", "RoleARN", "StackName"]),
    ("ExecuteChangeSet", false, &["ChangeSetName", "ClientRequestToken", "StackName"]),
    ("ContinueUpdateRollback", false, &["ClientRequestToken", "RoleARN", "StackName"]),
];

const SOURCES: &str = "WatershedSources";

/// Members whose absence, emptiness and `false` mean the same: nothing is asked for.
fn idle(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty() || text == "false",
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(idle),
        Value::Bool(flag) => !flag,
        Value::Number(_) => false,
    }
}

/// Refuses members that would be passed over silently.
pub(super) fn check_members(operation: &str, input: &Value) -> Result<(), AwsError> {
    let Some((_, shared, own)) = MEMBERS.iter().find(|(name, ..)| *name == operation) else { return Ok(()) };
    let known = |name: &str| own.contains(&name) || (*shared && SHARED.contains(&name));
    let unknown = input.as_object().into_iter().flatten().find(|(name, value)| !known(name) && !idle(value));
    match unknown {
        None => Ok(()),
        Some((name, _)) => {
            let message = format!("the parameter is not supported. operation=`{operation}` parameter=`{name}`");
            Err(AwsError::new(400, "ValidationError", message))
        }
    }
}

/// What a stack is to be. What an update does not say stays as it is in `current`.
pub(super) async fn read(
    app: &Arc<App>,
    input: &Value,
    current: Option<&stack::Stack>,
) -> Result<stack::Request, AwsError> {
    let previous = flag(input, "UsePreviousTemplate");
    let template = match current.filter(|_| previous) {
        Some(current) => current.wanted.template.clone(),
        None => templates::text(app, input).await?,
    };
    let tag = |tag: &Value| Some((text(tag, "Key")?.to_owned(), tag.get("Value")?.as_str()?.to_owned()));
    let tags = match (input.get("Tags"), current) {
        (None, Some(current)) => current.wanted.tags.clone(),
        _ => list(input, "Tags").iter().filter_map(tag).collect(),
    };
    if tags.len() > 50 {
        return Err(AwsError::new(400, "ValidationError", "a stack has at most 50 tags"));
    }
    let on_failure = match (text(input, "OnFailure"), flag(input, "DisableRollback")) {
        (Some(_), true) => {
            return Err(AwsError::new(
                400,
                "ValidationError",
                "You can specify either DisableRollback or OnFailure, not both",
            ));
        }
        (None | Some("ROLLBACK"), false) => OnFailure::Rollback,
        (Some("DELETE"), false) => OnFailure::Delete,
        (Some("DO_NOTHING"), false) | (None, true) => OnFailure::DoNothing,
        (Some(_), false) => {
            return Err(AwsError::new(400, "ValidationError", "OnFailure must be DO_NOTHING, ROLLBACK or DELETE"));
        }
    };
    Ok(stack::Request {
        // An update may name the stack by its id.
        name: current.map_or(required(input, "StackName")?, |current| &current.name).to_owned(),
        template,
        parameters: parameters(input, current)?,
        tags,
        sources: sources(input, current)?,
        on_failure,
        protected: flag(input, "EnableTerminationProtection"),
        parent: None,
    })
}

fn parameters(input: &Value, current: Option<&stack::Stack>) -> Result<BTreeMap<String, String>, AwsError> {
    let mut parameters = BTreeMap::new();
    for parameter in list(input, "Parameters") {
        let name = required(parameter, "ParameterKey")?;
        let value = if flag(parameter, "UsePreviousValue") {
            current.and_then(|current| current.wanted.parameters.get(name)).map(String::as_str)
        } else {
            parameter.get("ParameterValue").and_then(Value::as_str)
        };
        if let Some(value) = value {
            parameters.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(parameters)
}

/// Code that an update does not name stays as it is.
fn sources(input: &Value, current: Option<&stack::Stack>) -> Result<stack::Sources, AwsError> {
    let malformed = |_| AwsError::new(400, "ValidationError", format!("{SOURCES} is malformed"));
    let before = current.map(|current| current.wanted.sources.clone()).unwrap_or_default();
    let given: stack::Sources = match input.get(SOURCES) {
        None | Some(Value::Null) => return Ok(before),
        Some(Value::String(text)) => serde_json::from_str(text).map_err(malformed)?,
        Some(value) => serde_json::from_value(value.clone()).map_err(malformed)?,
    };
    let functions = before.functions.into_iter().chain(given.functions).collect();
    Ok(stack::Sources { directory: given.directory.or(before.directory), functions })
}
