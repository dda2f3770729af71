//! Delivery streams on a real database and a real directory.
#![allow(clippy::unwrap_used)]

mod crash;
mod delivery;
mod processors;
mod world;
