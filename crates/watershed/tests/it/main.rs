//! End to end: the real binary, a real SDK, an independent reader.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod commands;
mod crash;
mod events;
mod fhir;
mod firehose;
mod functions;
mod identity;
mod items;
mod lake_on_s3;
mod logs;
mod pipes;
mod queues;
mod remote;
mod s3_endpoint;
mod sql;
mod stacks;
mod streams;
mod wire;
mod world;
