//! `AWS::Events::EventBus` and `AWS::Events::Archive`. `Ref` is the name.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, Surroundings, answers, pick, string, tags};
use crate::Environment;
use crate::parameters::text;

pub(super) struct EventBus;

const BUS: &[&str] = &["DeadLetterConfig", "Description", "KmsKeyIdentifier", "LogConfig"];

impl Handler for EventBus {
    fn kind(&self) -> &'static str {
        "AWS::Events::EventBus"
    }

    fn properties(&self) -> Properties {
        Properties { used: &[BUS, &["EventSourceName", "Name", "Tags"]], recorded: &[], structures: &[] }
    }

    fn service(&self) -> Option<&'static str> {
        Some("events")
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/Name")
    }

    fn describe(&self, physical: &str, _properties: &Value) -> Option<Call> {
        Some(Call::new("events", "DescribeEventBus", json!({ "Name": physical })))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        let mut input = pick(properties, BUS);
        input.extend(pick(properties, &["EventSourceName", "Tags"]));
        input.insert("Name".into(), json!(physical));
        vec![Call::new("events", "CreateEventBus", Value::Object(input))]
    }

    fn update(&self, physical: &str, old: &Value, new: &Value, described: &Value) -> Vec<Call> {
        let mut calls = tagging(old, new, &described["Arn"]);
        if pick(old, BUS) != pick(new, BUS) {
            let mut input = pick(new, BUS);
            input.insert("Name".into(), json!(physical));
            calls.push(Call::new("events", "UpdateEventBus", Value::Object(input)));
        }
        calls
    }

    fn delete(&self, physical: &str, _properties: &Value, _described: &Value) -> Vec<Call> {
        vec![Call::new("events", "DeleteEventBus", json!({ "Name": physical }))]
    }

    fn adapt(&self, _id: &str, properties: &mut Value, around: &Surroundings<'_>) {
        tags::list(properties, around);
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/Name", "/EventSourceName"]
    }

    fn attributes(&self, _physical: &str, described: &Value, _environment: &Environment) -> Map<String, Value> {
        answers(described, &[("Arn", "/Arn"), ("Name", "/Name")])
    }
}

/// Changes of tags of anything EventBridge has.
pub(super) fn tagging(old: &Value, new: &Value, arn: &Value) -> Vec<Call> {
    let (set, gone) = tags::change(old, new);
    let mut calls = Vec::new();
    if !set.is_empty() {
        calls.push(Call::new("events", "TagResource", json!({ "ResourceARN": arn, "Tags": tags::pairs(&set) })));
    }
    if !gone.is_empty() {
        calls.push(Call::new("events", "UntagResource", json!({ "ResourceARN": arn, "TagKeys": gone })));
    }
    calls
}

/// A pattern is an object in a template and JSON text on the wire.
pub(super) fn pattern_text(input: &mut Map<String, Value>) {
    if let Some(pattern) = input.get_mut("EventPattern") {
        *pattern = json!(text(pattern));
    }
}

pub(super) struct Archive;

const ARCHIVE: &[&str] = &["Description", "EventPattern", "KmsKeyIdentifier", "RetentionDays"];

impl Handler for Archive {
    fn kind(&self) -> &'static str {
        "AWS::Events::Archive"
    }

    fn properties(&self) -> Properties {
        Properties { used: &[ARCHIVE, &["ArchiveName", "SourceArn"]], recorded: &[], structures: &[] }
    }

    fn service(&self) -> Option<&'static str> {
        Some("events")
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/ArchiveName")
    }

    fn describe(&self, physical: &str, _properties: &Value) -> Option<Call> {
        Some(Call::new("events", "DescribeArchive", json!({ "ArchiveName": physical })))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        let mut input = pick(properties, ARCHIVE);
        pattern_text(&mut input);
        input.insert("ArchiveName".into(), json!(physical));
        input.insert("EventSourceArn".into(), properties["SourceArn"].clone());
        vec![Call::new("events", "CreateArchive", Value::Object(input))]
    }

    fn update(&self, physical: &str, old: &Value, new: &Value, _described: &Value) -> Vec<Call> {
        let mut input = pick(new, ARCHIVE);
        if input == pick(old, ARCHIVE) {
            return Vec::new();
        }
        pattern_text(&mut input);
        input.insert("ArchiveName".into(), json!(physical));
        vec![Call::new("events", "UpdateArchive", Value::Object(input))]
    }

    fn delete(&self, physical: &str, _properties: &Value, _described: &Value) -> Vec<Call> {
        vec![Call::new("events", "DeleteArchive", json!({ "ArchiveName": physical }))]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/ArchiveName", "/SourceArn"]
    }

    fn numbers(&self) -> &'static [&'static str] {
        &["RetentionDays"]
    }

    fn attributes(&self, physical: &str, described: &Value, _environment: &Environment) -> Map<String, Value> {
        let mut attributes = answers(described, &[("Arn", "/ArchiveArn")]);
        attributes.insert("ArchiveName".into(), json!(physical));
        attributes
    }
}
