//! What a pipe writes to.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{Batch, Error, Record, Sequence};

/// One record of a batch that the target did not take.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Index into [`Batch::records`].
    pub index: usize,
    /// The target's error code, such as `ServiceUnavailableException`.
    pub code: String,
    pub message: String,
    /// False when another try cannot help.
    pub retryable: bool,
}

/// What became of a batch.
#[derive(Clone, Debug)]
pub enum Receipt {
    /// The effect is durable (but for the failures). The pipe moves the position.
    Delivered(Vec<Failure>),
    /// The target holds the batch and moves the position itself, in the commit that makes the effect durable
    /// (`state::positions::advance`). Until then a crash makes the pipe deliver the same records again.
    Owned,
}

/// Something a pipe can write.
///
/// Batches of one consumer and shard arrive in order, one at a time; different shards may arrive at once. After a
/// restart the consumer's records behind its durable position arrive again, equal but perhaps cut into other batches.
/// An implementation waits when it has no room: that is the back-pressure.
#[async_trait]
pub trait Target: Send + Sync {
    /// How many records one call may hold (1 to 10,000).
    fn batch_records_max(&self) -> usize;

    /// Whether it answers batches with [`Receipt::Owned`], always, or with [`Receipt::Delivered`], always.
    fn owns_positions(&self) -> bool {
        false
    }

    /// The ARN of what is called, where that is not what it was opened by.
    fn calls(&self) -> Option<String> {
        None
    }

    /// Whether it reads parameters from each event, so that records must carry [`Record::untemplated`].
    fn is_dynamic(&self) -> bool {
        false
    }

    /// Delivers a batch. An empty batch only carries a position.
    ///
    /// # Errors
    /// The whole batch failed, nothing was taken. `Invalid`, `Denied` and `NotFound` stop the pipe, others are retried.
    async fn deliver(&self, batch: Batch) -> Result<Receipt, Error>;

    /// Delivers records that have no position: from a rule, a schedule, a queue. Each stands for itself (a function is
    /// called once a record, asynchronously). Answers when the effect is durable; a repeat may double it.
    ///
    /// A target that owns positions must implement this.
    ///
    /// # Errors
    /// As [`Target::deliver`].
    async fn send(&self, records: Vec<Record>) -> Result<Vec<Failure>, Error> {
        let nobody: Arc<str> = Arc::from("");
        let batch = Batch { consumer: nobody.clone(), shard: nobody, records, through: Sequence::ZERO };
        match self.deliver(batch).await? {
            Receipt::Delivered(failures) => Ok(failures),
            Receipt::Owned => Err(Error::new(crate::Kind::Internal, "the target takes no records without a position")),
        }
    }

    /// The consumer is deleted and will not deliver again. A target that answers [`Receipt::Owned`] finishes what it
    /// holds of it and drops what it keeps for it; it may be called again.
    ///
    /// # Errors
    /// What it holds is not finished yet.
    async fn forget(&self, consumer: &str) -> Result<(), Error> {
        let _ = consumer;
        Ok(())
    }
}
