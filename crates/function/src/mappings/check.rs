//! What a mapping may be given, by the kind of its source (Lambda API reference, "CreateEventSourceMapping").

use serde_json::Value;

use super::{FilterCriteria, Kinds, MappingChange};
use crate::Error;

const FILTERS_MAX: usize = 10;
const PATTERN_CHARS_MAX: usize = 4096;

/// Refuses numbers out of range, and windows that are not kept here.
///
/// # Errors
/// `Invalid`, `Constraint`.
pub(super) fn numbers(change: &MappingChange, kind: Kinds) -> Result<(), Error> {
    let batch_max = if kind == (Kinds::Queue { fifo: true }) { 10 } else { 10_000 };
    let scaling = change.scaling_config.as_ref().and_then(|scaling| scaling.maximum_concurrency);
    for (member, value, least, most) in [
        ("batchSize", change.batch_size, 1, batch_max),
        ("maximumBatchingWindowInSeconds", change.maximum_batching_window_in_seconds, 0, 300),
        ("scalingConfig.maximumConcurrency", scaling, 2, 1000),
        ("parallelizationFactor", change.parallelization_factor, 1, 10),
        ("maximumRecordAgeInSeconds", change.maximum_record_age_in_seconds, -1, 604_800),
        ("maximumRetryAttempts", change.maximum_retry_attempts, -1, 10_000),
        ("tumblingWindowInSeconds", change.tumbling_window_in_seconds, 0, 900),
    ] {
        if let Some(value) = value {
            Error::check_range(member, value, least, most)?;
        }
    }
    if change.tumbling_window_in_seconds.is_some_and(|seconds| seconds > 0) {
        return Err(Error::Invalid("TumblingWindowInSeconds is not supported: there is no state between calls".into()));
    }
    match change.maximum_record_age_in_seconds {
        Some(0..=59) => Err(Error::Invalid("MaximumRecordAgeInSeconds must be -1 or between 60 and 604800".into())),
        _ => Ok(()),
    }
}

/// Refuses members that the kind of source does not have.
pub(super) fn members(change: &MappingChange, kind: Kinds) -> Result<(), Error> {
    let stream_only = [
        ("StartingPosition", change.starting_position.is_some()),
        ("ParallelizationFactor", change.parallelization_factor.is_some()),
        ("MaximumRecordAgeInSeconds", change.maximum_record_age_in_seconds.is_some()),
        ("MaximumRetryAttempts", change.maximum_retry_attempts.is_some()),
        ("BisectBatchOnFunctionError", change.bisect_batch_on_function_error.is_some()),
        ("TumblingWindowInSeconds", change.tumbling_window_in_seconds.is_some()),
        ("DestinationConfig", change.destination_config.is_some()),
    ];
    let queue_only = [("ScalingConfig", change.scaling_config.is_some())];
    let (source, others): (_, &[(&str, bool)]) = match kind {
        Kinds::Queue { .. } => ("SQS queues", &stream_only),
        Kinds::Stream => ("streams", &queue_only),
    };
    if let Some((member, _)) = others.iter().find(|(_, given)| *given) {
        return Err(Error::Invalid(format!("{member} is not supported for {source}")));
    }
    let window = change.maximum_batching_window_in_seconds.unwrap_or(0);
    match kind == (Kinds::Queue { fifo: true }) && window > 0 {
        true => Err(Error::Invalid("Batching window is not supported for FIFO queues.".into())),
        false => Ok(()),
    }
}

/// # Errors
/// `Invalid` for patterns that are too many, too long or no objects.
pub(super) fn filters(criteria: &FilterCriteria) -> Result<(), Error> {
    if criteria.filters.len() > FILTERS_MAX {
        return Err(Error::Invalid(format!("FilterCriteria must hold at most {FILTERS_MAX} filters")));
    }
    for (index, filter) in criteria.filters.iter().enumerate() {
        let is_object = matches!(serde_json::from_str(&filter.pattern), Ok(Value::Object(_)));
        if filter.pattern.chars().count() > PATTERN_CHARS_MAX || !is_object {
            return Err(Error::Invalid(format!("Invalid filter pattern definition. filter={index}")));
        }
    }
    Ok(())
}
