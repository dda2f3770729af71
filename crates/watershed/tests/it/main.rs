//! End to end: the real binary, a real SDK, an independent reader.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crash;
mod items;
mod wire;
mod world;
