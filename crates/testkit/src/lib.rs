//! Runs the real binary for tests: start it on a free port, kill it, start it again on the same data.

mod python;
mod server;

pub use python::{python, run_python};
pub use server::{Server, watershed};
