//! AWS CloudFormation (API version 2010-05-15) over the engine of crate `stack`.
//!
//! Lists are answered whole: there are no further pages.

mod api;
mod change_sets;
mod describe;
mod templates;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

pub use api::Services;

use crate::{App, AwsError, Call, Codes, Reply};

pub(crate) async fn call(app: &Arc<App>, call: Call) -> Result<Reply, AwsError> {
    let input = &call.input;
    let body = match call.operation.as_str() {
        "CreateStack" => create(app, input).await?,
        "UpdateStack" => update(app, input).await?,
        "DeleteStack" => delete(app, input).await?,
        "DescribeStacks" => describe::stacks(app, input).await?,
        "ListStacks" => describe::list(app, input).await?,
        "DescribeStackEvents" => describe::events(app, input).await?,
        "DescribeStackResources" => describe::resources(app, input, "StackResources").await?,
        "ListStackResources" => describe::resources(app, input, "StackResourceSummaries").await?,
        "DescribeStackResource" => describe::resource(app, input).await?,
        "ListExports" => describe::exports(app).await?,
        "GetTemplate" => templates::get(app, input).await?,
        "GetTemplateSummary" => templates::summary(app, input).await?,
        "ValidateTemplate" => templates::validate(app, input).await?,
        "CreateChangeSet" => change_sets::create(app, input).await?,
        "DescribeChangeSet" => change_sets::describe(app, input).await?,
        "ExecuteChangeSet" => change_sets::execute(app, input).await?,
        "DeleteChangeSet" => change_sets::delete(app, input).await?,
        "ListChangeSets" => change_sets::list(app, input).await?,
        other => return Err(AwsError::unknown_operation(other)),
    };
    Ok(Reply::from(body))
}

async fn create(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let request = request(app, input, None).await?;
    let id = app.stacks.create(request).await.map_err(refuse)?;
    app.stacks.start(id.clone());
    Ok(json!({ "StackId": id }))
}

async fn update(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let current = app.stacks.stack(required(input, "StackName")?).await.map_err(refuse)?;
    let request = request(app, input, Some(&current)).await?;
    let id = app.stacks.update(request).await.map_err(refuse)?;
    app.stacks.start(id.clone());
    Ok(json!({ "StackId": id }))
}

async fn delete(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    if let Some(id) = app.stacks.delete(required(input, "StackName")?).await.map_err(refuse)? {
        app.stacks.start(id);
    }
    Ok(json!({}))
}

/// What a stack is to be, from the members that create, update and change set share.
async fn request(app: &Arc<App>, input: &Value, current: Option<&stack::Stack>) -> Result<stack::Request, AwsError> {
    let previous = flag(input, "UsePreviousTemplate");
    let template = match current.filter(|_| previous) {
        Some(current) => current.wanted.template.clone(),
        None => templates::text(app, input).await?,
    };
    let mut parameters = BTreeMap::new();
    for parameter in list(input, "Parameters") {
        let name = required(parameter, "ParameterKey")?;
        let value = if flag(parameter, "UsePreviousValue") {
            current.and_then(|current| current.wanted.parameters.get(name)).map(String::as_str)
        } else {
            text(parameter, "ParameterValue")
        };
        if let Some(value) = value {
            parameters.insert(name.to_owned(), value.to_owned());
        }
    }
    let tag = |tag: &Value| Some((text(tag, "Key")?.to_owned(), text(tag, "Value")?.to_owned()));
    Ok(stack::Request {
        // An update may name the stack by its id.
        name: current.map_or(required(input, "StackName")?, |current| &current.name).to_owned(),
        template,
        parameters,
        tags: list(input, "Tags").iter().filter_map(tag).collect(),
        disable_rollback: flag(input, "DisableRollback") || text(input, "OnFailure") == Some("DO_NOTHING"),
    })
}

fn refuse(error: stack::Error) -> AwsError {
    AwsError::of(&Codes::CLOUDFORMATION, error.kind(), error.to_string())
}

fn text<'a>(input: &'a Value, member: &str) -> Option<&'a str> {
    input.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn required<'a>(input: &'a Value, member: &str) -> Result<&'a str, AwsError> {
    text(input, member).ok_or_else(|| AwsError::new(400, "ValidationError", format!("{member} must be given")))
}

fn flag(input: &Value, member: &str) -> bool {
    match input.get(member) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(flag)) => flag == "true",
        _ => false,
    }
}

fn list<'a>(input: &'a Value, member: &str) -> &'a [Value] {
    input.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// ISO 8601 with milliseconds and `Z`.
fn time(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `[{KEY: name, VALUE: value}]`, as parameters and tags travel.
fn pairs(members: &BTreeMap<String, String>, key: &str, value: &str) -> Vec<Value> {
    members
        .iter()
        .map(|(name, text)| Value::Object(Map::from_iter([(key.into(), json!(name)), (value.into(), json!(text))])))
        .collect()
}
