//! `AWS::Logs::LogStream`. `Ref` is the stream's name.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, string};
use crate::Environment;

pub(super) struct LogStream;

impl Handler for LogStream {
    fn kind(&self) -> &'static str {
        "AWS::Logs::LogStream"
    }

    fn properties(&self) -> Properties {
        Properties { used: &[&["LogGroupName", "LogStreamName"]], recorded: &[], structures: &[] }
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/LogStreamName")
    }

    fn describe(&self, physical: &str, properties: &Value) -> Option<Call> {
        let input = json!({ "logGroupName": properties["LogGroupName"], "logStreamNamePrefix": physical });
        Some(Call::new("logs", "DescribeLogStreams", input))
    }

    // The shortest name with a prefix comes first.
    fn exists(&self, physical: &str, _properties: &Value, described: &Value) -> bool {
        described.pointer("/logStreams/0/logStreamName").and_then(Value::as_str) == Some(physical)
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        vec![Call::new("logs", "CreateLogStream", input(physical, properties))]
    }

    fn update(&self, _physical: &str, _old: &Value, _new: &Value, _described: &Value) -> Vec<Call> {
        Vec::new()
    }

    fn delete(&self, physical: &str, properties: &Value, _described: &Value) -> Vec<Call> {
        vec![Call::new("logs", "DeleteLogStream", input(physical, properties))]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/LogGroupName", "/LogStreamName"]
    }

    fn attributes(&self, _physical: &str, _described: &Value, _environment: &Environment) -> Map<String, Value> {
        Map::new()
    }
}

fn input(physical: &str, properties: &Value) -> Value {
    json!({ "logGroupName": properties["LogGroupName"], "logStreamName": physical })
}
