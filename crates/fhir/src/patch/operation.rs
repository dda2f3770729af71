//! The operations of FHIRPath Patch: add, insert, delete, replace, move.

use serde_json::{Map, Value};

use super::OPERATIONS_MAX;
use super::path::{self, Key, Step, child, find, get, get_mut, shape_at};
use crate::outcome::Issue;

/// Parts of a value within each other.
const NESTING_MAX: usize = 50;

/// One operation.
#[derive(Clone)]
pub(super) enum Operation {
    /// `value` has its type's name beside it: of a choice, both make the member.
    Add {
        path: Vec<Step>,
        name: String,
        value: Value,
        kind: String,
    },
    Insert {
        path: Vec<Step>,
        index: usize,
        value: Value,
    },
    Delete {
        path: Vec<Step>,
    },
    Replace {
        path: Vec<Step>,
        value: Value,
    },
    Move {
        path: Vec<Step>,
        source: usize,
        destination: usize,
    },
}

/// Reads the operations of a Parameters resource.
pub(super) fn read(parameters: &Value) -> Result<Vec<Operation>, Issue> {
    let empty = Vec::new();
    let list = parameters["parameter"].as_array().unwrap_or(&empty);
    if list.len() > OPERATIONS_MAX {
        return Err(Issue::error("too-costly", format!("at most {OPERATIONS_MAX} operations")));
    }
    let one = |(number, parameter): (usize, &Value)| {
        let place = format!("Parameters.parameter[{number}]");
        if parameter["name"] != "operation" {
            return Err(Issue::at("invalid", place, "a patch's parameters are named `operation`"));
        }
        operation(parameter).map_err(|reason| Issue::at("invalid", place, reason))
    };
    list.iter().enumerate().map(one).collect()
}

fn part<'a>(operation: &'a Value, name: &str) -> Option<&'a Value> {
    operation["part"].as_array()?.iter().find(|part| part["name"] == name)
}

/// The `value[x]` of a part, with its type.
fn typed(part: &Value) -> Option<(&str, &Value)> {
    part.as_object()?.iter().find_map(|(name, value)| Some((name.strip_prefix("value")?, value)))
}

fn text<'a>(operation: &'a Value, name: &str) -> Option<&'a str> {
    typed(part(operation, name)?)?.1.as_str()
}

fn index(operation: &Value, name: &str) -> Result<usize, String> {
    let number = part(operation, name).and_then(typed).and_then(|(_, value)| value.as_u64());
    number.map(|number| number as usize).ok_or_else(|| format!("`{name}` is missing or no number"))
}

/// What is put in: `value[x]`, or parts that make an object.
fn value(part: &Value, depth: usize) -> Result<(Value, String), String> {
    if depth > NESTING_MAX {
        return Err(format!("at most {NESTING_MAX} parts within each other"));
    }
    if let Some((kind, value)) = typed(part) {
        return Ok((value.clone(), kind.to_owned()));
    }
    if let Some(resource) = part.get("resource") {
        return Ok((resource.clone(), String::new()));
    }
    let mut object = Map::new();
    for inner in part["part"].as_array().ok_or("a value is missing")? {
        let name = inner["name"].as_str().ok_or("a part has no name")?;
        let (value, _) = value(inner, depth + 1)?;
        match object.get_mut(name) {
            Some(Value::Array(items)) => items.push(value),
            Some(other) => *other = Value::Array(vec![other.take(), value]),
            None => {
                object.insert(name.to_owned(), value);
            }
        }
    }
    Ok((Value::Object(object), String::new()))
}

fn operation(operation: &Value) -> Result<Operation, String> {
    let path = text(operation, "path").ok_or("`path` is missing")?;
    let path = path::parse(path)
        .ok_or("`path` is not understood: members, [n], where(name = 'value'), first(), last(), extension('url')")?;
    let put = || value(part(operation, "value").ok_or("`value` is missing")?, 0);
    match text(operation, "type").ok_or("`type` is missing")? {
        "add" => {
            let name = text(operation, "name").ok_or("`name` is missing")?.to_owned();
            let (value, kind) = put()?;
            Ok(Operation::Add { path, name, value, kind })
        }
        "insert" => Ok(Operation::Insert { path, index: index(operation, "index")?, value: put()?.0 }),
        "delete" => Ok(Operation::Delete { path }),
        "replace" => Ok(Operation::Replace { path, value: put()?.0 }),
        "move" => Ok(Operation::Move {
            path,
            source: index(operation, "source")?,
            destination: index(operation, "destination")?,
        }),
        _ => Err("`type` is add, insert, delete, replace or move".into()),
    }
}

impl Operation {
    /// Does it.
    pub(super) fn apply(&self, resource: &mut Value) -> Result<(), String> {
        match self {
            Operation::Add { path, name, value, kind } => add(resource, path, name, value, kind),
            Operation::Insert { path, index, value } => {
                let list = list(resource, path)?;
                if *index > list.len() {
                    return Err(format!("`index` {index} is behind the end: {}", list.len()));
                }
                list.insert(*index, value.clone());
                Ok(())
            }
            Operation::Delete { path } => match find(resource, path).as_slice() {
                [] => Ok(()),
                [place] => remove(resource, place),
                places => Err(format!("the path leads to {} elements", places.len())),
            },
            Operation::Replace { path, value } => {
                let place = single(resource, path)?;
                let found = get_mut(resource, &place).ok_or("the path leads nowhere")?;
                *found = value.clone();
                Ok(())
            }
            Operation::Move { path, source, destination } => {
                let list = list(resource, path)?;
                if *source >= list.len() || *destination >= list.len() {
                    return Err(format!("`source` and `destination` are below {}", list.len()));
                }
                let item = list.remove(*source);
                list.insert(*destination, item);
                Ok(())
            }
        }
    }
}

fn single(resource: &Value, path: &[Step]) -> Result<Vec<Key>, String> {
    match find(resource, path).as_slice() {
        [place] => Ok(place.clone()),
        [] => Err("the path leads nowhere".into()),
        places => Err(format!("the path leads to {} elements", places.len())),
    }
}

fn add(resource: &mut Value, path: &[Step], name: &str, value: &Value, kind: &str) -> Result<(), String> {
    let shape = shape_at(resource, path);
    let child = child(shape, name);
    if shape.is_some() && child.is_none() {
        return Err(format!("there is no element `{name}`"));
    }
    let place = single(resource, path)?;
    let object = get_mut(resource, &place).and_then(Value::as_object_mut).ok_or("the path leads to no object")?;
    let is_bare_choice = child.is_some_and(|child| child.is_choice && &*child.name == name);
    let member = if is_bare_choice { format!("{name}{kind}") } else { name.to_owned() };
    if child.is_some_and(|child| child.is_array()) {
        let list = object.entry(member).or_insert_with(|| Value::Array(Vec::new()));
        list.as_array_mut().ok_or("the element is no list")?.push(value.clone());
        return Ok(());
    }
    let is_taken = |taken: &String| {
        *taken == member || (is_bare_choice && path::child(shape, taken).is_some_and(|found| &*found.name == name))
    };
    if object.keys().any(is_taken) {
        return Err(format!("`{name}` is there already"));
    }
    object.insert(member, value.clone());
    Ok(())
}

/// The list a path leads to as a whole.
fn list<'a>(resource: &'a mut Value, path: &[Step]) -> Result<&'a mut Vec<Value>, String> {
    let (last, front) = match path.split_last() {
        Some((Step::Member(name), front)) => (name, front),
        _ => return Err("the path ends in the name of a list".into()),
    };
    let mut place = single(resource, front)?;
    place.push(Key::Name(last.clone()));
    if get(resource, &place).is_none() {
        return Err("the path leads nowhere".into());
    }
    get_mut(resource, &place).and_then(Value::as_array_mut).ok_or_else(|| "the element is no list".into())
}

/// Takes an element out; what is empty then goes too.
fn remove(resource: &mut Value, place: &[Key]) -> Result<(), String> {
    let Some((last, front)) = place.split_last() else { return Err("a resource cannot be removed by a patch".into()) };
    let holder = get_mut(resource, front).ok_or("the path leads nowhere")?;
    let is_empty = match (last, holder) {
        (Key::Name(name), Value::Object(object)) => {
            object.shift_remove(name);
            object.is_empty()
        }
        (Key::Index(index), Value::Array(items)) if *index < items.len() => {
            items.remove(*index);
            items.is_empty()
        }
        _ => return Err("the path leads nowhere".into()),
    };
    if is_empty && !front.is_empty() { remove(resource, front) } else { Ok(()) }
}
