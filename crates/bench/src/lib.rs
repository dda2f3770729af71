//! What the measured programs in `bin/` share: input that is the same on every machine, a source that reads it, and
//! what the system counted of this process. No measured path is copied here: the programs call the libraries.

pub mod change;
pub mod lines;
pub mod lot;
pub mod usage;
