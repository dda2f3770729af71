//! DynamoDB-compatible tables and their streams.
//!
//! [`item`] and [`expression`] are pure: values, their wire form, sizes and keys; and the expression language.

pub mod expression;
pub mod item;

mod error;

pub use error::Error;
