//! CloudFormation templates: parse, resolve, order, deploy.
//!
//! The pure part ([`Template`], [`Scope`], [`order`]) knows no service. [`Engine`] keeps stacks on the state and makes,
//! changes and removes resources through [`Api`] only, that is through the operations a wire client would call.

mod api;
mod check;
mod conditions;
mod engine;
mod error;
mod intrinsics;
mod mappings;
pub mod order;
mod parameters;
mod resources;
mod rules;
mod sam;
mod store;
mod template;
mod yaml;

pub use api::{Api, ApiError};
pub use engine::{Engine, Environment, OnFailure, Request};
pub use error::Error;
pub use intrinsics::{Lookup, Scope};
pub use parameters::parameters;
pub use store::{Change, ChangeSet, Code, Event, Output, Policy, Resource, Sources, Stack, Wanted};
pub use template::{Declared, Template, processed, transforms};
