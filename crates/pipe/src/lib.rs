//! The pipe runtime: source, filter, template, target, with the lifecycle of EventBridge Pipes.
//!
//! [`Pipes`] keeps definitions in the state and runs one worker per running pipe. The crate knows no service: what a
//! pipe reads and writes comes from a [`event::Registry`] of factories that the binary fills. A worker resumes each shard from
//! `state::positions` under the consumer `pipe/NAME/CREATION`, so a record is delivered once per durable position.

mod counters;
mod definition;
mod error;
mod lifecycle;
mod redrive;
mod runtime;
mod store;
mod trial;

pub use counters::{Counters, Snapshot};
pub use definition::{Definition, DesiredState, OnFailure, Parameters, StartingPosition, Update};
pub use error::Error;
pub use lifecycle::{Filter, Listing, Pipes, Settings, Status};
pub use runtime::GapPolicy;
pub use store::{CurrentState, Gap, Pipe};
pub use trial::{Enriched, Filtered, Step, Trial};
