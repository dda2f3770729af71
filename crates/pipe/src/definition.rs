//! What a pipe is: the members of CreatePipe, checked, and kept as they were given (Pipes API 2015-10-07).

use std::collections::BTreeMap;

use event::Arn;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Error;

const NAME_CHARS_MAX: usize = 64;
const DESCRIPTION_CHARS_MAX: usize = 512;
const FILTERS_MAX: usize = 5;
const PATTERN_CHARS_MAX: usize = 4096;
const TEMPLATE_CHARS_MAX: usize = 8192;
const BATCH_RECORDS_DEFAULT: i64 = 100;

/// What the owner wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DesiredState {
    #[default]
    Running,
    Stopped,
}

impl DesiredState {
    pub fn as_str(self) -> &'static str {
        match self {
            DesiredState::Running => "RUNNING",
            DesiredState::Stopped => "STOPPED",
        }
    }
}

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

/// A pipe as CreatePipe gives it. Parameters stay JSON, so Describe answers what was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Definition {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default)]
    pub desired_state: DesiredState,
    pub source: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub source_parameters: Value,
    pub target: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub target_parameters: Value,
    pub role_arn: String,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub log_configuration: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_identifier: Option<String>,
}

/// The members of UpdatePipe; what is absent stays as it is. The source cannot change.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Update {
    pub description: Option<String>,
    pub desired_state: Option<DesiredState>,
    pub source_parameters: Option<Value>,
    pub target: Option<String>,
    pub target_parameters: Option<Value>,
    pub role_arn: Option<String>,
    pub log_configuration: Option<Value>,
    pub kms_key_identifier: Option<String>,
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

const CREATE_MEMBERS: &[&str] = &[
    "Name",
    "Description",
    "DesiredState",
    "Source",
    "SourceParameters",
    "Target",
    "TargetParameters",
    "RoleArn",
    "Tags",
    "LogConfiguration",
    "KmsKeyIdentifier",
];
const SOURCE_MEMBERS: &[&str] = &["FilterCriteria", "DynamoDBStreamParameters", "KinesisStreamParameters"];
const STREAM_MEMBERS: &[&str] = &[
    "StartingPosition",
    "StartingPositionTimestamp",
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "OnPartialBatchItemFailure",
    "DeadLetterConfig",
];
const TARGET_MEMBERS: &[&str] = &["InputTemplate", "CloudWatchLogsParameters"];

impl Definition {
    /// Reads and checks the members of CreatePipe, `Name` among them.
    ///
    /// # Errors
    /// `Invalid` with the service's words; a parameter this program does not honour is refused by its name.
    pub fn parse(input: &Value) -> Result<Definition, Error> {
        supported(input, "", CREATE_MEMBERS, &["Enrichment", "EnrichmentParameters"])?;
        for member in ["Name", "Source", "Target", "RoleArn"] {
            if input.get(member).is_none_or(Value::is_null) {
                return Err(constraint("null", &lower_first(member), "Member must not be null"));
            }
        }
        let mut input = without_nulls(input);
        input.remove("Enrichment");
        input.remove("EnrichmentParameters");
        check_enum(&input, "DesiredState", &["RUNNING", "STOPPED"])?;
        let definition: Definition = serde_json::from_value(Value::Object(input))
            .map_err(|error| Error::Invalid(format!("request is not valid: {error}")))?;
        definition.check()?;
        Ok(definition)
    }

    /// The definition with an update laid over it, checked.
    ///
    /// # Errors
    /// As [`Definition::parse`].
    pub fn updated(&self, update: Update) -> Result<Definition, Error> {
        let mut next = self.clone();
        next.description = update.description.or(next.description);
        next.desired_state = update.desired_state.unwrap_or(next.desired_state);
        if let Some(mut parameters) = update.source_parameters {
            self.keep_starting_position(&mut parameters);
            next.source_parameters = parameters;
        }
        next.target = update.target.unwrap_or(next.target);
        next.target_parameters = update.target_parameters.unwrap_or(next.target_parameters);
        next.role_arn = update.role_arn.unwrap_or(next.role_arn);
        next.log_configuration = update.log_configuration.unwrap_or(next.log_configuration);
        next.kms_key_identifier = update.kms_key_identifier.or(next.kms_key_identifier);
        next.check()?;
        Ok(next)
    }

    fn keep_starting_position(&self, parameters: &mut Value) {
        let Some(kept) = self.source_parameters.pointer("/DynamoDBStreamParameters/StartingPosition") else { return };
        let Some(parameters) = parameters.as_object_mut() else { return };
        let stream = parameters.entry("DynamoDBStreamParameters").or_insert_with(|| Value::Object(Map::new()));
        if let Some(stream) = stream.as_object_mut() {
            stream.insert("StartingPosition".into(), kept.clone());
        }
    }

    /// The source's ARN.
    ///
    /// # Errors
    /// `Invalid` when it is none.
    pub fn source_arn(&self) -> Result<Arn, Error> {
        parse_arn(&self.source, "source")
    }

    /// The target's ARN.
    ///
    /// # Errors
    /// `Invalid` when it is none.
    pub fn target_arn(&self) -> Result<Arn, Error> {
        parse_arn(&self.target, "target")
    }

    fn check(&self) -> Result<(), Error> {
        check_name(&self.name)?;
        if self.description.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION_CHARS_MAX) {
            return Err(length("description", DESCRIPTION_CHARS_MAX));
        }
        self.source_arn()?;
        self.target_arn()?;
        let role = parse_arn(&self.role_arn, "roleArn")?;
        if role.service != "iam" || !role.resource.starts_with("role/") {
            return Err(constraint(&self.role_arn, "roleArn", "Member must be the ARN of an IAM role"));
        }
        if self.tags.len() > 50 {
            return Err(Error::Invalid("a pipe can have at most 50 tags".into()));
        }
        self.parameters().map(|_| ())
    }

    /// The parameters as the runtime needs them.
    ///
    /// # Errors
    /// `Invalid` when a value is outside its range or not supported.
    pub fn parameters(&self) -> Result<StreamParameters, Error> {
        supported(&self.source_parameters, "SourceParameters.", SOURCE_MEMBERS, &[])?;
        supported(&self.target_parameters, "TargetParameters.", TARGET_MEMBERS, &[])?;
        let absent = Value::Null;
        let (name, stream) = match self.source_parameters.get("KinesisStreamParameters") {
            Some(stream) if !stream.is_null() => ("KinesisStreamParameters", stream),
            _ => {
                let stream = self.source_parameters.get("DynamoDBStreamParameters").unwrap_or(&absent);
                ("DynamoDBStreamParameters", stream)
            }
        };
        let path = format!("sourceParameters.{}", lower_first(name));
        supported(stream, &format!("SourceParameters.{name}."), STREAM_MEMBERS, &[])?;
        let number = |member: &str, default: i64, low: i64, high: i64| range(stream, &path, member, default, low, high);
        Ok(StreamParameters {
            starting_position: starting_position(stream, &path)?,
            batch_records: number("BatchSize", BATCH_RECORDS_DEFAULT, 1, 10_000)? as usize,
            window_s: number("MaximumBatchingWindowInSeconds", 0, 0, 300)? as u64,
            parallelization: number("ParallelizationFactor", 1, 1, 10)? as usize,
            on_failure: on_failure(stream, &path)?,
            retries_max: u32::try_from(number("MaximumRetryAttempts", -1, -1, 10_000)?).ok(),
            age_s_max: u64::try_from(number("MaximumRecordAgeInSeconds", -1, -1, 604_800)?).ok(),
            dead_letter: dead_letter(stream)?,
            patterns: patterns(&self.source_parameters)?,
            template: template(&self.target_parameters)?,
        })
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return Err(length("name", NAME_CHARS_MAX));
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')) {
        return Err(constraint(name, "name", r"Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+"));
    }
    Ok(())
}

fn starting_position(stream: &Value, path: &str) -> Result<StartingPosition, Error> {
    if stream.get("StartingPositionTimestamp").is_some_and(|value| !value.is_null()) {
        return Err(not_supported("SourceParameters.KinesisStreamParameters.StartingPositionTimestamp"));
    }
    match stream.get("StartingPosition").and_then(Value::as_str) {
        Some("TRIM_HORIZON") => Ok(StartingPosition::TrimHorizon),
        Some("LATEST") => Ok(StartingPosition::Latest),
        None => Err(constraint("null", &format!("{path}.startingPosition"), "Member must not be null")),
        Some(other) => Err(enumeration(other, &format!("{path}.startingPosition"), &["LATEST", "TRIM_HORIZON"])),
    }
}

fn on_failure(stream: &Value, path: &str) -> Result<OnFailure, Error> {
    match stream.get("OnPartialBatchItemFailure").and_then(Value::as_str) {
        None => Ok(OnFailure::RetryWhole),
        Some("AUTOMATIC_BISECT") => Ok(OnFailure::AutomaticBisect),
        Some(other) => Err(enumeration(other, &format!("{path}.onPartialBatchItemFailure"), &["AUTOMATIC_BISECT"])),
    }
}

fn dead_letter(stream: &Value) -> Result<Option<Arn>, Error> {
    match stream.pointer("/DeadLetterConfig/Arn").and_then(Value::as_str) {
        None => Ok(None),
        Some(arn) => parse_arn(arn, "sourceParameters.deadLetterConfig.arn").map(Some),
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

fn range(stream: &Value, path: &str, member: &str, default: i64, low: i64, high: i64) -> Result<i64, Error> {
    let Some(value) = stream.get(member).filter(|value| !value.is_null()) else { return Ok(default) };
    // CloudFormation parameters arrive as text.
    let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    let path = format!("{path}.{}", lower_first(member));
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

/// Refuses members this program does not know, unless they are null, or empty and in `if_empty`.
fn supported(value: &Value, prefix: &str, known: &[&str], if_empty: &[&str]) -> Result<(), Error> {
    let Some(members) = value.as_object() else {
        if value.is_null() {
            return Ok(());
        }
        return Err(Error::Invalid(format!("{} is not an object", prefix.trim_end_matches('.'))));
    };
    for (member, value) in members {
        let empty = value.as_str().is_some_and(str::is_empty) || value.as_object().is_some_and(Map::is_empty);
        let harmless = value.is_null() || (empty && if_empty.contains(&member.as_str()));
        if !harmless && !known.contains(&member.as_str()) {
            return Err(not_supported(&format!("{prefix}{member}")));
        }
    }
    Ok(())
}

fn check_enum(input: &Map<String, Value>, member: &str, known: &[&str]) -> Result<(), Error> {
    match input.get(member) {
        None => Ok(()),
        Some(Value::String(text)) if known.contains(&text.as_str()) => Ok(()),
        Some(other) => Err(enumeration(other.as_str().unwrap_or("?"), &lower_first(member), known)),
    }
}

fn without_nulls(input: &Value) -> Map<String, Value> {
    let members = input.as_object().into_iter().flatten();
    members.filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn parse_arn(text: &str, path: &str) -> Result<Arn, Error> {
    text.parse().map_err(|_| constraint(text, path, "Member must be an ARN"))
}

fn lower_first(member: &str) -> String {
    let mut chars = member.chars();
    chars.next().map(|first| first.to_ascii_lowercase().to_string() + chars.as_str()).unwrap_or_default()
}

fn not_supported(path: &str) -> Error {
    Error::Invalid(format!("{path} is not supported"))
}

fn length(path: &str, max: usize) -> Error {
    Error::Invalid(format!(
        "1 validation error detected: Value at '{path}' failed to satisfy constraint: Member must have length between 1 and {max}"
    ))
}

fn enumeration(value: &str, path: &str, known: &[&str]) -> Error {
    constraint(value, path, &format!("Member must satisfy enum value set: [{}]", known.join(", ")))
}

fn constraint(value: &str, path: &str, rule: &str) -> Error {
    Error::Invalid(format!(
        "1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: {rule}"
    ))
}
