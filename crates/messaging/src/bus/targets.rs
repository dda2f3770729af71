//! PutTargets, RemoveTargets, ListTargetsByRule.

use event::Arn;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::input::Input;
use super::{Buses, bus_name, rules};
use crate::delivery::RetryPolicy;
use crate::resource::{self, Listing, Page, Resource};
use crate::{Error, constraint};

const TARGETS_MAX: usize = 5;
/// Targets of one request.
const REQUEST_MAX: usize = 100;

/// A target of a rule, by the member names of the wire.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Target {
    /// Empty for the target of a schedule.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    pub arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_transformer: Option<InputTransformer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter_config: Option<DeadLetterConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_policy: Option<RetryPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqs_parameters: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_parameters: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinesis_parameters: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_command_parameters: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ecs_parameters: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_parameters: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redshift_data_parameters: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sage_maker_pipeline_parameters: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_sync_parameters: Option<Value>,
    /// Only of schedules: source and detail type for a bus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_bridge_parameters: Option<EventBridgeParameters>,
}

/// `InputTransformer`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct InputTransformer {
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub input_paths_map: serde_json::Map<String, Value>,
    pub input_template: String,
}

/// `DeadLetterConfig`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeadLetterConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
}

/// `EventBridgeParameters`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct EventBridgeParameters {
    pub detail_type: String,
    pub source: String,
}

impl Resource for Target {
    const KIND: &'static str = "target";
}

/// A target that could not be put or removed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Failed {
    pub target_id: String,
    pub error_code: String,
    pub error_message: String,
}

impl Buses {
    /// PutTargets: adds targets, or replaces those with the same id.
    ///
    /// # Errors
    /// `Invalid`, `Limit`, `NotFound` without the rule; then none is put.
    pub async fn put_targets(&self, bus: Option<&str>, rule: &str, targets: Vec<Target>) -> Result<(), Error> {
        check_count("targets", targets.len())?;
        for (index, target) in targets.iter().enumerate() {
            constraint::name(&format!("targets.{}.member.id", index + 1), &target.id, 64, "")?;
        }
        let (bus, rule, this) = (bus_name(bus).to_owned(), rule.to_owned(), self.clone());
        self.inner
            .state
            .write(move |tx| {
                let rule = rules::find(tx, &bus, &rule)?;
                for target in &targets {
                    check(target)?;
                    resource::put(tx, &rule.key(), &target.id, target)?;
                }
                if resource::all::<Target>(tx, &rule.key())?.len() > TARGETS_MAX {
                    return Err(Error::Limit("The requested resource exceeds the maximum number allowed.".into()));
                }
                this.inner.indexes.forget(&bus);
                Ok(())
            })
            .await
    }

    /// RemoveTargets. Answers those that were not there.
    ///
    /// # Errors
    /// `NotFound` without the rule.
    pub async fn remove_targets(&self, bus: Option<&str>, rule: &str, ids: Vec<String>) -> Result<Vec<Failed>, Error> {
        check_count("ids", ids.len())?;
        let (bus, rule, this) = (bus_name(bus).to_owned(), rule.to_owned(), self.clone());
        self.inner
            .state
            .write(move |tx| {
                let rule = rules::find(tx, &bus, &rule)?;
                let mut failed = Vec::new();
                for id in ids {
                    if !resource::remove::<Target>(tx, &rule.key(), &id)? {
                        failed.push(Failed {
                            error_code: "ResourceNotFoundException".into(),
                            error_message: format!("Rule '{}' does not have a target with the Id '{id}'.", rule.name),
                            target_id: id,
                        });
                    }
                }
                this.inner.indexes.forget(&bus);
                Ok(failed)
            })
            .await
    }

    /// ListTargetsByRule.
    ///
    /// # Errors
    /// `NotFound` without the rule.
    pub async fn list_targets(&self, bus: Option<&str>, rule: &str, page: Page) -> Result<Listing<Target>, Error> {
        let (bus, rule) = (bus_name(bus).to_owned(), rule.to_owned());
        self.inner
            .state
            .read(move |tx| {
                let rule = rules::find(tx, &bus, &rule)?;
                resource::list(tx, &rule.key(), &page, |_: &Target| true)
            })
            .await
    }
}

fn check_count(member: &str, count: usize) -> Result<(), Error> {
    if (1..=REQUEST_MAX).contains(&count) {
        return Ok(());
    }
    Err(Error::Invalid(format!("{member} must hold 1 to {REQUEST_MAX} members.")))
}

pub(crate) fn check(target: &Target) -> Result<(), Error> {
    let Target { id, arn, .. } = target;
    constraint::length("arn", arn, 1600)?;
    if arn.parse::<Arn>().is_err() {
        return Err(Error::Invalid(format!(
            "Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."
        )));
    }
    let inputs = [target.input.is_some(), target.input_path.is_some(), target.input_transformer.is_some()];
    if inputs.into_iter().filter(|given| *given).count() > 1 {
        return Err(Error::Invalid(format!(
            "Only one of Input, InputPath, or InputTransformer must be provided for target {id}."
        )));
    }
    if arn.contains(":sqs:") && arn.ends_with(".fifo") && target.sqs_parameters.is_none() {
        return Err(Error::Invalid(format!("Parameter(s) SqsParameters must be specified for target: {id}.")));
    }
    target.retry_policy.as_ref().map_or(Ok(()), RetryPolicy::check)?;
    Input::of(target).map(|_| ())
}
