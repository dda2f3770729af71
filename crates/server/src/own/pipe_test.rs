//! `POST /_watershed/pipes/test` `{"definition": MEMBERS OF CreatePipe | "name": PIPE, "events": [JSON TEXT, ...]}` answers
//! `{"trials": [...]}`: what each step makes of each event. Nothing is read, written or kept.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{App, AwsError};

/// # Errors
/// `ValidationException` for a definition that is not valid, `NotFoundException` for a pipe that does not exist.
pub(super) async fn call(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let events = input.get("events").and_then(Value::as_array).into_iter().flatten();
    let events = events
        .map(|event| event.as_str().map(|text| text.to_owned().into()))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| AwsError::validation("`events` must be a list of JSON texts"))?;
    let definition = match (input.get("name").and_then(Value::as_str), input.get("definition")) {
        (Some(name), None) => serde_json::to_value(&app.pipes.describe(name).await?.definition).unwrap_or_default(),
        (None, Some(definition)) => definition.clone(),
        _ => return Err(AwsError::validation("give either `name` or `definition`")),
    };
    Ok(json!({"trials": app.pipes.test(&definition, events).await?}))
}
