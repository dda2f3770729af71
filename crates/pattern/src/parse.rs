//! From the JSON of a pattern to its alternatives: each a list of fields that must all match.
//!
//! The wording of errors, the order in which they are found and the place they name are the service's, for tools that show them.

mod expression;
mod tokens;

use serde_json::Value;

use self::tokens::{Token, Tokens};
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
    let mut tokens = Tokens::new(text);
    if tokens.next()? != Token::ObjectStart {
        return Err(tokens.error("Filter is not an object"));
    }
    let mut alternatives = vec![Alternative::new()];
    object(&mut tokens, &mut Vec::new(), &mut alternatives)?;
    Ok(alternatives)
}

/// Adds the fields of an object, whose bracket is read, to every alternative.
fn object(tokens: &mut Tokens<'_>, path: &mut Vec<String>, alternatives: &mut Vec<Alternative>) -> Result<(), Error> {
    let mut is_empty = true;
    while let Token::Name(name) = tokens.next()? {
        is_empty = false;
        let levels = path.len();
        path.extend(name.split('.').map(str::to_owned));
        if path.len() > MAX_LEVELS {
            return Err(Error::pattern(format!("Event pattern has more than {MAX_LEVELS} levels")));
        }
        match tokens.next()? {
            Token::ArrayStart if name == OR && is_relation(tokens.upcoming()) => {
                path.truncate(levels);
                either(tokens, path, alternatives)?;
            }
            Token::ObjectStart => object(tokens, path, alternatives)?,
            Token::ArrayStart => {
                let test = Test { path: path.clone(), matchers: matchers(tokens)? };
                alternatives.iter_mut().for_each(|alternative| set(alternative, &test));
            }
            _ => return Err(tokens.error(format!("\"{name}\" must be an object or an array"))),
        }
        path.truncate(levels);
    }
    if is_empty { Err(tokens.error("Empty objects are not allowed")) } else { Ok(()) }
}

/// A field that a pattern names twice means what it says last.
fn set(alternative: &mut Alternative, test: &Test) {
    match alternative.iter_mut().find(|known| known.path == test.path) {
        Some(known) => known.matchers.clone_from(&test.matchers),
        None => alternative.push(test.clone()),
    }
}

fn matchers(tokens: &mut Tokens<'_>) -> Result<Vec<Matcher>, Error> {
    let mut found = Vec::new();
    loop {
        match tokens.next()? {
            Token::ArrayEnd => break,
            token => found.push(expression::matcher(tokens, &token)?),
        }
    }
    if found.is_empty() { Err(tokens.error("Empty arrays are not allowed")) } else { Ok(found) }
}

/// Whether an array under `$or`, from behind its bracket, is the relation, or the values of a field of that name.
fn is_relation(upcoming: &str) -> bool {
    let array = format!("[{upcoming}");
    let Some(Ok(Value::Array(branches))) = serde_json::Deserializer::from_str(&array).into_iter::<Value>().next()
    else {
        return false;
    };
    let is_branch = |branch: &Value| {
        branch.as_object().is_some_and(|fields| !fields.keys().any(|name| KEYWORDS.contains(&name.as_str())))
    };
    branches.len() >= 2 && branches.iter().all(is_branch)
}

/// Multiplies every alternative with every branch of a relation.
fn either(tokens: &mut Tokens<'_>, path: &mut Vec<String>, alternatives: &mut Vec<Alternative>) -> Result<(), Error> {
    let before = std::mem::take(alternatives);
    while tokens.next()? == Token::ObjectStart {
        let mut branch = before.clone();
        object(tokens, path, &mut branch)?;
        alternatives.extend(branch);
        if alternatives.len() > MAX_ALTERNATIVES {
            return Err(Error::pattern(format!("$or gives more than {MAX_ALTERNATIVES} combinations")));
        }
    }
    Ok(())
}
