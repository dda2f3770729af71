//! Functions with real processes: a Runtime API client in the standard library of Python.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod asynchronous;
mod expression;
mod host;
mod lifecycle;
mod world;
