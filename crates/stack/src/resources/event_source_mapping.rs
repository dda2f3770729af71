//! `AWS::Lambda::EventSourceMapping`. `Ref` is the id the service gives it; until it is known, a mapping is found by
//! function and source.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, Ready, answers, pick, string};
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

    fn properties(&self) -> Properties {
        Properties {
            used: &[UPDATE, &["EventSourceArn", "StartingPosition", "StartingPositionTimestamp"]],
            recorded: &["KmsKeyArn", "MetricsConfig", "Tags"],
            structures: &[],
        }
    }

    fn service(&self) -> Option<&'static str> {
        Some("lambda")
    }

    fn name(&self, _properties: &Value) -> Option<String> {
        None
    }

    fn describe(&self, physical: &str, properties: &Value) -> Option<Call> {
        if is_id(physical) {
            return Some(Call::new("lambda", "GetEventSourceMapping", json!({ "UUID": physical })));
        }
        let input = pick(properties, &["FunctionName", "EventSourceArn"]);
        Some(Call::new("lambda", "ListEventSourceMappings", Value::Object(input)))
    }

    fn exists(&self, _physical: &str, _properties: &Value, described: &Value) -> bool {
        mapping(described).get("UUID").is_some()
    }

    fn create(&self, _physical: &str, properties: &Value) -> Vec<Call> {
        let mut input = pick(properties, UPDATE);
        input.extend(pick(properties, &["EventSourceArn", "StartingPosition", "StartingPositionTimestamp"]));
        vec![Call::new("lambda", "CreateEventSourceMapping", Value::Object(input))]
    }

    fn given(&self, reply: &Value) -> Option<String> {
        string(reply, "/UUID")
    }

    fn update(&self, _physical: &str, _old: &Value, new: &Value, described: &Value) -> Vec<Call> {
        let mut input = pick(new, UPDATE);
        input.insert("UUID".into(), mapping(described)["UUID"].clone());
        vec![Call::new("lambda", "UpdateEventSourceMapping", Value::Object(input))]
    }

    fn delete(&self, _physical: &str, _properties: &Value, described: &Value) -> Vec<Call> {
        let input = json!({ "UUID": mapping(described)["UUID"] });
        vec![Call::new("lambda", "DeleteEventSourceMapping", input)]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/EventSourceArn", "/StartingPosition", "/StartingPositionTimestamp"]
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
        match mapping(described)["State"].as_str() {
            Some("Creating" | "Updating" | "Deleting" | "Enabling" | "Disabling") => Ready::Wait,
            _ => Ready::Yes,
        }
    }

    fn reference(&self, physical: &str, described: &Value) -> String {
        string(mapping(described), "/UUID").unwrap_or_else(|| physical.to_owned())
    }

    fn attributes(&self, _physical: &str, described: &Value, _environment: &Environment) -> Map<String, Value> {
        answers(mapping(described), &[("Id", "/UUID"), ("EventSourceMappingArn", "/EventSourceMappingArn")])
    }
}

/// The mapping in the answer to either way of asking.
fn mapping(described: &Value) -> &Value {
    described.pointer("/EventSourceMappings/0").unwrap_or(described)
}

/// An id of the service, not a name made up before there was one.
fn is_id(physical: &str) -> bool {
    let parts: Vec<usize> = physical.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && physical.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}
