//! Pipes against a real database, a source with lineage held in memory, and targets that can fail.

#![allow(clippy::unwrap_used)]

mod delivery;
mod enrichment;
mod fixture;
mod lifecycle;
mod losses;
mod queue;
