//! Records that are given up: to the dead-letter place with their payload and the reason, or counted as failed.
//!
//! A letter has the members that the service's have (EventBridge Pipes and Lambda developer guides, on-failure destinations),
//! for one record each, and ours: `pipe`, `eventID`, `attempts`, `error`, `payload`.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat};
use event::{Batch, Error, Kind, Receipt, Record, Sequence};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::backoff::Backoff;
use super::deliver::Deliverer;
use super::unavailable;

/// Why records were given up.
#[derive(Clone, Copy)]
pub(crate) struct GivenUp<'a> {
    condition: &'static str,
    /// How often they were tried.
    attempts: u32,
    /// The newest error; holds no record content.
    error: &'a str,
}

impl<'a> GivenUp<'a> {
    /// `MaximumRetryAttempts` was reached.
    pub fn retries(attempts: u32, error: &'a str) -> Self {
        GivenUp { condition: "RetryAttemptsExhausted", attempts, error }
    }

    /// Older than `MaximumRecordAgeInSeconds`.
    pub fn age(attempts: u32) -> Self {
        let error = "older than MaximumRecordAgeInSeconds";
        GivenUp { condition: "MaximumRecordAgeExceeded", attempts, error }
    }

    /// Another try cannot help.
    pub fn refused(attempts: u32, error: &'a str) -> Self {
        GivenUp { condition: "RecordRefused", attempts, error }
    }
}

impl Deliverer {
    /// Brings records to the dead-letter place, if there is one. They count as failed either way. False when stopped.
    pub(super) async fn give_up(&self, records: Vec<Record>, why: GivenUp<'_>) -> Result<bool, Error> {
        let count = records.len();
        let (Some(first), Some(last)) = (records.first(), records.last()) else { return Ok(true) };
        let GivenUp { condition, error, .. } = why;
        tracing::error!(
            pipe = self.work.name, shard = %self.shard, first = %first.sequence, last = %last.sequence, records = count,
            condition, error, "records given up"
        );
        let through = last.sequence;
        if let Some(target) = &self.work.dead_letter {
            let records: Vec<Record> = records.into_iter().map(|record| self.dead_letter(record, why)).collect();
            let consumer: Arc<str> = format!("{}/dead-letter", self.work.consumer).into();
            let (mut backoff, mut lost) = (Backoff::default(), 0);
            for part in records.chunks(target.batch_records_max().max(1)) {
                let through = part.last().map_or(through, |record| record.sequence);
                let mut part = part.to_vec();
                while !part.is_empty() {
                    let shard = self.shard.clone();
                    let batch = Batch { consumer: consumer.clone(), shard, records: part.clone(), through };
                    part = match target.deliver(batch).await {
                        Ok(Receipt::Delivered(failures)) => {
                            let (again, refused) = self.sort_failures(part, &failures);
                            for letter in &refused {
                                tracing::error!(pipe = self.work.name, record = %letter.id, "a dead letter was refused");
                            }
                            lost += refused.len();
                            again
                        }
                        Ok(Receipt::Owned) => {
                            if !self.wait_durable(&consumer, through).await? {
                                return Ok(false);
                            }
                            Vec::new()
                        }
                        Err(error) if matches!(error.kind(), Kind::Invalid | Kind::Denied | Kind::NotFound) => {
                            return Err(error);
                        }
                        Err(error) => {
                            self.work.counters.error(error.to_string());
                            part
                        }
                    };
                    if !part.is_empty() && !self.pause(&mut backoff).await {
                        return Ok(false);
                    }
                }
            }
            self.work.counters.dead_lettered(count - lost);
        }
        self.work.counters.failed(count);
        Ok(true)
    }

    /// Waits until a dead-letter target that keeps the position has it on disk: only then may this pipe's move on.
    async fn wait_durable(&self, consumer: &Arc<str>, through: Sequence) -> Result<bool, Error> {
        let mut backoff = Backoff::default();
        let wanted = through.padded();
        loop {
            let (consumer, shard) = (consumer.clone(), self.shard.clone());
            let positions = self.work.state.read(move |tx| state::positions::load(tx, &consumer)).await;
            let positions = positions.map_err(unavailable)?;
            if positions.iter().any(|(id, at)| id.as_str() == shard.as_ref() && *at >= wanted) {
                return Ok(true);
            }
            if !self.pause(&mut backoff).await {
                return Ok(false);
            }
        }
    }

    fn dead_letter(&self, record: Record, why: GivenUp<'_>) -> Record {
        let text = String::from_utf8_lossy(&record.data);
        let payload = match serde_json::from_str::<&RawValue>(&text) {
            Ok(json) => json.to_owned(),
            // What is no JSON stands as a string.
            Err(_) => serde_json::value::to_raw_value(&text).unwrap_or_else(|_| RawValue::NULL.to_owned()),
        };
        let GivenUp { condition, attempts, error } = why;
        let arrived = timestamp(record.at_ms);
        let sequence = record.sequence.to_string();
        let is_own = crate::definition::is_own(&self.work.name);
        let letter = Letter {
            context: (!is_own).then(|| json!({"partnerResourceArn": self.work.arn, "condition": condition})),
            request_context: is_own.then(|| {
                let function = self.work.target.calls().unwrap_or_else(|| self.work.target_arn.clone());
                json!({
                    "requestId": record.id.as_ref(), "functionArn": function, "condition": condition,
                    "approximateInvokeCount": attempts,
                })
            }),
            version: "1.0",
            timestamp: timestamp(self.work.clock.now_ms()),
            batch_info: json!({
                "shardId": self.shard.as_ref(),
                "startSequenceNumber": sequence,
                "endSequenceNumber": sequence,
                "approximateArrivalOfFirstRecord": arrived,
                "approximateArrivalOfLastRecord": arrived,
                "batchSize": 1,
                "streamArn": self.work.source_arn,
            }),
            pipe: &self.work.name,
            event_id: &record.id,
            attempts,
            error,
            payload: &payload,
        };
        let data = serde_json::to_vec(&letter).unwrap_or_default();
        Record { data: data.into(), ..record }
    }
}

/// What a dead letter is: the service's members, then ours.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Letter<'a> {
    /// Of a pipe.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Value>,
    /// Of an event source mapping.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_context: Option<Value>,
    version: &'static str,
    timestamp: String,
    #[serde(rename = "DDBStreamBatchInfo")]
    batch_info: Value,
    /// The name by which it is redriven.
    pipe: &'a str,
    #[serde(rename = "eventID")]
    event_id: &'a str,
    attempts: u32,
    error: &'a str,
    /// The record as the source gave it, byte for byte.
    payload: &'a RawValue,
}

fn timestamp(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}
