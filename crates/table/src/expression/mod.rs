//! The expression language: conditions, filters, key conditions, updates and projections.
//!
//! Pure: text in, decisions and new items out. Follows "using expressions in DynamoDB" of the developer guide and AWS's messages.
//!
//! A request has one [`Context`] for all its expressions. Parse each of them with it, then call [`Context::finish`], which refuses
//! names and values that no expression used. Parsed expressions own what they need.
//!
//! ```
//! use std::collections::BTreeMap;
//! use table::expression::{Condition, Context, Kind};
//! use table::item::{AttributeValue, Item};
//!
//! let values = BTreeMap::from([(":v".to_owned(), AttributeValue::N(2u64.into()))]);
//! let mut context = Context::new(None, Some(values))?;
//! let condition = Condition::parse(Kind::Condition, "attribute_exists(id) AND version < :v", &mut context)?;
//! context.finish()?;
//! assert!(!condition.matches(&Item::new()));
//! # Ok::<(), table::Error>(())
//! ```

mod assign;
mod condition;
mod context;
mod key_condition;
mod operand;
mod path;
mod predicate;
mod projection;
mod reserved;
#[cfg(test)]
mod tests;
mod token;
mod update;

pub use condition::Condition;
pub use context::{Context, Names, Values};
pub use key_condition::{KeyCondition, RangeCondition};
pub use path::{Path, Step};
pub use projection::Projection;
pub use update::Update;

use std::fmt;

use crate::Error;

/// Longest text of an expression in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 4096;
/// Most operators and functions in one expression.
pub const OPERATORS_MAX: usize = 300;

/// Which parameter of the request an expression is; it starts every message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Condition,
    Filter,
    KeyCondition,
    Update,
    Projection,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Condition => "ConditionExpression",
            Kind::Filter => "FilterExpression",
            Kind::KeyCondition => "KeyConditionExpression",
            Kind::Update => "UpdateExpression",
            Kind::Projection => "ProjectionExpression",
        })
    }
}

impl Kind {
    fn invalid(self, message: impl fmt::Display) -> Error {
        Error::Validation(format!("Invalid {self}: {message}"))
    }
}
