//! The plan of a flush: which objects will hold which records. Written before the objects, gone with the commit.

use std::collections::BTreeMap;

use event::Sequence;
use serde::{Deserialize, Serialize};

/// First and last sequence of one shard's records in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub first: Sequence,
    pub last: Sequence,
}

/// Ranges by shard.
pub type Ranges = BTreeMap<String, Range>;

/// One flush of one partition of one consumer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub bucket: String,
    /// Keys and sizes of all objects of this flush.
    pub objects: Vec<(String, u64)>,
    /// Shard, first and last sequence.
    pub ranges: Vec<(String, String, String)>,
    pub records: u64,
    pub bytes: u64,
    /// Version of the definition and arrival of the oldest record: they are part of the names.
    pub version: u64,
    pub at_ms: i64,
}

impl Plan {
    /// The ranges, parsed; a range that cannot be read is left out.
    pub fn ranges(&self) -> Ranges {
        let range = |(shard, first, last): &(String, String, String)| {
            Some((shard.clone(), Range { first: first.parse().ok()?, last: last.parse().ok()? }))
        };
        self.ranges.iter().filter_map(range).collect()
    }

    pub fn set_ranges(&mut self, ranges: &Ranges) {
        self.ranges = ranges.iter().map(|(s, r)| (s.clone(), r.first.to_string(), r.last.to_string())).collect();
    }
}
