//! Types, their elements, code lists and invariants (hl7.org/fhir/R4/elementdefinition.html).

use std::collections::{HashMap, HashSet};

/// A type's number: its place among the names of all types. Stable, since R4 is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeNumber(pub(crate) u16);

impl TypeNumber {
    /// What stored keys hold.
    pub fn number(self) -> u16 {
        self.0
    }
}

/// The number of a [`Shape`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeNumber(pub(super) u16);

/// What a type is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeKind {
    Resource,
    Complex,
    Primitive,
}

/// A resource or data type.
pub struct Type {
    pub name: Box<str>,
    pub kind: TypeKind,
    pub is_abstract: bool,
    pub base: Option<TypeNumber>,
    /// Its elements, inherited ones too.
    pub shape: ShapeNumber,
    /// Invariants of the whole.
    pub constraints: Box<[u16]>,
}

/// The elements of a type, or of an element that defines its own (a backbone element).
#[derive(Default)]
pub struct Shape {
    /// In the order of the specification.
    pub children: Vec<Child>,
    /// Name in JSON → child and, of a choice, the type the name tells.
    pub(super) names: HashMap<Box<str>, (u16, Option<u16>)>,
}

impl Shape {
    /// The child with this name in JSON; of a choice (`valueQuantity`) also which of its types.
    pub fn child(&self, name: &str) -> Option<(&Child, usize)> {
        let (child, kind) = self.names.get(name)?;
        Some((self.children.get(*child as usize)?, kind.unwrap_or(0) as usize))
    }

    /// The name in JSON as it is kept here: as long as the definitions.
    pub fn name_of(&self, name: &str) -> Option<&str> {
        self.names.get_key_value(name).map(|(name, _)| &**name)
    }

    /// The place of the child with this name in JSON.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names.get(name).map(|(child, _)| *child as usize)
    }
}

/// An element.
pub struct Child {
    /// As in the specification, without `[x]`.
    pub name: Box<str>,
    /// Named by its type: `value[x]`.
    pub is_choice: bool,
    pub min: u32,
    /// `None` is without bound (`*`).
    pub max: Option<u32>,
    /// Empty when `shape` says all.
    pub types: Box<[TypeReference]>,
    /// Its own elements, or those of the element it refers to.
    pub shape: Option<ShapeNumber>,
    /// The code list of a required binding.
    pub set: Option<u16>,
    pub is_summary: bool,
    pub constraints: Box<[u16]>,
}

impl Child {
    /// Whether JSON has an array for it.
    pub fn is_array(&self) -> bool {
        self.max != Some(1)
    }
}

/// A type an element may have.
pub struct TypeReference {
    pub number: TypeNumber,
    /// Of a reference: what it may lead to; empty is anything.
    pub targets: Box<[TypeNumber]>,
}

/// A code list.
pub struct CodeSet {
    pub url: Box<str>,
    /// By system; empty when the specification does not list the codes.
    pub(super) systems: HashMap<Box<str>, HashSet<Box<str>>>,
}

impl CodeSet {
    /// Whether codes can be checked at all.
    pub fn is_listed(&self) -> bool {
        !self.systems.is_empty()
    }

    /// Whether a bare code is in it.
    pub fn has(&self, code: &str) -> bool {
        self.systems.values().any(|codes| codes.contains(code))
    }

    /// Whether a code of a system is in it.
    pub fn has_coding(&self, system: &str, code: &str) -> bool {
        self.systems.get(system).is_some_and(|codes| codes.contains(code))
    }

    /// The system of a bare code: the implicit system of an element of type `code`.
    pub fn system_of(&self, code: &str) -> Option<&str> {
        self.systems.iter().find(|(_, codes)| codes.contains(code)).map(|(system, _)| &**system)
    }
}

/// An invariant.
pub struct Constraint {
    /// Such as `pat-1`.
    pub key: Box<str>,
    /// Otherwise a warning.
    pub is_error: bool,
    pub human: Box<str>,
    /// FHIRPath.
    pub expression: Box<str>,
}
