//! `AWS::SQS::QueuePolicy`: the `Policy` attribute of queues. It takes the place of any policy a queue has.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties};
use crate::Environment;
use crate::parameters::text;

pub(super) struct QueuePolicy;

impl Handler for QueuePolicy {
    fn kind(&self) -> &'static str {
        "AWS::SQS::QueuePolicy"
    }

    fn properties(&self) -> Properties {
        Properties { used: &[&["PolicyDocument", "Queues"]], recorded: &[], structures: &[] }
    }

    fn service(&self) -> Option<&'static str> {
        Some("sqs")
    }

    fn name(&self, _properties: &Value) -> Option<String> {
        None
    }

    // A policy that a queue has already is not in the way.
    fn describe(&self, _physical: &str, _properties: &Value) -> Option<Call> {
        None
    }

    fn create(&self, _physical: &str, properties: &Value) -> Vec<Call> {
        let policy = text(&properties["PolicyDocument"]);
        queues(properties).iter().map(|queue| set(queue, &policy)).collect()
    }

    fn update(&self, physical: &str, old: &Value, new: &Value, _described: &Value) -> Vec<Call> {
        let kept = queues(new);
        let mut calls = self.create(physical, new);
        calls.extend(queues(old).iter().filter(|queue| !kept.contains(queue)).map(|queue| set(queue, "")));
        calls
    }

    fn delete(&self, _physical: &str, properties: &Value, _described: &Value) -> Vec<Call> {
        queues(properties).iter().map(|queue| set(queue, "")).collect()
    }

    fn immutable(&self) -> &'static [&'static str] {
        &[]
    }

    fn attributes(&self, physical: &str, _described: &Value, _environment: &Environment) -> Map<String, Value> {
        Map::from_iter([("Id".to_owned(), json!(physical))])
    }
}

/// The URLs.
fn queues(properties: &Value) -> Vec<String> {
    properties["Queues"].as_array().into_iter().flatten().map(text).collect()
}

fn set(queue: &str, policy: &str) -> Call {
    let input = json!({ "QueueUrl": queue, "Attributes": { "Policy": policy } });
    Call::new("sqs", "SetQueueAttributes", input)
}
