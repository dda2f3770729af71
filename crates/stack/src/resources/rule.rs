//! `AWS::Events::Rule` with its targets. `Ref` is the name, on another than the default bus `BUS|NAME`.

use serde_json::{Map, Value, json};

use super::event_bus::{pattern_text, tagging};
use super::{Call, Handler, Properties, Surroundings, answers, pick, string, tags};
use crate::Environment;

pub(super) struct Rule;

const RULE: &[&str] = &["Description", "EventBusName", "EventPattern", "RoleArn", "ScheduleExpression", "State"];

impl Handler for Rule {
    fn kind(&self) -> &'static str {
        "AWS::Events::Rule"
    }

    fn properties(&self) -> Properties {
        Properties { used: &[RULE, &["Name", "Tags", "Targets"]], recorded: &[], structures: &[] }
    }

    fn service(&self) -> Option<&'static str> {
        Some("events")
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/Name")
    }

    fn describe(&self, physical: &str, properties: &Value) -> Option<Call> {
        Some(Call::new("events", "DescribeRule", named("Name", physical, properties)))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        let mut put = put_rule(physical, properties);
        if let Some(tags) = properties.get("Tags") {
            put.input["Tags"] = tags.clone();
        }
        let mut calls = vec![put];
        calls.extend(put_targets(physical, properties));
        calls
    }

    fn update(&self, physical: &str, old: &Value, new: &Value, described: &Value) -> Vec<Call> {
        let mut calls = tagging(old, new, &described["Arn"]);
        if pick(old, RULE) != pick(new, RULE) {
            calls.push(put_rule(physical, new));
        }
        if old.get("Targets") != new.get("Targets") {
            let kept = ids(new);
            let gone: Vec<Value> = ids(old).into_iter().filter(|id| !kept.contains(id)).collect();
            if !gone.is_empty() {
                calls.push(remove_targets(physical, new, &gone));
            }
            calls.extend(put_targets(physical, new));
        }
        calls
    }

    fn delete(&self, physical: &str, properties: &Value, _described: &Value) -> Vec<Call> {
        let mut calls = Vec::new();
        let ids = ids(properties);
        if !ids.is_empty() {
            calls.push(remove_targets(physical, properties, &ids));
        }
        calls.push(Call::new("events", "DeleteRule", named("Name", physical, properties)));
        calls
    }

    fn adapt(&self, _id: &str, properties: &mut Value, around: &Surroundings<'_>) {
        tags::list(properties, around);
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/Name", "/EventBusName"]
    }

    fn numbers(&self) -> &'static [&'static str] {
        &["MaximumEventAgeInSeconds", "MaximumRetryAttempts"]
    }

    fn reference(&self, physical: &str, described: &Value) -> String {
        match string(described, "/EventBusName") {
            Some(bus) if bus != "default" => format!("{bus}|{physical}"),
            _ => physical.to_owned(),
        }
    }

    fn attributes(&self, _physical: &str, described: &Value, _environment: &Environment) -> Map<String, Value> {
        answers(described, &[("Arn", "/Arn")])
    }
}

/// `{member: physical}` with the bus, if the template names one.
fn named(member: &str, physical: &str, properties: &Value) -> Value {
    let mut input = pick(properties, &["EventBusName"]);
    input.insert(member.into(), json!(physical));
    Value::Object(input)
}

fn put_rule(physical: &str, properties: &Value) -> Call {
    let mut input = pick(properties, RULE);
    pattern_text(&mut input);
    input.insert("Name".into(), json!(physical));
    Call::new("events", "PutRule", Value::Object(input))
}

fn put_targets(physical: &str, properties: &Value) -> Option<Call> {
    let targets = properties.get("Targets").filter(|targets| targets.as_array().is_some_and(|all| !all.is_empty()))?;
    let mut input = named("Rule", physical, properties);
    input["Targets"] = targets.clone();
    Some(Call::new("events", "PutTargets", input))
}

fn remove_targets(physical: &str, properties: &Value, ids: &[Value]) -> Call {
    let mut input = named("Rule", physical, properties);
    input["Ids"] = json!(ids);
    Call::new("events", "RemoveTargets", input)
}

fn ids(properties: &Value) -> Vec<Value> {
    let targets = properties.get("Targets").and_then(Value::as_array);
    targets.into_iter().flatten().filter_map(|target| target.get("Id").cloned()).collect()
}
