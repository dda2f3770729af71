//! What messages are taken from: no positions, each message is acknowledged (SQS).

use std::time::Duration;

use async_trait::async_trait;

use crate::{Error, Record};

/// One message that is hidden from others until it is acknowledged, released, or its visibility time ends.
#[derive(Clone, Debug)]
pub struct Message {
    /// `data` is the message as event source mappings show it: `{"messageId", "receiptHandle", "body", ...}`. `sequence` is
    /// unique in the queue; messages of one group (`key_hash`) come in its order.
    pub record: Record,
    /// What acknowledges this receipt of the message.
    pub receipt: String,
}

/// Something messages are taken from.
///
/// A message that was received is not handed to anybody else inside its visibility time. One of an ordered group is not
/// handed out before the earlier ones of its group are acknowledged.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Takes at most `max` messages (1 to 10,000); waits at most `wait` (to 20 s) for the first. May be empty.
    ///
    /// # Errors
    /// `NotFound` when the queue is gone for good; `Throttled` and `Unavailable` may be retried.
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Message>, Error>;

    /// Removes messages for good: their effect is durable. One whose visibility time has ended may already be with others.
    ///
    /// # Errors
    /// `NotFound` when the queue is gone; `Unavailable` may be retried.
    async fn acknowledge(&self, receipts: &[String]) -> Result<(), Error>;

    /// Gives messages back: visible again after `after` (zero: at once).
    ///
    /// # Errors
    /// As [`Queue::acknowledge`].
    async fn release(&self, receipts: &[String], after: Duration) -> Result<(), Error>;
}
