//! The record that flows between sources, pipes and targets, and the contracts they keep.
//!
//! Everything that changes is a stream of records with a durable position. A [`Source`] is read, a
//! [`Target`] is written; the pipe runtime between them knows neither service. This crate does no I/O.

mod arn;
mod clock;
mod error;
mod record;
mod sequence;
mod source;
mod target;

pub use arn::Arn;
pub use clock::{Clock, ManualClock};
pub use error::{Error, Kind};
pub use record::{Batch, Record};
pub use sequence::{ParseSequenceError, Sequence};
pub use source::{Cursor, Page, Shard, Source, Start};
pub use target::{Failure, Receipt, Target};
