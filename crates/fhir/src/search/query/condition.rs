//! What a resource must be to match.

use crate::definitions::{ParameterNumber, TypeNumber};
use crate::search::date::Range;
use crate::search::number::Number;
use crate::search::unit::Canonical;

/// A condition on a resource of one type.
#[derive(Clone, PartialEq)]
pub enum Condition {
    /// One of the operands fits one of the parameter's values.
    Parameter {
        parameter: ParameterNumber,
        modifier: Modifier,
        operands: Vec<Operand>,
    },
    /// The parameter has no value, or some.
    Missing {
        parameter: ParameterNumber,
        is_missing: bool,
    },
    Id(Vec<String>),
    LastUpdated(Vec<(Prefix, Range)>),
    /// `_content` (the whole resource) or `_text` (its narrative) holds the words.
    Words {
        narrative_only: bool,
        words: Vec<String>,
    },
    /// It is an item of this List.
    InList(String),
    /// A reference of it leads to a resource of one of these types that fits.
    Chain {
        parameter: ParameterNumber,
        targets: Vec<(TypeNumber, Condition)>,
    },
    /// A resource of `kind` that fits refers to it.
    Has {
        kind: TypeNumber,
        parameter: ParameterNumber,
        condition: Box<Condition>,
    },
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
}

/// How a parameter's values are compared, where that is not its kind's own way.
#[derive(Clone, Debug, PartialEq)]
pub enum Modifier {
    None,
    Exact,
    /// Of a string: equal but for case and accents (`_filter`'s `eq`).
    Whole,
    Contains,
    /// Of a string: it ends so (`_filter`'s `ew`).
    Ends,
    /// Of a token: its display or text begins with it.
    Text,
    Not,
    Identifier,
    /// Of a reference: the target's type.
    Type(TypeNumber),
    /// Of a URI: it is the operand or above it.
    Above,
    /// Of a URI: it is the operand or below it.
    Below,
    /// Of an identifier: system and code of its type, and its value.
    OfType,
}

/// Before a number, date or quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    StartsAfter,
    EndsBefore,
    Approximate,
    /// Of a date: they share an instant (`_filter`'s `po`).
    Overlaps,
}

/// A number compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    pub prefix: Prefix,
    pub number: Number,
}

impl Comparison {
    /// The same of values in the canonical unit.
    pub fn in_canonical(self, unit: &Canonical) -> Comparison {
        let Number { value, half } = self.number;
        Comparison { number: Number { value: unit.value(value), half: half * unit.factor }, ..self }
    }
}

/// What a token is compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenOperand {
    /// `None`: any; empty: none at all.
    pub system: Option<String>,
    /// `None`: any code of the system.
    pub code: Option<String>,
}

/// What a value is compared with.
#[derive(Clone, PartialEq)]
pub enum Operand {
    Token(TokenOperand),
    /// `type system`, `type code`, `value` of an identifier.
    OfType(String, String, String),
    String(String),
    /// As given: `Patient/1`, `1`, a URL.
    Reference(String),
    Date(Prefix, Range),
    Number(Comparison),
    /// Without a unit any will do; the system may be unknown.
    Quantity {
        comparison: Comparison,
        system: Option<String>,
        unit: Option<String>,
    },
    Uri(String),
    /// One operand for each component.
    Composite(Vec<Operand>),
}

impl std::fmt::Debug for Condition {
    // What is searched for may be health data: only the kind of condition is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Condition::Parameter { parameter, modifier, operands } => {
                write!(f, "Parameter {{ {parameter:?}, {modifier:?}, operands: {} }}", operands.len())
            }
            Condition::Missing { parameter, is_missing } => write!(f, "Missing {{ {parameter:?}, {is_missing} }}"),
            Condition::Id(ids) => write!(f, "Id {{ ids: {} }}", ids.len()),
            Condition::LastUpdated(ranges) => write!(f, "LastUpdated {{ ranges: {} }}", ranges.len()),
            Condition::Words { .. } => f.write_str("Words"),
            Condition::InList(_) => f.write_str("InList"),
            Condition::Chain { parameter, targets } => write!(f, "Chain {{ {parameter:?}, {targets:?} }}"),
            Condition::Has { kind, parameter, condition } => {
                write!(f, "Has {{ {kind:?}, {parameter:?}, {condition:?} }}")
            }
            Condition::All(parts) => write!(f, "All {parts:?}"),
            Condition::Any(parts) => write!(f, "Any {parts:?}"),
            Condition::Not(part) => write!(f, "Not {part:?}"),
        }
    }
}

impl std::fmt::Debug for Operand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Operand")
    }
}
