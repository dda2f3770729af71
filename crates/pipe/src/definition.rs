//! What a pipe is: the members of CreatePipe, checked, and kept as they were given (Pipes API 2015-10-07).

mod parameters;
mod rules;

use std::collections::BTreeMap;

use event::Arn;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Error;
pub(crate) use parameters::starting_position_missing;
pub use parameters::{OnFailure, Parameters, StartingPosition};
use rules::{check_enum, constraint, length, lower_first, parse_arn, supported};

const NAME_CHARS_MAX: usize = 64;
const DESCRIPTION_CHARS_MAX: usize = 512;

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
    /// `None` also for the empty text that CDK leaves behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrichment: Option<String>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub enrichment_parameters: Value,
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
    /// An empty text takes the enrichment away.
    pub enrichment: Option<String>,
    pub enrichment_parameters: Option<Value>,
    pub target: Option<String>,
    pub target_parameters: Option<Value>,
    pub role_arn: Option<String>,
    pub log_configuration: Option<Value>,
    pub kms_key_identifier: Option<String>,
}

const CREATE_MEMBERS: &[&str] = &[
    "Name",
    "Description",
    "DesiredState",
    "Source",
    "SourceParameters",
    "Enrichment",
    "EnrichmentParameters",
    "Target",
    "TargetParameters",
    "RoleArn",
    "Tags",
    "LogConfiguration",
    "KmsKeyIdentifier",
];
impl Definition {
    /// Reads and checks the members of CreatePipe, `Name` among them.
    ///
    /// # Errors
    /// `Invalid` with the service's words; a parameter this program does not honour is refused by its name.
    pub fn parse(input: &Value) -> Result<Definition, Error> {
        supported(input, "", CREATE_MEMBERS, &[])?;
        for member in ["Name", "Source", "Target", "RoleArn"] {
            if input.get(member).is_none_or(Value::is_null) {
                return Err(constraint("null", &lower_first(member), "Member must not be null"));
            }
        }
        let mut input = without_nulls(input);
        if input.get("Enrichment").is_some_and(|arn| arn == "") {
            input.remove("Enrichment");
        }
        check_enum(&input, "DesiredState", &["RUNNING", "STOPPED"])?;
        let definition: Definition = serde_json::from_value(Value::Object(input))
            .map_err(|error| Error::Invalid(format!("request is not valid: {error}")))?;
        // A name with a slash is one of this program's own pipes, which the API cannot make.
        if !is_own(&definition.name) {
            check_name(&definition.name)?;
        }
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
        next.enrichment = update.enrichment.or(next.enrichment).filter(|arn| !arn.is_empty());
        next.enrichment_parameters = update.enrichment_parameters.unwrap_or(next.enrichment_parameters);
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

    /// The enrichment's ARN, if there is one.
    ///
    /// # Errors
    /// `Invalid` when it is none.
    pub fn enrichment_arn(&self) -> Result<Option<Arn>, Error> {
        self.enrichment.as_deref().map(|arn| parse_arn(arn, "enrichment")).transpose()
    }

    /// The target's ARN.
    ///
    /// # Errors
    /// `Invalid` when it is none.
    pub fn target_arn(&self) -> Result<Arn, Error> {
        parse_arn(&self.target, "target")
    }

    fn check(&self) -> Result<(), Error> {
        if self.description.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION_CHARS_MAX) {
            return Err(length("description", DESCRIPTION_CHARS_MAX));
        }
        self.source_arn()?;
        self.enrichment_arn()?;
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
    pub fn parameters(&self) -> Result<Parameters, Error> {
        Parameters::parse(&self.source_parameters, &self.enrichment_parameters, &self.target_parameters)
    }
}

/// Whether a pipe is kept by this program for something else, such as an event source mapping: `KIND/ID`.
pub(crate) fn is_own(name: &str) -> bool {
    name.contains('/')
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

fn without_nulls(input: &Value) -> Map<String, Value> {
    let members = input.as_object().into_iter().flatten();
    members.filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), value.clone())).collect()
}
