//! Streams of item changes: shards with lineage, records, iterators, 24 hours of retention.
//!
//! Follows the DynamoDB Streams API (version 2012-08-10). A record is written in the transaction of its item. A stream
//! has [`SHARDS`] open shards by hash of the partition key; a shard is closed and gets one child when it is
//! [`ROLL_MS`] old, when [`crate::Tables::rotate_stream`] asks for it, and two when [`crate::Tables::split_stream`] does.

mod append;
mod describe;
mod iterator;
mod read;
mod shard;

pub use describe::{DescribeStream, ListStreams};
pub use iterator::GetShardIterator;
pub use read::GetRecords;

pub(crate) use append::{Change, append};
pub(crate) use describe::find;
pub(crate) use iterator::Position;
pub(crate) use shard::{close_all, create};

use event::Sequence;

/// Open shards of a stream.
pub const SHARDS: i64 = 4;
/// How long a shard is written to: 4 hours.
pub const ROLL_MS: i64 = 4 * 3_600_000;
/// How long a record is kept: 24 hours.
pub const RETENTION_MS: i64 = 24 * 3_600_000;
/// How long an iterator may be used: 15 minutes.
pub const ITERATOR_MS: i64 = 15 * 60_000;

/// Sequence numbers have at least 21 digits, as AWS's.
const BASE: u128 = 100_000_000_000_000_000_000;

/// The sequence number behind a count in the state.
pub(crate) fn sequence(count: i64) -> Sequence {
    Sequence::from(BASE + u128::from(count.unsigned_abs()))
}

/// The count of a sequence number; 0 for those before all of ours, the greatest for those behind all.
pub(crate) fn count(sequence: &Sequence) -> i64 {
    let value = sequence.to_string().parse::<u128>().unwrap_or(u128::MAX);
    i64::try_from(value.saturating_sub(BASE)).unwrap_or(i64::MAX)
}
