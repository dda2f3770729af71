//! AddPermission and RemovePermission: statements of the queue's `Policy`, which is kept and not acted on.

use serde_json::{Value, json};

use super::code::{Code, invalid_value};
use super::{Queues, Settings};
use crate::Error;

const POLICY: &str = "Policy";
const ACTIONS_MAX: usize = 7;
const ACTIONS: &[&str] = &[
    "*",
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
];

/// What cannot be given away.
const OWNER_ACTIONS: &[&str] = &[
    "AddPermission",
    "CancelMessageMoveTask",
    "CreateQueue",
    "DeleteQueue",
    "ListMessageMoveTasks",
    "ListQueueTags",
    "ListQueues",
    "RemovePermission",
    "SetQueueAttributes",
    "StartMessageMoveTask",
    "TagQueue",
    "UntagQueue",
];

/// AddPermission.
#[derive(Clone, Debug)]
pub struct Permission {
    pub label: String,
    pub accounts: Vec<String>,
    /// Such as `SendMessage`, or `*`.
    pub actions: Vec<String>,
}

impl Queues {
    /// # Errors
    /// `QueueDoesNotExist`, `InvalidParameterValue`, `MissingParameter`, `OverLimit`.
    pub async fn add_permission(&self, name: &str, permission: Permission) -> Result<(), Error> {
        check(&permission)?;
        let arn = self.arn(name);
        self.change(name, move |settings| {
            let Permission { label, accounts, actions } = &permission;
            let mut policy = policy(settings, &arn);
            let statements = statements(&mut policy);
            if statements.iter().any(|statement| statement["Sid"] == label.as_str()) {
                return Err(invalid_value(label, "Label", "Already exists."));
            }
            let one_or_all = |values: Vec<String>| match values.as_slice() {
                [one] => json!(one),
                all => json!(all),
            };
            statements.push(json!({
                "Sid": label,
                "Effect": "Allow",
                "Principal": {"AWS": one_or_all(accounts.iter().map(|id| format!("arn:aws:iam::{id}:root")).collect())},
                "Action": one_or_all(actions.iter().map(|action| format!("SQS:{action}")).collect()),
                "Resource": arn,
            }));
            settings.kept.insert(POLICY.into(), policy.to_string());
            Ok(())
        })
        .await
    }

    /// # Errors
    /// `QueueDoesNotExist`, `InvalidParameterValue` for a label that is not there.
    pub async fn remove_permission(&self, name: &str, label: &str) -> Result<(), Error> {
        let (arn, label) = (self.arn(name), label.to_owned());
        self.change(name, move |settings| {
            let mut policy = policy(settings, &arn);
            let statements = statements(&mut policy);
            let before = statements.len();
            statements.retain(|statement| statement["Sid"] != label.as_str());
            if statements.len() == before {
                return Err(invalid_value(label, "Label", "can't find label."));
            }
            match statements.is_empty() {
                true => settings.kept.remove(POLICY),
                false => settings.kept.insert(POLICY.into(), policy.to_string()),
            };
            Ok(())
        })
        .await
    }
}

fn check(permission: &Permission) -> Result<(), Error> {
    let Permission { label, accounts, actions } = permission;
    let label_fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if label.is_empty() || label.len() > 80 || !label.chars().all(label_fits) {
        let reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
        return Err(Code::InvalidParameterValue.error(reason));
    }
    if accounts.is_empty() || actions.is_empty() {
        return Err(Code::MissingParameter.error("The request must contain the parameters AWSAccountIds and Actions."));
    }
    if let Some(id) = accounts.iter().find(|id| id.len() != 12 || !id.bytes().all(|b| b.is_ascii_digit())) {
        return Err(invalid_value(id, "PrincipalId", "Unable to verify."));
    }
    if actions.len() > ACTIONS_MAX {
        let message = format!("{} Actions were found, maximum allowed is {ACTIONS_MAX}.", actions.len());
        return Err(Code::OverLimit.error(message));
    }
    match actions.iter().find(|action| !ACTIONS.contains(&action.as_str())) {
        Some(action) => {
            let reason = match OWNER_ACTIONS.contains(&action.as_str()) {
                true => "Only the queue owner is allowed to invoke this action.",
                false => "Please refer to the appropriate WSDL for a list of valid actions.",
            };
            Err(invalid_value(format!("SQS:{action}"), "ActionName", reason))
        }
        None => Ok(()),
    }
}

fn policy(settings: &Settings, arn: &str) -> Value {
    let kept = settings.kept.get(POLICY).and_then(|text| serde_json::from_str(text).ok());
    kept.filter(Value::is_object)
        .unwrap_or_else(|| json!({"Version": "2012-10-17", "Id": format!("{arn}/SQSDefaultPolicy"), "Statement": []}))
}

/// The statements, as the list they may be written without.
fn statements(policy: &mut Value) -> &mut Vec<Value> {
    let statement = &mut policy["Statement"];
    if !statement.is_array() {
        let single = statement.take();
        *statement = if single.is_null() { json!([]) } else { json!([single]) };
    }
    statement.as_array_mut().expect("it was made an array")
}
