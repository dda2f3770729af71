//! Runs the real binary for tests: start it on a free port, kill it, start it again on the same data. Also the
//! conformance suite of [`event::Source`].

mod function;
mod python;
mod request;
mod server;
pub mod source;

pub use function::build_function;
pub use python::{python, run_python};
pub use server::{Server, watershed};
