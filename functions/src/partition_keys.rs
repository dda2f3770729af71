//! Partition keys of the measurement stream: `siteId` and the UTC date and time of `createdAtTime`.
//!
//! Lambda processor of a delivery stream (Firehose data transformation): data pass through unchanged; each record gets the keys
//! `siteId`, `year`, `month`, `day`, `hour` and `minute` as decimal text without leading zeros. A record that has no usable
//! `siteId` or `createdAtTime` (milliseconds since 1970, as number or text) is `ProcessingFailed`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Datelike, Timelike};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A batch to transform.
#[derive(Deserialize)]
pub struct Request {
    pub records: Vec<Record>,
}

/// One record of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    pub record_id: String,
    /// Base64.
    pub data: String,
}

/// What became of the batch.
#[derive(Debug, Serialize)]
pub struct Response {
    pub records: Vec<Transformed>,
}

/// What became of one record.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transformed {
    pub record_id: String,
    pub result: &'static str,
    pub data: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// What the delivery stream partitions by.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    pub partition_keys: Keys,
}

/// The keys of one record.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Keys {
    pub site_id: String,
    pub year: String,
    pub month: String,
    pub day: String,
    pub hour: String,
    pub minute: String,
}

/// Transforms a batch. A bad record never fails the others.
///
/// # Errors
/// None.
pub fn handle(request: Request) -> Result<Response, std::convert::Infallible> {
    let one = |record: Record| {
        let keys = keys(&record.data);
        Transformed {
            result: if keys.is_some() { "Ok" } else { "ProcessingFailed" },
            record_id: record.record_id,
            data: record.data,
            metadata: keys.map(|partition_keys| Metadata { partition_keys }),
        }
    };
    Ok(Response { records: request.records.into_iter().map(one).collect() })
}

fn keys(data: &str) -> Option<Keys> {
    let data: Value = serde_json::from_slice(&STANDARD.decode(data).ok()?).ok()?;
    let site = data.get("siteId")?.as_str().filter(|site| !site.is_empty())?;
    let created = data.get("createdAtTime")?;
    let created = created.as_i64().or_else(|| created.as_str()?.parse().ok())?;
    let created = DateTime::from_timestamp_millis(created)?;
    Some(Keys {
        site_id: site.to_owned(),
        year: created.year().to_string(),
        month: created.month().to_string(),
        day: created.day().to_string(),
        hour: created.hour().to_string(),
        minute: created.minute().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(data: &str, expected: Value) {
        let request =
            json!({"records": [{"recordId": "r1", "data": STANDARD.encode(data), "approximateArrivalTimestamp": 1}]});
        let response = handle(serde_json::from_value(request).unwrap()).unwrap();
        let mut answer = serde_json::to_value(&response.records[0]).unwrap();
        assert_eq!(answer["data"], STANDARD.encode(data), "data pass unchanged");
        answer.as_object_mut().unwrap().remove("data");
        assert_eq!(answer, expected, "{data}");
    }

    #[test]
    fn keys_are_text_without_leading_zeros() {
        let keys = json!({"siteId": "OSL", "year": "2023", "month": "9", "day": "5", "hour": "7", "minute": "3"});
        let ok = json!({"recordId": "r1", "result": "Ok", "metadata": {"partitionKeys": keys}});
        check(r#"{"siteId":"OSL","createdAtTime":"1693897380000","id":"1"}"#, ok.clone());
        check(r#"{"siteId":"OSL","createdAtTime":1693897380000}"#, ok);
    }

    #[test]
    fn a_record_without_usable_keys_fails_alone() {
        let failed = json!({"recordId": "r1", "result": "ProcessingFailed"});
        for data in [
            "",
            "no json",
            "[]",
            r#"{"createdAtTime":"1"}"#,
            r#"{"siteId":"","createdAtTime":"1"}"#,
            r#"{"siteId":"OSL","createdAtTime":"yesterday"}"#,
            r#"{"siteId":"OSL","createdAtTime":"99999999999999999999"}"#,
        ] {
            check(data, failed.clone());
        }
    }
}
