//! Search parameters (hl7.org/fhir/R4/searchparameter.html).

use super::TypeNumber;

/// A search parameter's number: its place among the URLs of all. Stable, since R4 is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParameterNumber(pub(crate) u16);

impl ParameterNumber {
    /// What stored keys hold.
    pub fn number(self) -> u16 {
        self.0
    }
}

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    Number,
    Date,
    String,
    Token,
    Reference,
    Composite,
    Quantity,
    Uri,
    Special,
}

/// A search parameter; one may serve many types.
pub struct SearchParameter {
    pub number: ParameterNumber,
    pub url: Box<str>,
    /// The name in a query, such as `birthdate`.
    pub code: Box<str>,
    pub kind: ParameterKind,
    pub base: Box<[TypeNumber]>,
    /// FHIRPath for all of its types, joined by `|`; empty of special ones.
    pub expression: Box<str>,
    /// Of a reference: what it may lead to.
    pub targets: Box<[TypeNumber]>,
    /// Of a composite: its parts in order.
    pub components: Box<[Component]>,
}

/// A part of a composite.
pub struct Component {
    pub parameter: ParameterNumber,
    /// From what the composite's expression selects.
    pub expression: Box<str>,
}
