//! Queues (SQS), event buses with rules and archives (EventBridge), and schedules, on the state.
//!
//! Everything acknowledged is on disk. A queue's messages and a bus's pending deliveries are rows of one database, so an
//! event that a rule sends to a queue of this program arrives in the commit that ends its delivery: once.

pub mod bus;
mod constraint;
mod delivery;
mod error;
pub mod queue;
mod resource;
pub mod schedule;

pub use constraint::{Tag, tag_list};
pub use delivery::{DeadLetters, Invoke, Lanes, RetryPolicy};
pub use error::Error;
pub use resource::{Listing, Page};
