//! StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask.

use messaging::queue::{MoveTask, StartMove};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::{self, refuse};
use super::input::{Caller, decode};
use crate::AwsError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Start {
    source_arn: String,
    destination_arn: Option<String>,
    max_number_of_messages_per_second: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct List {
    source_arn: String,
    max_results: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Cancel {
    task_handle: String,
}

pub(super) async fn start(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let Start { source_arn, destination_arn, max_number_of_messages_per_second } = decode(input)?;
    let start =
        StartMove { source: source_arn, destination: destination_arn, per_second: max_number_of_messages_per_second };
    let handle = caller.app.queues.start_move(start).await.map_err(refuse)?;
    Ok(json!({ "TaskHandle": handle }))
}

pub(super) async fn list(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let List { source_arn, max_results } = decode(input)?;
    let limit = max_results.unwrap_or(1);
    let limit = Some(limit).filter(|limit| (1..=10).contains(limit)).and_then(|limit| usize::try_from(limit).ok());
    let limit =
        limit.ok_or_else(|| error::invalid(max_results.unwrap_or_default(), "MaxResults", "Must be from 1 to 10."))?;
    let tasks = caller.app.queues.moves(&source_arn, limit).await.map_err(refuse)?;
    Ok(json!({ "Results": tasks.into_iter().map(shown).collect::<Vec<_>>() }))
}

pub(super) async fn cancel(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let Cancel { task_handle } = decode(input)?;
    let moved = caller.app.queues.cancel_move(&task_handle).await.map_err(refuse)?;
    Ok(json!({ "ApproximateNumberOfMessagesMoved": moved }))
}

fn shown(task: MoveTask) -> Value {
    let mut members = Map::new();
    let mut add = |name: &str, value: Value| members.insert(name.to_owned(), value);
    // Only a running task can be named.
    if task.status == "RUNNING" {
        add("TaskHandle", task.handle.into());
    }
    add("Status", task.status.into());
    add("SourceArn", task.source.into());
    if let Some(destination) = task.destination {
        add("DestinationArn", destination.into());
    }
    if let Some(per_second) = task.per_second {
        add("MaxNumberOfMessagesPerSecond", per_second.into());
    }
    add("ApproximateNumberOfMessagesMoved", task.moved.into());
    add("ApproximateNumberOfMessagesToMove", task.to_move.into());
    if let Some(failure) = task.failure {
        add("FailureReason", failure.into());
    }
    add("StartedTimestamp", task.started_ms.into());
    Value::Object(members)
}
