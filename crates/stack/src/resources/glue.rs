//! `AWS::Glue::Database` and `AWS::Glue::Table`.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, pick, string};
use crate::Environment;

pub(super) struct Database;

impl Handler for Database {
    fn kind(&self) -> &'static str {
        "AWS::Glue::Database"
    }

    fn properties(&self) -> Properties {
        Properties { used: &[&["CatalogId", "DatabaseInput", "DatabaseName"]], recorded: &[], structures: &[] }
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/DatabaseInput/Name").or_else(|| string(properties, "/DatabaseName"))
    }

    fn describe(&self, physical: &str, properties: &Value) -> Option<Call> {
        let mut input = pick(properties, &["CatalogId"]);
        input.insert("Name".into(), json!(physical));
        Some(Call::new("glue", "GetDatabase", Value::Object(input)))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        let input = named(pick(properties, &["CatalogId", "DatabaseInput"]), "DatabaseInput", physical);
        vec![Call::new("glue", "CreateDatabase", input)]
    }

    fn update(&self, physical: &str, _old: &Value, new: &Value, _described: &Value) -> Vec<Call> {
        let mut input = pick(new, &["CatalogId", "DatabaseInput"]);
        input.insert("Name".into(), json!(physical));
        vec![Call::new("glue", "UpdateDatabase", named(input, "DatabaseInput", physical))]
    }

    fn delete(&self, physical: &str, properties: &Value, _described: &Value) -> Vec<Call> {
        let mut input = pick(properties, &["CatalogId"]);
        input.insert("Name".into(), json!(physical));
        vec![Call::new("glue", "DeleteDatabase", Value::Object(input))]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/DatabaseInput/Name", "/DatabaseName", "/CatalogId"]
    }

    fn attributes(&self, _physical: &str, _described: &Value, _environment: &Environment) -> Map<String, Value> {
        Map::new()
    }
}

pub(super) struct Table;

impl Handler for Table {
    fn kind(&self) -> &'static str {
        "AWS::Glue::Table"
    }

    fn properties(&self) -> Properties {
        Properties {
            used: &[&["CatalogId", "DatabaseName", "Name", "OpenTableFormatInput", "TableInput"]],
            recorded: &[],
            structures: &[],
        }
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/TableInput/Name").or_else(|| string(properties, "/Name"))
    }

    fn describe(&self, physical: &str, properties: &Value) -> Option<Call> {
        let mut input = pick(properties, &["CatalogId", "DatabaseName"]);
        input.insert("Name".into(), json!(physical));
        Some(Call::new("glue", "GetTable", Value::Object(input)))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        let input = pick(properties, &["CatalogId", "DatabaseName", "TableInput", "OpenTableFormatInput"]);
        vec![Call::new("glue", "CreateTable", named(input, "TableInput", physical))]
    }

    fn update(&self, physical: &str, _old: &Value, new: &Value, _described: &Value) -> Vec<Call> {
        let input = pick(new, &["CatalogId", "DatabaseName", "TableInput"]);
        vec![Call::new("glue", "UpdateTable", named(input, "TableInput", physical))]
    }

    fn delete(&self, physical: &str, properties: &Value, _described: &Value) -> Vec<Call> {
        let mut input = pick(properties, &["CatalogId", "DatabaseName"]);
        input.insert("Name".into(), json!(physical));
        vec![Call::new("glue", "DeleteTable", Value::Object(input))]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/TableInput/Name", "/Name", "/DatabaseName", "/CatalogId"]
    }

    fn numbers(&self) -> &'static [&'static str] {
        &["NumberOfBuckets", "Retention", "SortOrder"]
    }

    fn attributes(&self, _physical: &str, _described: &Value, _environment: &Environment) -> Map<String, Value> {
        Map::new()
    }
}

/// Puts the name into the inner input, where the service wants it.
fn named(mut input: Map<String, Value>, member: &str, physical: &str) -> Value {
    let inner = input.entry(member).or_insert_with(|| json!({}));
    if let Value::Object(inner) = inner {
        inner.insert("Name".into(), json!(physical));
    }
    Value::Object(input)
}
