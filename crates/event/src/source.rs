//! What a pipe reads from: shards with lineage, cursors, pages.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{Error, Record, Sequence};

/// An ordered part of a source. A child may be read only after its parent has been read to the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    pub id: Arc<str>,
    /// `None`, or a shard that may already be gone (then it counts as read).
    pub parent: Option<Arc<str>>,
}

/// Where to begin in a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The oldest record kept.
    TrimHorizon,
    /// After the newest record at the time of the call.
    Latest,
    /// The first record behind this one.
    After(Sequence),
    /// The first record at or after this instant, milliseconds since 1970.
    AtTimestamp(i64),
}

/// An opaque place in a shard, given by the source. May expire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub String);

/// Some records and where to go on.
#[derive(Clone, Debug)]
pub struct Page {
    pub records: Vec<Record>,
    /// `None` when the shard is closed and this page holds its last records. An empty page is not the end.
    pub next: Option<Cursor>,
}

/// Something a pipe can read.
///
/// Order: records of one shard come in order of their sequence, and a key's changes are in one shard lineage.
/// A read never removes anything: reading again from the same place gives the same records, until they age out.
/// An implementation must not skip: when records were trimmed it answers [`crate::Kind::Trimmed`].
#[async_trait]
pub trait Source: Send + Sync {
    /// All shards known now, parents before children.
    ///
    /// # Errors
    /// `NotFound` when the source is gone for good; `Throttled` and `Unavailable` may be retried.
    async fn shards(&self) -> Result<Vec<Shard>, Error>;

    /// A cursor into a shard.
    ///
    /// # Errors
    /// `Trimmed` when `start` is older than what is kept; `NotFound` when the shard aged out.
    async fn open(&self, shard: &str, start: Start) -> Result<Cursor, Error>;

    /// At most `limit` records (1 to 10,000) from the cursor on.
    ///
    /// # Errors
    /// `Expired`: open a new cursor after the last record processed. `Trimmed`: there is a gap.
    async fn read(&self, cursor: &Cursor, limit: usize) -> Result<Page, Error>;

    /// Waits until there may be more to read, at most about a second. Sources that can tell wake up at once.
    async fn wait(&self);
}
