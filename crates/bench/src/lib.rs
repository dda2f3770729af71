//! What the measured programs in `bin/` share: input that is the same on every machine, a source that reads it, and
//! what the system counted of a process, and a client of servers. No measured path is copied here.

pub mod change;
pub mod client;
pub mod lines;
pub mod lot;
pub mod usage;
