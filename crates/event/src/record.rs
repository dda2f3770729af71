//! One record and a batch of them, with the position they end at.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::Sequence;

/// One change on its way from a source to a target.
///
/// `data` is the record as the source gave it (a DynamoDB stream record is one JSON object) until a template
/// rewrites it. The others never change, so a replay after a crash carries the same values.
#[derive(Clone)]
pub struct Record {
    /// The payload; JSON unless the source says otherwise.
    pub data: Bytes,
    /// Place in the shard.
    pub sequence: Sequence,
    /// When the source took the change, milliseconds since 1970. Durable with the record, so equal on every read.
    pub at_ms: i64,
    /// Hash of the partition key: records with an equal key are delivered in order.
    pub key_hash: u64,
    /// Unique id of the change (`eventID`), stable over reads.
    pub id: Arc<str>,
    /// What an input template made `data` of. Only for receivers with dynamic parameters, which are read from it.
    pub untemplated: Option<Bytes>,
}

impl Record {
    /// The event that dynamic parameters are read from: the payload before the input template.
    pub fn event(&self) -> &[u8] {
        self.untemplated.as_ref().unwrap_or(&self.data)
    }
}

/// Consecutive records of one shard, less those that were filtered out.
#[derive(Clone)]
pub struct Batch {
    /// Who reads: the owner of the positions, such as `pipe/NAME/CREATION`. A deleted and re-created pipe is another.
    pub consumer: Arc<str>,
    pub shard: Arc<str>,
    /// In order of `sequence`. May be empty when all were filtered: the position still moves.
    pub records: Vec<Record>,
    /// Everything up to here is in this batch, filtered, or in an earlier batch. At least the last record's sequence.
    pub through: Sequence,
}

impl fmt::Debug for Record {
    // Record content is health data: only its size is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record {{ id: {}, sequence: {}, bytes: {} }}", self.id, self.sequence, self.data.len())
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Batch { consumer, shard, records, through } = self;
        write!(f, "Batch {{ consumer: {consumer}, shard: {shard}, records: {}, through: {through} }}", records.len())
    }
}
