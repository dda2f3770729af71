//! Functions as local processes over the Lambda Runtime API (AWS Lambda 2015-03-31), and their invocation.
//!
//! [`Functions`] holds the operations; everything it knows is in memory and in the state. Code is kept as a zip and
//! unpacked where workers find it. A worker is one process that runs one invocation at a time; it is started
//! through [`supervise`], so that nothing of it outlives the server. Functions whose runtime is `watershed.jq` or `watershed.jsonata` are
//! expressions and need no process. This crate serves HTTP only to its workers; the API for callers is the server's.

mod asynchronous;
mod batch;
mod configuration;
pub mod enrichment;
mod error;
mod expression;
mod functions;
mod invoke;
mod lifecycle;
mod mappings;
mod name;
mod package;
mod permissions;
mod pool;
pub mod supervise;
pub mod target;
mod versions;
mod worker;

pub use asynchronous::{Destination, Destinations, EventInvokeConfig};
pub use configuration::{Change, Configuration, Environment, RUNTIME_JQ, RUNTIME_JSONATA};
pub use error::Error;
pub use functions::{Credentials, Functions, Host, Settings};
pub use invoke::{EVENT_BYTES_MAX, Invocation, Outcome, REQUEST_BYTES_MAX};
pub use lifecycle::{Account, Code, Create, Description, UpdateCode};
pub use mappings::{Filter, FilterCriteria, Mapping, MappingChange, Scaling};
pub use name::{LATEST, Reference};
pub use permissions::{Permission, Policy};
pub use versions::{Alias, AliasChange, Routing};
