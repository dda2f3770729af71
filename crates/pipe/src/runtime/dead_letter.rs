//! Records that are given up: to the dead-letter place with their payload and the reason, or counted as failed.

use std::sync::Arc;

use event::{Batch, Error, Kind, Receipt, Record, Sequence};
use serde_json::json;

use super::backoff::Backoff;
use super::deliver::Deliverer;
use super::unavailable;

/// Why records were given up.
#[derive(Clone, Copy)]
pub(crate) enum GivenUp {
    Retries,
    Age,
    Refused,
}

impl GivenUp {
    fn condition(self) -> &'static str {
        match self {
            GivenUp::Retries => "RetryAttemptsExhausted",
            GivenUp::Age => "MaximumRecordAgeExceeded",
            GivenUp::Refused => "RecordRefused",
        }
    }
}

impl Deliverer {
    /// Brings records to the dead-letter place, if there is one. They count as failed either way. False when stopped.
    pub(super) async fn give_up(&self, records: Vec<Record>, why: GivenUp) -> Result<bool, Error> {
        let count = records.len();
        let (Some(first), Some(last)) = (records.first(), records.last()) else { return Ok(true) };
        let condition = why.condition();
        tracing::error!(
            pipe = self.work.name, shard = %self.shard, first = %first.sequence, last = %last.sequence, records = count,
            condition, "records given up"
        );
        let through = last.sequence;
        if let Some(target) = &self.work.dead_letter {
            let records: Vec<Record> = records.into_iter().map(|record| self.dead_letter(record, condition)).collect();
            let consumer: Arc<str> = format!("{}/dead-letter", self.work.consumer).into();
            let mut backoff = Backoff::default();
            for part in records.chunks(target.batch_records_max().max(1)) {
                let through = part.last().map_or(through, |record| record.sequence);
                let mut part = part.to_vec();
                while !part.is_empty() {
                    let shard = self.shard.clone();
                    let batch = Batch { consumer: consumer.clone(), shard, records: part.clone(), through };
                    part = match target.deliver(batch).await {
                        Ok(Receipt::Delivered(failures)) => self.sort_failures(part, &failures).0,
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
            self.work.counters.dead_lettered(count);
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

    fn dead_letter(&self, record: Record, condition: &str) -> Record {
        let payload = serde_json::from_slice(&record.data)
            .unwrap_or_else(|_| serde_json::Value::String(String::from_utf8_lossy(&record.data).into_owned()));
        let sequence = record.sequence.to_string();
        let body = json!({
            "context": {"partnerResourceArn": self.work.arn, "condition": condition},
            "version": "1.0",
            "timestamp": self.work.clock.now_ms(),
            "shardId": self.shard.as_ref(),
            "startSequenceNumber": sequence,
            "endSequenceNumber": sequence,
            "approximateArrivalTimestamp": record.at_ms,
            "batchSize": 1,
            "eventID": record.id.as_ref(),
            "payload": payload,
        });
        Record { data: body.to_string().into(), ..record }
    }
}
