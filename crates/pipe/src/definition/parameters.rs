//! How a pipe reads its source and what it makes of it: the parameters, with their ranges and defaults.

use event::Arn;
use serde_json::Value;

use super::rules::{constraint, enumeration, length, lower_first, parse_arn, supported};
use crate::Error;

/// As many as an event source mapping may have; the service gives a pipe 5, or 10 on request.
const FILTERS_MAX: usize = 10;
const CONCURRENCY_DEFAULT: i64 = 5;
const PATTERN_CHARS_MAX: usize = 4096;
const TEMPLATE_CHARS_MAX: usize = 8192;

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

/// The parameters of source, enrichment and target that the runtime honours itself, with their defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Streams only, where it is required.
    pub starting_position: Option<StartingPosition>,
    /// Records in one call, 1 to 10,000; 100 from a stream, 10 from a queue.
    pub batch_records: usize,
    /// How long a batch may wait to fill, 0 to 300 seconds; 0.
    pub window_s: u64,
    /// Batches of one shard at once, 1 to 10; 1.
    pub parallelization: usize,
    /// Batches of a queue at once, 2 to 1,000; 5.
    pub concurrency: usize,
    pub on_failure: OnFailure,
    /// `None`: for ever.
    pub retries_max: Option<u32>,
    /// `None`: any age.
    pub age_s_max: Option<u64>,
    pub dead_letter: Option<Arn>,
    /// Filter patterns; a record passes when one matches, or there are none.
    pub patterns: Vec<String>,
    /// `InputTemplate` of the enrichment, unless absent or empty.
    pub enrichment_template: Option<String>,
    /// `InputTemplate` of the target, unless absent or empty.
    pub template: Option<String>,
}

const SOURCE_MEMBERS: &[&str] = &["FilterCriteria", "DynamoDBStreamParameters", "SqsQueueParameters"];
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
/// `MaximumConcurrency` is an event source mapping's.
const QUEUE_MEMBERS: &[&str] = &["BatchSize", "MaximumBatchingWindowInSeconds", "MaximumConcurrency"];
const ENRICHMENT_MEMBERS: &[&str] = &["InputTemplate", "HttpParameters"];
/// `InputTemplate` is the pipe's; the others are read by the target, which refuses what it does not honour.
const TARGET_MEMBERS: &[&str] = &[
    "InputTemplate",
    "CloudWatchLogsParameters",
    "EventBridgeEventBusParameters",
    "HttpParameters",
    "LambdaFunctionParameters",
    "SqsQueueParameters",
    "StepFunctionStateMachineParameters",
];

impl Parameters {
    /// Reads and checks `SourceParameters`, `EnrichmentParameters` and `TargetParameters`.
    ///
    /// # Errors
    /// `Invalid` when a value is outside its range or not supported.
    pub fn parse(source: &Value, enrichment: &Value, target: &Value) -> Result<Parameters, Error> {
        supported(source, "SourceParameters.", SOURCE_MEMBERS, &[])?;
        supported(enrichment, "EnrichmentParameters.", ENRICHMENT_MEMBERS, &[])?;
        supported(target, "TargetParameters.", TARGET_MEMBERS, &[])?;
        let block = Block::of(source)?;
        let number = |member: &str, default: i64, low: i64, high: i64| block.range(member, default, low, high);
        Ok(Parameters {
            starting_position: block.starting_position()?,
            batch_records: number("BatchSize", block.batch_records, 1, 10_000)? as usize,
            window_s: number("MaximumBatchingWindowInSeconds", 0, 0, 300)? as u64,
            parallelization: number("ParallelizationFactor", 1, 1, 10)? as usize,
            concurrency: number("MaximumConcurrency", CONCURRENCY_DEFAULT, 2, 1000)? as usize,
            on_failure: block.on_failure()?,
            retries_max: u32::try_from(number("MaximumRetryAttempts", -1, -1, 10_000)?).ok(),
            age_s_max: u64::try_from(number("MaximumRecordAgeInSeconds", -1, -1, 604_800)?).ok(),
            dead_letter: block.dead_letter()?,
            patterns: patterns(source)?,
            enrichment_template: template(enrichment, "enrichmentParameters.inputTemplate")?,
            template: template(target, "targetParameters.inputTemplate")?,
        })
    }
}

/// The parameters of one kind of source, and how messages name them.
struct Block<'a> {
    value: &'a Value,
    name: &'static str,
    batch_records: i64,
}

impl<'a> Block<'a> {
    fn of(source: &'a Value) -> Result<Self, Error> {
        let given = |kind: &str| source.get(kind).filter(|value| !value.is_null());
        let (value, name, members, batch_records) =
            match (given("DynamoDBStreamParameters"), given("SqsQueueParameters")) {
                (Some(_), Some(_)) => {
                    return Err(Error::Invalid("SourceParameters: only one kind of source can be given".into()));
                }
                (Some(stream), None) => (stream, "DynamoDBStreamParameters", STREAM_MEMBERS, 100),
                (None, queue) => (queue.unwrap_or(&Value::Null), "SqsQueueParameters", QUEUE_MEMBERS, 10),
            };
        supported(value, &format!("SourceParameters.{name}."), members, &[])?;
        Ok(Block { value, name, batch_records })
    }

    fn path(&self, member: &str) -> String {
        // The service calls it `dynamoDBStreamParameters`.
        format!("sourceParameters.{}.{}", lower_first(self.name), lower_first(member))
    }

    /// That a stream has none is found out where the kind of the source is known: [`starting_position_missing`].
    fn starting_position(&self) -> Result<Option<StartingPosition>, Error> {
        match self.text("StartingPosition")? {
            Some("TRIM_HORIZON") => Ok(Some(StartingPosition::TrimHorizon)),
            Some("LATEST") => Ok(Some(StartingPosition::Latest)),
            None => Ok(None),
            Some(other) => Err(enumeration(other, &self.path("StartingPosition"), &["LATEST", "TRIM_HORIZON"])),
        }
    }

    fn on_failure(&self) -> Result<OnFailure, Error> {
        let member = "OnPartialBatchItemFailure";
        match self.text(member)? {
            None => Ok(OnFailure::RetryWhole),
            Some("AUTOMATIC_BISECT") => Ok(OnFailure::AutomaticBisect),
            Some(other) => Err(enumeration(other, &self.path(member), &["AUTOMATIC_BISECT"])),
        }
    }

    /// The on-failure destination. Whether something here can write to it is for the registry to say.
    fn dead_letter(&self) -> Result<Option<Arn>, Error> {
        let config = self.value.get("DeadLetterConfig").unwrap_or(&Value::Null);
        supported(config, &format!("SourceParameters.{}.DeadLetterConfig.", self.name), &["Arn"], &[])?;
        let path = self.path("DeadLetterConfig.arn");
        text(config, "Arn", &path)?.map(|arn| parse_arn(arn, &path)).transpose()
    }

    fn text(&self, member: &str) -> Result<Option<&str>, Error> {
        text(self.value, member, &self.path(member))
    }

    fn range(&self, member: &str, default: i64, low: i64, high: i64) -> Result<i64, Error> {
        let Some(value) = self.value.get(member).filter(|value| !value.is_null()) else { return Ok(default) };
        // CloudFormation parameters arrive as text.
        let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        let path = self.path(member);
        let refuse = |number: i64, rule: &str, bound: i64| {
            let rule = format!("Member must have value {rule} than or equal to {bound}");
            Err(constraint(&number.to_string(), &path, &rule))
        };
        match number {
            Some(number) if number < low => refuse(number, "greater", low),
            Some(number) if number > high => refuse(number, "less", high),
            Some(number) => Ok(number),
            None => Err(Error::Invalid(format!("{path} is not an integer"))),
        }
    }
}

/// What a stream without a starting position is told.
pub(crate) fn starting_position_missing() -> Error {
    constraint("null", "sourceParameters.dynamoDBStreamParameters.startingPosition", "Member must not be null")
}

/// A member that is text, or absent.
fn text<'a>(object: &'a Value, member: &str, path: &str) -> Result<Option<&'a str>, Error> {
    match object.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::Invalid(format!("{path} is not a string"))),
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

fn template(parameters: &Value, path: &str) -> Result<Option<String>, Error> {
    match text(parameters, "InputTemplate", path)? {
        None | Some("") => Ok(None),
        Some(text) if text.chars().count() > TEMPLATE_CHARS_MAX => Err(length(path, TEMPLATE_CHARS_MAX)),
        Some(text) => Ok(Some(text.to_owned())),
    }
}
