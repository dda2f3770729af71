//! `AWS::Scheduler::ScheduleGroup`. `Ref` is the name. Its schedules go with it.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, Ready, Surroundings, answers, string, tags};
use crate::Environment;

pub(super) struct ScheduleGroup;

impl Handler for ScheduleGroup {
    fn kind(&self) -> &'static str {
        "AWS::Scheduler::ScheduleGroup"
    }

    fn properties(&self) -> Properties {
        Properties { used: &[&["Name", "Tags"]], recorded: &[], structures: &[] }
    }

    fn service(&self) -> Option<&'static str> {
        Some("scheduler")
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/Name")
    }

    fn describe(&self, physical: &str, _properties: &Value) -> Option<Call> {
        Some(Call::new("scheduler", "GetScheduleGroup", json!({ "Name": physical })))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        let input = json!({ "Name": physical, "Tags": tags::pairs(&tags::read(properties)) });
        vec![Call::new("scheduler", "CreateScheduleGroup", input)]
    }

    fn update(&self, _physical: &str, old: &Value, new: &Value, described: &Value) -> Vec<Call> {
        let ((set, gone), arn) = (tags::change(old, new), &described["Arn"]);
        let mut calls = Vec::new();
        if !set.is_empty() {
            let input = json!({ "ResourceArn": arn, "Tags": tags::pairs(&set) });
            calls.push(Call::new("scheduler", "TagResource", input));
        }
        if !gone.is_empty() {
            calls.push(Call::new("scheduler", "UntagResource", json!({ "ResourceArn": arn, "TagKeys": gone })));
        }
        calls
    }

    fn delete(&self, physical: &str, _properties: &Value, _described: &Value) -> Vec<Call> {
        vec![Call::new("scheduler", "DeleteScheduleGroup", json!({ "Name": physical }))]
    }

    fn adapt(&self, _id: &str, properties: &mut Value, around: &Surroundings<'_>) {
        tags::list(properties, around);
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/Name"]
    }

    fn ready(&self, described: &Value) -> Ready {
        if described["State"] == "DELETING" { Ready::Wait } else { Ready::Yes }
    }

    fn attributes(&self, _physical: &str, described: &Value, _environment: &Environment) -> Map<String, Value> {
        let names = ["Arn", "CreationDate", "LastModificationDate", "State"];
        let pointers = names.map(|name| (name, format!("/{name}")));
        let pairs: Vec<(&str, &str)> = pointers.iter().map(|(name, pointer)| (*name, pointer.as_str())).collect();
        answers(described, &pairs)
    }
}
