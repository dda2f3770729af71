//! `AWS::Lambda::EventInvokeConfig`: retries, age and destinations of a function's asynchronous invocations.

use serde_json::{Map, Value};

use super::{Call, Handler, Properties, pick};
use crate::Environment;

pub(super) struct EventInvokeConfig;

/// What names it.
const KEY: &[&str] = &["FunctionName", "Qualifier"];
const SETTINGS: &[&str] = &["DestinationConfig", "MaximumEventAgeInSeconds", "MaximumRetryAttempts"];

impl Handler for EventInvokeConfig {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::EventInvokeConfig"
    }

    fn properties(&self) -> Properties {
        Properties { used: &[KEY, SETTINGS], recorded: &[], structures: &[] }
    }

    fn service(&self) -> Option<&'static str> {
        Some("lambda")
    }

    fn name(&self, _properties: &Value) -> Option<String> {
        None
    }

    fn describe(&self, _physical: &str, properties: &Value) -> Option<Call> {
        Some(call("GetFunctionEventInvokeConfig", properties, &[]))
    }

    fn create(&self, _physical: &str, properties: &Value) -> Vec<Call> {
        vec![call("PutFunctionEventInvokeConfig", properties, SETTINGS)]
    }

    // Putting replaces all of it.
    fn update(&self, physical: &str, _old: &Value, new: &Value, _described: &Value) -> Vec<Call> {
        self.create(physical, new)
    }

    fn delete(&self, _physical: &str, properties: &Value, _described: &Value) -> Vec<Call> {
        vec![call("DeleteFunctionEventInvokeConfig", properties, &[])]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/FunctionName", "/Qualifier"]
    }

    fn numbers(&self) -> &'static [&'static str] {
        &["MaximumEventAgeInSeconds", "MaximumRetryAttempts"]
    }

    fn attributes(&self, _physical: &str, _described: &Value, _environment: &Environment) -> Map<String, Value> {
        Map::new()
    }
}

fn call(operation: &'static str, properties: &Value, more: &[&str]) -> Call {
    let mut input = pick(properties, KEY);
    input.extend(pick(properties, more));
    Call::new("lambda", operation, Value::Object(input))
}
