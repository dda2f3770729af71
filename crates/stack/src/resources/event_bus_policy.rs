//! `AWS::Events::EventBusPolicy`: one statement of the policy of a bus, whole or as action, principal and condition.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, pick, string};
use crate::Environment;
use crate::parameters::text;

pub(super) struct EventBusPolicy;

/// The member of PutPermission that takes a whole statement; only templates have them.
const STATEMENT: &str = "WatershedStatement";

impl Handler for EventBusPolicy {
    fn kind(&self) -> &'static str {
        "AWS::Events::EventBusPolicy"
    }

    fn properties(&self) -> Properties {
        Properties {
            used: &[&["Action", "Condition", "EventBusName", "Principal", "Statement", "StatementId"]],
            recorded: &[],
            structures: &[],
        }
    }

    fn service(&self) -> Option<&'static str> {
        Some("events")
    }

    fn name(&self, _properties: &Value) -> Option<String> {
        None
    }

    fn describe(&self, _physical: &str, properties: &Value) -> Option<Call> {
        let input = string(properties, "/EventBusName").map_or(json!({}), |bus| json!({ "Name": bus }));
        Some(Call::new("events", "DescribeEventBus", input))
    }

    fn exists(&self, _physical: &str, properties: &Value, described: &Value) -> bool {
        super::has_statement(described, &properties["StatementId"])
    }

    fn create(&self, _physical: &str, properties: &Value) -> Vec<Call> {
        let mut input = pick(properties, &["EventBusName", "StatementId"]);
        match properties.get("Statement") {
            Some(statement) => {
                let mut statement = statement.clone();
                statement["Sid"] = properties["StatementId"].clone();
                input.insert(STATEMENT.into(), statement);
                input.remove("StatementId");
            }
            None => input.extend(pick(properties, &["Action", "Condition", "Principal"])),
        }
        vec![Call::new("events", "PutPermission", Value::Object(input))]
    }

    fn update(&self, physical: &str, _old: &Value, new: &Value, _described: &Value) -> Vec<Call> {
        self.create(physical, new)
    }

    fn delete(&self, _physical: &str, properties: &Value, _described: &Value) -> Vec<Call> {
        let input = pick(properties, &["EventBusName", "StatementId"]);
        vec![Call::new("events", "RemovePermission", Value::Object(input))]
    }

    fn adapt(&self, _id: &str, properties: &mut Value, _around: &super::Surroundings<'_>) {
        // A statement may also be written as text.
        if let Some(statement) = properties.get_mut("Statement")
            && let Ok(parsed @ Value::Object(_)) = serde_json::from_str(&text(statement))
        {
            *statement = parsed;
        }
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/EventBusName", "/StatementId"]
    }

    fn attributes(&self, _physical: &str, _described: &Value, _environment: &Environment) -> Map<String, Value> {
        Map::new()
    }
}
