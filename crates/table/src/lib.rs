//! DynamoDB-compatible tables and their streams.
//!
//! [`item`] and [`expression`] are pure: values, their wire form, sizes and keys; and the expression language. [`Tables`] is the
//! engine: tables, items and [`stream`]s in the state database. [`source::StreamSource`] is a stream as a pipe reads it,
//! [`target`] a table as a pipe writes it.

pub mod definition;
pub mod encryption;
pub mod expression;
pub mod item;
pub mod lifecycle;
pub mod read;
pub mod scan;
pub mod source;
pub mod stream;
pub mod target;
pub mod write;

mod capacity;
mod error;
mod expire;
mod schema;
mod tables;

pub use error::Error;
pub use tables::Tables;
