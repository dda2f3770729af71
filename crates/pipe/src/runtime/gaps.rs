//! Records that were trimmed before they were read: told to the log, the counters and the state, once each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use event::{Error, Kind, Sequence, Shard};

use super::{GapPolicy, Work, unavailable};
use crate::store::{self, Gap};

/// Notes a gap that begins behind `from`.
pub(super) async fn note(work: &Work, shard: &str, from: Sequence) -> Result<Gap, Error> {
    let at_ms = work.clock.now_ms();
    let gap = Gap { consumer: work.consumer.to_string(), shard: shard.to_owned(), from, to: None, at_ms };
    tracing::error!(pipe = work.name, shard, %from, "records were trimmed before they were read");
    work.counters.gap();
    work.counters.error(format!("records were trimmed before they were read. shard=`{shard}`"));
    write(work, gap.clone()).await?;
    Ok(gap)
}

pub(super) async fn write(work: &Work, gap: Gap) -> Result<(), Error> {
    work.state.write(move |tx| store::record_gap(tx, &gap)).await.map_err(unavailable)
}

/// What stops a pipe that does not go on behind a gap.
pub(super) fn halted(shard: &str) -> Error {
    Error::new(Kind::Trimmed, format!("records were trimmed before they were read. shard=`{shard}`"))
}

/// Notes shards that are gone before they were read.
///
/// # Errors
/// When they cannot be noted, or the pipe is to halt.
pub(super) async fn lost(
    work: &Work,
    shards: &[Arc<str>],
    positions: &BTreeMap<String, Sequence>,
) -> Result<(), Error> {
    for shard in shards {
        let from = positions.get(shard.as_ref()).copied().unwrap_or(Sequence::ZERO);
        note(work, shard, from).await?;
        // It is not looked for again.
        let (consumer, id) = (work.consumer.clone(), shard.clone());
        work.state.write(move |tx| store::end(tx, &consumer, &id, from)).await.map_err(unavailable)?;
    }
    match (work.gap_policy, shards.first()) {
        (GapPolicy::Halt, Some(shard)) => Err(halted(shard)),
        _ => Ok(()),
    }
}

/// Forgets shards that were read, are no longer listed and are no one's parent.
///
/// # Errors
/// When the state fails.
pub(super) async fn forget(work: &Work, ended: &BTreeSet<String>, known: &[Shard]) -> Result<(), Error> {
    let mentioned: BTreeSet<&str> =
        known.iter().flat_map(|shard| [Some(&shard.id), shard.parent.as_ref()]).flatten().map(AsRef::as_ref).collect();
    let gone: Vec<String> = ended.iter().filter(|shard| !mentioned.contains(shard.as_str())).cloned().collect();
    if gone.is_empty() {
        return Ok(());
    }
    let consumer = work.consumer.clone();
    let forgotten = work.state.write(move |tx| gone.iter().try_for_each(|id| store::forget_shard(tx, &consumer, id)));
    forgotten.await.map_err(unavailable)
}
