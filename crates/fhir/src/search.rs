//! Search: what of a resource can be searched for (hl7.org/fhir/R4/search.html).
//!
//! [`extract()`] walks a document once and answers the values of all search parameters of its type; the expressions of the
//! definitions are compiled into one [`program`] a type. [`query`] reads what is asked for, [`check`] tells whether a document fits.

pub mod check;
pub mod date;
mod expression;
pub mod extract;
pub mod number;
pub mod program;
pub mod query;
pub mod text;
pub mod unit;
mod value;

pub use extract::{Entry, Value, extract};
