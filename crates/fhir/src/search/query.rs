//! A search as it is asked (hl7.org/fhir/R4/search.html).
//!
//! [`Query::parse`] turns names and values of a query string into conditions on search parameters of known types, and says
//! which name or value it cannot take and why. It knows no store.

mod condition;
mod filter;
mod operand;
mod options;
mod parse;

pub use condition::{Comparison, Condition, Modifier, Operand, Prefix, TokenOperand};
pub use options::{Include, Options, Sort, SortKey, Summary, Total};
pub use parse::{Query, QueryError, Unknown};

/// Values of one parameter, joined by `,`.
pub const VALUES_MAX: usize = 1000;
/// Names in one query.
pub const PARAMETERS_MAX: usize = 200;
/// Links of a chain or of nested `_has`.
pub const CHAIN_MAX: usize = 8;
/// Conditions that one name leads to, by the types of its links.
pub const WAYS_MAX: usize = 2000;
/// Matches on a page.
pub const COUNT_MAX: usize = 1000;
