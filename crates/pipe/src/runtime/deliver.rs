//! Hands batches to the target: repeats with backoff, halves, dead letters, and moves the position.

use std::sync::Arc;
use std::time::Duration;

use event::{Batch, Error, Failure, Kind, Receipt, Record, Sequence};
use futures::future::try_join_all;
use serde_json::json;
use tokio::sync::watch;

use super::{Work, stopped, unavailable};
use crate::OnFailure;

/// Waits that double, each drawn from its upper half so that shards do not repeat in step.
#[derive(Default)]
pub(crate) struct Backoff {
    tries: u32,
}

impl Backoff {
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    pub fn next(&mut self, work: &Work) -> Duration {
        let ceiling = work.retry_min.saturating_mul(1 << self.tries.min(16)).min(work.retry_max);
        self.tries = self.tries.saturating_add(1);
        ceiling.mul_f64(0.5 + 0.5 * fraction())
    }
}

/// A number in [0, 1) that differs per call; it need not be unpredictable.
fn fraction() -> f64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let bits = RandomState::new().build_hasher().finish() >> 11;
    bits as f64 / (1u64 << 53) as f64
}

/// Why records were given up.
#[derive(Clone, Copy)]
enum GivenUp {
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

/// What a repeated delivery came to.
enum Delivered {
    /// All are in the target, or given up for good.
    Done,
    /// The target keeps the position.
    Owned,
    Stopped,
}

/// The writing side of one shard.
pub(crate) struct Deliverer {
    work: Arc<Work>,
    shard: Arc<str>,
    stop: watch::Receiver<bool>,
    /// The end of the newest batch handed over.
    through: Sequence,
    /// True once the target has shown that it does not keep the position: only then batches may be split by key.
    may_split: bool,
}

impl Deliverer {
    pub fn new(work: Arc<Work>, shard: Arc<str>, stop: watch::Receiver<bool>) -> Self {
        Deliverer { work, shard, stop, through: Sequence::ZERO, may_split: false }
    }

    /// Filters, transforms and delivers records that were read together. False when the pipe was stopped meanwhile.
    ///
    /// # Errors
    /// What stops the pipe.
    pub async fn deliver(&mut self, records: Vec<Record>) -> Result<bool, Error> {
        let Some(through) = records.last().map(|record| record.sequence) else { return Ok(true) };
        let work = self.work.clone();
        let (mut passed, refused) = work.transform.apply(&work, records);
        if !refused.is_empty() && !self.give_up(refused, GivenUp::Refused).await? {
            return Ok(false);
        }
        let most = work.target.batch_records_max().max(1);
        while passed.len() > most {
            let rest = passed.split_off(most);
            let part = std::mem::replace(&mut passed, rest);
            let through = part.last().map_or(self.through, |record| record.sequence);
            if !self.deliver_batch(part, through).await? {
                return Ok(false);
            }
        }
        self.deliver_batch(passed, through).await
    }

    async fn deliver_batch(&mut self, records: Vec<Record>, through: Sequence) -> Result<bool, Error> {
        let lanes = if self.may_split { self.work.parameters.parallelization } else { 1 };
        let outcome = if lanes > 1 && records.len() > 1 {
            // Equal keys share a lane, so they stay in order. The position moves when all lanes are through.
            let mut split: Vec<Vec<Record>> = vec![Vec::new(); lanes];
            for record in records {
                if let Some(lane) = split.get_mut((record.key_hash % lanes as u64) as usize) {
                    lane.push(record);
                }
            }
            let this = &*self;
            let lanes = split.into_iter().filter(|lane| !lane.is_empty());
            let outcomes = try_join_all(lanes.map(|lane| this.attempt(lane, this.through))).await?;
            outcomes.into_iter().find(|one| !matches!(one, Delivered::Done)).unwrap_or(Delivered::Done)
        } else {
            self.attempt(records, through).await?
        };
        match outcome {
            Delivered::Stopped => return Ok(false),
            Delivered::Owned => self.may_split = false,
            Delivered::Done => {
                self.may_split = true;
                self.advance(through).await?;
            }
        }
        self.through = through;
        Ok(true)
    }

    /// Delivers records until the target has them all or they are given up. `through` goes with the last piece.
    async fn attempt(&self, records: Vec<Record>, through: Sequence) -> Result<Delivered, Error> {
        let mut pieces = vec![(records, through, 0u32)];
        let mut backoff = Backoff::default();
        let mut owned = false;
        while let Some((records, through, tries)) = pieces.pop() {
            let (records, old) = self.split_by_age(records);
            if !old.is_empty() && !self.give_up(old, GivenUp::Age).await? {
                return Ok(Delivered::Stopped);
            }
            if records.is_empty() && !old_only_carries_position(owned, &pieces) {
                continue;
            }
            let count = records.len();
            match self.call(records.clone(), through).await {
                Ok(Receipt::Owned) => {
                    self.work.counters.delivered(count);
                    owned = true;
                }
                Ok(Receipt::Delivered(failures)) => {
                    self.work.counters.delivered(count.saturating_sub(failures.len()));
                    if failures.is_empty() {
                        continue;
                    }
                    let (again, refused) = self.sort_failures(records, &failures);
                    if !refused.is_empty() && !self.give_up(refused, GivenUp::Refused).await? {
                        return Ok(Delivered::Stopped);
                    }
                    if !again.is_empty() && !self.again(again, through, tries, &mut pieces, &mut backoff).await? {
                        return Ok(Delivered::Stopped);
                    }
                }
                Err(error) if matches!(error.kind(), Kind::Invalid | Kind::Denied | Kind::NotFound) => {
                    return Err(error);
                }
                Err(error) => {
                    self.work.counters.error(error.to_string());
                    tracing::debug!(pipe = self.work.name, shard = %self.shard, records = count, %error, "delivery failed");
                    if !self.again(records, through, tries, &mut pieces, &mut backoff).await? {
                        return Ok(Delivered::Stopped);
                    }
                }
            }
        }
        Ok(if owned { Delivered::Owned } else { Delivered::Done })
    }

    async fn call(&self, records: Vec<Record>, through: Sequence) -> Result<Receipt, Error> {
        let batch = Batch { consumer: self.work.consumer.clone(), shard: self.shard.clone(), records, through };
        self.work.target.deliver(batch).await
    }

    /// Puts failed records back, halved or whole, after a wait; gives them up when they had their tries.
    async fn again(
        &self,
        mut records: Vec<Record>,
        through: Sequence,
        tries: u32,
        pieces: &mut Vec<(Vec<Record>, Sequence, u32)>,
        backoff: &mut Backoff,
    ) -> Result<bool, Error> {
        let bisect = self.work.parameters.on_failure == OnFailure::AutomaticBisect && records.len() > 1;
        let exhausted = self.work.parameters.retries_max.is_some_and(|max| tries >= max);
        if exhausted && !bisect {
            return self.give_up(records, GivenUp::Retries).await;
        }
        self.work.counters.retried();
        tokio::select! {
            () = tokio::time::sleep(backoff.next(&self.work)) => {}
            () = stopped(&self.stop) => return Ok(false),
        }
        if bisect {
            let behind = records.split_off(records.len() / 2);
            let middle = records.last().map_or(through, |record| record.sequence);
            pieces.push((behind, through, tries));
            pieces.push((records, middle, tries));
        } else {
            pieces.push((records, through, tries.saturating_add(1)));
        }
        Ok(true)
    }

    fn split_by_age(&self, records: Vec<Record>) -> (Vec<Record>, Vec<Record>) {
        let Some(age_s) = self.work.parameters.age_s_max else { return (records, Vec::new()) };
        let oldest = self.work.clock.now_ms().saturating_sub_unsigned(age_s.saturating_mul(1000));
        records.into_iter().partition(|record| record.at_ms >= oldest)
    }

    fn sort_failures(&self, records: Vec<Record>, failures: &[Failure]) -> (Vec<Record>, Vec<Record>) {
        let (mut again, mut refused) = (Vec::new(), Vec::new());
        for (index, record) in records.into_iter().enumerate() {
            if let Some(failure) = failures.iter().find(|failure| failure.index == index) {
                self.work.counters.error(format!("{}. record=`{}`", failure.code, record.id));
                if failure.retryable { again.push(record) } else { refused.push(record) }
            }
        }
        (again, refused)
    }

    /// Brings records to the dead-letter place, if there is one. They count as failed either way. False when stopped.
    async fn give_up(&self, records: Vec<Record>, why: GivenUp) -> Result<bool, Error> {
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

    async fn pause(&self, backoff: &mut Backoff) -> bool {
        tokio::select! {
            () = tokio::time::sleep(backoff.next(&self.work)) => true,
            () = stopped(&self.stop) => false,
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

    async fn advance(&self, through: Sequence) -> Result<(), Error> {
        let mut backoff = Backoff::default();
        loop {
            let (consumer, shard, at) = (self.work.consumer.clone(), self.shard.clone(), through.padded());
            let moved = self.work.state.write(move |tx| state::positions::advance(tx, &consumer, &shard, &at)).await;
            match moved {
                Ok(()) => return Ok(()),
                Err(state::Error::Closed) => return Err(unavailable(state::Error::Closed)),
                Err(error) => self.work.counters.error(error.to_string()),
            }
            if !self.pause(&mut backoff).await {
                // The records come again after the next start.
                return Err(Error::new(Kind::Unavailable, "stopped before the position was saved"));
            }
        }
    }
}

/// An empty batch goes to the target only when it may be the one that carries the position.
fn old_only_carries_position(owned: bool, pieces: &[(Vec<Record>, Sequence, u32)]) -> bool {
    owned || pieces.is_empty()
}
