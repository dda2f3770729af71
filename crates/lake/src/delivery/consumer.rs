//! One consumer's place in a delivery stream: its buffers, what it has handed in, and how far files hold it.

use std::collections::{HashMap, VecDeque};

use event::Sequence;

use super::buffer::Buffer;

/// A batch that was taken in.
struct Taken {
    through: Sequence,
    pending: u64,
}

/// One shard of a consumer.
#[derive(Default)]
pub struct Shard {
    /// Everything up to here is in a buffer or a file; records that come again are dropped.
    pub received: Sequence,
    /// The durable position.
    pub position: Sequence,
    watermark: Sequence,
    first: u64,
    batches: VecDeque<Taken>,
    /// Partitions whose files are ahead of the position: what is already in them is dropped in a replay.
    pub ahead: HashMap<String, Sequence>,
}

impl Shard {
    pub fn at(position: Sequence) -> Shard {
        Shard { received: position, position, watermark: position, ..Shard::default() }
    }

    /// The number of the next batch.
    pub fn next_batch(&self) -> u64 {
        self.first + self.batches.len() as u64
    }

    pub fn take_in(&mut self, through: Sequence, pending: u64) {
        self.received = self.received.max(through);
        self.batches.push_back(Taken { through, pending });
    }

    /// Counts records of a batch as being in a file.
    pub fn done(&mut self, batch: u64, count: u64) {
        let index = usize::try_from(batch.saturating_sub(self.first)).unwrap_or(usize::MAX);
        if let Some(taken) = self.batches.get_mut(index) {
            taken.pending = taken.pending.saturating_sub(count);
        }
    }

    /// Everything up to here is in files.
    pub fn watermark(&mut self) -> Sequence {
        while let Some(taken) = self.batches.pop_front_if(|taken| taken.pending == 0) {
            self.watermark = self.watermark.max(taken.through);
            self.first += 1;
        }
        self.watermark
    }

    /// The watermark as it will be once these counts, in order of their batches, are in files too.
    pub fn watermark_with(&self, counts: &[(u64, u64)]) -> Sequence {
        let mut watermark = self.watermark;
        for (number, taken) in (self.first..).zip(&self.batches) {
            let at = counts.binary_search_by_key(&number, |(batch, _)| *batch).ok().and_then(|at| counts.get(at));
            if taken.pending > at.map_or(0, |(_, count)| *count) {
                break;
            }
            watermark = watermark.max(taken.through);
        }
        watermark
    }
}

/// The buffers of one partition. One is flushed at a time, so that files are committed in order.
#[derive(Default)]
pub struct Slot {
    /// A flush planned before a crash; goes before `open`.
    pub repeated: Option<Buffer>,
    pub open: Option<Buffer>,
    /// The buffer that is being written.
    pub flushing: Option<u64>,
}

/// All of one consumer.
#[derive(Default)]
pub struct Consumer {
    pub shards: HashMap<String, Shard>,
    pub slots: HashMap<String, Slot>,
    /// A file could not be made: only files that are on their way are left, then this is gone.
    pub failed: bool,
}

impl Consumer {
    /// Marks a repeated flush as due once all its records have come again.
    pub fn mark_complete(&mut self) {
        for slot in self.slots.values_mut() {
            let Some(buffer) = &mut slot.repeated else { continue };
            let Some(plan) = &buffer.repeats else { continue };
            let complete = |(shard, range): (&String, &super::plan::Range)| {
                self.shards.get(shard).is_some_and(|state| state.received >= range.last)
            };
            buffer.due |= plan.ranges().iter().all(complete);
        }
    }
}
