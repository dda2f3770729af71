//! From the JSON of a pattern to its alternatives: each a list of fields that must all match.
//!
//! The wording of errors is the service's, for tools that show it.

mod expression;

use serde_json::{Map, Value};

use crate::Error;
use crate::matcher::Matcher;

/// The longest pattern the service takes, in characters.
const MAX_CHARS: usize = 4096;
/// Alternatives after all `$or` are multiplied out.
const MAX_ALTERNATIVES: usize = 1000;
/// Names in the path of a field; keeps the walk along a pattern shallow.
const MAX_LEVELS: usize = 128;
const OR: &str = "$or";
const KEYWORDS: [&str; 8] =
    ["exists", "equals-ignore-case", "prefix", "suffix", "anything-but", "numeric", "cidr", "wildcard"];

/// A field and its wanted values, any of which will do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Test {
    /// The names down to the field.
    pub(crate) path: Vec<String>,
    pub(crate) matchers: Vec<Matcher>,
}

/// Fields that must all match.
pub(crate) type Alternative = Vec<Test>;

/// # Errors
/// [`Error::Pattern`] with the reason the service gives.
pub(crate) fn parse(text: &str) -> Result<Vec<Alternative>, Error> {
    if text.chars().nth(MAX_CHARS).is_some() {
        return Err(Error::pattern(format!("Event pattern is longer than {MAX_CHARS} characters")));
    }
    let pattern: Value = serde_json::from_str(text).map_err(|error| Error::pattern(error.to_string()))?;
    let Value::Object(fields) = &pattern else { return Err(Error::pattern("Filter is not an object")) };
    object(fields, &mut Vec::new())
}

fn object(fields: &Map<String, Value>, path: &mut Vec<String>) -> Result<Vec<Alternative>, Error> {
    if fields.is_empty() {
        return Err(Error::pattern("Empty objects are not allowed"));
    }
    let mut alternatives = vec![Alternative::new()];
    for (name, value) in fields {
        let own = match value {
            Value::Array(branches) if name == OR && is_relation(branches) => either(branches, path)?,
            _ => field(name, value, path)?,
        };
        alternatives = product(alternatives, own)?;
    }
    Ok(alternatives)
}

fn field(name: &str, value: &Value, path: &mut Vec<String>) -> Result<Vec<Alternative>, Error> {
    let levels = path.len();
    path.extend(name.split('.').map(str::to_owned));
    if path.len() > MAX_LEVELS {
        return Err(Error::pattern(format!("Event pattern has more than {MAX_LEVELS} levels")));
    }
    let alternatives = match value {
        Value::Object(fields) => object(fields, path)?,
        Value::Array(values) if values.is_empty() => return Err(Error::pattern("Empty arrays are not allowed")),
        Value::Array(values) => {
            let matchers = values.iter().map(expression::matcher).collect::<Result<_, _>>()?;
            vec![vec![Test { path: path.clone(), matchers }]]
        }
        _ => return Err(Error::pattern(format!("\"{name}\" must be an object or an array"))),
    };
    path.truncate(levels);
    Ok(alternatives)
}

/// Whether an array under `$or` is the relation, or the values of a field of that name.
fn is_relation(branches: &[Value]) -> bool {
    let is_branch = |branch: &Value| {
        branch.as_object().is_some_and(|fields| !fields.keys().any(|name| KEYWORDS.contains(&name.as_str())))
    };
    branches.len() >= 2 && branches.iter().all(is_branch)
}

fn either(branches: &[Value], path: &mut Vec<String>) -> Result<Vec<Alternative>, Error> {
    let mut alternatives = Vec::new();
    for fields in branches.iter().filter_map(Value::as_object) {
        alternatives.extend(object(fields, path)?);
        bounded(alternatives.len())?;
    }
    Ok(alternatives)
}

/// Every alternative of one with every alternative of the other.
fn product(left: Vec<Alternative>, right: Vec<Alternative>) -> Result<Vec<Alternative>, Error> {
    bounded(left.len() * right.len())?;
    if let [only] = right.as_slice() {
        let with = |mut tests: Alternative| {
            tests.extend(only.iter().cloned());
            tests
        };
        return Ok(left.into_iter().map(with).collect());
    }
    Ok(left
        .iter()
        .flat_map(|tests| right.iter().map(move |more| [tests.as_slice(), more.as_slice()].concat()))
        .collect())
}

fn bounded(alternatives: usize) -> Result<(), Error> {
    if alternatives > MAX_ALTERNATIVES {
        return Err(Error::pattern(format!("$or gives more than {MAX_ALTERNATIVES} combinations")));
    }
    Ok(())
}
