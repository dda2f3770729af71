//! Records of one consumer and partition that wait to become a file.

use std::collections::BTreeMap;

use event::{Record, Sequence};
use serde_json::Value;

use super::errors::{self, ErrorType};
use super::partition::Keys;
use super::plan::{Plan, Range, Ranges};
use super::processors::Placement;
use crate::encoder::Encoder;

/// Which buffer: the text is the key of its rows in the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Partition {
    Data(Keys),
    /// Source records as they came.
    Backup,
    /// Records that have no partition.
    Failed(ErrorType),
}

impl Partition {
    pub fn id(&self) -> String {
        match self {
            Partition::Data(keys) => format!("d{}", serde_json::to_string(keys).unwrap_or_default()),
            Partition::Backup => "b".into(),
            Partition::Failed(ErrorType::Processing) => "e".into(),
            Partition::Failed(kind) => format!("e{}", kind.as_str()),
        }
    }

    pub fn from_id(id: &str) -> Option<Partition> {
        match (id, id.strip_prefix('d')) {
            (_, Some(keys)) => serde_json::from_str(keys).ok().map(Partition::Data),
            ("b", _) => Some(Partition::Backup),
            _ => ErrorType::ALL.into_iter().map(Partition::Failed).find(|partition| partition.id() == id),
        }
    }
}

/// Records by shard: numbers of batches, in order, and how many of each. A buffer holds a few of very many batches.
pub type Counts = BTreeMap<String, Vec<(u64, u64)>>;

/// One file in the making, and the records that could not be in it.
pub struct Buffer {
    pub id: u64,
    pub partition: Partition,
    encoder: Option<Box<dyn Encoder>>,
    pub rejected: Vec<u8>,
    pub opened_ms: i64,
    pub oldest_ms: i64,
    pub raw_bytes: u64,
    pub records: u64,
    pub ranges: Ranges,
    /// What the commit takes off the batches.
    pub counts: Counts,
    /// Must be flushed at the next chance.
    pub due: bool,
    /// A flush that was planned before a crash and is repeated: only these records, under the same names.
    pub repeats: Option<Plan>,
}

impl Buffer {
    pub fn new(id: u64, partition: Partition, encoder: Option<Box<dyn Encoder>>, now_ms: i64) -> Buffer {
        Buffer {
            id,
            partition,
            encoder,
            rejected: Vec::new(),
            opened_ms: now_ms,
            oldest_ms: i64::MAX,
            raw_bytes: 0,
            records: 0,
            ranges: Ranges::new(),
            counts: Counts::new(),
            due: false,
            repeats: None,
        }
    }

    /// Memory held, bytes.
    pub fn memory(&self) -> usize {
        let counts: usize = self.counts.values().map(|batches| batches.capacity() * size_of::<(u64, u64)>()).sum();
        counts + self.rejected.capacity() + self.encoder.as_ref().map_or(0, |encoder| encoder.bytes())
    }

    /// True when the record belongs to this buffer: always, but for a repeated flush.
    pub fn takes(&self, shard: &str, sequence: Sequence) -> bool {
        let Some(plan) = &self.repeats else { return true };
        plan.ranges().get(shard).is_some_and(|range| sequence <= range.last)
    }

    /// Adds a piece of a record. `table` is what error objects of the format conversion name.
    pub fn push(&mut self, shard: &str, batch: u64, record: &Record, piece: &Placement, table: Option<&Value>) {
        match (&piece.failure, &mut self.encoder) {
            (None, Some(encoder)) => {
                if let Err(error) = encoder.push(&piece.data) {
                    errors::append_conversion(&mut self.rejected, &error, record, piece.part, &piece.data, table);
                }
            }
            (Some(failure), _) => failure.append(&mut self.rejected, record.at_ms),
            (None, None) => {}
        }
        self.raw_bytes += piece.data.len() as u64;
        self.records += 1;
        self.oldest_ms = self.oldest_ms.min(record.at_ms);
        if let Some(range) = self.ranges.get_mut(shard) {
            range.last = record.sequence;
        } else {
            self.ranges.insert(shard.into(), Range { first: record.sequence, last: record.sequence });
        }
        if !self.counts.contains_key(shard) {
            self.counts.insert(shard.into(), Vec::new());
        }
        if let Some(batches) = self.counts.get_mut(shard) {
            match batches.last_mut().filter(|(number, _)| *number == batch) {
                Some((_, count)) => *count += 1,
                None => batches.push((batch, 1)),
            }
        }
    }

    /// Hands out the encoder, to make the file.
    pub fn take_encoder(&mut self) -> Option<Box<dyn Encoder>> {
        self.encoder.take()
    }

    /// The error type of the rejected records.
    pub fn error_type(&self) -> &'static str {
        match self.partition {
            Partition::Data(_) | Partition::Backup => ErrorType::FormatConversion.as_str(),
            Partition::Failed(kind) => kind.as_str(),
        }
    }
}
