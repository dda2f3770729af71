//! EventBridge event patterns: compiled once, matched against the bytes of events.
//!
//! A pattern names fields and, for each, the values wanted. It may use the whole language of the service: exact values, `prefix`,
//! `suffix`, `equals-ignore-case`, `wildcard`, `anything-but`, `numeric`, `exists`, `cidr` and `$or`.
//!
//! ```
//! use pattern::Pattern;
//!
//! let pattern = Pattern::parse(r#"{"eventName":["INSERT"],"dynamodb":{"NewImage":{"age":{"N":[{"prefix":"4"}]}}}}"#)?;
//! assert!(pattern.matches(br#"{"eventName":"INSERT","dynamodb":{"NewImage":{"age":{"N":"42"}}}}"#)?);
//! assert!(!pattern.matches(br#"{"eventName":"REMOVE"}"#)?);
//! # Ok::<(), pattern::Error>(())
//! ```
//!
//! # Meaning
//!
//! - An event is the set of its leaf fields: `{"a":{"b":1}}` has the field `a.b`, and so has `{"a.b":1}`. Objects and empty arrays
//!   are no fields, so `exists` is about leaves only.
//! - A field whose value is an array matches if any element does. Fields below an array of objects must all come from the same
//!   element.
//! - `{"exists":false}` below an array of objects holds for the element the pattern's other fields match in; alone, it holds when no
//!   element has the field.
//! - Numbers are compared by value and exactly, in any notation: `300`, `300.0` and `3e2` are equal; strings never equal numbers.
//!
//! [`Rules`] matches an event against any number of patterns in one pass: an index over the values wanted of each field finds the
//! few patterns worth a look, so the cost hardly grows with their number.
//!
//! The event is read once, only as far as the answer needs, with a bounded stack whatever its nesting; arrays directly inside
//! arrays are followed 64 deep.

mod error;
mod matcher;
mod number;
mod parse;
mod pattern;
mod rules;
mod solve;
mod walk;
mod wildcard;

pub use error::Error;
pub use pattern::{Pattern, Patterns};
pub use rules::Rules;
