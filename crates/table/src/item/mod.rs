//! Items: named attribute values, exact numbers, sizes, keys and the wire JSON form.
//!
//! Follows the `AttributeValue` type and the naming, type and size rules of the DynamoDB developer guide.

pub mod key;

mod json;
mod number;
mod size;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use json::{decode, validation_of};
pub use number::Number;
pub use size::{ITEM_SIZE_MAX, item_size};

/// An item, or the content of a map: values by attribute name.
pub type Item = BTreeMap<String, AttributeValue>;

/// Deepest nesting of lists and maps in an item.
pub const NESTING_MAX: usize = 32;

/// One value of an item.
///
/// Equality is DynamoDB's: numbers compare by value and sets without order.
#[derive(Clone, PartialEq, Eq)]
pub enum AttributeValue {
    S(String),
    N(Number),
    B(Vec<u8>),
    Bool(bool),
    Null,
    M(Item),
    L(Vec<AttributeValue>),
    SS(BTreeSet<String>),
    NS(BTreeSet<Number>),
    BS(BTreeSet<Vec<u8>>),
}

impl AttributeValue {
    /// The name of the type on the wire: `S`, `N`, `BOOL` …
    pub fn type_name(&self) -> &'static str {
        match self {
            AttributeValue::S(_) => "S",
            AttributeValue::N(_) => "N",
            AttributeValue::B(_) => "B",
            AttributeValue::Bool(_) => "BOOL",
            AttributeValue::Null => "NULL",
            AttributeValue::M(_) => "M",
            AttributeValue::L(_) => "L",
            AttributeValue::SS(_) => "SS",
            AttributeValue::NS(_) => "NS",
            AttributeValue::BS(_) => "BS",
        }
    }

    /// The long name of the type that some update messages use: `STRING`, `NUMBER_SET` …
    pub fn type_title(&self) -> &'static str {
        match self {
            AttributeValue::S(_) => "STRING",
            AttributeValue::N(_) => "NUMBER",
            AttributeValue::B(_) => "BINARY",
            AttributeValue::Bool(_) => "BOOLEAN",
            AttributeValue::Null => "NULL",
            AttributeValue::M(_) => "MAP",
            AttributeValue::L(_) => "LIST",
            AttributeValue::SS(_) => "STRING_SET",
            AttributeValue::NS(_) => "NUMBER_SET",
            AttributeValue::BS(_) => "BINARY_SET",
        }
    }

    /// How many levels of lists and maps this value adds: 0 for a scalar or set.
    pub fn nesting(&self) -> usize {
        // Values come from the codec or from expressions, both of which keep the depth bounded.
        match self {
            AttributeValue::L(list) => 1 + list.iter().map(AttributeValue::nesting).max().unwrap_or(0),
            AttributeValue::M(map) => 1 + map.values().map(AttributeValue::nesting).max().unwrap_or(0),
            _ => 0,
        }
    }
}

impl fmt::Debug for AttributeValue {
    /// Type and size only: items hold health data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({} bytes)", self.type_name(), self.size())
    }
}
