//! Paths of FHIRPath Patch: members, indexes, `where(name = 'value')`, `first()`, `last()`, `extension('url')`.

use serde_json::Value;

use crate::definitions::{Child, Definitions, ShapeNumber};

/// A way into a resource: names and places.
pub(super) type Place = Vec<Key>;

/// A step of a place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Key {
    Name(String),
    Index(usize),
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Member(String),
    Index(usize),
    Where(Vec<(String, String)>),
    First,
    Last,
}

/// Reads a path behind its type: `Patient.name[0].given`.
pub(super) fn parse(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.trim();
    let mut steps = Vec::new();
    let mut is_first = true;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (index, after) = inner.split_once(']')?;
            steps.push(Step::Index(index.trim().parse().ok()?));
            rest = after;
            continue;
        }
        rest = if is_first { rest } else { rest.strip_prefix('.')? };
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() {
            return None;
        }
        rest = after;
        let is_type = is_first && name.starts_with(|c: char| c.is_ascii_uppercase());
        is_first = false;
        if is_type {
            continue;
        }
        let Some(inner) = rest.strip_prefix('(') else {
            steps.push(Step::Member(name.into()));
            continue;
        };
        let close = closing(inner)?;
        let (argument, after) = (inner.get(..close)?.trim(), inner.get(close + 1..)?);
        rest = after;
        match name {
            "first" if argument.is_empty() => steps.push(Step::First),
            "last" if argument.is_empty() => steps.push(Step::Last),
            "where" => steps.push(Step::Where(conditions(argument)?)),
            "extension" => {
                steps.push(Step::Member("extension".into()));
                steps.push(Step::Where(vec![("url".into(), literal(argument)?)]));
            }
            // Of what JSON has they say nothing new.
            "ofType" | "as" => steps.push(Step::Member(String::new())),
            _ => return None,
        }
    }
    steps.retain(|step| *step != Step::Member(String::new()));
    Some(steps)
}

/// The parenthesis that closes, outside of quotes.
fn closing(text: &str) -> Option<usize> {
    let mut is_quoted = false;
    text.char_indices().find_map(|(at, character)| {
        is_quoted ^= character == '\'';
        (!is_quoted && character == ')').then_some(at)
    })
}

fn conditions(text: &str) -> Option<Vec<(String, String)>> {
    let one = |part: &str| {
        let (name, value) = part.split_once('=')?;
        Some((name.trim().to_owned(), literal(value.trim())?))
    };
    text.split(" and ").map(one).collect()
}

/// A text, number or truth as JSON writes it, without quotes.
fn literal(text: &str) -> Option<String> {
    match text.strip_prefix('\'') {
        Some(quoted) => quoted.strip_suffix('\'').map(str::to_owned),
        None => (!text.is_empty() && !text.contains(['\'', '(', ' '])).then(|| text.to_owned()),
    }
}

/// The places a path leads to in a resource. Members of a choice are found by the choice's name.
pub(super) fn find(resource: &Value, steps: &[Step]) -> Vec<Place> {
    let mut places: Vec<Place> = vec![Vec::new()];
    let mut shape = shape_of(resource);
    for step in steps {
        let mut next = Vec::new();
        match step {
            Step::Member(name) => {
                for place in &places {
                    members(resource, place, name, shape, &mut next);
                }
                shape = below(shape, name);
            }
            Step::Index(index) => next.extend(places.get(*index).cloned()),
            Step::First => next.extend(places.first().cloned()),
            Step::Last => next.extend(places.last().cloned()),
            Step::Where(conditions) => {
                let fits = |place: &&Place| {
                    get(resource, place)
                        .is_some_and(|value| conditions.iter().all(|(name, wanted)| has(value, name, wanted)))
                };
                next.extend(places.iter().filter(fits).cloned());
            }
        }
        places = next;
    }
    places
}

fn has(value: &Value, name: &str, wanted: &str) -> bool {
    let member = name.split('.').try_fold(value, |value, name| value.get(name));
    match member {
        Some(Value::String(text)) => text == wanted,
        Some(Value::Bool(value)) => wanted == if *value { "true" } else { "false" },
        Some(Value::Number(number)) => number.as_str() == wanted,
        _ => false,
    }
}

/// The elements of a type.
fn shape_of(resource: &Value) -> Option<ShapeNumber> {
    let definitions = Definitions::r4();
    let kind = definitions.type_number(resource.get("resourceType")?.as_str()?)?;
    Some(definitions.of(kind).shape)
}

/// The child with a name of the specification.
pub(super) fn child(shape: Option<ShapeNumber>, name: &str) -> Option<&'static Child> {
    let shape = Definitions::r4().shape(shape?);
    shape.children.iter().find(|child| &*child.name == name).or_else(|| shape.child(name).map(|(child, _)| child))
}

/// The elements below a child.
pub(super) fn below(shape: Option<ShapeNumber>, name: &str) -> Option<ShapeNumber> {
    let child = child(shape, name)?;
    child.shape.or_else(|| child.types.first().map(|kind| Definitions::r4().of(kind.number).shape))
}

/// The shape at the end of a path.
pub(super) fn shape_at(resource: &Value, steps: &[Step]) -> Option<ShapeNumber> {
    steps.iter().fold(shape_of(resource), |shape, step| match step {
        Step::Member(name) => below(shape, name),
        _ => shape,
    })
}

fn members(resource: &Value, place: &Place, name: &str, shape: Option<ShapeNumber>, next: &mut Vec<Place>) {
    let Some(Value::Object(object)) = get(resource, place) else { return };
    let is_choice = child(shape, name).is_some_and(|child| child.is_choice);
    let is_named =
        |member: &str| member == name || (is_choice && child(shape, member).is_some_and(|child| &*child.name == name));
    for (member, value) in object.iter().filter(|(member, _)| is_named(member)) {
        let mut below = place.clone();
        below.push(Key::Name(member.clone()));
        match value {
            Value::Array(items) => {
                for index in 0..items.len() {
                    let mut item = below.clone();
                    item.push(Key::Index(index));
                    next.push(item);
                }
            }
            _ => next.push(below),
        }
    }
}

/// What is at a place.
pub(super) fn get<'a>(resource: &'a Value, place: &[Key]) -> Option<&'a Value> {
    place.iter().try_fold(resource, |value, key| match key {
        Key::Name(name) => value.get(name),
        Key::Index(index) => value.get(index),
    })
}

/// What is at a place, to be changed.
pub(super) fn get_mut<'a>(resource: &'a mut Value, place: &[Key]) -> Option<&'a mut Value> {
    place.iter().try_fold(resource, |value, key| match key {
        Key::Name(name) => value.get_mut(name),
        Key::Index(index) => value.get_mut(index),
    })
}
