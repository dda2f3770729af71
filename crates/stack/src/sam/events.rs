//! `Events` of a function: queues and table streams it reads, rules and schedules that call it.

use serde_json::{Map, Value, json};

use super::publish::Alias;
use super::role::{Role, allow, trust};
use super::{Made, Written, arn_of, invalid, pick};
use crate::Error;

/// Members of mappings that stay as they are.
const MAPPING: &[&str] = &[
    "BatchSize",
    "BisectBatchOnFunctionError",
    "Enabled",
    "FilterCriteria",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "ScalingConfig",
    "StartingPosition",
    "StartingPositionTimestamp",
    "TumblingWindowInSeconds",
];
/// Members of a rule's or schedule's target.
const TARGET: &[&str] = &["Input", "InputPath", "InputTransformer", "RetryPolicy"];
/// Members of a schedule that stay as they are.
const SCHEDULE: &[&str] = &[
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "GroupName",
    "KmsKeyArn",
    "Name",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "State",
];

/// What an event calls.
pub(super) struct Target {
    name: Value,
    arn: Value,
}

impl Target {
    /// The alias that is published with the function, else the function.
    pub fn new(function: &Written<'_>, alias: Option<Alias>) -> Target {
        match alias {
            Some(alias) => Target { name: json!({ "Ref": alias.id }), arn: json!({ "Ref": alias.id }) },
            None => Target { name: json!({ "Ref": function.id }), arn: arn_of(function.id) },
        }
    }
}

/// One event while it is expanded.
struct Event<'a> {
    function: &'a Written<'a>,
    target: &'a Target,
    /// The logical id of what it becomes.
    id: String,
    kind: &'a str,
    properties: Map<String, Value>,
}

pub(super) fn expand(function: &Written<'_>, target: &Target, role: &mut Role) -> Result<Made, Error> {
    let mut made = Made::new();
    let events = match function.properties.get("Events") {
        None => return Ok(made),
        Some(Value::Object(events)) => events,
        Some(_) => return Err(invalid(function.id, "'Events' must be an object")),
    };
    // In the order of their names, as SAM: it decides in which order policies stand.
    for (name, written) in events.iter().collect::<std::collections::BTreeMap<_, _>>() {
        let kind = written["Type"].as_str().unwrap_or_default();
        let properties = written["Properties"].as_object().cloned().unwrap_or_default();
        let event = Event { function, target, id: format!("{}{name}", function.id), kind, properties };
        match kind {
            "SQS" => event.mapping("Queue", "AWSLambdaSQSQueueExecutionRole", role, &mut made)?,
            "DynamoDB" => event.mapping("Stream", "AWSLambdaDynamoDBExecutionRole", role, &mut made)?,
            "EventBridgeRule" | "CloudWatchEvent" | "Schedule" => event.rule(&mut made)?,
            "ScheduleV2" => event.schedule(&mut made)?,
            other => {
                let supported = "SQS, DynamoDB, EventBridgeRule, CloudWatchEvent, Schedule, ScheduleV2";
                let why = format!(
                    "Event with id [{name}] is invalid. Type {other} is not supported; supported are [{supported}]"
                );
                return Err(invalid(function.id, why));
            }
        }
    }
    Ok(made)
}

impl Event<'_> {
    /// Refuses members that are in none of the lists.
    fn check(&self, lists: &[&[&str]]) -> Result<(), Error> {
        let unknown = self.properties.keys().find(|name| !lists.iter().any(|list| list.contains(&name.as_str())));
        match unknown {
            None => Ok(()),
            Some(name) => {
                Err(self.invalid(format!("property {name} is not supported by events of type {}", self.kind)))
            }
        }
    }

    fn invalid(&self, why: impl std::fmt::Display) -> Error {
        let name = self.id.strip_prefix(self.function.id).unwrap_or(&self.id);
        invalid(self.function.id, format!("Event with id [{name}] is invalid. {why}"))
    }

    fn required(&self, member: &str) -> Result<Value, Error> {
        let missing = || self.invalid(format!("Missing required property '{member}'."));
        self.properties.get(member).cloned().ok_or_else(missing)
    }

    fn mapping(&self, source: &str, policy: &str, role: &mut Role, made: &mut Made) -> Result<(), Error> {
        self.check(&[MAPPING, &[source, "DestinationConfig"]])?;
        let mut properties = pick(&self.properties, MAPPING);
        properties.insert("EventSourceArn".into(), self.required(source)?);
        properties.insert("FunctionName".into(), self.target.name.clone());
        if let Some(failure) = self.properties.get("DestinationConfig").and_then(|config| config.get("OnFailure")) {
            let destination = &failure["Destination"];
            if failure.get("Type").is_some_and(|kind| kind != "SQS") || destination.is_null() {
                return Err(self.invalid("a destination on failure requires Type [SQS] and Destination"));
            }
            role.destination(&self.id, "SQS", destination);
            properties.insert("DestinationConfig".into(), json!({ "OnFailure": { "Destination": destination } }));
        }
        role.managed(policy);
        made.push((self.id.clone(), self.function.beside("AWS::Lambda::EventSourceMapping", properties)));
        Ok(())
    }

    fn rule(&self, made: &mut Made) -> Result<(), Error> {
        let (what, plain): (&str, &[&str]) = match self.kind {
            "Schedule" => ("Schedule", &["Description", "Name"]),
            _ => ("Pattern", &["EventBusName"]),
        };
        let own = &[what, "Enabled", "RuleName", "State", "Target", "DeadLetterConfig"];
        self.check(&[plain, own, TARGET])?;
        let mut properties = pick(&self.properties, plain);
        let member = if what == "Schedule" { "ScheduleExpression" } else { "EventPattern" };
        properties.insert(member.into(), self.required(what)?);
        properties.extend(self.properties.get("RuleName").map(|name| ("Name".to_owned(), name.clone())));
        properties.extend(self.state()?.map(|state| ("State".to_owned(), state)));
        let mut target = pick(&self.properties, TARGET);
        let id = self.properties.get("Target").and_then(|target| target.get("Id")).cloned();
        target.insert("Id".into(), id.unwrap_or_else(|| json!(format!("{}LambdaTarget", self.id))));
        target.insert("Arn".into(), self.target.arn.clone());
        if let Some(queue) = self.dead_letters(true, made)? {
            target.insert("DeadLetterConfig".into(), json!({ "Arn": queue }));
        }
        properties.insert("Targets".into(), json!([target]));
        made.push((self.id.clone(), self.function.beside("AWS::Events::Rule", properties)));
        let permission = json!({
            "Action": "lambda:InvokeFunction",
            "FunctionName": self.target.name,
            "Principal": "events.amazonaws.com",
            "SourceArn": arn_of(&self.id),
        });
        let permission = permission.as_object().cloned().unwrap_or_default();
        made.push((format!("{}Permission", self.id), self.function.beside("AWS::Lambda::Permission", permission)));
        Ok(())
    }

    /// `State`, or `Enabled` as the state it means.
    fn state(&self) -> Result<Option<Value>, Error> {
        match (self.properties.get("State"), self.properties.get("Enabled")) {
            (Some(_), Some(_)) => Err(self.invalid("State and Enabled Properties cannot both be specified.")),
            (Some(state), None) => Ok(Some(state.clone())),
            (None, Some(enabled)) => {
                let on = enabled.as_bool().or_else(|| enabled.as_str()?.parse().ok());
                let on = on.ok_or_else(|| self.invalid("'Enabled' must be true or false"))?;
                Ok(Some(json!(if on { "ENABLED" } else { "DISABLED" })))
            }
            (None, None) => Ok(None),
        }
    }

    fn schedule(&self, made: &mut Made) -> Result<(), Error> {
        self.check(&[
            SCHEDULE,
            &["Input", "RetryPolicy", "DeadLetterConfig", "OmitName", "PermissionsBoundary", "RoleArn"],
        ])?;
        let mut properties = pick(&self.properties, SCHEDULE);
        properties.insert("ScheduleExpression".into(), self.required("ScheduleExpression")?);
        properties.entry("FlexibleTimeWindow").or_insert_with(|| json!({ "Mode": "OFF" }));
        if self.properties.get("OmitName").is_none_or(|omit| omit != true) {
            properties.entry("Name").or_insert_with(|| json!(self.id));
        }
        let mut target = pick(&self.properties, &["Input", "RetryPolicy"]);
        target.insert("Arn".into(), self.target.arn.clone());
        let mut policies = vec![allow(&format!("{}LambdaPolicy", self.id), "lambda:InvokeFunction", &self.target.arn)];
        if let Some(arn) = self.dead_letters(false, made)? {
            policies.push(allow(&format!("{}SQSPolicy", self.id), "sqs:SendMessage", &arn));
            target.insert("DeadLetterConfig".into(), json!({ "Arn": arn }));
        }
        let role = match self.properties.get("RoleArn") {
            Some(role) => role.clone(),
            None => {
                let id = format!("{}Role", self.id);
                let mut role = pick(&self.properties, &["PermissionsBoundary"]);
                role.insert("AssumeRolePolicyDocument".into(), trust("scheduler.amazonaws.com"));
                role.insert("Policies".into(), Value::Array(policies));
                made.push((id.clone(), self.function.beside("AWS::IAM::Role", role)));
                arn_of(&id)
            }
        };
        target.insert("RoleArn".into(), role);
        properties.insert("Target".into(), Value::Object(target));
        made.push((self.id.clone(), self.function.beside("AWS::Scheduler::Schedule", properties)));
        Ok(())
    }

    /// `DeadLetterConfig`: a queue that is named, or one that is made, with a policy that lets the rule write.
    /// Answers its ARN.
    fn dead_letters(&self, with_policy: bool, made: &mut Made) -> Result<Option<Value>, Error> {
        let Some(config) = self.properties.get("DeadLetterConfig") else { return Ok(None) };
        match (config.get("Arn"), config.get("Type")) {
            (Some(arn), None) => return Ok(Some(arn.clone())),
            (None, Some(kind)) if kind == "SQS" => {}
            _ => return Err(self.invalid("DeadLetterConfig requires either Arn or Type [SQS]")),
        }
        let queue = config.get("QueueLogicalId").and_then(Value::as_str).map(str::to_owned);
        let queue = queue.unwrap_or_else(|| format!("{}Queue", self.id));
        made.push((queue.clone(), self.function.beside("AWS::SQS::Queue", Map::new())));
        if with_policy {
            let statement = json!({
                "Action": "sqs:SendMessage",
                "Effect": "Allow",
                "Principal": { "Service": "events.amazonaws.com" },
                "Resource": arn_of(&queue),
                "Condition": { "ArnEquals": { "aws:SourceArn": arn_of(&self.id) } },
            });
            let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
            let properties = Map::from_iter([
                ("PolicyDocument".to_owned(), document),
                ("Queues".to_owned(), json!([{ "Ref": queue }])),
            ]);
            let id = format!("{}QueuePolicy", self.id);
            made.push((id, self.function.beside("AWS::SQS::QueuePolicy", properties)));
        }
        Ok(Some(arn_of(&queue)))
    }
}
