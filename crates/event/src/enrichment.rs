//! What a pipe asks between filter and target.

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Error, Record};

/// Something that makes other records of a batch: a function, an expression, an HTTP API.
///
/// It may be called again for the same records after a failure or a crash. There is no partial failure: one error fails
/// the whole batch.
#[async_trait]
pub trait Enrichment: Send + Sync {
    /// How many records one call may hold (1 to 10,000).
    fn batch_records_max(&self) -> usize;

    /// Whether it reads parameters from each event, so that records must carry [`Record::untemplated`].
    fn is_dynamic(&self) -> bool {
        false
    }

    /// Answers the payloads that go on to the target, in order: fewer, as many or more than were given. An answer that is
    /// a JSON array counts as one payload an element, anything else as one payload; an empty answer as none.
    ///
    /// # Errors
    /// `Invalid`, `Denied` and `NotFound` when another try cannot help; others are retried.
    async fn enrich(&self, records: &[Record]) -> Result<Vec<Bytes>, Error>;
}
