//! Queues (SQS), event buses with rules and archives (EventBridge), and schedules, on the state.
//!
//! Everything acknowledged is on disk. A queue's messages and a bus's pending deliveries are rows of one database, so an
//! event that a rule sends to a queue of this program arrives in the commit that ends its delivery: once.

mod error;
pub mod queue;

pub use error::Error;
