//! All expressions of a type compiled into one tree that is walked along a document.
//!
//! Types are resolved while compiling: a choice becomes the members it may be, and what is found has a known type.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use super::expression::{self, Path, Step};
use super::value::Form;
use crate::definitions::{Child, Definitions, ParameterNumber, ShapeNumber, TypeNumber};

/// What is below an element.
#[derive(Default)]
pub struct Node {
    /// By name in JSON.
    pub(super) members: HashMap<Box<str>, Node>,
    /// What is only below an element that passes.
    pub(super) filtered: Vec<(Filter, Node)>,
    /// What the element itself is a value of.
    pub(super) leaves: Vec<Leaf>,
}

/// What an element must be to be followed.
#[derive(Debug, PartialEq)]
pub(super) enum Filter {
    /// A member has this text.
    Equals(Box<str>, Box<str>),
    /// A reference leads to a resource of this type.
    Target(TypeNumber),
    /// It has this place in its array.
    Index(usize),
}

/// A parameter's value.
pub(super) struct Leaf {
    pub parameter: ParameterNumber,
    /// Of a composite: the place of the component.
    pub component: u8,
    pub form: Form,
    /// The code list whose system a bare code has.
    pub set: Option<u16>,
}

/// What is looked for in a resource type.
pub struct Program {
    pub(super) root: Node,
    /// Parameters that are false when nothing was found.
    pub(super) false_when_absent: Vec<ParameterNumber>,
}

/// Where a path has come to.
#[derive(Clone, Copy)]
struct Place {
    kind: Option<TypeNumber>,
    shape: Option<ShapeNumber>,
    set: Option<u16>,
}

/// The program of a resource type; compiled when first asked for.
pub fn of(resource: TypeNumber) -> &'static Program {
    static PROGRAMS: LazyLock<Mutex<HashMap<TypeNumber, &'static Program>>> = LazyLock::new(Mutex::default);
    let mut programs = PROGRAMS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // A program is kept for good: there are as many as resource types.
    programs.entry(resource).or_insert_with(|| Box::leak(Box::new(compile(resource))))
}

/// The program of a composite: first what its expression selects, each with its components.
pub(super) struct Composite {
    pub(super) selected: Node,
    /// What is looked for in each.
    pub(super) parts: Node,
    /// What is looked for in the whole resource all the same (`%resource`).
    pub(super) resource_parts: Node,
}

/// Parameters that are no part of what is stored: the store knows them.
pub const STORED_ASIDE: [&str; 2] = ["_id", "_lastUpdated"];

fn compile(resource: TypeNumber) -> Program {
    let definitions = Definitions::r4();
    let mut root = Node::default();
    let mut false_when_absent = Vec::new();
    for parameter in definitions.search_parameters_of(resource) {
        if !parameter.components.is_empty() || STORED_ASIDE.contains(&&*parameter.code) {
            continue;
        }
        for path in expression::parse(&parameter.expression).unwrap_or_default() {
            if path.steps.contains(&Step::IsSet) {
                false_when_absent.push(parameter.number);
            }
            if let Some(start) = begins_at(resource, &path) {
                insert(&mut root, start, &path.steps, parameter.number, 0);
            }
        }
    }
    Program { root, false_when_absent }
}

/// The program of a composite parameter of a type.
pub(super) fn composite(resource: TypeNumber, parameter: ParameterNumber) -> Option<Composite> {
    let definitions = Definitions::r4();
    let parameter = definitions.parameter(parameter)?;
    let (mut selected, mut parts, mut resource_parts) = (Node::default(), Node::default(), Node::default());
    for path in expression::parse(&parameter.expression)? {
        let Some(start) = begins_at(resource, &path) else { continue };
        let found = insert(&mut selected, start, &path.steps, parameter.number, 0);
        for (number, component) in (0..).zip(&parameter.components) {
            for path in expression::parse(&component.expression)? {
                let (tree, places) =
                    if path.root.is_empty() { (&mut parts, found.clone()) } else { (&mut resource_parts, vec![start]) };
                for place in places {
                    insert(tree, place, &path.steps, component.parameter, number);
                }
            }
        }
    }
    Some(Composite { selected, parts, resource_parts })
}

/// Whether a path is for a resource type, and where it begins in it.
fn begins_at(resource: TypeNumber, path: &Path) -> Option<Place> {
    let definitions = Definitions::r4();
    let start = Place { kind: Some(resource), shape: Some(definitions.of(resource).shape), set: None };
    // One parameter of InsurancePlan names no type.
    let is_of = |root: &str| definitions.type_number(root).is_some_and(|root| definitions.is_a(resource, root));
    (path.root.is_empty() || is_of(&path.root)).then_some(start)
}

/// Adds a path below a node; answers where it leads.
fn insert(node: &mut Node, place: Place, steps: &[Step], parameter: ParameterNumber, component: u8) -> Vec<Place> {
    let Some((step, rest)) = steps.split_first() else {
        let form = Form::of(parameter, place.kind);
        add_leaf(node, Leaf { parameter, component, form, set: place.set });
        return vec![place];
    };
    match step {
        Step::Member(name) => {
            let kind = match rest.first() {
                Some(Step::As(kind)) => Some(&**kind),
                _ => None,
            };
            let rest = if kind.is_some() { rest.get(1..).unwrap_or_default() } else { rest };
            let mut found = Vec::new();
            for (json, place) in alternatives(place, name, kind) {
                let child = node.members.entry(json.into()).or_default();
                found.extend(insert(child, place, rest, parameter, component));
            }
            found
        }
        // Of what is no choice it says nothing new.
        Step::As(_) => insert(node, place, rest, parameter, component),
        Step::IsSet => {
            add_leaf(node, Leaf { parameter, component, form: Form::IsSet, set: None });
            vec![place]
        }
        Step::Index(index) => insert_filtered(node, Filter::Index(*index), place, rest, parameter, component),
        Step::WhereEquals(name, value) => {
            let filter = Filter::Equals(name.as_str().into(), value.as_str().into());
            insert_filtered(node, filter, place, rest, parameter, component)
        }
        Step::WhereTarget(name) => match Definitions::r4().resource(name) {
            Some(target) => insert_filtered(node, Filter::Target(target), place, rest, parameter, component),
            None => Vec::new(),
        },
        Step::Extension(url) => {
            let steps =
                [&[Step::Member("extension".into()), Step::WhereEquals("url".into(), url.clone())], rest].concat();
            insert(node, place, &steps, parameter, component)
        }
    }
}

fn add_leaf(node: &mut Node, leaf: Leaf) {
    let same = |other: &Leaf| other.parameter == leaf.parameter && other.component == leaf.component;
    if !node.leaves.iter().any(same) {
        node.leaves.push(leaf);
    }
}

fn insert_filtered(
    node: &mut Node,
    filter: Filter,
    place: Place,
    rest: &[Step],
    parameter: ParameterNumber,
    component: u8,
) -> Vec<Place> {
    let position = node.filtered.iter().position(|(other, _)| *other == filter).unwrap_or_else(|| {
        node.filtered.push((filter, Node::default()));
        node.filtered.len() - 1
    });
    match node.filtered.get_mut(position) {
        Some((_, child)) => insert(child, place, rest, parameter, component),
        None => Vec::new(),
    }
}

/// The members in JSON that a name of the specification may be, with the types they have.
fn alternatives(place: Place, name: &str, kind: Option<&str>) -> Vec<(String, Place)> {
    let definitions = Definitions::r4();
    let shape = place.shape.or_else(|| place.kind.map(|kind| definitions.of(kind).shape));
    let Some(shape) = shape else { return Vec::new() };
    let Some(child) = definitions.shape(shape).children.iter().find(|child| &*child.name == name) else {
        return Vec::new();
    };
    let typed = |number| Place { kind: Some(number), shape: child.shape, set: child.set };
    if child.is_choice {
        let wanted = |number| kind.is_none_or(|kind| definitions.name(number) == kind);
        let types = child.types.iter().map(|kind| kind.number).filter(|number| wanted(*number));
        return types.map(|number| (choice_name(child, definitions.name(number)), typed(number))).collect();
    }
    let number = child.types.first().map(|kind| kind.number);
    vec![(name.into(), Place { kind: number, shape: child.shape, set: child.set })]
}

/// `value` and `Quantity` make `valueQuantity`.
fn choice_name(child: &Child, kind: &str) -> String {
    let mut letters = kind.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    child.name.chars().chain(first).chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(node: &Node, found: &mut Vec<ParameterNumber>) {
        found.extend(node.leaves.iter().map(|leaf| leaf.parameter));
        node.members.values().for_each(|child| leaves(child, found));
        node.filtered.iter().for_each(|(_, child)| leaves(child, found));
    }

    #[test]
    fn every_parameter_of_every_type_leads_somewhere() {
        let definitions = Definitions::r4();
        for resource in definitions.resources() {
            let mut found = Vec::new();
            leaves(&of(resource).root, &mut found);
            for parameter in definitions.search_parameters_of(resource) {
                let name = format!("{}.{}", definitions.name(resource), parameter.code);
                if STORED_ASIDE.contains(&&*parameter.code) {
                    assert!(!found.contains(&parameter.number), "{name}");
                } else if parameter.expression.is_empty() {
                    assert!(["_content", "_query", "_text"].contains(&&*parameter.code), "{name}");
                } else if parameter.components.is_empty() {
                    assert!(found.contains(&parameter.number), "{name}: {}", parameter.expression);
                } else {
                    let program = composite(resource, parameter.number).expect("its expressions are understood");
                    let mut parts = Vec::new();
                    leaves(&program.parts, &mut parts);
                    leaves(&program.resource_parts, &mut parts);
                    for component in &parameter.components {
                        assert!(parts.contains(&component.parameter), "{name}: {}", component.expression);
                    }
                }
            }
        }
    }
}
