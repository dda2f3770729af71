//! The object store behind `--lake`: buckets of objects in a directory or behind an S3-compatible URL.
//!
//! [`Objects::open`] takes a path (`./lake`), `file:///path` or `s3://ROOT/PREFIX`. In a directory an object is the
//! file `LAKE/BUCKET/KEY`, so any tool can read it; in S3 it is the key `PREFIX/BUCKET/KEY` of the bucket `ROOT`.
//! A put is atomic and durable: after a crash the object is there whole or not at all, and a repeated put replaces it.

mod bucket;
mod directory;
mod error;
mod key;
mod objects;
mod reader;
mod remote;
mod s3;
mod writer;

pub use bucket::UNFINISHED;
pub use error::Error;
pub use objects::{Entry, Location, Object, Objects};
pub use reader::Reader;
pub use writer::Writer;
