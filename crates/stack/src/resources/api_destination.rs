//! `AWS::Events::ApiDestination`. `Ref` is the name.

use serde_json::{Map, Value, json};

use super::connection::for_policy;
use super::{Call, Handler, Properties, answers, pick, string};
use crate::Environment;

pub(super) struct ApiDestination;

const DESTINATION: &[&str] =
    &["ConnectionArn", "Description", "HttpMethod", "InvocationEndpoint", "InvocationRateLimitPerSecond"];

/// `InvocationRateLimitPerSecond` of a destination that does not say it.
const RATE: i64 = 300;

impl Handler for ApiDestination {
    fn kind(&self) -> &'static str {
        "AWS::Events::ApiDestination"
    }

    fn properties(&self) -> Properties {
        Properties { used: &[DESTINATION, &["Name"]], recorded: &[], structures: &[] }
    }

    fn service(&self) -> Option<&'static str> {
        Some("events")
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/Name")
    }

    fn describe(&self, physical: &str, _properties: &Value) -> Option<Call> {
        Some(Call::new("events", "DescribeApiDestination", json!({ "Name": physical })))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        vec![call("CreateApiDestination", physical, pick(properties, DESTINATION))]
    }

    fn update(&self, physical: &str, old: &Value, new: &Value, _described: &Value) -> Vec<Call> {
        let mut input = pick(new, DESTINATION);
        if input == pick(old, DESTINATION) {
            return Vec::new();
        }
        // An update keeps what it does not name.
        for (name, unsaid) in [("Description", json!("")), ("InvocationRateLimitPerSecond", json!(RATE))] {
            input.entry(name).or_insert(unsaid);
        }
        vec![call("UpdateApiDestination", physical, input)]
    }

    fn delete(&self, physical: &str, _properties: &Value, _described: &Value) -> Vec<Call> {
        vec![call("DeleteApiDestination", physical, Map::new())]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/Name"]
    }

    fn numbers(&self) -> &'static [&'static str] {
        &["InvocationRateLimitPerSecond"]
    }

    fn attributes(&self, _physical: &str, described: &Value, _environment: &Environment) -> Map<String, Value> {
        let mut attributes = answers(described, &[("Arn", "/ApiDestinationArn")]);
        attributes.extend(for_policy(&described["ApiDestinationArn"]));
        attributes
    }
}

fn call(operation: &'static str, physical: &str, mut input: Map<String, Value>) -> Call {
    input.insert("Name".into(), json!(physical));
    Call::new("events", operation, Value::Object(input))
}
