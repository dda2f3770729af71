//! What is followed from a moment on: it keeps what comes for each of its subscribers (an event bus, a bucket).

use std::sync::Arc;

use async_trait::async_trait;

use crate::{Error, Source};

/// Something that keeps, for each subscriber, what the subscriber has not taken yet.
///
/// What comes after a subscription was answered is kept in the commit that acknowledges it to whoever sent it, and in the
/// order of these commits. It stays until the subscriber's durable position (`state::positions`, of a consumer by its name)
/// has passed it.
#[async_trait]
pub trait Feed: Send + Sync {
    /// Begins to keep what comes for a subscriber, such as `pipe/NAME/CREATION`, and answers it as a source. One that has
    /// subscribed before goes on.
    ///
    /// # Errors
    /// `NotFound` when what is followed does not exist.
    async fn subscribe(&self, subscriber: &str) -> Result<Arc<dyn Source>, Error>;

    /// Ends a subscription and drops what is kept for it. One that is not there has ended already.
    ///
    /// # Errors
    /// `Unavailable`: it is still there.
    async fn unsubscribe(&self, subscriber: &str) -> Result<(), Error>;
}
