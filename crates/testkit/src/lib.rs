//! Runs the real binary for tests: start it on a free port, kill it, start it again on the same data. Also the
//! conformance suite of [`event::Source`] and, with the feature `s3`, an S3 service to put a lake in.

mod function;
mod python;
mod request;
#[cfg(feature = "s3")]
mod s3;
mod server;
pub mod source;

pub use function::{build_function, build_functions};
pub use python::{python, run_python};
#[cfg(feature = "s3")]
pub use s3::S3;
pub use server::{Server, watershed};
