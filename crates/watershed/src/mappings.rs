//! Event source mappings run as pipes: the mapping's source, filter and batching, with the mapping itself as target.
//!
//! Their pipes are named `esm/UUID`, which no pipe of the API can be. What the functions know of mappings is the truth; this
//! makes the pipes follow it, at the start and whenever a mapping changes.

use std::collections::BTreeSet;
use std::time::Duration;

use function::{Functions, Mapping};
use pipe::Pipes;
use serde_json::{Map, Value, json};

const PREFIX: &str = "esm/";
/// The wait before what could not be brought about is tried again, as while a pipe is starting.
const RETRY: Duration = Duration::from_secs(1);

/// Follows the mappings as long as the server runs.
pub async fn follow(functions: Functions, pipes: Pipes) {
    loop {
        match reconcile(&functions, &pipes).await {
            Ok(true) => functions.mappings_changed().await,
            Ok(false) => tokio::time::sleep(RETRY).await,
            Err(error) => {
                tracing::error!(%error, "event source mappings could not be followed");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// One pass; false when something is still to do.
async fn reconcile(functions: &Functions, pipes: &Pipes) -> Result<bool, pipe::Error> {
    let mappings = functions.mappings();
    let wanted: BTreeSet<String> = mappings.iter().map(|mapping| format!("{PREFIX}{}", mapping.uuid)).collect();
    let mut settled = true;
    for status in pipes.status().await? {
        let name = &status.pipe.definition.name;
        if name.starts_with(PREFIX) && !wanted.contains(name) {
            settled &= pipes.delete(name).await.is_ok();
        }
    }
    for mapping in mappings {
        if let Err(error) = pipes.keep(&definition(&mapping)).await {
            tracing::warn!(mapping = mapping.uuid, %error, "event source mapping waits");
            settled = false;
        }
    }
    Ok(settled)
}

/// The members of CreatePipe.
fn definition(mapping: &Mapping) -> Value {
    let mut source = Map::new();
    if let Some(criteria) = &mapping.filter_criteria {
        source.insert("FilterCriteria".into(), json!(criteria));
    }
    let mut block = Map::new();
    block.insert("BatchSize".into(), json!(mapping.batch_size));
    block.insert("MaximumBatchingWindowInSeconds".into(), json!(mapping.maximum_batching_window_in_seconds));
    let is_stream = mapping.starting_position.is_some();
    if is_stream {
        let failed = mapping.destination_config.as_ref().and_then(|config| config.on_failure.destination.as_ref());
        for (member, value) in [
            ("StartingPosition", json!(mapping.starting_position)),
            ("ParallelizationFactor", json!(mapping.parallelization_factor)),
            ("MaximumRecordAgeInSeconds", json!(mapping.maximum_record_age_in_seconds)),
            ("MaximumRetryAttempts", json!(mapping.maximum_retry_attempts)),
            ("DeadLetterConfig", failed.map_or(Value::Null, |arn| json!({"Arn": arn}))),
        ] {
            if !value.is_null() {
                block.insert(member.into(), value);
            }
        }
        if mapping.bisect_batch_on_function_error == Some(true) {
            block.insert("OnPartialBatchItemFailure".into(), json!("AUTOMATIC_BISECT"));
        }
    } else if let Some(most) = mapping.scaling_config.as_ref().and_then(|scaling| scaling.maximum_concurrency) {
        block.insert("MaximumConcurrency".into(), json!(most));
    }
    let kind = if is_stream { "DynamoDBStreamParameters" } else { "SqsQueueParameters" };
    source.insert(kind.into(), Value::Object(block));
    json!({
        "Name": format!("{PREFIX}{}", mapping.uuid),
        "DesiredState": if mapping.state == "Enabled" { "RUNNING" } else { "STOPPED" },
        "Source": mapping.event_source_arn,
        "SourceParameters": source,
        "Target": mapping.event_source_mapping_arn,
        "RoleArn": "arn:aws:iam::000000000000:role/event-source-mapping",
    })
}
