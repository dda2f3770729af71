//! Pipes against a real database, a source with lineage held in memory, and targets that can fail.

mod delivery;
mod fixture;
mod lifecycle;
