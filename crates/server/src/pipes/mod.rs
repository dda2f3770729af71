//! EventBridge Pipes at the wire (REST-JSON, 2015-10-07).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::services::{Parameter, Route};
use crate::{App, AwsError, Call, Codes, Reply};

pub(crate) const ROUTES: &[Route] = &[
    Route { method: "POST", path: "/v1/pipes/{Name}", operation: "CreatePipe", query: &[] },
    Route { method: "GET", path: "/v1/pipes/{Name}", operation: "DescribePipe", query: &[] },
    Route { method: "PUT", path: "/v1/pipes/{Name}", operation: "UpdatePipe", query: &[] },
    Route { method: "DELETE", path: "/v1/pipes/{Name}", operation: "DeletePipe", query: &[] },
    Route {
        method: "GET",
        path: "/v1/pipes",
        operation: "ListPipes",
        query: &[
            ("NamePrefix", Parameter::Text),
            ("DesiredState", Parameter::Text),
            ("CurrentState", Parameter::Text),
            ("SourcePrefix", Parameter::Text),
            ("TargetPrefix", Parameter::Text),
            ("NextToken", Parameter::Text),
            ("Limit", Parameter::Integer),
        ],
    },
    Route { method: "POST", path: "/v1/pipes/{Name}/start", operation: "StartPipe", query: &[] },
    Route { method: "POST", path: "/v1/pipes/{Name}/stop", operation: "StopPipe", query: &[] },
    Route { method: "GET", path: "/tags/{resourceArn+}", operation: "ListTagsForResource", query: &[] },
    Route { method: "POST", path: "/tags/{resourceArn+}", operation: "TagResource", query: &[] },
    Route {
        method: "DELETE",
        path: "/tags/{resourceArn+}",
        operation: "UntagResource",
        query: &[("tagKeys", Parameter::List)],
    },
];

impl From<pipe::Error> for AwsError {
    fn from(error: pipe::Error) -> Self {
        AwsError::of(&Codes::PIPES, error.kind(), error.to_string())
    }
}

/// Runs one operation.
pub(crate) async fn call(app: &Arc<App>, call: Call) -> Result<Reply, AwsError> {
    let (pipes, input) = (&app.pipes, &call.input);
    let answer = match call.operation.as_str() {
        "CreatePipe" => summary(pipes, &pipes.create(input).await?),
        "DescribePipe" => describe(pipes, &pipes.describe(name(input)?).await?),
        "UpdatePipe" => {
            let update = serde_json::from_value(input.clone())
                .map_err(|error| AwsError::validation(format!("request is not valid: {error}")))?;
            summary(pipes, &pipes.update(name(input)?, update).await?)
        }
        "DeletePipe" => summary(pipes, &pipes.delete(name(input)?).await?),
        "StartPipe" => summary(pipes, &pipes.start(name(input)?).await?),
        "StopPipe" => summary(pipes, &pipes.stop(name(input)?).await?),
        "ListPipes" => list(pipes, input).await?,
        "ListTagsForResource" => json!({"tags": pipes.describe(&tagged(pipes, input)?).await?.definition.tags}),
        "TagResource" => {
            let mut changes = BTreeMap::new();
            for (key, value) in input.get("tags").and_then(Value::as_object).into_iter().flatten() {
                let value = value.as_str().ok_or_else(|| AwsError::validation("a tag's value must be text"))?;
                changes.insert(key.clone(), Some(value.to_owned()));
            }
            pipes.tag(&tagged(pipes, input)?, changes).await?;
            json!({})
        }
        "UntagResource" => {
            let keys = input.get("tagKeys").and_then(Value::as_array).into_iter().flatten();
            let changes = keys.filter_map(Value::as_str).map(|key| (key.to_owned(), None)).collect();
            pipes.tag(&tagged(pipes, input)?, changes).await?;
            json!({})
        }
        other => return Err(AwsError::unknown_operation(other)),
    };
    Ok(Reply::from(answer))
}

async fn list(pipes: &pipe::Pipes, input: &Value) -> Result<Value, AwsError> {
    let text = |member: &str| input.get(member).and_then(Value::as_str).map(str::to_owned);
    let desired = match input.get("DesiredState") {
        None => None,
        Some(desired) => Some(
            serde_json::from_value(desired.clone())
                .map_err(|_| AwsError::validation("DesiredState must be RUNNING or STOPPED"))?,
        ),
    };
    let filter = pipe::Filter {
        name_prefix: text("NamePrefix"),
        source_prefix: text("SourcePrefix"),
        target_prefix: text("TargetPrefix"),
        desired,
        current: text("CurrentState"),
        limit: input.get("Limit").and_then(Value::as_u64).map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        next_token: text("NextToken"),
    };
    let listing = pipes.list(filter).await?;
    let mut answer = Map::new();
    let items = listing.pipes.iter().map(|pipe| {
        let mut item = summary(pipes, pipe);
        item["Source"] = json!(pipe.definition.source);
        item["Target"] = json!(pipe.definition.target);
        if let Some(enrichment) = &pipe.definition.enrichment {
            item["Enrichment"] = json!(enrichment);
        }
        if let Some(reason) = &pipe.reason {
            item["StateReason"] = json!(reason);
        }
        item
    });
    answer.insert("Pipes".into(), items.collect());
    if let Some(token) = listing.next_token {
        answer.insert("NextToken".into(), json!(token));
    }
    Ok(Value::Object(answer))
}

fn summary(pipes: &pipe::Pipes, pipe: &pipe::Pipe) -> Value {
    json!({
        "Arn": pipes.arn(&pipe.definition.name),
        "Name": pipe.definition.name,
        "DesiredState": desired(pipe),
        "CurrentState": pipe.current.as_str(),
        "CreationTime": seconds(pipe.created_ms),
        "LastModifiedTime": seconds(pipe.modified_ms),
    })
}

fn describe(pipes: &pipe::Pipes, pipe: &pipe::Pipe) -> Value {
    // The stored definition has the wire's member names.
    let mut answer = serde_json::to_value(&pipe.definition).unwrap_or_default();
    if let (Value::Object(answer), Value::Object(summary)) = (&mut answer, summary(pipes, pipe)) {
        answer.extend(summary);
        if let Some(reason) = &pipe.reason {
            answer.insert("StateReason".into(), json!(reason));
        }
    }
    answer
}

/// A pipe that is being deleted wants to be gone.
fn desired(pipe: &pipe::Pipe) -> &'static str {
    match pipe.current.as_str() {
        "DELETING" => "DELETED",
        _ => pipe.definition.desired_state.as_str(),
    }
}

fn name(input: &Value) -> Result<&str, AwsError> {
    input.get("Name").and_then(Value::as_str).ok_or_else(|| AwsError::validation("Name is missing"))
}

fn tagged(pipes: &pipe::Pipes, input: &Value) -> Result<String, AwsError> {
    let arn = input.get("resourceArn").and_then(Value::as_str).unwrap_or_default();
    let name = arn.rsplit_once("pipe/").map(|(_, name)| name.to_owned());
    name.filter(|name| pipes.arn(name) == arn)
        .ok_or_else(|| AwsError::new(404, "NotFoundException", format!("resource {arn} does not exist")))
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
