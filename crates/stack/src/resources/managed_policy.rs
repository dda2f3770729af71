//! `AWS::IAM::ManagedPolicy`. `Ref` is the ARN. What other members say is kept with the stack only.

use serde_json::{Map, Value, json};

use super::role::{attach, detach, names};
use super::{Call, Handler, Properties, Surroundings, pick, string};
use crate::Environment;
use crate::parameters::text;

pub(super) struct ManagedPolicy;

/// Where [`Handler::adapt`] puts the account of the stack: calls name a policy by its ARN.
const ACCOUNT: &str = "WatershedAccount";

fn arn(physical: &str, properties: &Value) -> String {
    let account = string(properties, "/WatershedAccount").unwrap_or_default();
    let path = string(properties, "/Path").unwrap_or_else(|| "/".into());
    format!("arn:aws:iam::{account}:policy{path}{physical}")
}

fn call(operation: &'static str, arn: &str, rest: Value) -> Call {
    let mut input = json!({ "PolicyArn": arn });
    if let (Value::Object(input), Value::Object(rest)) = (&mut input, rest) {
        input.extend(rest);
    }
    Call::new("iam", operation, input)
}

impl Handler for ManagedPolicy {
    fn kind(&self) -> &'static str {
        "AWS::IAM::ManagedPolicy"
    }

    fn properties(&self) -> Properties {
        Properties {
            used: &[&["Description", "ManagedPolicyName", "Path", "PolicyDocument", "Roles"]],
            recorded: &["Groups", "Users"],
            structures: &[],
        }
    }

    fn service(&self) -> Option<&'static str> {
        Some("iam")
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/ManagedPolicyName")
    }

    fn describe(&self, physical: &str, properties: &Value) -> Option<Call> {
        Some(call("GetPolicy", &arn(physical, properties), json!({})))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        let mut input = pick(properties, &["Path", "Description"]);
        input.insert("PolicyName".into(), json!(physical));
        input.insert("PolicyDocument".into(), json!(text(&properties["PolicyDocument"])));
        let arn = arn(physical, properties);
        let mut calls = vec![Call::new("iam", "CreatePolicy", Value::Object(input))];
        calls.extend(names(properties, "Roles").iter().map(|role| attach(role, &arn)));
        calls
    }

    fn update(&self, physical: &str, old: &Value, new: &Value, described: &Value) -> Vec<Call> {
        let arn = arn(physical, new);
        let mut calls = Vec::new();
        if old["PolicyDocument"] != new["PolicyDocument"] {
            let document = json!({ "PolicyDocument": text(&new["PolicyDocument"]), "SetAsDefault": true });
            calls.push(call("CreatePolicyVersion", &arn, document));
            let version = described["Policy"]["DefaultVersionId"].clone();
            calls.push(call("DeletePolicyVersion", &arn, json!({ "VersionId": version })));
        }
        let (before, after) = (names(old, "Roles"), names(new, "Roles"));
        calls.extend(after.iter().filter(|role| !before.contains(role)).map(|role| attach(role, &arn)));
        calls.extend(before.iter().filter(|role| !after.contains(role)).map(|role| detach(role, &arn)));
        calls
    }

    fn delete(&self, physical: &str, properties: &Value, _described: &Value) -> Vec<Call> {
        let arn = arn(physical, properties);
        let mut calls: Vec<Call> = names(properties, "Roles").iter().map(|role| detach(role, &arn)).collect();
        calls.push(call("DeletePolicy", &arn, json!({})));
        calls
    }

    fn adapt(&self, _id: &str, properties: &mut Value, around: &Surroundings<'_>) {
        if let Value::Object(members) = properties {
            members.insert(ACCOUNT.into(), json!(around.stack.split(':').nth(4).unwrap_or_default()));
        }
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/ManagedPolicyName", "/Path", "/Description"]
    }

    fn reference(&self, _physical: &str, described: &Value) -> String {
        string(described, "/Policy/Arn").unwrap_or_default()
    }

    fn attributes(&self, _physical: &str, described: &Value, _environment: &Environment) -> Map<String, Value> {
        super::answers(described, &[("PolicyArn", "/Policy/Arn"), ("PolicyId", "/Policy/PolicyId")])
    }
}
