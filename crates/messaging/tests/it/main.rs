//! Queues on a real database.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod queue;
