//! What the FHIR R4 specification defines: types and their elements, code lists, search parameters, compartments.
//!
//! One table, made by `cargo xtask definitions` from HL7's own package and embedded; nothing of it is generated as code. R4 is
//! frozen, so the numbers of types and search parameters are stable and go into stored keys.

mod parameter;
mod table;
mod types;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use parameter::{Component, ParameterKind, ParameterNumber, SearchParameter};
pub use types::{Child, CodeSet, Constraint, Shape, ShapeNumber, Type, TypeKind, TypeNumber, TypeReference};

/// The definitions of FHIR R4 (4.0.1).
pub struct Definitions {
    types: Vec<Type>,
    types_by_name: HashMap<Box<str>, TypeNumber>,
    shapes: Vec<Shape>,
    sets: Vec<CodeSet>,
    constraints: Vec<Constraint>,
    parameters: Vec<SearchParameter>,
    /// Of each type, with those of what it is based on, by code.
    parameters_by_type: HashMap<TypeNumber, Vec<ParameterNumber>>,
    /// Compartment → type → codes of the reference parameters that put a resource in it.
    compartments: HashMap<TypeNumber, HashMap<TypeNumber, Vec<Box<str>>>>,
}

static R4: LazyLock<Definitions> = LazyLock::new(table::read);

impl Definitions {
    /// The one table; read when first asked for (about 10 ms).
    pub fn r4() -> &'static Definitions {
        &R4
    }

    /// The type with this name, resources and data types alike.
    pub fn type_number(&self, name: &str) -> Option<TypeNumber> {
        self.types_by_name.get(name).copied()
    }

    /// The resource type with this name; abstract ones are none.
    pub fn resource(&self, name: &str) -> Option<TypeNumber> {
        let number = self.type_number(name)?;
        let found = self.of(number);
        (found.kind == TypeKind::Resource && !found.is_abstract).then_some(number)
    }

    /// All resource types that can be stored, by name.
    pub fn resources(&self) -> impl Iterator<Item = TypeNumber> {
        let concrete = |found: &Type| found.kind == TypeKind::Resource && !found.is_abstract;
        (0..).zip(&self.types).filter(move |(_, found)| concrete(found)).map(|(number, _)| TypeNumber(number))
    }

    /// A type by its number. Numbers are only made by this table; a foreign one panics no one and answers the first type.
    pub fn of(&self, number: TypeNumber) -> &Type {
        self.types.get(number.0 as usize).unwrap_or(&self.types[0])
    }

    /// A type's name.
    pub fn name(&self, number: TypeNumber) -> &str {
        &self.of(number).name
    }

    /// The type with a number that was stored.
    pub fn stored_type(&self, number: u16) -> Option<TypeNumber> {
        ((number as usize) < self.types.len()).then_some(TypeNumber(number))
    }

    /// The elements of a type or of an element that has its own.
    pub fn shape(&self, number: ShapeNumber) -> &Shape {
        self.shapes.get(number.0 as usize).unwrap_or(&self.shapes[0])
    }

    /// A code list that a required binding names.
    pub fn set(&self, number: u16) -> Option<&CodeSet> {
        self.sets.get(number as usize)
    }

    /// An invariant.
    pub fn constraint(&self, number: u16) -> Option<&Constraint> {
        self.constraints.get(number as usize)
    }

    /// Whether a type is another or derived from it.
    pub fn is_a(&self, number: TypeNumber, base: TypeNumber) -> bool {
        let mut at = Some(number);
        while let Some(next) = at {
            if next == base {
                return true;
            }
            at = self.of(next).base;
        }
        false
    }

    /// All search parameters, by number.
    pub fn search_parameters(&self) -> &[SearchParameter] {
        &self.parameters
    }

    /// A search parameter by its number.
    pub fn parameter(&self, number: ParameterNumber) -> Option<&SearchParameter> {
        self.parameters.get(number.0 as usize)
    }

    /// The search parameters of a resource type by code, with those of every resource.
    pub fn search_parameters_of(&self, resource: TypeNumber) -> impl Iterator<Item = &SearchParameter> {
        let numbers = self.parameters_by_type.get(&resource).into_iter().flatten();
        numbers.filter_map(|number| self.parameter(*number))
    }

    /// The search parameter with this code of a resource type.
    pub fn search_parameter(&self, resource: TypeNumber, code: &str) -> Option<&SearchParameter> {
        let numbers = self.parameters_by_type.get(&resource)?;
        let code_of = |number: &ParameterNumber| self.parameter(*number).map_or("", |found| &*found.code);
        let at = numbers.binary_search_by(|number| code_of(number).cmp(code)).ok()?;
        self.parameter(*numbers.get(at)?)
    }

    /// The parameters that put a resource of `member` into a compartment such as a patient's; `None` when there is no such
    /// compartment or no resource of that type is ever in it.
    pub fn compartment(&self, compartment: TypeNumber, member: TypeNumber) -> Option<&[Box<str>]> {
        self.compartments.get(&compartment)?.get(&member).map(Vec::as_slice)
    }

    /// The types that can be in a compartment.
    pub fn compartment_members(&self, compartment: TypeNumber) -> Vec<TypeNumber> {
        let mut members: Vec<TypeNumber> =
            self.compartments.get(&compartment).into_iter().flat_map(HashMap::keys).copied().collect();
        members.sort_unstable();
        members
    }
}
