//! `AWS::Events::Connection`. `Ref` is the name. What is secret in it travels but is never described.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, Ready, answers, pick, string};
use crate::Environment;

pub(super) struct Connection;

const CONNECTION: &[&str] =
    &["AuthParameters", "AuthorizationType", "Description", "InvocationConnectivityParameters", "KmsKeyIdentifier"];

impl Handler for Connection {
    fn kind(&self) -> &'static str {
        "AWS::Events::Connection"
    }

    fn properties(&self) -> Properties {
        Properties { used: &[CONNECTION, &["Name"]], recorded: &[], structures: &[] }
    }

    fn service(&self) -> Option<&'static str> {
        Some("events")
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/Name")
    }

    fn describe(&self, physical: &str, _properties: &Value) -> Option<Call> {
        Some(Call::new("events", "DescribeConnection", json!({ "Name": physical })))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        vec![call("CreateConnection", physical, properties)]
    }

    fn update(&self, physical: &str, old: &Value, new: &Value, _described: &Value) -> Vec<Call> {
        if pick(old, CONNECTION) == pick(new, CONNECTION) {
            return Vec::new();
        }
        let mut update = call("UpdateConnection", physical, new);
        // An update keeps what it does not name.
        if new.get("Description").is_none() {
            update.input["Description"] = json!("");
        }
        vec![update]
    }

    fn delete(&self, physical: &str, _properties: &Value, _described: &Value) -> Vec<Call> {
        vec![Call::new("events", "DeleteConnection", json!({ "Name": physical }))]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/Name"]
    }

    fn booleans(&self) -> &'static [&'static str] {
        &["IsValueSecret"]
    }

    fn ready(&self, described: &Value) -> Ready {
        match described["ConnectionState"].as_str() {
            Some("CREATING" | "UPDATING" | "DELETING" | "AUTHORIZING" | "DEAUTHORIZING") => Ready::Wait,
            _ => Ready::Yes,
        }
    }

    fn attributes(&self, _physical: &str, described: &Value, _environment: &Environment) -> Map<String, Value> {
        let mut attributes = answers(described, &[("Arn", "/ConnectionArn"), ("SecretArn", "/SecretArn")]);
        attributes.extend(for_policy(&described["ConnectionArn"]));
        attributes
    }
}

/// `ArnForPolicy`: the ARN without its last part, which differs with every creation.
pub(super) fn for_policy(arn: &Value) -> Option<(String, Value)> {
    let (stem, _) = arn.as_str()?.rsplit_once('/')?;
    Some(("ArnForPolicy".into(), json!(stem)))
}

fn call(operation: &'static str, physical: &str, properties: &Value) -> Call {
    let mut input = pick(properties, CONNECTION);
    input.insert("Name".into(), json!(physical));
    Call::new("events", operation, Value::Object(input))
}
