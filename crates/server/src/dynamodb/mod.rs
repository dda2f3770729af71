//! DynamoDB and DynamoDB Streams (API versions 2012-08-10): operation names, inputs and errors at the wire.

use std::sync::Arc;

use event::Kind;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use table::write::{Action, WriteItem};

use crate::{App, AwsError, Call, Codes, Reply};

/// `DynamoDB_20120810`.
pub(crate) async fn call(app: &Arc<App>, call: Call) -> Result<Reply, AwsError> {
    let (tables, input) = (&app.tables, call.input);
    let answer = match call.operation.as_str() {
        "CreateTable" => tables.create_table(decode(input)?).await,
        "DescribeTable" => tables.describe_table(decode(input)?).await,
        "UpdateTable" => tables.update_table(decode(input)?).await,
        "DeleteTable" => tables.delete_table(decode(input)?).await,
        "ListTables" => tables.list_tables(decode(input)?).await,
        "TagResource" | "UntagResource" => tables.tag_resource(decode(input)?).await,
        "ListTagsOfResource" => tables.list_tags(decode(input)?).await,
        "PutItem" => tables.write_item(Action::Put, decode_write(input)?).await,
        "UpdateItem" => tables.write_item(Action::Update, decode_write(input)?).await,
        "DeleteItem" => tables.write_item(Action::Delete, decode_write(input)?).await,
        "BatchWriteItem" => tables.batch_write_item(decode(input)?).await,
        "GetItem" => tables.get_item(decode(input)?).await,
        "BatchGetItem" => tables.batch_get_item(decode(input)?).await,
        "Query" => tables.query(decode(input)?).await,
        "Scan" => tables.scan(decode(input)?).await,
        "DescribeEndpoints" => {
            let address = format!("dynamodb.{}.amazonaws.com", app.identity.region);
            Ok(json!({"Endpoints": [{"Address": address, "CachePeriodInMinutes": 1440}]}))
        }
        "DescribeLimits" => Ok(json!({
            "AccountMaxReadCapacityUnits": 80_000,
            "AccountMaxWriteCapacityUnits": 80_000,
            "TableMaxReadCapacityUnits": 40_000,
            "TableMaxWriteCapacityUnits": 40_000,
        })),
        other => return Err(AwsError::unknown_operation(other)),
    };
    answer.map(Reply::from).map_err(error)
}

/// `DynamoDBStreams_20120810`.
pub(crate) async fn call_streams(app: &Arc<App>, call: Call) -> Result<Reply, AwsError> {
    let (tables, input) = (&app.tables, call.input);
    let answer = match call.operation.as_str() {
        "ListStreams" => tables.list_streams(decode(input)?).await,
        "DescribeStream" => tables.describe_stream(decode(input)?).await,
        "GetShardIterator" => {
            tables.get_shard_iterator(decode(input)?).await.map(|iterator| json!({ "ShardIterator": iterator }))
        }
        "GetRecords" => tables.get_records(decode(input)?).await,
        other => return Err(AwsError::unknown_operation(other)),
    };
    answer.map(Reply::from).map_err(error)
}

fn decode<T: DeserializeOwned>(input: Value) -> Result<T, AwsError> {
    serde_json::from_value(input).map_err(|failure| match table::item::validation_of(&failure) {
        Some(invalid) => error(invalid),
        None => undecodable(&failure),
    })
}

/// The input of a single write: what is wrong with its values is counted.
fn decode_write(input: Value) -> Result<WriteItem, AwsError> {
    serde_json::from_value(input).map_err(|failure| match table::item::validation_of(&failure) {
        Some(invalid) => error(invalid.counted()),
        None => undecodable(&failure),
    })
}

fn undecodable(failure: &serde_json::Error) -> AwsError {
    // Serde's messages may quote a value of the request.
    let text = failure.to_string();
    match text.split('`').nth(1) {
        Some(member) if text.starts_with("unknown field") => {
            AwsError::validation(format!("unsupported parameter: {member}"))
        }
        Some(member) if text.starts_with("missing field") => AwsError::validation(format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
        )),
        _ => AwsError::serialization("the request has a member of the wrong type"),
    }
}

fn error(failure: table::Error) -> AwsError {
    match failure {
        table::Error::Serialization(message) => AwsError::serialization(message),
        table::Error::ConditionFailed(item) => {
            let base = AwsError::new(400, "ConditionalCheckFailedException", "The conditional request failed");
            match item {
                Some(item) => base.with("Item", json!(item)),
                None => base,
            }
        }
        other => {
            if other.kind() == Kind::Internal {
                tracing::error!(error = %other, "table operation failed");
                return AwsError::new(500, "InternalServerError", "Internal server error");
            }
            AwsError::of(&Codes::DYNAMODB, other.kind(), other.to_string())
        }
    }
}
