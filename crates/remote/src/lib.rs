//! Attached AWS over the official SDKs; the only crate that knows them.
//!
//! [`Aws`] says where a resource that is not ours is served and as whom to call; [`streams::StreamSource`] is a DynamoDB
//! stream there, read as the embedded one is. Also clients for any endpoint, with rustls on ring.

mod aws;
mod client;
mod endpoints;
pub mod streams;

pub use aws::Aws;
pub use aws_sdk_dynamodb as dynamodb;
pub use client::{Endpoint, dynamodb_client};
pub use endpoints::{EndpointFor, Endpoints};
