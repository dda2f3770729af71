//! PutPermission and RemovePermission: the policy of a bus, kept and shown. What it allows is not checked here.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Buses, buses};
use crate::{Error, constraint, resource};

/// The longest policy, in bytes.
const POLICY_BYTES_MAX: usize = 10_240;

/// What a single permission can allow.
const ACTION: &str = "events:PutEvents";

/// A resource policy, as IAM has it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    /// IAM takes a policy without it for one of 2008-10-17.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    pub statement: Vec<Value>,
}

/// Input of `PutPermission`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PutPermission {
    pub event_bus_name: Option<String>,
    pub action: Option<String>,
    pub principal: Option<String>,
    pub statement_id: Option<String>,
    pub condition: Option<Value>,
    pub policy: Option<String>,
    /// Ours: a whole statement, as templates have it, in the place of the parts above.
    #[serde(rename = "WatershedStatement")]
    pub statement: Option<Value>,
}

impl Buses {
    /// PutPermission.
    ///
    /// # Errors
    /// `Invalid`, `NotFound` without the bus.
    pub async fn put_permission(&self, input: PutPermission) -> Result<(), Error> {
        let (name, whole) = match &input.policy {
            Some(_) if input.action.is_some() || input.principal.is_some() || input.statement_id.is_some() => {
                return Err(Error::Invalid("Policy excludes Action, Principal, StatementId and Condition.".into()));
            }
            Some(text) => (super::bus_name(input.event_bus_name.as_deref()), Some(parse(text)?)),
            None => (super::bus_name(input.event_bus_name.as_deref()), None),
        };
        let (name, arn, now_ms) = (name.to_owned(), self.arn(name), self.inner.clock.now_ms());
        let statement = if whole.is_none() { Some(statement(&input, &arn)?) } else { None };
        self.inner
            .state
            .write(move |tx| {
                let mut bus = buses::find(tx, &name)?;
                let before = bus.policy.take();
                bus.policy = whole.or_else(|| {
                    let mut policy =
                        before.unwrap_or_else(|| Policy { version: Some("2012-10-17".into()), statement: Vec::new() });
                    // A statement with the same id is replaced.
                    let added = statement?;
                    policy.statement.retain(|kept| kept.get("Sid") != added.get("Sid"));
                    policy.statement.push(added);
                    Some(policy)
                });
                bus.modified_ms = now_ms;
                resource::put(tx, "", &name, &bus)
            })
            .await
    }

    /// RemovePermission: one statement, or all of them.
    ///
    /// # Errors
    /// `Invalid` with neither, `NotFound` without the bus, the policy or the statement.
    pub async fn remove_permission(&self, bus: Option<&str>, statement: Option<&str>, all: bool) -> Result<(), Error> {
        let (name, statement) = (super::bus_name(bus).to_owned(), statement.map(str::to_owned));
        let now_ms = self.inner.clock.now_ms();
        self.inner
            .state
            .write(move |tx| {
                let mut bus = buses::find(tx, &name)?;
                if all {
                    bus.policy = None;
                } else {
                    let id = statement.ok_or_else(|| Error::Invalid("Parameter StatementId is required.".into()))?;
                    let Some(policy) = &mut bus.policy else {
                        return Err(Error::NotFound("EventBus does not have a policy.".into()));
                    };
                    let before = policy.statement.len();
                    policy.statement.retain(|kept| kept.get("Sid").and_then(Value::as_str) != Some(id.as_str()));
                    if policy.statement.len() == before {
                        return Err(Error::NotFound("Statement with the provided id does not exist.".into()));
                    }
                    if policy.statement.is_empty() {
                        bus.policy = None;
                    }
                }
                bus.modified_ms = now_ms;
                resource::put(tx, "", &name, &bus)
            })
            .await
    }
}

fn parse(text: &str) -> Result<Policy, Error> {
    if text.len() > POLICY_BYTES_MAX {
        return Err(Error::Limit("The policy is longer than 10240 bytes.".into()));
    }
    serde_json::from_str(text).map_err(|_| Error::Invalid("Parameter Policy is not valid.".into()))
}

fn statement(input: &PutPermission, arn: &str) -> Result<Value, Error> {
    if let Some(statement) = &input.statement {
        constraint::name("statementId", statement["Sid"].as_str().unwrap_or_default(), 64, "")?;
        if statement.to_string().len() > POLICY_BYTES_MAX {
            return Err(Error::Limit("The policy is longer than 10240 bytes.".into()));
        }
        return Ok(statement.clone());
    }
    let required = |value: &Option<String>, member: &str| {
        value.clone().ok_or_else(|| Error::Invalid(format!("Parameter {member} is required.")))
    };
    let (action, principal) = (required(&input.action, "Action")?, required(&input.principal, "Principal")?);
    if action != ACTION {
        return Err(Error::Invalid("Provided value in parameter 'action' is not supported.".into()));
    }
    let id = required(&input.statement_id, "StatementId")?;
    constraint::name("statementId", &id, 64, "")?;
    if principal != "*" && (principal.len() != 12 || !principal.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(Error::Invalid(format!(
            "1 validation error detected: Value '{principal}' at 'principal' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: (\\d{{12}}|\\*)"
        )));
    }
    let who = if principal == "*" { json!("*") } else { json!({"AWS": format!("arn:aws:iam::{principal}:root")}) };
    let mut statement = json!({"Sid": id, "Effect": "Allow", "Principal": who, "Action": action, "Resource": arn});
    if let Some(Value::Object(condition)) = &input.condition {
        let member = |name: &str| condition.get(name).and_then(Value::as_str).unwrap_or_default();
        statement["Condition"] = json!({member("Type"): {member("Key"): member("Value")}});
    }
    Ok(statement)
}
