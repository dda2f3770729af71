//! How a pipe reads its stream: `SourceParameters` and `InputTemplate`, with their ranges and defaults.

use event::Arn;
use serde_json::Value;

use super::rules::{constraint, enumeration, length, lower_first, parse_arn, supported};
use crate::Error;

const FILTERS_MAX: usize = 5;
const PATTERN_CHARS_MAX: usize = 4096;
const TEMPLATE_CHARS_MAX: usize = 8192;
const BATCH_RECORDS_DEFAULT: i64 = 100;

/// Where a new pipe begins in the shards that exist at its first start. Later shards are always read from their start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartingPosition {
    TrimHorizon,
    /// From the moment of creation.
    Latest,
}

/// What to do with a batch that failed as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    RetryWhole,
    AutomaticBisect,
}

/// The stream parameters with their defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamParameters {
    pub starting_position: StartingPosition,
    /// Records in one call, 1 to 10,000; 100.
    pub batch_records: usize,
    /// How long a batch may wait to fill, 0 to 300 seconds; 0.
    pub window_s: u64,
    /// Batches of one shard at once, 1 to 10; 1.
    pub parallelization: usize,
    pub on_failure: OnFailure,
    /// `None`: for ever.
    pub retries_max: Option<u32>,
    /// `None`: any age.
    pub age_s_max: Option<u64>,
    pub dead_letter: Option<Arn>,
    /// Filter patterns; a record passes when one matches, or there are none.
    pub patterns: Vec<String>,
    /// `InputTemplate`, unless absent or empty.
    pub template: Option<String>,
}

const SOURCE_MEMBERS: &[&str] = &["FilterCriteria", "DynamoDBStreamParameters"];
const STREAM_MEMBERS: &[&str] = &[
    "StartingPosition",
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "OnPartialBatchItemFailure",
    "DeadLetterConfig",
];
const TARGET_MEMBERS: &[&str] = &["InputTemplate", "CloudWatchLogsParameters"];

impl StreamParameters {
    /// Reads and checks `SourceParameters` and `TargetParameters`.
    ///
    /// # Errors
    /// `Invalid` when a value is outside its range or not supported.
    pub fn parse(source: &Value, target: &Value) -> Result<StreamParameters, Error> {
        supported(source, "SourceParameters.", SOURCE_MEMBERS, &[])?;
        supported(target, "TargetParameters.", TARGET_MEMBERS, &[])?;
        let stream = source.get("DynamoDBStreamParameters").unwrap_or(&Value::Null);
        supported(stream, "SourceParameters.DynamoDBStreamParameters.", STREAM_MEMBERS, &[])?;
        let number = |member: &str, default: i64, low: i64, high: i64| range(stream, member, default, low, high);
        Ok(StreamParameters {
            starting_position: starting_position(stream)?,
            batch_records: number("BatchSize", BATCH_RECORDS_DEFAULT, 1, 10_000)? as usize,
            window_s: number("MaximumBatchingWindowInSeconds", 0, 0, 300)? as u64,
            parallelization: number("ParallelizationFactor", 1, 1, 10)? as usize,
            on_failure: on_failure(stream)?,
            retries_max: u32::try_from(number("MaximumRetryAttempts", -1, -1, 10_000)?).ok(),
            age_s_max: u64::try_from(number("MaximumRecordAgeInSeconds", -1, -1, 604_800)?).ok(),
            dead_letter: dead_letter(stream)?,
            patterns: patterns(source)?,
            template: template(target)?,
        })
    }
}

/// The path of a stream parameter in messages.
fn path(member: &str) -> String {
    format!("sourceParameters.dynamoDBStreamParameters.{}", lower_first(member))
}

fn starting_position(stream: &Value) -> Result<StartingPosition, Error> {
    let path = path("StartingPosition");
    match text(stream, "StartingPosition")? {
        Some("TRIM_HORIZON") => Ok(StartingPosition::TrimHorizon),
        Some("LATEST") => Ok(StartingPosition::Latest),
        None => Err(constraint("null", &path, "Member must not be null")),
        Some(other) => Err(enumeration(other, &path, &["LATEST", "TRIM_HORIZON"])),
    }
}

fn on_failure(stream: &Value) -> Result<OnFailure, Error> {
    match text(stream, "OnPartialBatchItemFailure")? {
        None => Ok(OnFailure::RetryWhole),
        Some("AUTOMATIC_BISECT") => Ok(OnFailure::AutomaticBisect),
        Some(other) => Err(enumeration(other, &path("OnPartialBatchItemFailure"), &["AUTOMATIC_BISECT"])),
    }
}

/// The on-failure destination. Whether something here can write to it is for the registry to say.
fn dead_letter(stream: &Value) -> Result<Option<Arn>, Error> {
    let config = stream.get("DeadLetterConfig").unwrap_or(&Value::Null);
    supported(config, "SourceParameters.DynamoDBStreamParameters.DeadLetterConfig.", &["Arn"], &[])?;
    text(config, "Arn")?.map(|arn| parse_arn(arn, &path("DeadLetterConfig.arn"))).transpose()
}

/// A member that is text, or absent.
fn text<'a>(object: &'a Value, member: &str) -> Result<Option<&'a str>, Error> {
    match object.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::Invalid(format!("{} is not a string", path(member)))),
    }
}

fn patterns(source: &Value) -> Result<Vec<String>, Error> {
    let path = "sourceParameters.filterCriteria.filters";
    let Some(filters) = source.pointer("/FilterCriteria/Filters").filter(|value| !value.is_null()) else {
        return Ok(Vec::new());
    };
    let filters = filters.as_array().ok_or_else(|| Error::Invalid(format!("{path} is not a list")))?;
    if filters.len() > FILTERS_MAX {
        let rule = format!("Member must have length less than or equal to {FILTERS_MAX}");
        return Err(constraint(&format!("{} members", filters.len()), path, &rule));
    }
    let mut found = Vec::with_capacity(filters.len());
    for filter in filters {
        let Some(text) = filter.get("Pattern").and_then(Value::as_str) else {
            return Err(constraint("null", &format!("{path}.member.pattern"), "Member must not be null"));
        };
        if text.chars().count() > PATTERN_CHARS_MAX {
            return Err(length(&format!("{path}.member.pattern"), PATTERN_CHARS_MAX));
        }
        found.push(text.to_owned());
    }
    Ok(found)
}

fn template(target: &Value) -> Result<Option<String>, Error> {
    match target.get("InputTemplate").and_then(Value::as_str) {
        None | Some("") => Ok(None),
        Some(text) if text.chars().count() > TEMPLATE_CHARS_MAX => {
            Err(length("targetParameters.inputTemplate", TEMPLATE_CHARS_MAX))
        }
        Some(text) => Ok(Some(text.to_owned())),
    }
}

fn range(stream: &Value, member: &str, default: i64, low: i64, high: i64) -> Result<i64, Error> {
    let Some(value) = stream.get(member).filter(|value| !value.is_null()) else { return Ok(default) };
    // CloudFormation parameters arrive as text.
    let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    let path = path(member);
    match number {
        Some(number) if number < low => Err(constraint(
            &number.to_string(),
            &path,
            &format!("Member must have value greater than or equal to {low}"),
        )),
        Some(number) if number > high => {
            Err(constraint(&number.to_string(), &path, &format!("Member must have value less than or equal to {high}")))
        }
        Some(number) => Ok(number),
        None => Err(Error::Invalid(format!("{path} is not an integer"))),
    }
}
