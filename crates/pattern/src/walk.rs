//! One pass over an event that notes, for every test of a pattern, the leaves it saw and in which array elements they stood.
//!
//! Recursion goes along the pattern, whose depth is bounded, and along arrays directly inside arrays up to a bound.

use std::borrow::Cow;
use std::ops::ControlFlow;

use expr::scan::{self, Malformed, Scanner};
use smallvec::SmallVec;

use crate::matcher::Leaf;
use crate::pattern::{Node, Pattern};

/// Arrays directly inside arrays that are looked into.
pub(crate) const MAX_ARRAYS: usize = 64;
/// The element that everything outside of arrays stands in.
pub(crate) const ROOT: usize = 0;

/// A leaf at the field of a test.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) test: usize,
    /// The innermost array element it stands in.
    pub(crate) element: usize,
    pub(crate) matched: bool,
}

/// An object or array in an array.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element {
    /// Which array of the event.
    pub(crate) array: usize,
    /// The element that array stands in.
    pub(crate) parent: usize,
}

pub(crate) struct Walk<'a, 'p> {
    scanner: Scanner<'a>,
    pattern: &'p Pattern,
    /// How many tests decide alone, if any do, and how many of them hold so far.
    deciding: Option<usize>,
    holding: usize,
    arrays: usize,
    pub(crate) seen: SmallVec<[Seen; 8]>,
    pub(crate) elements: SmallVec<[Element; 4]>,
}

type Flow = Result<ControlFlow<bool>, Malformed>;
const GO_ON: Flow = Ok(ControlFlow::Continue(()));

impl<'a, 'p> Walk<'a, 'p> {
    pub(crate) fn new(pattern: &'p Pattern, event: &'a [u8]) -> Result<Self, Malformed> {
        let scanner = Scanner::from_bytes(event)?;
        let deciding = pattern.deciding();
        let elements = SmallVec::from_slice(&[Element { array: 0, parent: ROOT }]);
        Ok(Walk { scanner, pattern, deciding, holding: 0, arrays: 0, seen: SmallVec::new(), elements })
    }

    /// Reads the event. `Some` when the answer is known before its end.
    pub(crate) fn run(&mut self) -> Result<Option<bool>, Malformed> {
        let flow = self.value(&self.pattern.root, ROOT, 0)?;
        match flow {
            ControlFlow::Break(answer) => Ok(Some(answer)),
            ControlFlow::Continue(()) => self.scanner.end().map(|()| None),
        }
    }

    fn value(&mut self, node: &'p Node, element: usize, arrays: usize) -> Flow {
        match self.scanner.peek()? {
            b'{' if !node.children.is_empty() => self.object(node, element),
            b'[' if arrays < MAX_ARRAYS => self.array(node, element, arrays + 1),
            b'{' | b'[' => self.scanner.skip().map(|_| ControlFlow::Continue(())),
            _ => {
                let leaf = self.scanner.skip()?;
                Ok(self.leaf(node, element, leaf, arrays > 0))
            }
        }
    }

    fn object(&mut self, node: &'p Node, element: usize) -> Flow {
        self.scanner.open(b'{')?;
        let mut first = true;
        while let Some(name) = self.scanner.next_key(&mut first)? {
            let name = if self.scanner.is_escaped() { scan::unescape(name) } else { Cow::Borrowed(name) };
            let flow = match node.descend(&name) {
                Some(child) => self.value(child, element, 0)?,
                None => self.scanner.skip().map(|_| ControlFlow::Continue(()))?,
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        GO_ON
    }

    fn array(&mut self, node: &'p Node, element: usize, arrays: usize) -> Flow {
        self.scanner.open(b'[')?;
        self.arrays += 1;
        let array = self.arrays;
        let mut first = true;
        while self.scanner.next_element(&mut first)? {
            let inside = match self.scanner.peek()? {
                b'{' | b'[' => {
                    self.elements.push(Element { array, parent: element });
                    self.elements.len() - 1
                }
                _ => element,
            };
            let flow = self.value(node, inside, arrays)?;
            if flow.is_break() {
                return Ok(flow);
            }
        }
        GO_ON
    }

    /// Notes a leaf. Where only one alternative exists, tests outside of arrays decide at once.
    fn leaf(&mut self, node: &Node, element: usize, json: &str, in_array: bool) -> ControlFlow<bool> {
        if node.tests.is_empty() {
            return ControlFlow::Continue(());
        }
        let leaf = Leaf::new(json);
        for &test in &node.tests {
            let matched = self.pattern.test_matches(test, &leaf);
            if let Some(deciding) = self.deciding.filter(|_| element == ROOT) {
                if !matched && !in_array {
                    return ControlFlow::Break(false);
                }
                let is_new = || !self.seen.iter().any(|seen| seen.test == test && seen.matched && seen.element == ROOT);
                self.holding += usize::from(matched && is_new());
                if self.holding == deciding {
                    return ControlFlow::Break(true);
                }
            }
            self.seen.push(Seen { test, element, matched });
        }
        ControlFlow::Continue(())
    }
}
