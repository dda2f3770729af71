//! `AWS::Logs::LogGroup`. Its `Arn` ends in `:*`.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, Surroundings, string, tags};
use crate::Environment;

pub(super) struct LogGroup;

impl Handler for LogGroup {
    fn kind(&self) -> &'static str {
        "AWS::Logs::LogGroup"
    }

    fn properties(&self) -> Properties {
        Properties {
            used: &[&["KmsKeyId", "LogGroupClass", "LogGroupName", "RetentionInDays", "Tags"]],
            recorded: &[],
            structures: &[],
        }
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/LogGroupName")
    }

    fn describe(&self, physical: &str, _properties: &Value) -> Option<Call> {
        // There is no operation for one group; streams of a missing group answer ResourceNotFoundException.
        Some(Call::new("logs", "DescribeLogStreams", json!({ "logGroupName": physical, "limit": 1 })))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        let mut input = json!({ "logGroupName": physical });
        for (member, pointer) in [("kmsKeyId", "/KmsKeyId"), ("logGroupClass", "/LogGroupClass")] {
            if let Some(value) = string(properties, pointer) {
                input[member] = json!(value);
            }
        }
        let tags = tags::read(properties);
        if !tags.is_empty() {
            input["tags"] = tags::object(&tags);
        }
        let mut calls = vec![Call::new("logs", "CreateLogGroup", input)];
        calls.extend(retention(physical, &Value::Null, properties));
        calls
    }

    fn update(&self, physical: &str, old: &Value, new: &Value, _described: &Value) -> Vec<Call> {
        let mut calls: Vec<Call> = retention(physical, old, new).into_iter().collect();
        let (set, gone) = tags::change(old, new);
        if !set.is_empty() {
            let input = json!({ "logGroupName": physical, "tags": tags::object(&set) });
            calls.push(Call::new("logs", "TagLogGroup", input));
        }
        if !gone.is_empty() {
            calls.push(Call::new("logs", "UntagLogGroup", json!({ "logGroupName": physical, "tags": gone })));
        }
        calls
    }

    fn adapt(&self, _id: &str, properties: &mut Value, around: &Surroundings<'_>) {
        tags::list(properties, around);
    }

    fn delete(&self, physical: &str, _properties: &Value, _described: &Value) -> Vec<Call> {
        vec![Call::new("logs", "DeleteLogGroup", json!({ "logGroupName": physical }))]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/LogGroupName", "/LogGroupClass"]
    }

    fn numbers(&self) -> &'static [&'static str] {
        &["RetentionInDays"]
    }

    fn attributes(&self, physical: &str, _described: &Value, environment: &Environment) -> Map<String, Value> {
        let Environment { account, region } = environment;
        let arn = format!("arn:aws:logs:{region}:{account}:log-group:{physical}:*");
        Map::from_iter([("Arn".to_owned(), json!(arn))])
    }
}

fn retention(physical: &str, old: &Value, new: &Value) -> Option<Call> {
    match (old.get("RetentionInDays"), new.get("RetentionInDays")) {
        (before, after) if before == after => None,
        (_, Some(days)) => {
            let input = json!({ "logGroupName": physical, "retentionInDays": days });
            Some(Call::new("logs", "PutRetentionPolicy", input))
        }
        (_, None) => Some(Call::new("logs", "DeleteRetentionPolicy", json!({ "logGroupName": physical }))),
    }
}
