//! HTTP API destinations (EventBridge) as the target or the enrichment of a pipe and as the target of a rule.
//!
//! One request a record. The endpoint, how it is authorized and how often it may be called come from a [`Directory`]; path,
//! header and query parameters from whoever calls. Answers of 2xx are taken; 401, 407, 409, 429 and 5xx are worth another
//! try, which waits as long as `Retry-After` says; anything else is not. Nothing of a request or an answer but its status
//! gets into errors.

mod authorization;
mod call;
mod endpoint;
mod parameters;
mod rate;
mod target;

pub use endpoint::{Directory, Endpoint};
pub use target::Destinations;
