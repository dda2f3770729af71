//! Reads the embedded table.
//!
//! `generated/r4.json.zst` is JSON in zstd, version 1: `types` (`name`, `kind`, `base`, `elements` of `path` below the type,
//! `min` 0, `max` 1 unless told, 0 is `*`, `types` as `name` or `[name, targets]`, `content`, `summary`, `set`, `constraints`), `sets` (`url`,
//! `codes` by system), `constraints` (`[key, severity, human, expression]`), `parameters` and `compartments`. Types and
//! parameters are in the order of their names and URLs: a number is a place.

use std::collections::HashMap;

use super::types::*;
use super::{Component, Definitions, ParameterKind, ParameterNumber, SearchParameter};
use crate::json::{Document, Element};

const PACKED: &[u8] = include_bytes!("../generated/r4.json.zst");

pub(super) fn read() -> Definitions {
    let text = zstd::decode_all(PACKED).expect("the embedded table is packed by xtask");
    let document = Document::parse(text).expect("the embedded table is JSON written by xtask");
    let root = document.root();
    let rows: Vec<Element<'_>> = list(root, "types").collect();
    let types_by_name: HashMap<Box<str>, TypeNumber> =
        (0..).zip(&rows).map(|(number, row)| (text_of(*row, "name"), TypeNumber(number))).collect();
    // Shape 0 is nobody's: what a wrong number finds.
    let mut reader = Reader { names: &types_by_name, shapes: vec![Shape::default()] };
    let types = rows.iter().map(|row| reader.type_of(*row)).collect();
    let shapes = reader.shapes;
    let parameters = parameters(root, &types_by_name);
    let parameters_by_type = by_type(&rows, &parameters, &types_by_name);
    let compartments = compartments(root, &types_by_name);
    Definitions {
        types,
        shapes,
        sets: list(root, "sets").map(code_set).collect(),
        constraints: list(root, "constraints").map(constraint).collect(),
        parameters,
        parameters_by_type,
        compartments,
        types_by_name,
    }
}

fn list<'a>(element: Element<'a>, name: &str) -> impl Iterator<Item = Element<'a>> {
    element.get(name).into_iter().flat_map(Element::items)
}

fn text(element: Element<'_>) -> Box<str> {
    element.as_str().unwrap_or_default().into()
}

fn text_of(element: Element<'_>, name: &str) -> Box<str> {
    element.get(name).map(text).unwrap_or_default()
}

fn integer(element: Element<'_>, name: &str, default: u32) -> u32 {
    element.get(name).and_then(|value| value.raw().parse().ok()).unwrap_or(default)
}

fn flag(element: Element<'_>, name: &str) -> bool {
    element.get(name).and_then(Element::as_bool).unwrap_or_default()
}

fn numbers(element: Element<'_>, name: &str) -> Box<[u16]> {
    list(element, name).filter_map(|number| number.raw().parse().ok()).collect()
}

struct Reader<'a> {
    names: &'a HashMap<Box<str>, TypeNumber>,
    shapes: Vec<Shape>,
}

impl Reader<'_> {
    fn type_of(&mut self, row: Element<'_>) -> Type {
        let kind = match &*text_of(row, "kind") {
            "resource" => TypeKind::Resource,
            "primitive-type" => TypeKind::Primitive,
            _ => TypeKind::Complex,
        };
        let elements: Vec<(Box<str>, Element<'_>)> =
            list(row, "elements").map(|element| (text_of(element, "path"), element)).collect();
        let name = text_of(row, "name");
        let own = elements.first().map(|(_, element)| numbers(*element, "constraints")).unwrap_or_default();
        let shape = self.shapes_of(&name, &elements);
        let base = row.get("base").and_then(|base| self.names.get(&*text(base)).copied());
        Type { name, kind, is_abstract: flag(row, "abstract"), base, shape, constraints: own }
    }

    /// The shape of a type; those of its elements come behind it.
    fn shapes_of(&mut self, root: &str, elements: &[(Box<str>, Element<'_>)]) -> ShapeNumber {
        let first = self.shapes.len() as u16;
        // An element that others are below, the type itself too, has a shape.
        let mut places: HashMap<&str, u16> = HashMap::new();
        for (path, _) in elements {
            let is_parent = path.is_empty() || elements.iter().any(|(other, _)| is_below(other, path));
            if is_parent {
                places.insert(path, self.shapes.len() as u16);
                self.shapes.push(Shape::default());
            }
        }
        for (path, element) in elements.iter().filter(|(path, _)| !path.is_empty()) {
            let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
            let content = element.get("content").map(text);
            let content =
                content.as_deref().map(|full| full.strip_prefix(root).unwrap_or(full).trim_start_matches('.'));
            let shape = places.get(content.unwrap_or(path)).copied().map(ShapeNumber);
            let child = self.child(name, *element, shape);
            if let Some(parent) = places.get(parent).and_then(|place| self.shapes.get_mut(*place as usize)) {
                add(parent, child, self.names);
            }
        }
        ShapeNumber(first)
    }

    fn child(&self, name: &str, element: Element<'_>, shape: Option<ShapeNumber>) -> Child {
        let max = integer(element, "max", 1);
        let types = list(element, "types").filter_map(|kind| self.type_reference(kind)).collect();
        Child {
            name: name.trim_end_matches("[x]").into(),
            is_choice: name.ends_with("[x]"),
            min: integer(element, "min", 0),
            max: (max > 0).then_some(max),
            types,
            shape,
            set: element.get("set").and_then(|number| number.raw().parse().ok()),
            is_summary: flag(element, "summary"),
            constraints: numbers(element, "constraints"),
        }
    }

    fn type_reference(&self, kind: Element<'_>) -> Option<TypeReference> {
        let mut parts = kind.items();
        let name = parts.next().unwrap_or(kind).as_str()?;
        let targets = parts.next().into_iter().flat_map(Element::items);
        let targets = targets.filter_map(|target| self.names.get(&*text(target)).copied()).collect();
        Some(TypeReference { number: *self.names.get(&*name)?, targets })
    }
}

fn is_below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.starts_with('.'))
}

fn add(shape: &mut Shape, child: Child, names: &HashMap<Box<str>, TypeNumber>) {
    let place = shape.children.len() as u16;
    if child.is_choice {
        for (which, kind) in (0..).zip(&child.types) {
            let type_name = names.iter().find(|(_, number)| **number == kind.number).map_or("", |(name, _)| name);
            let mut letters = type_name.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            let name: String = child.name.chars().chain(first).chain(letters).collect();
            shape.names.insert(name.into(), (place, Some(which)));
        }
    } else {
        shape.names.insert(child.name.clone(), (place, None));
    }
    shape.children.push(child);
}

fn code_set(row: Element<'_>) -> CodeSet {
    let systems = row.get("codes").into_iter().flat_map(Element::members);
    let systems = systems.map(|(system, codes)| (system.into(), codes.items().map(text).collect())).collect();
    CodeSet { url: text_of(row, "url"), systems }
}

fn constraint(row: Element<'_>) -> Constraint {
    let mut parts = row.items().map(text);
    let mut next = || parts.next().unwrap_or_default();
    Constraint { key: next(), is_error: &*next() == "error", human: next(), expression: next() }
}

fn parameters(root: Element<'_>, names: &HashMap<Box<str>, TypeNumber>) -> Vec<SearchParameter> {
    let urls: HashMap<Box<str>, ParameterNumber> = (0..)
        .zip(list(root, "parameters"))
        .map(|(number, row)| (text_of(row, "url"), ParameterNumber(number)))
        .collect();
    let types = |row, name: &str| list(row, name).filter_map(|kind| names.get(&*text(kind)).copied()).collect();
    let component = |row: Element<'_>| {
        let mut parts = row.items().map(text);
        let parameter = *urls.get(&parts.next()?)?;
        Some(Component { parameter, expression: parts.next()? })
    };
    let parameter = |(number, row)| SearchParameter {
        number: ParameterNumber(number),
        url: text_of(row, "url"),
        code: text_of(row, "code"),
        kind: kind(&text_of(row, "kind")),
        base: types(row, "base"),
        expression: text_of(row, "expression"),
        targets: types(row, "targets"),
        components: list(row, "components").filter_map(component).collect(),
    };
    (0..).zip(list(root, "parameters")).map(parameter).collect()
}

fn kind(name: &str) -> ParameterKind {
    match name {
        "number" => ParameterKind::Number,
        "date" => ParameterKind::Date,
        "string" => ParameterKind::String,
        "token" => ParameterKind::Token,
        "reference" => ParameterKind::Reference,
        "composite" => ParameterKind::Composite,
        "quantity" => ParameterKind::Quantity,
        "uri" => ParameterKind::Uri,
        _ => ParameterKind::Special,
    }
}

/// The parameters of each type and of what it is based on, in the order of their codes.
fn by_type(
    rows: &[Element<'_>],
    parameters: &[SearchParameter],
    names: &HashMap<Box<str>, TypeNumber>,
) -> HashMap<TypeNumber, Vec<ParameterNumber>> {
    let base = |number: TypeNumber| {
        let row = rows.get(number.0 as usize)?;
        names.get(&*text(row.get("base")?)).copied()
    };
    let mut found = HashMap::new();
    for number in (0..rows.len() as u16).map(TypeNumber) {
        let lineage: Vec<TypeNumber> = std::iter::successors(Some(number), |number| base(*number)).collect();
        let mut own: Vec<&SearchParameter> =
            parameters.iter().filter(|parameter| parameter.base.iter().any(|base| lineage.contains(base))).collect();
        own.sort_by(|a, b| a.code.cmp(&b.code));
        found.insert(number, own.iter().map(|parameter| parameter.number).collect());
    }
    found
}

fn compartments(
    root: Element<'_>,
    names: &HashMap<Box<str>, TypeNumber>,
) -> HashMap<TypeNumber, HashMap<TypeNumber, Vec<Box<str>>>> {
    let mut found = HashMap::new();
    for (compartment, members) in root.get("compartments").into_iter().flat_map(Element::members) {
        let Some(compartment) = names.get(&*compartment) else { continue };
        let member = |(name, codes): (std::borrow::Cow<'_, str>, Element<'_>)| {
            Some((*names.get(&*name)?, codes.items().map(text).collect()))
        };
        found.insert(*compartment, members.members().filter_map(member).collect());
    }
    found
}
