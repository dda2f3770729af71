//! `AWS::Scheduler::Schedule`. `Ref` is the name. Dates are texts in a template and seconds on the wire.

use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, answers, pick, string};
use crate::Environment;

pub(super) struct Schedule;

const SCHEDULE: &[&str] = &[
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "GroupName",
    "KmsKeyArn",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "State",
    "Target",
];

impl Handler for Schedule {
    fn kind(&self) -> &'static str {
        "AWS::Scheduler::Schedule"
    }

    fn properties(&self) -> Properties {
        Properties { used: &[SCHEDULE, &["Name"]], recorded: &[], structures: &[] }
    }

    fn service(&self) -> Option<&'static str> {
        Some("scheduler")
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/Name")
    }

    fn describe(&self, physical: &str, properties: &Value) -> Option<Call> {
        Some(Call::new("scheduler", "GetSchedule", named(physical, properties)))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        vec![put("CreateSchedule", physical, properties)]
    }

    // An update replaces all of it.
    fn update(&self, physical: &str, _old: &Value, new: &Value, _described: &Value) -> Vec<Call> {
        vec![put("UpdateSchedule", physical, new)]
    }

    fn delete(&self, physical: &str, properties: &Value, _described: &Value) -> Vec<Call> {
        vec![Call::new("scheduler", "DeleteSchedule", named(physical, properties))]
    }

    // The group is a part of what the service knows it by.
    fn immutable(&self) -> &'static [&'static str] {
        &["/GroupName", "/Name"]
    }

    fn numbers(&self) -> &'static [&'static str] {
        &["MaximumEventAgeInSeconds", "MaximumRetryAttempts", "MaximumWindowInMinutes"]
    }

    fn attributes(&self, _physical: &str, described: &Value, _environment: &Environment) -> Map<String, Value> {
        answers(described, &[("Arn", "/Arn")])
    }
}

/// Where a schedule is read and removed its group has another spelling.
fn named(physical: &str, properties: &Value) -> Value {
    let group = string(properties, "/GroupName");
    group.map_or(json!({ "Name": physical }), |group| json!({ "Name": physical, "groupName": group }))
}

fn put(operation: &'static str, physical: &str, properties: &Value) -> Call {
    let mut input = pick(properties, SCHEDULE);
    for name in ["EndDate", "StartDate"] {
        // What is no date is left for the service to refuse.
        if let Some(date) = input.get_mut(name)
            && let Ok(at) = DateTime::parse_from_rfc3339(date.as_str().unwrap_or_default())
        {
            *date = json!(at.timestamp_millis() as f64 / 1000.0);
        }
    }
    input.insert("Name".into(), json!(physical));
    Call::new("scheduler", operation, Value::Object(input))
}
