//! `AWS::Lambda::EventSourceMapping`. `Ref` is the id the service gives it, which is found by function and source.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Ready, answers, pick, string};
use crate::Environment;

pub(super) struct EventSourceMapping;

const UPDATE: &[&str] = &[
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "Enabled",
    "FilterCriteria",
    "FunctionName",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "ScalingConfig",
    "TumblingWindowInSeconds",
];

impl Handler for EventSourceMapping {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::EventSourceMapping"
    }

    fn service(&self) -> Option<&'static str> {
        Some("lambda")
    }

    fn name(&self, _properties: &Value) -> Option<String> {
        None
    }

    fn describe(&self, _physical: &str, properties: &Value) -> Option<Call> {
        let input = pick(properties, &["FunctionName", "EventSourceArn"]);
        Some(Call::new("lambda", "ListEventSourceMappings", Value::Object(input)))
    }

    fn exists(&self, _physical: &str, described: &Value) -> bool {
        described.pointer("/EventSourceMappings/0").is_some()
    }

    fn create(&self, _physical: &str, properties: &Value) -> Vec<Call> {
        let mut input = pick(properties, UPDATE);
        input.extend(pick(properties, &["EventSourceArn", "StartingPosition", "StartingPositionTimestamp"]));
        vec![Call::new("lambda", "CreateEventSourceMapping", Value::Object(input))]
    }

    fn update(&self, _physical: &str, _old: &Value, new: &Value, described: &Value) -> Vec<Call> {
        let mut input = pick(new, UPDATE);
        input.insert("UUID".into(), described["EventSourceMappings"][0]["UUID"].clone());
        vec![Call::new("lambda", "UpdateEventSourceMapping", Value::Object(input))]
    }

    fn delete(&self, _physical: &str, _properties: &Value, described: &Value) -> Vec<Call> {
        let input = json!({ "UUID": described["EventSourceMappings"][0]["UUID"] });
        vec![Call::new("lambda", "DeleteEventSourceMapping", input)]
    }

    // A new function would do in place, but the mapping is found by its function.
    fn immutable(&self) -> &'static [&'static str] {
        &["/EventSourceArn", "/FunctionName", "/StartingPosition", "/StartingPositionTimestamp"]
    }

    fn numbers(&self) -> &'static [&'static str] {
        &[
            "BatchSize",
            "MaximumBatchingWindowInSeconds",
            "MaximumConcurrency",
            "MaximumRecordAgeInSeconds",
            "MaximumRetryAttempts",
            "ParallelizationFactor",
            "TumblingWindowInSeconds",
        ]
    }

    fn booleans(&self) -> &'static [&'static str] {
        &["BisectBatchOnFunctionError", "Enabled"]
    }

    fn ready(&self, described: &Value) -> Ready {
        match described["EventSourceMappings"][0]["State"].as_str() {
            Some("Creating" | "Updating" | "Deleting" | "Enabling" | "Disabling") => Ready::Wait,
            _ => Ready::Yes,
        }
    }

    fn reference(&self, physical: &str, described: &Value) -> String {
        string(described, "/EventSourceMappings/0/UUID").unwrap_or_else(|| physical.to_owned())
    }

    fn attributes(&self, _physical: &str, described: &Value, _environment: &Environment) -> Map<String, Value> {
        let mapping = &described["EventSourceMappings"][0];
        answers(mapping, &[("Id", "/UUID"), ("EventSourceMappingArn", "/EventSourceMappingArn")])
    }
}
