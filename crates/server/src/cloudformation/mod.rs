//! AWS CloudFormation (API version 2010-05-15) over the engine of crate `stack`.
//!
//! Lists are answered whole: there are no further pages.

mod api;
mod change_sets;
mod describe;
mod request;
mod templates;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

pub use api::Services;

use crate::{App, AwsError, Call, Codes, Reply};

/// Who signs calls of this server to itself.
const INTERNAL: &str = "internal";

pub(crate) async fn call(app: &Arc<App>, call: Call) -> Result<Reply, AwsError> {
    let input = &call.input;
    request::check_members(&call.operation, input)?;
    let body = match call.operation.as_str() {
        "CreateStack" => create(app, &call).await?,
        "UpdateStack" => update(app, input).await?,
        "DeleteStack" => delete(app, input).await?,
        "DescribeStacks" => describe::stacks(app, input).await?,
        "ListStacks" => describe::list(app, input).await?,
        "DescribeStackEvents" => describe::events(app, input).await?,
        "DescribeStackResources" => describe::resources(app, input, "StackResources").await?,
        "ListStackResources" => describe::resources(app, input, "StackResourceSummaries").await?,
        "DescribeStackResource" => describe::resource(app, input).await?,
        "ListExports" => describe::exports(app).await?,
        "ListImports" => describe::imports(app, input).await?,
        "ContinueUpdateRollback" => continue_rollback(app, input).await?,
        "UpdateTerminationProtection" => protect(app, input).await?,
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

async fn create(app: &Arc<App>, call: &Call) -> Result<Value, AwsError> {
    let mut request = request::read(app, &call.input, None).await?;
    // Said by the engine of a stack in a stack; whoever else says it is not heard.
    if call.access_key == INTERNAL {
        request.parent = text(&call.input, "ParentId").map(str::to_owned);
    }
    let id = app.stacks.create(request).await.map_err(refuse)?;
    app.stacks.start(id.clone());
    Ok(json!({ "StackId": id }))
}

async fn update(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let current = app.stacks.stack(required(input, "StackName")?).await.map_err(refuse)?;
    let request = request::read(app, input, Some(&current)).await?;
    let id = app.stacks.update(request).await.map_err(refuse)?;
    app.stacks.start(id.clone());
    Ok(json!({ "StackId": id }))
}

async fn delete(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let spared = list(input, "RetainResources").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if let Some(id) = app.stacks.delete(required(input, "StackName")?, spared).await.map_err(refuse)? {
        app.stacks.start(id);
    }
    Ok(json!({}))
}

async fn continue_rollback(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let id = app.stacks.continue_rollback(required(input, "StackName")?).await.map_err(refuse)?;
    app.stacks.start(id);
    Ok(json!({}))
}

async fn protect(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let protected = flag(input, "EnableTerminationProtection");
    let id = app.stacks.protect(required(input, "StackName")?, protected).await.map_err(refuse)?;
    Ok(json!({ "StackId": id }))
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
