//! `PutRecord` and `PutRecordBatch`: acknowledged when the records are durable.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{error, invalid, missing, none_left, take};
use crate::{App, AwsError, Reply};

pub(super) async fn one(app: &Arc<App>, mut input: Map<String, Value>) -> Result<Reply, AwsError> {
    let name: String = take(&mut input, "DeliveryStreamName")?;
    let record = data(take(&mut input, "Record")?)?;
    none_left(&input)?;
    let ids = app.delivery.put_records(&name, vec![record]).await.map_err(failed(app, &name))?;
    Ok(Reply::from(json!({ "RecordId": ids.first(), "Encrypted": false })))
}

pub(super) async fn batch(app: &Arc<App>, mut input: Map<String, Value>) -> Result<Reply, AwsError> {
    let name: String = take(&mut input, "DeliveryStreamName")?;
    let records: Vec<Map<String, Value>> = take(&mut input, "Records")?;
    none_left(&input)?;
    let records = records.into_iter().map(data).collect::<Result<Vec<_>, _>>()?;
    let ids = app.delivery.put_records(&name, records).await.map_err(failed(app, &name))?;
    let responses: Vec<Value> = ids.into_iter().map(|id| json!({ "RecordId": id })).collect();
    Ok(Reply::from(json!({ "FailedPutCount": 0, "Encrypted": false, "RequestResponses": responses })))
}

/// Here the words of what is missing stand in another order than for the other operations, as with the service.
fn failed<'a>(app: &'a App, name: &'a str) -> impl Fn(lake::Error) -> AwsError + 'a {
    move |failure| match failure {
        lake::Error::NotFound(_) => missing(format!("{name} not found under account {}.", app.identity.account)),
        other => error(other),
    }
}

fn data(mut record: Map<String, Value>) -> Result<Bytes, AwsError> {
    let text: String = take(&mut record, "Data")?;
    none_left(&record)?;
    STANDARD.decode(text).map(Bytes::from).map_err(|_| invalid("Data is not base64"))
}
