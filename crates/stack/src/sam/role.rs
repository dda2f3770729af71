//! The role of a function that names none: what its policies, sources and destinations need.

use serde_json::{Map, Value, json};

use super::{Written, function, invalid, policies};
use crate::Error;

pub(super) const OWN: &[&str] = &["AssumeRolePolicyDocument", "PermissionsBoundary", "Policies", "RolePath"];

/// Managed policies that have a path.
const SERVICE_ROLES: &[&str] = &[
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaDynamoDBExecutionRole",
    "AWSLambdaENIManagementAccess",
    "AWSLambdaKinesisExecutionRole",
    "AWSLambdaMSKExecutionRole",
    "AWSLambdaRole",
    "AWSLambdaSQSQueueExecutionRole",
    "AWSLambdaVPCAccessExecutionRole",
];

/// Collected while the function is expanded.
pub(super) struct Role {
    managed: Vec<Value>,
    /// How many of these the function's own properties ask for; those of its sources are behind them.
    own: usize,
    inline: Vec<Value>,
}

impl Role {
    /// What every function may, and what it says of itself.
    pub fn of(function: &Written<'_>) -> Result<Role, Error> {
        let mut role = Role { managed: Vec::new(), own: 0, inline: Vec::new() };
        role.managed("AWSLambdaBasicExecutionRole");
        if function.properties.get("Tracing").is_some_and(|mode| mode == "Active" || mode == "PassThrough") {
            role.managed("AWSXrayWriteOnlyAccess");
        }
        if function.properties.contains_key("VpcConfig") {
            role.managed("AWSLambdaVPCAccessExecutionRole");
        }
        if let Some(queue) = function.properties.get("DeadLetterQueue") {
            let statement = json!({ "Action": "sqs:SendMessage", "Resource": queue["TargetArn"], "Effect": "Allow" });
            let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
            role.inline.push(json!({ "PolicyName": "DeadLetterQueuePolicy", "PolicyDocument": document }));
        }
        role.own = role.managed.len();
        Ok(role)
    }

    /// Adds a managed policy of AWS by its name.
    pub fn managed(&mut self, name: &str) {
        let path = if SERVICE_ROLES.contains(&name) { "service-role/" } else { "" };
        let arn = json!(format!("arn:aws:iam::aws:policy/{path}{name}"));
        if !self.managed.contains(&arn) {
            self.managed.push(arn);
        }
    }

    /// Lets the function reach where its results go.
    pub fn destination(&mut self, id: &str, kind: &str, arn: &Value) {
        let (name, action) = match kind {
            "SQS" => ("SQSPolicy", "sqs:SendMessage"),
            "Lambda" => ("LambdaPolicy", "lambda:InvokeFunction"),
            _ => ("EventBridgePolicy", "events:PutEvents"),
        };
        self.inline.push(allow(&format!("{id}{name}"), action, arn));
    }

    /// The role itself. Policies of sources come last, as SAM has them.
    pub fn resource(mut self, function: &Written<'_>) -> Result<Value, Error> {
        let of_sources = self.managed.split_off(self.own.min(self.managed.len()));
        self.policies(function)?;
        for arn in of_sources {
            if !self.managed.contains(&arn) {
                self.managed.push(arn);
            }
        }
        let assume = function.properties.get("AssumeRolePolicyDocument").cloned();
        let mut properties = Map::from_iter([
            ("AssumeRolePolicyDocument".to_owned(), assume.unwrap_or_else(|| trust("lambda.amazonaws.com"))),
            ("ManagedPolicyArns".to_owned(), Value::Array(self.managed)),
        ]);
        if !self.inline.is_empty() {
            properties.insert("Policies".into(), Value::Array(self.inline));
        }
        for (from, to) in [("RolePath", "Path"), ("PermissionsBoundary", "PermissionsBoundary")] {
            properties.extend(function.properties.get(from).map(|value| (to.to_owned(), value.clone())));
        }
        properties.insert("Tags".into(), function::created_by(function));
        Ok(function.beside("AWS::IAM::Role", properties))
    }

    /// `Policies`: names, ARNs, documents and templates.
    fn policies(&mut self, function: &Written<'_>) -> Result<(), Error> {
        let written = match function.properties.get("Policies") {
            None => return Ok(()),
            Some(Value::Array(many)) => many.clone(),
            Some(one) => vec![one.clone()],
        };
        for (place, policy) in written.into_iter().enumerate() {
            let name = format!("{}RolePolicy{place}", function.id);
            match &policy {
                Value::String(arn) if arn.starts_with("arn:") => self.managed.push(policy),
                Value::String(name) => self.managed(name),
                Value::Object(members) if members.contains_key("Statement") => {
                    self.inline.push(json!({ "PolicyName": name, "PolicyDocument": policy }));
                }
                Value::Object(members) => match members.iter().next() {
                    Some((name, _)) if name == "Ref" || name.starts_with("Fn::") => self.managed.push(policy),
                    Some((template, parameters)) if members.len() == 1 => {
                        let statements =
                            policies::statements(template, parameters).map_err(|why| invalid(function.id, why))?;
                        let document = json!({ "Statement": statements });
                        self.inline.push(json!({ "PolicyName": name, "PolicyDocument": document }));
                    }
                    _ => {
                        return Err(invalid(function.id, "a policy must be a name, a document or one policy template"));
                    }
                },
                _ => return Err(invalid(function.id, "a policy must be a name, a document or one policy template")),
            }
        }
        Ok(())
    }
}

/// Who may take the role.
pub(super) fn trust(service: &str) -> Value {
    let statement = json!({ "Action": ["sts:AssumeRole"], "Effect": "Allow", "Principal": { "Service": [service] } });
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

/// A policy of one statement.
pub(super) fn allow(name: &str, action: &str, arn: &Value) -> Value {
    let statement = json!({ "Action": action, "Effect": "Allow", "Resource": arn });
    json!({ "PolicyName": name, "PolicyDocument": { "Statement": [statement] } })
}
