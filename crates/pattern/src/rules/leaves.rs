//! One pass over an event that notes the leaves at the fields of all patterns and in which array elements they stand.
//!
//! Recursion goes along the tree of fields, whose depth is bounded, and along arrays directly inside arrays up to a bound.

use std::borrow::Cow;
use std::ops::ControlFlow;

use expr::scan::{self, Malformed, Scanner};

use super::FieldNode;
use crate::matcher::Leaf;
use crate::walk::{Element, MAX_ARRAYS, ROOT};

/// A leaf at a field.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) field: usize,
    /// The innermost array element it stands in.
    pub(super) element: usize,
    pub(super) leaf: Leaf<'a>,
}

/// What one pass found, in the order of the event.
pub(super) struct Leaves<'a> {
    pub(super) found: Vec<Found<'a>>,
    /// Empty where no array holds objects or arrays; otherwise the first is the event itself.
    pub(super) elements: Vec<Element>,
}

impl<'a> Leaves<'a> {
    /// Reads the event until every field has its value.
    pub(super) fn read(root: &FieldNode, fields: usize, event: &'a [u8]) -> Result<Leaves<'a>, Malformed> {
        let mut pass = Pass {
            scanner: Scanner::from_bytes(event)?,
            missing: fields,
            arrays: 0,
            leaves: Leaves { found: Vec::with_capacity(fields.min(16)), elements: Vec::new() },
        };
        if pass.value(root, ROOT, 0, false)?.is_continue() {
            pass.scanner.end()?;
        }
        Ok(pass.leaves)
    }

    pub(super) fn of(&self, field: usize) -> impl Iterator<Item = &Found<'a>> {
        self.found.iter().filter(move |found| found.field == field)
    }
}

struct Pass<'a> {
    scanner: Scanner<'a>,
    /// Fields that have no value outside of arrays yet.
    missing: usize,
    arrays: usize,
    leaves: Leaves<'a>,
}

type Flow = Result<ControlFlow<()>, Malformed>;
const GO_ON: Flow = Ok(ControlFlow::Continue(()));

impl Pass<'_> {
    fn value(&mut self, node: &FieldNode, element: usize, arrays: usize, in_array: bool) -> Flow {
        match self.scanner.peek()? {
            b'{' if !node.children.is_empty() => self.object(node, element, in_array),
            b'[' if arrays < MAX_ARRAYS => self.array(node, element, arrays + 1),
            b'{' | b'[' => self.scanner.skip().and(GO_ON),
            _ => {
                let json = self.scanner.skip()?;
                let Some(field) = node.field else { return GO_ON };
                let is_new = !in_array && self.leaves.of(field).next().is_none();
                self.leaves.found.push(Found { field, element, leaf: Leaf::new(json) });
                self.missing -= usize::from(is_new && self.missing > 0);
                if self.missing == 0 { Ok(ControlFlow::Break(())) } else { GO_ON }
            }
        }
    }

    fn object(&mut self, node: &FieldNode, element: usize, in_array: bool) -> Flow {
        self.scanner.open(b'{')?;
        let mut first = true;
        while let Some(name) = self.scanner.next_key(&mut first)? {
            let name = if self.scanner.is_escaped() { scan::unescape(name) } else { Cow::Borrowed(name) };
            let flow = match node.descend(&name) {
                Some(child) => self.value(child, element, 0, in_array)?,
                None => self.scanner.skip().map(|_| ControlFlow::Continue(()))?,
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        GO_ON
    }

    fn array(&mut self, node: &FieldNode, element: usize, arrays: usize) -> Flow {
        self.scanner.open(b'[')?;
        self.arrays += 1;
        let array = self.arrays;
        let mut first = true;
        while self.scanner.next_element(&mut first)? {
            let inside = match self.scanner.peek()? {
                b'{' | b'[' => {
                    if self.leaves.elements.is_empty() {
                        self.leaves.elements.push(Element { array: 0, parent: ROOT });
                    }
                    self.leaves.elements.push(Element { array, parent: element });
                    self.leaves.elements.len() - 1
                }
                _ => element,
            };
            let flow = self.value(node, inside, arrays, true)?;
            if flow.is_break() {
                return Ok(flow);
            }
        }
        GO_ON
    }
}
