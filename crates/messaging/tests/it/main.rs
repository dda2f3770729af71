//! Queues, buses and schedules on a real database.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bus;
mod queue;
