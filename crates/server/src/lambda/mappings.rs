//! Event source mappings.

use std::sync::Arc;

use function::Mapping;
use serde_json::{Value, json};

use super::{page, required, rest, text};
use crate::{App, AwsError, Call, Reply};

const NAMED: &[&str] = &["FunctionName", "EventSourceArn", "UUID"];

pub(super) async fn call(app: &Arc<App>, call: &Call) -> Result<Reply, AwsError> {
    let (engine, input) = (&app.functions, &call.input);
    match call.operation.as_str() {
        "CreateEventSourceMapping" => {
            let (function, source) = (required(input, "FunctionName")?, required(input, "EventSourceArn")?);
            let mapping = engine.create_mapping(function, source, rest(input, NAMED)?).await?;
            Ok(passing(&mapping, "Creating"))
        }
        "GetEventSourceMapping" => Ok(Reply::from(show(&*engine.mapping(required(input, "UUID")?)?))),
        "UpdateEventSourceMapping" => {
            let (uuid, function) = (required(input, "UUID")?, text(input, "FunctionName"));
            Ok(passing(&engine.update_mapping(uuid, function, rest(input, NAMED)?).await?, "Updating"))
        }
        "DeleteEventSourceMapping" => Ok(passing(&engine.delete_mapping(required(input, "UUID")?).await?, "Deleting")),
        "ListEventSourceMappings" => list(app, input),
        other => Err(AwsError::unknown_operation(other)),
    }
}

fn list(app: &Arc<App>, input: &Value) -> Result<Reply, AwsError> {
    let engine = &app.functions;
    let function = match text(input, "FunctionName") {
        None => None,
        Some(name) => {
            let reference = engine.reference(name, None)?;
            Some(engine.arn(&reference.name, reference.qualifier.as_deref()))
        }
    };
    let source = text(input, "EventSourceArn");
    let wanted = |mapping: &&Arc<Mapping>| {
        function.as_ref().is_none_or(|arn| mapping.function_arn == *arn)
            && source.is_none_or(|arn| mapping.event_source_arn == arn)
    };
    page(input, "EventSourceMappings", engine.mappings().iter().filter(wanted).map(|mapping| show(mapping)).collect())
}

fn show(mapping: &Mapping) -> Value {
    serde_json::to_value(mapping).unwrap_or_default()
}

/// A mapping on its way to another state.
fn passing(mapping: &Mapping, state: &str) -> Reply {
    let mut answer = show(mapping);
    answer["State"] = json!(state);
    Reply::from(answer).with_status(202)
}
