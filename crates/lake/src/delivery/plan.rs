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
    /// Shard, first and last sequence, as first planned: the names of the objects derive from them.
    pub ranges: Vec<(String, String, String)>,
    /// What the objects hold, where a repeat was cut short: less than `ranges`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Vec<(String, String, String)>>,
    pub records: u64,
    pub bytes: u64,
    /// Version of the definition and arrival of the oldest record: they are part of the names.
    pub version: u64,
    pub at_ms: i64,
}

impl Plan {
    /// The ranges, parsed; a range that cannot be read is left out.
    pub fn ranges(&self) -> Ranges {
        parsed(&self.ranges)
    }

    /// What the objects hold and a commit makes true.
    pub fn held(&self) -> Ranges {
        parsed(self.held.as_ref().unwrap_or(&self.ranges))
    }

    /// Notes what the objects will hold.
    pub fn hold(&mut self, ranges: &Ranges) {
        let held = stored(ranges);
        self.held = (held != self.ranges).then_some(held);
    }
}

fn parsed(ranges: &[(String, String, String)]) -> Ranges {
    let range = |(shard, first, last): &(String, String, String)| {
        Some((shard.clone(), Range { first: first.parse().ok()?, last: last.parse().ok()? }))
    };
    ranges.iter().filter_map(range).collect()
}

/// Ranges as a plan keeps them.
pub fn stored(ranges: &Ranges) -> Vec<(String, String, String)> {
    ranges.iter().map(|(shard, range)| (shard.clone(), range.first.to_string(), range.last.to_string())).collect()
}
