//! Attached AWS over the official SDKs; the only crate that knows them.
//!
//! What it holds today: clients for any endpoint, with rustls on ring.

mod client;

pub use aws_sdk_dynamodb as dynamodb;
pub use client::{Endpoint, dynamodb_client};
