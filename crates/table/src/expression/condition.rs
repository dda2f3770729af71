//! Condition and filter expressions.
//!
//! The parser is a shunting yard and its product a program for a stack of booleans, so no input can exhaust the call stack.

use super::predicate::Predicate;
use super::token::{Class, Tokens};
use super::{Context, Kind};
use crate::Error;
use crate::item::Item;

/// A parsed condition or filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// In postfix order.
    program: Vec<Op>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Test(Predicate),
    Not,
    And,
    Or,
}

/// An operator whose right side is not complete yet.
enum Pending {
    /// A parenthesis, with its position.
    Open(usize),
    Not,
    And,
    Or,
}

impl Condition {
    /// # Errors
    /// `Validation` with AWS's message, which starts with the name of `kind`.
    pub fn parse(kind: Kind, text: &str, context: &mut Context) -> Result<Condition, Error> {
        let mut tokens = Tokens::new(kind, text)?;
        let mut program = Vec::new();
        let mut pending = Vec::new();
        // Where the group closed last opened and closed, to find `((…))`.
        let mut group = None;
        loop {
            let position = tokens.position();
            if tokens.take_sign("(") {
                pending.push(Pending::Open(position));
                continue;
            }
            if tokens.take_keyword("NOT") {
                tokens.count_operator()?;
                pending.push(Pending::Not);
                continue;
            }
            program.push(Op::Test(Predicate::parse(&mut tokens, context)?));
            while tokens.peek().is_sign(")") {
                let close = tokens.position();
                let Some(open) = reduce(&mut pending, &mut program, 0) else { return Err(tokens.syntax_error()) };
                tokens.advance();
                pending.pop();
                if group == Some((open + 1, close.wrapping_sub(1))) {
                    return Err(kind.invalid("The expression has redundant parentheses;"));
                }
                group = Some((open, close));
            }
            if tokens.take_keyword("AND") {
                reduce(&mut pending, &mut program, 2);
                pending.push(Pending::And);
            } else if tokens.take_keyword("OR") {
                reduce(&mut pending, &mut program, 1);
                pending.push(Pending::Or);
            } else if tokens.peek().class == Class::End && reduce(&mut pending, &mut program, 0).is_none() {
                return Ok(Condition { program });
            } else {
                return Err(tokens.syntax_error());
            }
            tokens.count_operator()?;
        }
    }

    /// Whether the condition holds for an item; for one that does not exist, pass an empty one.
    pub fn matches(&self, item: &Item) -> bool {
        let mut stack: Vec<bool> = Vec::with_capacity(self.program.len());
        for op in &self.program {
            let result = match op {
                Op::Test(predicate) => predicate.matches(item),
                Op::Not => !stack.pop().unwrap_or_default(),
                Op::And => stack.pop().unwrap_or_default() & stack.pop().unwrap_or_default(),
                Op::Or => stack.pop().unwrap_or_default() | stack.pop().unwrap_or_default(),
            };
            stack.push(result);
        }
        stack.pop().unwrap_or_default()
    }

    /// The attributes the condition looks at, without the steps into them; one may come several times.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        let paths = self.program.iter().filter_map(|op| match op {
            Op::Test(predicate) => Some(predicate.paths()),
            _ => None,
        });
        paths.flatten().map(|path| path.attribute.as_str())
    }

    pub(super) fn into_program(self) -> Vec<Op> {
        self.program
    }
}

/// Moves complete operators that bind at least as tightly as `precedence` to the program; answers with the position of the
/// parenthesis it stopped at.
fn reduce(pending: &mut Vec<Pending>, program: &mut Vec<Op>, precedence: u8) -> Option<usize> {
    while let Some(last) = pending.last() {
        let (op, binding) = match last {
            Pending::Open(position) => return Some(*position),
            Pending::Not => (Op::Not, 3),
            Pending::And => (Op::And, 2),
            Pending::Or => (Op::Or, 1),
        };
        if binding < precedence {
            return None;
        }
        program.push(op);
        pending.pop();
    }
    None
}
