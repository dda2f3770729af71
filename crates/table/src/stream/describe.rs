//! `ListStreams` and `DescribeStream`.

use serde::Deserialize;
use serde_json::{Value, json};
use state::{Read, params};

use super::sequence;
use crate::capacity::up_to;
use crate::{Error, Tables};

/// Input of `ListStreams`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ListStreams {
    pub table_name: Option<String>,
    pub limit: Option<i64>,
    pub exclusive_start_stream_arn: Option<String>,
}

/// Input of `DescribeStream`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeStream {
    pub stream_arn: String,
    pub limit: Option<i64>,
    pub exclusive_start_shard_id: Option<String>,
    pub shard_filter: Option<ShardFilter>,
}

/// Children of one closed shard only.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ShardFilter {
    #[serde(rename = "Type")]
    pub kind: String,
    pub shard_id: String,
}

/// A stream as stored.
pub(crate) struct Info {
    pub id: i64,
    table: String,
    label: String,
    view: String,
    key_schema: String,
    created_ms: i64,
    disabled: bool,
}

pub(crate) fn find(read: &Read<'_>, arn: &str) -> Result<Info, Error> {
    let sql = "SELECT id, table_name, label, view, key_schema, created_ms, disabled_ms FROM ddb_stream WHERE arn = ?1";
    let info = read.first(sql, params![arn], |row| {
        Ok::<_, Error>(Info {
            id: row.int(0)?,
            table: row.text(1)?.to_owned(),
            label: row.text(2)?.to_owned(),
            view: row.text(3)?.to_owned(),
            key_schema: row.text(4)?.to_owned(),
            created_ms: row.int(5)?,
            disabled: row.int_opt(6)?.is_some(),
        })
    })?;
    info.ok_or_else(|| Error::NotFound(format!("Requested resource not found: Stream: {arn} not found")))
}

fn limit(value: Option<i64>) -> Result<usize, Error> {
    up_to("limit", value.unwrap_or(100), 100).map(|limit| limit as usize)
}

impl Tables {
    /// # Errors
    /// `Validation` for a limit that is not 1 to 100.
    pub async fn list_streams(&self, input: ListStreams) -> Result<Value, Error> {
        let limit = limit(input.limit)?;
        let mut found = self
            .state
            .read(move |read| {
                let after = input.exclusive_start_stream_arn.unwrap_or_default();
                read.all(
                    "SELECT arn, table_name, label FROM ddb_stream
                        WHERE arn > ?1 AND (?2 IS NULL OR table_name = ?2) ORDER BY arn LIMIT ?3",
                    params![&after, input.table_name.as_deref(), limit as i64 + 1],
                    |row| {
                        Ok::<_, Error>(
                            json!({"StreamArn": row.text(0)?, "TableName": row.text(1)?, "StreamLabel": row.text(2)?}),
                        )
                    },
                )
            })
            .await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().map(|stream| stream["StreamArn"].clone());
        let mut answer = json!({ "Streams": found });
        if let Some(last) = last.filter(|_| more) {
            answer["LastEvaluatedStreamArn"] = last;
        }
        Ok(answer)
    }

    /// # Errors
    /// `NotFound` for an unknown stream.
    pub async fn describe_stream(&self, input: DescribeStream) -> Result<Value, Error> {
        let limit = limit(input.limit)?;
        if input.shard_filter.as_ref().is_some_and(|filter| filter.kind != "CHILD_SHARDS") {
            return Err(Error::validation("ShardFilter Type must be CHILD_SHARDS"));
        }
        self.state.read(move |read| describe(read, &input, limit)).await
    }
}

fn describe(read: &Read<'_>, input: &DescribeStream, limit: usize) -> Result<Value, Error> {
    let info = find(read, &input.stream_arn)?;
    let after = match &input.exclusive_start_shard_id {
        None => 0,
        Some(id) => {
            let sql = "SELECT number FROM ddb_shard WHERE stream = ?1 AND id = ?2";
            read.first(sql, params![info.id, id], |row| row.int(0))?.unwrap_or(0)
        }
    };
    // In order of number, so parents come before children.
    let mut shards = read.all(
        "SELECT id, parent, first_sequence, last_sequence, closed_ms FROM ddb_shard
            WHERE stream = ?1 AND number > ?2 AND (?3 IS NULL OR parent = ?3) ORDER BY number LIMIT ?4",
        params![info.id, after, input.shard_filter.as_ref().map(|f| f.shard_id.as_str()), limit as i64 + 1],
        |row| {
            let mut range = json!({"StartingSequenceNumber": sequence(row.int(2)?).to_string()});
            if row.int(4)? > 0 {
                // A shard without records ends where it starts: that number is no record's.
                let last = row.int(3)?.max(row.int(2)?);
                range["EndingSequenceNumber"] = sequence(last).to_string().into();
            }
            let mut shard = json!({"ShardId": row.text(0)?, "SequenceNumberRange": range});
            if let Some(parent) = row.text_opt(1)? {
                shard["ParentShardId"] = parent.into();
            }
            Ok::<_, Error>(shard)
        },
    )?;
    let more = shards.len() > limit;
    shards.truncate(limit);
    let last = shards.last().map(|shard| shard["ShardId"].clone());
    let keys: Value = serde_json::from_str(&info.key_schema).map_err(|_| Error::Internal("key schema".into()))?;
    let mut description = json!({
        "StreamArn": input.stream_arn,
        "StreamLabel": info.label,
        "StreamStatus": if info.disabled { "DISABLED" } else { "ENABLED" },
        "StreamViewType": info.view,
        "CreationRequestDateTime": info.created_ms as f64 / 1000.0,
        "TableName": info.table,
        "KeySchema": keys,
        "Shards": shards,
    });
    if let Some(last) = last.filter(|_| more) {
        description["LastEvaluatedShardId"] = last;
    }
    Ok(json!({ "StreamDescription": description }))
}
