//! The values of a resource's search parameters.

use std::borrow::Cow;

use super::date;
use super::program::{self, Filter, Leaf, Node};
use crate::definitions::{Definitions, ParameterNumber, TypeNumber};
use crate::json::{Document, Element};

/// A value of a search parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<'a> {
    pub parameter: ParameterNumber,
    pub value: Value<'a>,
}

/// What is compared. Texts are as the resource has them.
#[derive(Clone, PartialEq)]
pub enum Value<'a> {
    /// An empty code: there is only a system.
    Token {
        system: Option<Cow<'a, str>>,
        code: Cow<'a, str>,
    },
    String(Cow<'a, str>),
    /// As written: relative, absolute, canonical, `#contained`.
    Reference(Cow<'a, str>),
    /// What a reference names its target by.
    Identifier {
        system: Option<Cow<'a, str>>,
        code: Cow<'a, str>,
    },
    Date(date::Range),
    /// Equal but for a range or a comparator. An open end is `f64::MIN` or `f64::MAX`.
    Quantity {
        low: f64,
        high: f64,
        system: Option<Cow<'a, str>>,
        code: Option<Cow<'a, str>>,
        unit: Option<Cow<'a, str>>,
    },
    Number {
        low: f64,
        high: f64,
    },
    Uri(Cow<'a, str>),
}

/// The system of `true` and `false`.
const SPECIAL_VALUES: &str = "http://terminology.hl7.org/CodeSystem/special-values";

impl Value<'static> {
    pub(super) fn boolean(value: bool) -> Self {
        let code = if value { "true" } else { "false" };
        Value::Token { system: Some(SPECIAL_VALUES.into()), code: code.into() }
    }
}

impl std::fmt::Debug for Value<'_> {
    // Values are health data: only their kind is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Value::Token { .. } => "Token",
            Value::String(_) => "String",
            Value::Reference(_) => "Reference",
            Value::Identifier { .. } => "Identifier",
            Value::Date(_) => "Date",
            Value::Quantity { .. } => "Quantity",
            Value::Number { .. } => "Number",
            Value::Uri(_) => "Uri",
        })
    }
}

/// All values of a resource, in the order of the document. Composite parameters have none of their own: see [`composite`].
/// `_id` and `_lastUpdated` are the store's.
pub fn extract(document: &Document, resource: TypeNumber) -> Vec<Entry<'_>> {
    let program = program::of(resource);
    let mut found = Vec::with_capacity(24);
    walk(&program.root, document.root(), 0, &mut |leaf, element| {
        leaf.form.values(element, leaf.set, &mut |value| found.push(Entry { parameter: leaf.parameter, value }));
    });
    for parameter in &program.false_when_absent {
        if !found.iter().any(|entry| entry.parameter == *parameter) {
            found.push(Entry { parameter: *parameter, value: Value::boolean(false) });
        }
    }
    found
}

/// The values of a composite parameter: for each element it selects, those of each of its components in their order.
pub fn composite(document: &Document, resource: TypeNumber, parameter: ParameterNumber) -> Vec<Vec<Vec<Value<'_>>>> {
    let components = Definitions::r4().parameter(parameter).map_or(0, |parameter| parameter.components.len());
    let Some(program) = program::composite(resource, parameter) else { return Vec::new() };
    let mut selected = Vec::new();
    walk(&program.selected, document.root(), 0, &mut |_, element| selected.push(element));
    let mut found = Vec::new();
    for element in selected {
        let mut values: Vec<Vec<Value<'_>>> = vec![Vec::new(); components];
        let mut take = |leaf: &Leaf, element| {
            if let Some(component) = values.get_mut(leaf.component as usize) {
                leaf.form.values(element, leaf.set, &mut |value| component.push(value));
            }
        };
        walk(&program.parts, element, 0, &mut take);
        walk(&program.resource_parts, document.root(), 0, &mut take);
        found.push(values);
    }
    found
}

/// Follows a program along an element. As deep as the program is, whatever the document.
fn walk<'a>(node: &Node, element: Element<'a>, index: usize, found: &mut dyn FnMut(&Leaf, Element<'a>)) {
    for leaf in &node.leaves {
        found(leaf, element);
    }
    for (filter, below) in &node.filtered {
        if passes(filter, element, index) {
            walk(below, element, index, found);
        }
    }
    if node.members.is_empty() {
        return;
    }
    for (name, value) in element.members() {
        let Some(below) = node.members.get(&*name) else { continue };
        let mut items = value.items().enumerate().peekable();
        if items.peek().is_none() {
            walk(below, value, 0, found);
        }
        for (index, item) in items {
            walk(below, item, index, found);
        }
    }
}

fn passes(filter: &Filter, element: Element<'_>, index: usize) -> bool {
    match filter {
        Filter::Index(wanted) => index == *wanted,
        Filter::Equals(name, wanted) => {
            element.get(name).and_then(Element::as_str).is_some_and(|text| text == **wanted)
        }
        Filter::Target(wanted) => {
            let name = Definitions::r4().name(*wanted);
            let told = element.get("type").and_then(Element::as_str).is_some_and(|text| text == name);
            let reference = element.get("reference").and_then(Element::as_str);
            told || reference.is_some_and(|reference| crate::reference::type_of(&reference) == Some(name))
        }
    }
}

/// The elements a parameter selects, of whatever type.
pub(super) fn elements<'a>(
    document: &'a Document,
    resource: TypeNumber,
    parameter: ParameterNumber,
    found: &mut dyn FnMut(Element<'a>),
) {
    walk(&program::of(resource).root, document.root(), 0, &mut |leaf, element| {
        if leaf.parameter == parameter {
            found(element);
        }
    });
}
