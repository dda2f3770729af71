//! Document paths: `a.b[1].#c`.

use std::fmt;

use super::context::Context;
use super::token::{Class, Tokens};
use crate::Error;
use crate::item::{AttributeValue, Item, NESTING_MAX};

/// A step into a map or a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Name(String),
    Index(usize),
}

/// A document path: an attribute and the steps into it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    pub attribute: String,
    pub steps: Vec<Step>,
}

impl Path {
    /// Reads the path at the cursor.
    pub(super) fn parse(tokens: &mut Tokens<'_>, context: &mut Context) -> Result<Path, Error> {
        let kind = tokens.kind;
        let attribute = context.name(kind, tokens.expect_name()?)?;
        let mut steps = Vec::new();
        loop {
            if tokens.take_sign(".") {
                steps.push(Step::Name(context.name(kind, tokens.expect_name()?)?));
            } else if tokens.take_sign("[") {
                if tokens.peek().class != Class::Index {
                    return Err(tokens.syntax_error());
                }
                let digits = tokens.advance().text;
                let index = digits.parse::<i32>().map_err(|_| {
                    kind.invalid(format_args!("List index is not within the allowable range; index: [{digits}]"))
                })?;
                steps.push(Step::Index(index.unsigned_abs() as usize));
                tokens.expect_sign("]")?;
            } else {
                break;
            }
        }
        let levels = steps.len() + 1;
        if levels > NESTING_MAX {
            return Err(
                kind.invalid(format_args!("The document path has too many nesting levels; nesting levels: {levels}"))
            );
        }
        Ok(Path { attribute, steps })
    }

    /// The value at this path, if there is one.
    pub fn get<'a>(&self, item: &'a Item) -> Option<&'a AttributeValue> {
        self.steps.iter().try_fold(item.get(&self.attribute)?, |value, step| match (value, step) {
            (AttributeValue::M(map), Step::Name(name)) => map.get(name),
            (AttributeValue::L(list), Step::Index(index)) => list.get(*index),
            _ => None,
        })
    }

    /// The last step and what it leads out of, if that is there.
    pub(super) fn parent_mut<'a>(&'a self, item: &'a mut Item) -> Option<(&'a mut AttributeValue, &'a Step)> {
        let (last, steps) = self.steps.split_last()?;
        let parent = steps.iter().try_fold(item.get_mut(&self.attribute)?, |value, step| match (value, step) {
            (AttributeValue::M(map), Step::Name(name)) => map.get_mut(name),
            (AttributeValue::L(list), Step::Index(index)) => list.get_mut(*index),
            _ => None,
        })?;
        Some((parent, last))
    }
}

impl fmt::Display for Path {
    /// As in AWS's messages: `[a, b, [1]]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.attribute)?;
        for step in &self.steps {
            match step {
                Step::Name(name) => write!(f, ", {name}")?,
                Step::Index(index) => write!(f, ", [{index}]")?,
            }
        }
        f.write_str("]")
    }
}

/// Refuses paths of which one contains the other, or that take one value for both a map and a list.
pub(super) fn check_distinct(kind: super::Kind, paths: &[&Path]) -> Result<(), Error> {
    for (position, second) in paths.iter().enumerate() {
        for first in paths.iter().take(position).filter(|first| first.attribute == second.attribute) {
            let different = first.steps.iter().zip(&second.steps).find(|(a, b)| a != b);
            let problem = match different {
                None => "overlap",
                Some((Step::Name(_), Step::Index(_)) | (Step::Index(_), Step::Name(_))) => "conflict",
                Some(_) => continue,
            };
            return Err(kind.invalid(format_args!(
                "Two document paths {problem} with each other; must remove or rewrite one of these paths; path one: {first}, path two: {second}"
            )));
        }
    }
    Ok(())
}
