//! Update expressions: `SET`, `REMOVE`, `ADD` and `DELETE`.

use super::assign::{Assign, WRONG_TYPE};
use super::path::{Path, Step, check_distinct};
use super::projection::Projection;
use super::token::{Class, Tokens};
use super::{Context, Kind};
use crate::Error;
use crate::item::{AttributeValue, Item, NESTING_MAX};

const INVALID_PATH: &str = "The document path provided in the update expression is invalid for update";
const TOO_DEEP: &str = "Nesting Levels have exceeded supported limits";

/// A parsed update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// In the order of their paths, so that elements set past the end of a list are appended in the order of their index.
    actions: Vec<(Path, Action)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Set(Assign),
    Remove,
    Add(AttributeValue),
    Delete(AttributeValue),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Set,
    Remove,
    Add,
    Delete,
}

impl Section {
    const ALL: [Section; 4] = [Section::Set, Section::Remove, Section::Add, Section::Delete];

    fn keyword(self) -> &'static str {
        match self {
            Section::Set => "SET",
            Section::Remove => "REMOVE",
            Section::Add => "ADD",
            Section::Delete => "DELETE",
        }
    }

    fn action(self, tokens: &mut Tokens<'_>, context: &mut Context) -> Result<Action, Error> {
        match self {
            Section::Set => {
                tokens.expect_sign("=")?;
                Assign::parse(tokens, context).map(Action::Set)
            }
            Section::Remove => Ok(Action::Remove),
            Section::Add => {
                let value = value(tokens, context)?;
                match value {
                    AttributeValue::N(_) => Ok(Action::Add(value)),
                    _ if is_set(&value) => Ok(Action::Add(value)),
                    _ => Err(wrong_operand(self, &value)),
                }
            }
            Section::Delete => {
                let value = value(tokens, context)?;
                if is_set(&value) { Ok(Action::Delete(value)) } else { Err(wrong_operand(self, &value)) }
            }
        }
    }
}

impl Update {
    /// # Errors
    /// `Validation` with AWS's message.
    pub fn parse(text: &str, context: &mut Context) -> Result<Update, Error> {
        let mut tokens = Tokens::new(Kind::Update, text)?;
        let mut seen = Vec::new();
        let mut actions = Vec::new();
        while tokens.peek().class != Class::End {
            let section = Section::ALL.into_iter().find(|section| tokens.take_keyword(section.keyword()));
            let Some(section) = section else { return Err(tokens.syntax_error()) };
            if seen.contains(&section) {
                return Err(Kind::Update.invalid(format_args!(
                    "The \"{}\" section can only be used once in an update expression;",
                    section.keyword()
                )));
            }
            seen.push(section);
            loop {
                let path = Path::parse(&mut tokens, context)?;
                let action = section.action(&mut tokens, context)?;
                actions.push((path, action));
                if !tokens.take_sign(",") {
                    break;
                }
            }
        }
        check_distinct(Kind::Update, &actions.iter().map(|(path, _)| path).collect::<Vec<_>>())?;
        actions.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(Update { actions })
    }

    /// The paths the update writes to.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.actions.iter().map(|(path, _)| path)
    }

    /// The parts of an item that the update touches: of the old item for `UPDATED_OLD`, of the new one for `UPDATED_NEW`.
    pub fn touched(&self, item: &Item) -> Item {
        Projection::of(self.paths().cloned()).apply(item)
    }

    /// The item after the update; for one that does not exist yet, pass its key attributes.
    ///
    /// Every value and every list index is that of the old item.
    ///
    /// # Errors
    /// `Validation` when a path leads nowhere, a value has the wrong type, a number is out of range or the nesting too deep. The size of
    /// the new item is not checked.
    pub fn apply(&self, old: &Item) -> Result<Item, Error> {
        let mut item = old.clone();
        let mut removed = Vec::new();
        for (path, action) in &self.actions {
            match action {
                Action::Set(assign) => put(&mut item, path, assign.evaluate(old)?)?,
                Action::Add(value) => {
                    let sum = match path.get(old) {
                        None => value.clone(),
                        Some(current) => add(current, value).ok_or_else(|| Error::validation(WRONG_TYPE))??,
                    };
                    put(&mut item, path, sum)?;
                }
                Action::Delete(value) => {
                    let Some(current) = path.get(old) else { continue };
                    match subtract(current, value).ok_or_else(|| Error::validation(WRONG_TYPE))? {
                        Some(rest) => put(&mut item, path, rest)?,
                        None => removed.push(path),
                    }
                }
                Action::Remove => removed.push(path),
            }
        }
        // From the end, so that the index of an element is still its own when its turn comes.
        for path in removed.into_iter().rev() {
            remove(&mut item, path)?;
        }
        if item.values().any(|value| value.nesting() > NESTING_MAX) {
            return Err(Error::validation(TOO_DEEP));
        }
        Ok(item)
    }
}

fn value(tokens: &mut Tokens<'_>, context: &mut Context) -> Result<AttributeValue, Error> {
    if tokens.peek().class != Class::Value {
        return Err(tokens.syntax_error());
    }
    tokens.count_operator()?;
    context.value(Kind::Update, tokens.advance().text)
}

fn is_set(value: &AttributeValue) -> bool {
    matches!(value, AttributeValue::SS(_) | AttributeValue::NS(_) | AttributeValue::BS(_))
}

fn wrong_operand(section: Section, value: &AttributeValue) -> Error {
    let keyword = section.keyword();
    Kind::Update.invalid(format_args!(
        "Incorrect operand type for operator or function; operator: {keyword}, operand type: {}, typeSet: ALLOWED_FOR_{keyword}_OPERAND",
        value.type_title()
    ))
}

/// The sum of numbers or the union of sets; `None` for two different types.
fn add(current: &AttributeValue, value: &AttributeValue) -> Option<Result<AttributeValue, Error>> {
    Some(Ok(match (current, value) {
        (AttributeValue::N(a), AttributeValue::N(b)) => return Some(a.add(b).map(AttributeValue::N)),
        (AttributeValue::SS(a), AttributeValue::SS(b)) => AttributeValue::SS(a | b),
        (AttributeValue::NS(a), AttributeValue::NS(b)) => AttributeValue::NS(a | b),
        (AttributeValue::BS(a), AttributeValue::BS(b)) => AttributeValue::BS(a | b),
        _ => return None,
    }))
}

/// What is left of a set, nothing if that is empty; `None` for two different types.
fn subtract(current: &AttributeValue, value: &AttributeValue) -> Option<Option<AttributeValue>> {
    Some(match (current, value) {
        (AttributeValue::SS(a), AttributeValue::SS(b)) => Some(a - b).filter(|s| !s.is_empty()).map(AttributeValue::SS),
        (AttributeValue::NS(a), AttributeValue::NS(b)) => Some(a - b).filter(|s| !s.is_empty()).map(AttributeValue::NS),
        (AttributeValue::BS(a), AttributeValue::BS(b)) => Some(a - b).filter(|s| !s.is_empty()).map(AttributeValue::BS),
        _ => return None,
    })
}

fn put(item: &mut Item, path: &Path, value: AttributeValue) -> Result<(), Error> {
    if path.steps.is_empty() {
        item.insert(path.attribute.clone(), value);
        return Ok(());
    }
    match path.parent_mut(item) {
        Some((AttributeValue::M(map), Step::Name(name))) => {
            map.insert(name.clone(), value);
        }
        Some((AttributeValue::L(list), Step::Index(index))) => match list.get_mut(*index) {
            Some(element) => *element = value,
            None => list.push(value),
        },
        _ => return Err(Error::validation(INVALID_PATH)),
    }
    Ok(())
}

fn remove(item: &mut Item, path: &Path) -> Result<(), Error> {
    if path.steps.is_empty() {
        item.remove(&path.attribute);
        return Ok(());
    }
    match path.parent_mut(item) {
        Some((AttributeValue::M(map), Step::Name(name))) => {
            map.remove(name);
        }
        Some((AttributeValue::L(list), Step::Index(index))) => {
            if *index < list.len() {
                list.remove(*index);
            }
        }
        _ => return Err(Error::validation(INVALID_PATH)),
    }
    Ok(())
}
