//! Conditions joined by `&&`, `||` and parentheses; `&&` binds closer.

use super::cursor::Cursor;
use crate::Error;

const DEPTH_MAX: usize = 32;

#[derive(Debug)]
pub(super) enum Expression<C> {
    Condition(C),
    All(Vec<Expression<C>>),
    Any(Vec<Expression<C>>),
}

impl<C> Expression<C> {
    /// Reads conditions with `condition` as long as they are joined.
    pub fn parse(
        cursor: &mut Cursor<'_>,
        condition: &mut dyn FnMut(&mut Cursor<'_>) -> Result<C, Error>,
    ) -> Result<Expression<C>, Error> {
        any(cursor, condition, DEPTH_MAX)
    }

    pub fn holds(&self, condition: &dyn Fn(&C) -> bool) -> bool {
        match self {
            Expression::Condition(one) => condition(one),
            Expression::All(all) => all.iter().all(|one| one.holds(condition)),
            Expression::Any(any) => any.iter().any(|one| one.holds(condition)),
        }
    }
}

type Read<'r, C> = &'r mut dyn FnMut(&mut Cursor<'_>) -> Result<C, Error>;

fn any<C>(cursor: &mut Cursor<'_>, condition: Read<'_, C>, depth: usize) -> Result<Expression<C>, Error> {
    let mut found = vec![all(cursor, condition, depth)?];
    while cursor.take_spaced("||") {
        found.push(all(cursor, condition, depth)?);
    }
    Ok(Expression::Any(found))
}

fn all<C>(cursor: &mut Cursor<'_>, condition: Read<'_, C>, depth: usize) -> Result<Expression<C>, Error> {
    let mut found = vec![one(cursor, condition, depth)?];
    while cursor.take_spaced("&&") {
        found.push(one(cursor, condition, depth)?);
    }
    Ok(Expression::All(found))
}

fn one<C>(cursor: &mut Cursor<'_>, condition: Read<'_, C>, depth: usize) -> Result<Expression<C>, Error> {
    if !cursor.take_spaced("(") {
        cursor.skip_space();
        return condition(cursor).map(Expression::Condition);
    }
    let depth = depth.checked_sub(1).ok_or_else(|| cursor.invalid("parentheses are nested too deeply"))?;
    let inner = any(cursor, condition, depth)?;
    cursor.expect(")")?;
    Ok(inner)
}
