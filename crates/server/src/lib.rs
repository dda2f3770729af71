//! One HTTP port: AWS protocols, signatures, wire shapes.
//!
//! Connections are taken by `listen`. A request goes through `front`: limits, routing, signature, protocol, then the one function of its
//! service. Every service is one row of [`services::SERVICES`]; whatever its protocol, it is called with a [`Call`]
//! (operation and JSON input) and answers a [`Reply`] or an [`AwsError`]. This crate holds the wire structs; the
//! services themselves live in crates that know no HTTP.

mod app;
mod call;
mod cloudformation;
mod dynamodb;
mod error;
mod events;
mod fhir;
mod firehose;
mod front;
mod glue;
mod healthlake;
mod iam;
mod lambda;
mod listen;
mod logs;
mod operations;
mod own;
mod pipes;
mod protocol;
mod scheduler;
pub mod services;
pub mod signature;
mod smart;
mod sqs;
mod sts;

pub use app::{App, Identity};
pub use call::{Call, Reply};
pub use cloudformation::Services;
pub use error::{AwsError, Codes};
pub use front::{Limits, router};
pub use listen::serve;
pub use operations::Operations;
pub use smart::Smart;
