//! `AWS::Serverless::SimpleTable`: a table with one key attribute.

use serde_json::{Map, Value, json};

use super::{Made, SIMPLE_TABLE, Written, invalid, pick, tags};
use crate::Error;

const PLAIN: &[&str] = &["PointInTimeRecoverySpecification", "ProvisionedThroughput", "SSESpecification", "TableName"];
const OWN: &[&str] = &["PrimaryKey", "Tags"];

pub(super) fn expand(table: Written<'_>) -> Result<Made, Error> {
    table.check(SIMPLE_TABLE, &[PLAIN, OWN], &[])?;
    let (name, kind) = match table.properties.get("PrimaryKey") {
        None => (json!("id"), "S"),
        Some(key) => {
            let kind = match key["Type"].as_str() {
                None | Some("String") => "S",
                Some("Number") => "N",
                Some("Binary") => "B",
                Some(_) => return Err(invalid(table.id, "'PrimaryKey.Type' must be one of [String, Number, Binary]")),
            };
            (key.get("Name").cloned().unwrap_or_else(|| json!("id")), kind)
        }
    };
    let mut properties = Map::from_iter([
        ("AttributeDefinitions".to_owned(), json!([{ "AttributeName": name, "AttributeType": kind }])),
        ("KeySchema".to_owned(), json!([{ "AttributeName": name, "KeyType": "HASH" }])),
    ]);
    properties.extend(pick(&table.properties, PLAIN));
    if !properties.contains_key("ProvisionedThroughput") {
        properties.insert("BillingMode".into(), json!("PAY_PER_REQUEST"));
    }
    let tags = tags(table.properties.get("Tags"));
    if !tags.is_empty() {
        properties.insert("Tags".into(), Value::Array(tags));
    }
    Ok(vec![(table.id.to_owned(), table.itself("AWS::DynamoDB::Table", properties))])
}
