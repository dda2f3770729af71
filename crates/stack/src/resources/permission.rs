//! `AWS::Lambda::Permission`: a statement of a function's policy. `Ref` is its id, which is made up.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, has_statement, pick};
use crate::Environment;

pub(super) struct Permission;

const PERMISSION: &[&str] =
    &["Action", "EventSourceToken", "FunctionName", "Principal", "PrincipalOrgID", "SourceAccount", "SourceArn"];

impl Handler for Permission {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::Permission"
    }

    fn properties(&self) -> Properties {
        Properties { used: &[PERMISSION], recorded: &[], structures: &[] }
    }

    fn service(&self) -> Option<&'static str> {
        Some("lambda")
    }

    fn name(&self, _properties: &Value) -> Option<String> {
        None
    }

    fn describe(&self, _physical: &str, properties: &Value) -> Option<Call> {
        Some(Call::new("lambda", "GetPolicy", Value::Object(pick(properties, &["FunctionName"]))))
    }

    fn exists(&self, physical: &str, _properties: &Value, described: &Value) -> bool {
        has_statement(described, &json!(physical))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        let mut input = pick(properties, PERMISSION);
        input.insert("StatementId".into(), json!(physical));
        vec![Call::new("lambda", "AddPermission", Value::Object(input))]
    }

    // All of its properties are those of another statement.
    fn update(&self, _physical: &str, _old: &Value, _new: &Value, _described: &Value) -> Vec<Call> {
        Vec::new()
    }

    fn delete(&self, physical: &str, properties: &Value, _described: &Value) -> Vec<Call> {
        let input = json!({ "FunctionName": properties["FunctionName"], "StatementId": physical });
        vec![Call::new("lambda", "RemovePermission", input)]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &[""]
    }

    fn attributes(&self, physical: &str, _described: &Value, _environment: &Environment) -> Map<String, Value> {
        Map::from_iter([("Id".to_owned(), json!(physical))])
    }
}
