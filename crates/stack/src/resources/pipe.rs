//! `AWS::Pipes::Pipe`.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, Ready, Surroundings, answers, pick, string, tags};
use crate::Environment;

pub(super) struct Pipe;

const UPDATE: &[&str] = &[
    "Description",
    "DesiredState",
    "Enrichment",
    "EnrichmentParameters",
    "KmsKeyIdentifier",
    "LogConfiguration",
    "RoleArn",
    "SourceParameters",
    "Target",
    "TargetParameters",
];

impl Handler for Pipe {
    fn kind(&self) -> &'static str {
        "AWS::Pipes::Pipe"
    }

    fn properties(&self) -> Properties {
        Properties { used: &[UPDATE, &["Name", "Source", "Tags"]], recorded: &[], structures: &[] }
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/Name")
    }

    fn describe(&self, physical: &str, _properties: &Value) -> Option<Call> {
        Some(Call::new("pipes", "DescribePipe", json!({ "Name": physical })))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        let mut input = pick(properties, UPDATE);
        input.extend(pick(properties, &["Source", "Tags"]));
        input.insert("Name".into(), json!(physical));
        vec![Call::new("pipes", "CreatePipe", Value::Object(input))]
    }

    fn update(&self, physical: &str, old: &Value, new: &Value, described: &Value) -> Vec<Call> {
        let mut calls = Vec::new();
        let (set, gone) = tags::change(old, new);
        let arn = &described["Arn"];
        if !set.is_empty() {
            calls.push(Call::new("pipes", "TagResource", json!({ "resourceArn": arn, "tags": tags::object(&set) })));
        }
        if !gone.is_empty() {
            calls.push(Call::new("pipes", "UntagResource", json!({ "resourceArn": arn, "tagKeys": gone })));
        }
        let (before, mut input) = (pick(old, UPDATE), pick(new, UPDATE));
        if before == input {
            return calls;
        }
        // An update keeps what it does not name: what the template no longer has is named as empty.
        for name in before.keys().filter(|name| !input.contains_key(*name)).cloned().collect::<Vec<_>>() {
            match name.as_str() {
                "Description" | "Enrichment" => input.insert(name, json!("")),
                "EnrichmentParameters" | "SourceParameters" | "TargetParameters" => input.insert(name, json!({})),
                "DesiredState" => input.insert(name, json!("RUNNING")),
                _ => None,
            };
        }
        // The position in the stream belongs to the creation.
        if let Some(Value::Object(source)) = input.get_mut("SourceParameters") {
            for member in ["DynamoDBStreamParameters", "KinesisStreamParameters"] {
                if let Some(Value::Object(stream)) = source.get_mut(member) {
                    stream.remove("StartingPosition");
                    stream.remove("StartingPositionTimestamp");
                }
            }
        }
        input.insert("Name".into(), json!(physical));
        calls.push(Call::new("pipes", "UpdatePipe", Value::Object(input)));
        calls
    }

    fn adapt(&self, _id: &str, properties: &mut Value, around: &Surroundings<'_>) {
        tags::map(properties, around);
    }

    fn delete(&self, physical: &str, _properties: &Value, _described: &Value) -> Vec<Call> {
        vec![Call::new("pipes", "DeletePipe", json!({ "Name": physical }))]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &[
            "/Name",
            "/Source",
            "/SourceParameters/DynamoDBStreamParameters/StartingPosition",
            "/SourceParameters/KinesisStreamParameters/StartingPosition",
        ]
    }

    fn numbers(&self) -> &'static [&'static str] {
        &[
            "BatchSize",
            "MaximumBatchingWindowInSeconds",
            "MaximumRecordAgeInSeconds",
            "MaximumRetryAttempts",
            "ParallelizationFactor",
        ]
    }

    fn ready(&self, described: &Value) -> Ready {
        let reason = || string(described, "/StateReason").unwrap_or_else(|| "no reason given".into());
        match described.get("CurrentState").and_then(Value::as_str) {
            Some("CREATING" | "UPDATING" | "DELETING" | "STARTING" | "STOPPING") => Ready::Wait,
            Some(state) if state.ends_with("_FAILED") => Ready::Failed(format!("pipe is {state}: {}", reason())),
            _ => Ready::Yes,
        }
    }

    fn attributes(&self, _physical: &str, described: &Value, _environment: &Environment) -> Map<String, Value> {
        answers(described, &[("Arn", "/Arn"), ("CurrentState", "/CurrentState"), ("StateReason", "/StateReason")])
    }
}
