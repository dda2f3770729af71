//! `AWS::DynamoDB::Table`.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, Ready, Surroundings, answers, pick, string, tags};
use crate::Environment;

pub(super) struct Table;

const CREATE: &[&str] = &[
    "AttributeDefinitions",
    "BillingMode",
    "DeletionProtectionEnabled",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "OnDemandThroughput",
    "ProvisionedThroughput",
    "ResourcePolicy",
    "TableClass",
    "Tags",
];

impl Handler for Table {
    fn kind(&self) -> &'static str {
        "AWS::DynamoDB::Table"
    }

    fn properties(&self) -> Properties {
        Properties {
            used: &[
                CREATE,
                &["PointInTimeRecoverySpecification", "SSESpecification", "StreamSpecification", "TableName"],
            ],
            recorded: &["ContributorInsightsSpecification"],
            structures: &[
                (&["PointInTimeRecoverySpecification"], &["PointInTimeRecoveryEnabled", "RecoveryPeriodInDays"]),
                (&["SSESpecification"], &["KMSMasterKeyId", "SSEEnabled", "SSEType"]),
                (&["StreamSpecification"], &["StreamViewType"]),
            ],
        }
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/TableName")
    }

    fn describe(&self, physical: &str, _properties: &Value) -> Option<Call> {
        Some(Call::new("dynamodb", "DescribeTable", json!({ "TableName": physical })))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        let mut input = pick(properties, CREATE);
        input.insert("TableName".into(), json!(physical));
        if let Some(stream) = stream(properties) {
            input.insert("StreamSpecification".into(), stream);
        }
        if let Some(encryption) = encryption(properties) {
            input.insert("SSESpecification".into(), encryption);
        }
        let mut calls = vec![Call::new("dynamodb", "CreateTable", Value::Object(input))];
        calls.extend(recovery(physical, &Value::Null, properties));
        calls
    }

    fn update(&self, physical: &str, old: &Value, new: &Value, described: &Value) -> Vec<Call> {
        let mut calls = Vec::new();
        let mut call = |mut input: Map<String, Value>| {
            input.insert("TableName".into(), json!(physical));
            calls.push(Call::new("dynamodb", "UpdateTable", Value::Object(input)));
        };
        let mut input = Map::new();
        for name in ["BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled", "TableClass"] {
            if let Some(value) = new.get(name).filter(|value| old.get(name) != Some(value)) {
                input.insert(name.into(), value.clone());
            }
        }
        if old.get("SSESpecification") != new.get("SSESpecification") {
            let encryption = encryption(new).unwrap_or_else(|| json!({ "Enabled": false }));
            input.insert("SSESpecification".into(), encryption);
        }
        if !input.is_empty() {
            call(input);
        }
        // The view of a stream cannot change; a new stream begins.
        if stream(old) != stream(new) {
            let step = |specification: Value| Map::from_iter([("StreamSpecification".to_owned(), specification)]);
            if stream(old).is_some() {
                call(step(json!({ "StreamEnabled": false })));
            }
            if let Some(specification) = stream(new) {
                call(step(specification));
            }
        }
        for change in index_changes(old, new) {
            let mut input = pick(new, &["AttributeDefinitions"]);
            input.insert("GlobalSecondaryIndexUpdates".into(), json!([change]));
            call(input);
        }
        calls.extend(recovery(physical, old, new));
        let (set, gone) = tags::change(old, new);
        let arn = &described["Table"]["TableArn"];
        if !set.is_empty() {
            calls.push(Call::new("dynamodb", "TagResource", json!({ "ResourceArn": arn, "Tags": tags::pairs(&set) })));
        }
        if !gone.is_empty() {
            calls.push(Call::new("dynamodb", "UntagResource", json!({ "ResourceArn": arn, "TagKeys": gone })));
        }
        calls
    }

    fn adapt(&self, _id: &str, properties: &mut Value, around: &Surroundings<'_>) {
        tags::list(properties, around);
    }

    fn delete(&self, physical: &str, _properties: &Value, _described: &Value) -> Vec<Call> {
        vec![Call::new("dynamodb", "DeleteTable", json!({ "TableName": physical }))]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/TableName", "/KeySchema", "/LocalSecondaryIndexes"]
    }

    fn numbers(&self) -> &'static [&'static str] {
        &["ReadCapacityUnits", "WriteCapacityUnits", "MaxReadRequestUnits", "MaxWriteRequestUnits"]
    }

    fn booleans(&self) -> &'static [&'static str] {
        &["SSEEnabled", "PointInTimeRecoveryEnabled", "DeletionProtectionEnabled", "Enabled"]
    }

    fn ready(&self, described: &Value) -> Ready {
        match described.pointer("/Table/TableStatus").and_then(Value::as_str) {
            Some("CREATING" | "UPDATING" | "DELETING") => Ready::Wait,
            _ => Ready::Yes,
        }
    }

    fn attributes(&self, _physical: &str, described: &Value, _environment: &Environment) -> Map<String, Value> {
        answers(described, &[("Arn", "/Table/TableArn"), ("StreamArn", "/Table/LatestStreamArn")])
    }
}

/// A template names the view only: that it does means the stream is on.
fn stream(properties: &Value) -> Option<Value> {
    let view = properties.pointer("/StreamSpecification/StreamViewType")?;
    Some(json!({ "StreamEnabled": true, "StreamViewType": view }))
}

/// `SSEEnabled` in a template is `Enabled` on the wire.
fn encryption(properties: &Value) -> Option<Value> {
    let written = properties.get("SSESpecification")?;
    let mut input = pick(written, &["SSEType", "KMSMasterKeyId"]);
    input.insert("Enabled".into(), written.get("SSEEnabled").cloned().unwrap_or(json!(false)));
    Some(Value::Object(input))
}

/// Point-in-time recovery has an operation of its own.
fn recovery(physical: &str, old: &Value, new: &Value) -> Option<Call> {
    let wanted = |properties: &Value| {
        let off = json!({ "PointInTimeRecoveryEnabled": false });
        properties.get("PointInTimeRecoverySpecification").cloned().unwrap_or(off)
    };
    let specification = wanted(new);
    (wanted(old) != specification).then(|| {
        let input = json!({ "TableName": physical, "PointInTimeRecoverySpecification": specification });
        Call::new("dynamodb", "UpdateContinuousBackups", input)
    })
}

/// One change per call, as the service wants it: those that went, then those that came. A changed index does both.
fn index_changes(old: &Value, new: &Value) -> Vec<Value> {
    let indexes = |properties: &Value| {
        properties.get("GlobalSecondaryIndexes").and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let (before, after) = (indexes(old), indexes(new));
    let gone = before
        .iter()
        .filter(|index| !after.contains(index))
        .map(|index| json!({ "Delete": { "IndexName": index["IndexName"] } }));
    let came = after.iter().filter(|index| !before.contains(index)).map(|index| json!({ "Create": index }));
    gone.chain(came).collect()
}
