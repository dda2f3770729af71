//! Hands batches to the target: repeats with backoff, halves, dead letters, and moves the position.

use std::sync::Arc;

use event::{Error, Failure, Kind, Receipt, Record, Sequence};
use futures::future::try_join_all;
use tokio::sync::watch;

use super::backoff::Backoff;
use super::dead_letter::GivenUp;
use super::{Work, cuts, stopped, unavailable};
use crate::OnFailure;

/// The error of a record that the filter or a template cannot read.
const UNREADABLE: &str = "the record cannot be read by the filter or an input template";

/// Records, the end of what they stand for, and how often they were tried.
type Piece = (Vec<Record>, Sequence, u32);

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
    pub(super) work: Arc<Work>,
    pub(super) shard: Arc<str>,
    pub(super) stop: watch::Receiver<bool>,
    /// The end of the newest batch handed over.
    through: Sequence,
}

impl Deliverer {
    pub fn new(work: Arc<Work>, shard: Arc<str>, stop: watch::Receiver<bool>) -> Self {
        Deliverer { work, shard, stop, through: Sequence::ZERO }
    }

    /// Filters, transforms and delivers records that were read together. False when the pipe was stopped meanwhile.
    ///
    /// # Errors
    /// What stops the pipe.
    pub async fn deliver(&mut self, records: Vec<Record>) -> Result<bool, Error> {
        let Some(through) = records.last().map(|record| record.sequence) else { return Ok(true) };
        let work = self.work.clone();
        let (mut passed, refused) = work.filter(records);
        if !refused.is_empty() && !self.give_up(refused, GivenUp::refused(0, UNREADABLE)).await? {
            return Ok(false);
        }
        let most = match &work.enrichment {
            Some(enrichment) => enrichment.batch_records_max(),
            None => work.target.batch_records_max(),
        };
        let most = most.max(1);
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
        // Only where this pipe moves the position may a batch be split by key.
        let lanes = if self.work.target.owns_positions() { 1 } else { self.work.parameters.parallelization };
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
            Delivered::Owned => {}
            Delivered::Done => self.advance(through).await?,
        }
        self.through = through;
        Ok(true)
    }

    /// Delivers records until the target has them all or they are given up. `through` goes with the last piece.
    async fn attempt(&self, records: Vec<Record>, through: Sequence) -> Result<Delivered, Error> {
        let mut pieces: Vec<Piece> = vec![(records, through, 0)];
        let mut backoff = Backoff::default();
        let mut owned = false;
        while let Some((records, through, tries)) = pieces.pop() {
            let (records, old) = self.split_by_age(records);
            if !old.is_empty() && !self.give_up(old, GivenUp::age(tries)).await? {
                return Ok(Delivered::Stopped);
            }
            if records.is_empty() && !old_only_carries_position(owned, &pieces) {
                continue;
            }
            let newest_ms = records.last().map(|record| record.at_ms);
            let (records, outcome) = self.call(records, through, tries).await?;
            let Some(outcome) = outcome else { return Ok(Delivered::Stopped) };
            let count = records.len();
            match outcome {
                Ok(Receipt::Owned) => {
                    self.work.delivered(count, newest_ms);
                    owned = true;
                }
                Ok(Receipt::Delivered(failures)) => {
                    self.work.delivered(count.saturating_sub(failures.len()), newest_ms);
                    if failures.is_empty() {
                        continue;
                    }
                    let error = failures.first().map(|failure| failure.code.clone()).unwrap_or_default();
                    let (again, refused) = self.sort_failures(records, &failures);
                    let why = GivenUp::refused(tries.saturating_add(1), &error);
                    if !refused.is_empty() && !self.give_up(refused, why).await? {
                        return Ok(Delivered::Stopped);
                    }
                    let piece = (again, through, tries);
                    if !piece.0.is_empty() && !self.again(piece, &error, &mut pieces, &mut backoff).await? {
                        return Ok(Delivered::Stopped);
                    }
                }
                Err(error) if matches!(error.kind(), Kind::Invalid | Kind::Denied | Kind::NotFound) => {
                    return Err(error);
                }
                Err(error) => {
                    let error = error.to_string();
                    self.work.counters.error(error.clone());
                    tracing::debug!(pipe = self.work.name, shard = %self.shard, records = count, error, "delivery failed");
                    if !self.again((records, through, tries), &error, &mut pieces, &mut backoff).await? {
                        return Ok(Delivered::Stopped);
                    }
                }
            }
        }
        Ok(if owned { Delivered::Owned } else { Delivered::Done })
    }

    /// One try. Answers the records it was about, less those refused on the way, and what became of them: `None` when the
    /// pipe was stopped meanwhile.
    async fn call(
        &self,
        mut records: Vec<Record>,
        through: Sequence,
        tries: u32,
    ) -> Result<(Vec<Record>, Option<Result<Receipt, Error>>), Error> {
        cuts::record(&self.work, &self.shard, through).await?;
        let mut staged = match self.work.stage(&records).await {
            Ok(staged) => staged,
            Err(error) => return Ok((records, Some(Err(error)))),
        };
        let removed = std::mem::take(&mut staged.refused);
        let mut refused: Vec<Record> = removed.iter().filter_map(|index| records.get(*index).cloned()).collect();
        refused.append(&mut staged.refused_answers);
        // What is refused must be in its dead-letter place before the target may move the position.
        if !refused.is_empty() && !self.give_up(refused, GivenUp::refused(tries, UNREADABLE)).await? {
            return Ok((records, None));
        }
        let receipt = staged.deliver(&self.work, &self.shard, through, records.len()).await;
        let receipt = receipt.map(|receipt| without(receipt, &removed));
        let mut index = 0;
        records.retain(|_| {
            index += 1;
            removed.binary_search(&(index - 1)).is_err()
        });
        Ok((records, Some(receipt)))
    }

    /// Puts failed records back, halved or whole, after a wait; gives them up when they had their tries.
    async fn again(
        &self,
        (mut records, through, tries): Piece,
        error: &str,
        pieces: &mut Vec<Piece>,
        backoff: &mut Backoff,
    ) -> Result<bool, Error> {
        let bisect = self.work.parameters.on_failure == OnFailure::AutomaticBisect && records.len() > 1;
        let exhausted = self.work.parameters.retries_max.is_some_and(|max| tries >= max);
        if exhausted && !bisect {
            return self.give_up(records, GivenUp::retries(tries.saturating_add(1), error)).await;
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

    pub(super) fn sort_failures(&self, records: Vec<Record>, failures: &[Failure]) -> (Vec<Record>, Vec<Record>) {
        let (mut again, mut refused) = (Vec::new(), Vec::new());
        for (index, record) in records.into_iter().enumerate() {
            if let Some(failure) = failures.iter().find(|failure| failure.index == index) {
                self.work.counters.error(format!("{}. record=`{}`", failure.code, record.id));
                if failure.retryable { again.push(record) } else { refused.push(record) }
            }
        }
        (again, refused)
    }

    pub(super) async fn pause(&self, backoff: &mut Backoff) -> bool {
        tokio::select! {
            () = tokio::time::sleep(backoff.next(&self.work)) => true,
            () = stopped(&self.stop) => false,
        }
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
fn old_only_carries_position(owned: bool, pieces: &[Piece]) -> bool {
    owned || pieces.is_empty()
}

/// Failures by their index among the records that are left when those at `removed` (sorted) are taken out.
fn without(receipt: Receipt, removed: &[usize]) -> Receipt {
    let Receipt::Delivered(failures) = receipt else { return receipt };
    let left = failures.into_iter().filter(|failure| removed.binary_search(&failure.index).is_err());
    let shifted = |failure: Failure| {
        let before = removed.partition_point(|index| *index < failure.index);
        Failure { index: failure.index - before, ..failure }
    };
    Receipt::Delivered(left.map(shifted).collect())
}
