//! Amazon SQS (API version 2012-11-05) at the wire: JSON, and the older query protocol on the same operations.

mod attributes;
mod batch;
mod error;
mod input;
mod lists;
mod messages;
mod moves;
mod query;
mod receive;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{App, AwsError, Call, Reply};
use input::Caller;

/// The JSON protocol.
pub(crate) async fn call(app: &Arc<App>, call: Call) -> Result<Reply, AwsError> {
    let caller = Caller { app, host: &call.host };
    run(&caller, &call.operation, call.input).await.map(Reply::from)
}

/// The query protocol: the form as the JSON protocol's input, and the answer as its flattened XML.
pub(crate) async fn call_query(app: &Arc<App>, call: Call) -> Result<Reply, AwsError> {
    let caller = Caller { app, host: &call.host };
    let answer = run(&caller, &call.operation, query::input(&call.operation, call.input, &call.path)?).await?;
    Ok(Reply::from(query::output(&call.operation, answer)))
}

async fn run(caller: &Caller<'_>, operation: &str, input: Value) -> Result<Value, AwsError> {
    match operation {
        "SendMessage" => messages::send(caller, input).await,
        "SendMessageBatch" => messages::send_batch(caller, input).await,
        "ReceiveMessage" => receive::receive(caller, input).await,
        "DeleteMessage" => messages::delete(caller, input).await,
        "DeleteMessageBatch" => messages::delete_batch(caller, input).await,
        "ChangeMessageVisibility" => messages::change(caller, input).await,
        "ChangeMessageVisibilityBatch" => messages::change_batch(caller, input).await,
        "CreateQueue" => attributes::create(caller, input).await,
        "GetQueueUrl" => lists::url(caller, input).await,
        "GetQueueAttributes" => attributes::get(caller, input).await,
        "SetQueueAttributes" => attributes::set(caller, input).await,
        "AddPermission" => attributes::add_permission(caller, input).await,
        "RemovePermission" => attributes::remove_permission(caller, input).await,
        "ListQueues" => lists::queues(caller, input).await,
        "ListDeadLetterSourceQueues" => lists::sources(caller, input).await,
        "DeleteQueue" => {
            caller.app.queues.delete_queue(&input::queue_alone(caller, input)?).await.map_err(error::refuse)?;
            Ok(json!({}))
        }
        "PurgeQueue" => {
            caller.app.queues.purge(&input::queue_alone(caller, input)?).await.map_err(error::refuse)?;
            Ok(json!({}))
        }
        "TagQueue" => lists::tag(caller, input).await,
        "UntagQueue" => lists::untag(caller, input).await,
        "ListQueueTags" => lists::tags(caller, input).await,
        "StartMessageMoveTask" => moves::start(caller, input).await,
        "ListMessageMoveTasks" => moves::list(caller, input).await,
        "CancelMessageMoveTask" => moves::cancel(caller, input).await,
        other => Err(AwsError::unknown_operation(other)),
    }
}
