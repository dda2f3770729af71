//! The S3 protocol (API version 2006-03-01) over the object store of the lake.
//!
//! [`Endpoint`] answers HTTP requests; `s3s` reads them, checks their signatures (AWS Signature Version 4 as S3 has it) and writes
//! XML. What an object is beside its bytes stands in a row of the state, which counts only as long as it fits the object: what
//! anything else wrote into the lake is listed and read without one. An object is in place before its row, and its row is committed
//! with the event that tells of it. No other crate knows `s3s`.

mod access;
mod attributes;
mod buckets;
mod checksum;
mod condition;
mod configuration;
mod copy;
mod delete;
mod endpoint;
mod error;
mod event;
mod get;
mod list;
mod multipart;
mod operations;
mod put;
mod store;
mod tagging;
mod texts;
mod upload_lists;
mod uploads;

pub use access::{Key, Keys, bucket_of_host};
pub use endpoint::{Body, Endpoint, Settings};
pub use error::Error;
pub use event::{Change, Emit, Wake};

/// The service in the credential scope of S3 requests.
pub const SIGNING_NAME: &str = "s3";
