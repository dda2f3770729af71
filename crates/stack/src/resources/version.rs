//! `AWS::Lambda::Version`. `Ref` is the version's ARN, which the service gives it.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, answers, pick, string};
use crate::Environment;

pub(super) struct Version;

impl Handler for Version {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::Version"
    }

    fn properties(&self) -> Properties {
        Properties { used: &[&["CodeSha256", "Description", "FunctionName"]], recorded: &[], structures: &[] }
    }

    fn service(&self) -> Option<&'static str> {
        Some("lambda")
    }

    fn name(&self, _properties: &Value) -> Option<String> {
        None
    }

    // Before it has its ARN there is nothing to ask for.
    fn describe(&self, physical: &str, _properties: &Value) -> Option<Call> {
        let published = physical.starts_with("arn:");
        published.then(|| Call::new("lambda", "GetFunctionConfiguration", json!({ "FunctionName": physical })))
    }

    // Publishing what is published answers the same version, so a repeat after a restart finds it.
    fn create(&self, _physical: &str, properties: &Value) -> Vec<Call> {
        let input = pick(properties, &["CodeSha256", "Description", "FunctionName"]);
        vec![Call::new("lambda", "PublishVersion", Value::Object(input))]
    }

    fn given(&self, reply: &Value) -> Option<String> {
        string(reply, "/FunctionArn")
    }

    // A version does not change.
    fn update(&self, _physical: &str, _old: &Value, _new: &Value, _described: &Value) -> Vec<Call> {
        Vec::new()
    }

    fn delete(&self, physical: &str, properties: &Value, _described: &Value) -> Vec<Call> {
        let input = json!({ "FunctionName": physical });
        match self.describe(physical, properties) {
            Some(_) => vec![Call::new("lambda", "DeleteFunction", input)],
            None => Vec::new(),
        }
    }

    fn immutable(&self) -> &'static [&'static str] {
        &[""]
    }

    fn attributes(&self, physical: &str, described: &Value, _environment: &Environment) -> Map<String, Value> {
        let mut attributes = answers(described, &[("Version", "/Version")]);
        attributes.insert("FunctionArn".into(), json!(physical));
        attributes
    }
}
