//! Where enriched batches end, kept in the state.
//!
//! A target that keeps the position may hold what an enrichment made of a batch in files beyond the durable position. A
//! repeat after a crash must then ask for the same batch, or its records would count twice: so each end is written down
//! before the enrichment is called, and forgotten when the position has passed it.

use std::collections::VecDeque;

use event::{Error, Record, Sequence};

use super::{Work, unavailable};
use crate::store;

/// The ends recorded for one shard, ahead of the position.
#[derive(Default)]
pub(crate) struct Cuts(VecDeque<Sequence>);

impl Cuts {
    /// Loads what an earlier process recorded.
    ///
    /// # Errors
    /// `Unavailable` when the state fails.
    pub async fn load(work: &Work, shard: &str) -> Result<Cuts, Error> {
        if !wanted(work) {
            return Ok(Cuts::default());
        }
        let (consumer, shard) = (work.consumer.clone(), shard.to_owned());
        let cuts = work.state.read(move |tx| store::cuts(tx, &consumer, &shard)).await.map_err(unavailable)?;
        Ok(Cuts(cuts.into()))
    }

    /// The batch that was cut before, once all of it is there. `Err` while it is not; `None` when no cut is left.
    pub fn next(&mut self, open: &mut VecDeque<Record>, ended: bool) -> Option<Result<Vec<Record>, ()>> {
        loop {
            let cut = *self.0.front()?;
            let count = open.partition_point(|record| record.sequence <= cut);
            let complete =
                ended || open.len() > count || open.get(count.wrapping_sub(1)).is_some_and(|last| last.sequence == cut);
            if !complete {
                return Some(Err(()));
            }
            self.0.pop_front();
            if count > 0 {
                return Some(Ok(open.drain(..count).collect()));
            }
        }
    }
}

/// Writes down that a batch ends here.
///
/// # Errors
/// `Unavailable` when the state fails.
pub(crate) async fn record(work: &Work, shard: &str, through: Sequence) -> Result<(), Error> {
    if !wanted(work) {
        return Ok(());
    }
    let (consumer, shard) = (work.consumer.clone(), shard.to_owned());
    work.state.write(move |tx| store::record_cut(tx, &consumer, &shard, through)).await.map_err(unavailable)
}

fn wanted(work: &Work) -> bool {
    work.enrichment.is_some() && work.target.owns_positions()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(numbers: std::ops::RangeInclusive<u64>) -> VecDeque<Record> {
        let one = |n: u64| Record {
            data: "{}".into(),
            sequence: n.into(),
            at_ms: 0,
            key_hash: 0,
            untemplated: None,
            id: "r".into(),
        };
        numbers.map(one).collect()
    }

    fn check(cuts: &[u64], open: std::ops::RangeInclusive<u64>, ended: bool, expected: Option<Result<usize, ()>>) {
        let mut open = records(open);
        let mut cuts = Cuts(cuts.iter().map(|cut| Sequence::from(*cut)).collect());
        assert_eq!(cuts.next(&mut open, ended).map(|batch| batch.map(|records| records.len())), expected);
    }

    #[test]
    fn a_repeat_is_cut_where_the_first_was() {
        check(&[], 1..=5, false, None);
        check(&[3, 5], 1..=5, false, Some(Ok(3)));
        check(&[3], 1..=2, false, Some(Err(())));
        check(&[3], 1..=2, true, Some(Ok(2)));
        // The records of the first cut were trimmed: the next one counts.
        check(&[3, 9], 7..=9, false, Some(Ok(3)));
        check(&[3], 7..=9, false, None);
    }
}
