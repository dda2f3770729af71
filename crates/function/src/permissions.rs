//! Resource policies: AddPermission, RemovePermission, GetPolicy. Kept and shown; calls are not checked against them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::functions::{check_revision, revision};
use crate::{Error, Functions};

/// Characters of a policy.
const POLICY_CHARS_MAX: usize = 20_480;

/// Statements about who may do what with a function, a version or an alias.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Policy {
    pub statements: Vec<Value>,
    pub revision_id: String,
}

/// AddPermission.
#[derive(Clone, Debug, Default)]
pub struct Permission {
    pub statement_id: String,
    pub action: String,
    pub principal: String,
    pub source_arn: Option<String>,
    pub source_account: Option<String>,
    pub organization: Option<String>,
    pub event_source_token: Option<String>,
    pub revision_id: Option<String>,
}

impl Policy {
    /// The policy document.
    pub fn document(&self) -> String {
        json!({"Version": "2012-10-17", "Id": "default", "Statement": self.statements}).to_string()
    }
}

impl Functions {
    /// AddPermission: answers the statement.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` for a statement id that is taken, `PolicyLength`.
    pub async fn add_permission(
        &self,
        name: &str,
        qualifier: Option<&str>,
        permission: Permission,
    ) -> Result<Value, Error> {
        check_statement_id(&permission.statement_id)?;
        let action = &permission.action;
        if action != "*" && action.strip_prefix("lambda:").is_none_or(|rest| rest.is_empty()) {
            return Err(Error::constraint(
                "action",
                action,
                "Member must satisfy regular expression pattern: (lambda:[*]|lambda:[a-zA-Z]+|[*])",
            ));
        }
        let reference = self.reference(name, qualifier)?;
        let key = reference.qualifier.unwrap_or_default();
        let resource = self.arn(&reference.name, Some(key.as_str()).filter(|key| !key.is_empty()));
        let missing = self.not_found(&reference.name, Some(&key));
        self.change(&reference.name, |function| {
            if !key.is_empty() && function.resolve(Some(&key), || 1.0).is_none() {
                return Err(missing);
            }
            let mut policy = function.policies.remove(&key).unwrap_or_default();
            check_revision(permission.revision_id.as_deref(), &policy.revision_id)?;
            let id = &permission.statement_id;
            if policy.statements.iter().any(|statement| statement["Sid"] == id.as_str()) {
                return Err(Error::Conflict(format!(
                    "The statement id ({id}) provided already exists. Please provide a new statement id, or remove the existing statement."
                )));
            }
            let statement = statement(&permission, &resource);
            policy.statements.push(statement.clone());
            policy.revision_id = revision();
            if policy.document().chars().count() > POLICY_CHARS_MAX {
                return Err(Error::PolicyLength(format!(
                    "The final policy size ({}) is bigger than the limit ({POLICY_CHARS_MAX}).",
                    policy.document().chars().count()
                )));
            }
            function.policies.insert(key, policy);
            Ok(statement)
        })
        .await
    }

    /// RemovePermission.
    ///
    /// # Errors
    /// `NotFound` without function, policy or statement.
    pub async fn remove_permission(
        &self,
        name: &str,
        qualifier: Option<&str>,
        statement_id: &str,
        revision_id: Option<&str>,
    ) -> Result<(), Error> {
        let reference = self.reference(name, qualifier)?;
        let key = reference.qualifier.unwrap_or_default();
        self.change(&reference.name, |function| {
            let none = || Error::NotFound("No policy is associated with the given resource.".into());
            let policy = function.policies.get_mut(&key).ok_or_else(none)?;
            check_revision(revision_id, &policy.revision_id)?;
            let before = policy.statements.len();
            policy.statements.retain(|statement| statement["Sid"] != statement_id);
            if policy.statements.len() == before {
                return Err(Error::NotFound(format!("Statement {statement_id} is not found in resource policy.")));
            }
            policy.revision_id = revision();
            if policy.statements.is_empty() {
                function.policies.remove(&key);
            }
            Ok(())
        })
        .await
    }

    /// GetPolicy.
    ///
    /// # Errors
    /// `NotFound` without function or policy.
    pub fn policy(&self, name: &str, qualifier: Option<&str>) -> Result<Policy, Error> {
        let reference = self.reference(name, qualifier)?;
        let function = self.function(&reference.name)?;
        let key = reference.qualifier.unwrap_or_default();
        let none = || Error::NotFound("The resource you requested does not exist.".into());
        function.policies.get(&key).cloned().ok_or_else(none)
    }
}

fn statement(permission: &Permission, resource: &str) -> Value {
    let principal = match permission.principal.as_str() {
        "*" => json!("*"),
        service if service.ends_with(".amazonaws.com") => json!({"Service": service}),
        account if account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()) => {
            json!({"AWS": format!("arn:aws:iam::{account}:root")})
        }
        arn => json!({"AWS": arn}),
    };
    let mut conditions = Map::new();
    let mut condition = |operator: &str, name: &str, value: &Option<String>| {
        if let Some(value) = value {
            let entry = conditions.entry(operator).or_insert_with(|| json!({}));
            entry[name] = json!(value);
        }
    };
    condition("StringEquals", "AWS:SourceAccount", &permission.source_account);
    condition("StringEquals", "aws:PrincipalOrgID", &permission.organization);
    condition("StringEquals", "lambda:EventSourceToken", &permission.event_source_token);
    condition("ArnLike", "AWS:SourceArn", &permission.source_arn);
    let mut statement = json!({
        "Sid": permission.statement_id,
        "Effect": "Allow",
        "Principal": principal,
        "Action": permission.action,
        "Resource": resource,
    });
    if !conditions.is_empty() {
        statement["Condition"] = Value::Object(conditions);
    }
    statement
}

fn check_statement_id(id: &str) -> Result<(), Error> {
    let is_word = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    match is_word && id.len() <= 100 {
        true => Ok(()),
        false => Err(Error::constraint(
            "statementId",
            id,
            "Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)",
        )),
    }
}
