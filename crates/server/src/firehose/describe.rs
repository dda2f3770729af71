//! `DescribeDeliveryStream`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{PLAIN, arn, failed, invalid, none_left, take, take_opt};
use crate::{App, AwsError, Reply};

/// A stream has one destination.
pub(super) const DESTINATION_ID: &str = "destinationId-000000000001";

pub(super) async fn describe(app: &Arc<App>, mut input: Map<String, Value>) -> Result<Reply, AwsError> {
    let name: String = take(&mut input, "DeliveryStreamName")?;
    let _: Option<u32> = take_opt(&mut input, "Limit")?;
    let _: Option<String> = take_opt(&mut input, "ExclusiveStartDestinationId")?;
    none_left(&input)?;
    let stored = app.delivery.describe(&name).await.map_err(failed(app, &name))?.stored;
    let mut destination =
        serde_json::to_value(&stored.definition.destination).map_err(|error| invalid(error.to_string()))?;
    if let Some(members) = destination.as_object_mut() {
        members.entry("CompressionFormat").or_insert_with(|| json!("UNCOMPRESSED"));
        members.entry("S3BackupMode").or_insert_with(|| json!("Disabled"));
        members.entry("EncryptionConfiguration").or_insert_with(|| json!({ "NoEncryptionConfig": "NoEncryption" }));
    }
    let s3: Map<String, Value> =
        PLAIN.iter().filter_map(|member| Some(((*member).to_owned(), destination.get(member)?.clone()))).collect();
    let mut description = json!({
        "DeliveryStreamName": name,
        "DeliveryStreamARN": arn(app, &name),
        "DeliveryStreamStatus": "ACTIVE",
        "DeliveryStreamType": "DirectPut",
        "VersionId": stored.version.to_string(),
        "CreateTimestamp": stored.created_ms as f64 / 1000.0,
        "HasMoreDestinations": false,
        "Destinations": [{
            "DestinationId": DESTINATION_ID,
            "S3DestinationDescription": s3,
            "ExtendedS3DestinationDescription": destination,
        }],
    });
    if let Some(updated) = stored.updated_ms {
        description["LastUpdateTimestamp"] = json!(updated as f64 / 1000.0);
    }
    if let Some(encryption) = &stored.definition.delivery_stream_encryption_configuration_input {
        description["DeliveryStreamEncryptionConfiguration"] =
            json!({ "Status": "ENABLED", "KeyType": encryption.key_type, "KeyARN": encryption.key_arn });
    }
    Ok(Reply::from(json!({ "DeliveryStreamDescription": description })))
}
