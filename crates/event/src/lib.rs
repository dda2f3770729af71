//! The record that flows between sources, pipes and targets, and the contracts they keep.
//!
//! Everything that changes is a stream of records with a durable position. A [`Source`] is read, a
//! [`Target`] is written; the pipe runtime between them knows neither service. What is taken message by message is a
//! [`Queue`]; what keeps events for whoever subscribes is a [`Feed`]; what is asked on the way is an [`Enrichment`]. A
//! [`Registry`] opens all of them by ARN. This crate does no I/O.

mod arn;
mod clock;
mod enrichment;
mod error;
mod feed;
mod queue;
mod record;
mod registry;
mod sequence;
mod source;
mod target;

pub use arn::Arn;
pub use clock::{Clock, ManualClock};
pub use enrichment::Enrichment;
pub use error::{Error, Kind};
pub use feed::Feed;
pub use queue::{Message, Queue};
pub use record::{Batch, Record};
pub use registry::{Factory, Registry};
pub use sequence::{ParseSequenceError, Sequence};
pub use source::{Cursor, Page, Shard, Source, Start};
pub use target::{Failure, Receipt, Target};
