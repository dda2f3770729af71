//! Many paths looked up in one pass over a record.
//!
//! The paths form a tree; the record is read once along it and everything else is skipped. Reading stops as soon as every path
//! has its value. Recursion goes along the paths, whose length is bounded, never along the record.

use std::ops::ControlFlow;

use smallvec::SmallVec;

use crate::path::Step;
use crate::scan::{self, Malformed, Scanner};

/// A set of paths to look up together.
#[derive(Clone, Debug)]
pub(crate) struct Finder {
    root: Node,
    many: Vec<bool>,
}

/// What one pass found, by the order in which the paths were given.
pub(crate) struct Found<'a> {
    one: SmallVec<[Option<&'a str>; 16]>,
    many: Vec<(usize, &'a str)>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    names: Vec<(String, Node)>,
    indices: Vec<(usize, Node)>,
    any: Option<Box<Node>>,
    slots: Vec<usize>,
}

impl Finder {
    pub(crate) fn new<'s>(paths: impl IntoIterator<Item = &'s [Step]>) -> Self {
        let mut root = Node::default();
        let mut many = Vec::new();
        for (slot, steps) in paths.into_iter().enumerate() {
            many.push(steps.contains(&Step::Any));
            let mut node = &mut root;
            for step in steps {
                node = node.child(step);
            }
            node.slots.push(slot);
        }
        Finder { root, many }
    }

    /// Whether the path holds a wildcard.
    pub(crate) fn is_many(&self, slot: usize) -> bool {
        self.many.get(slot).copied().unwrap_or_default()
    }

    pub(crate) fn find<'a>(&self, record: &'a [u8]) -> Result<Found<'a>, Malformed> {
        let found = Found { one: SmallVec::from_elem(None, self.many.len()), many: Vec::new() };
        let mut walk = Walk { scanner: Scanner::from_bytes(record)?, finder: self, missing: self.many.len(), found };
        if self.many.is_empty() {
            return Ok(walk.found);
        }
        if walk.value(&self.root)?.is_continue() {
            walk.scanner.end()?;
        }
        Ok(walk.found)
    }
}

impl<'a> Found<'a> {
    /// The value of a path without wildcard.
    pub(crate) fn one(&self, slot: usize) -> Option<&'a str> {
        self.one.get(slot).copied().flatten()
    }

    /// The values of a path with wildcard, in the record's order.
    pub(crate) fn many(&self, slot: usize) -> impl Iterator<Item = &'a str> + '_ {
        self.many.iter().filter(move |(of, _)| *of == slot).map(|(_, text)| *text)
    }
}

impl Node {
    fn child(&mut self, step: &Step) -> &mut Node {
        match step {
            Step::Any => self.any.get_or_insert_default(),
            Step::Name(name) => entry(&mut self.names, name),
            Step::Index(index) => entry(&mut self.indices, index),
        }
    }

    #[inline]
    fn name(&self, raw: &str, escaped: bool) -> Option<&Node> {
        if escaped {
            let name = scan::unescape(raw);
            return self.names.iter().find(|(own, _)| *own == name).map(|(_, node)| node);
        }
        self.names.iter().find(|(own, _)| own == raw).map(|(_, node)| node)
    }
}

fn entry<'n, K: PartialEq + Clone>(children: &'n mut Vec<(K, Node)>, key: &K) -> &'n mut Node {
    let position = children.iter().position(|(own, _)| own == key).unwrap_or_else(|| {
        children.push((key.clone(), Node::default()));
        children.len() - 1
    });
    &mut children[position].1
}

struct Walk<'a, 'f> {
    scanner: Scanner<'a>,
    finder: &'f Finder,
    /// Paths that have no value yet; those with a wildcard never get their last.
    missing: usize,
    found: Found<'a>,
}

impl<'a> Walk<'a, '_> {
    fn value(&mut self, node: &Node) -> Result<ControlFlow<()>, Malformed> {
        let first = self.scanner.peek()?;
        let start = self.scanner.clone();
        let flow = match first {
            b'{' if !node.names.is_empty() || node.any.is_some() => self.object(node)?,
            b'[' if !node.indices.is_empty() || node.any.is_some() => self.array(node)?,
            _ if node.slots.is_empty() => return self.scanner.skip().map(|_| ControlFlow::Continue(())),
            _ => {
                let text = self.scanner.skip()?;
                return Ok(self.fill(node, text));
            }
        };
        if flow.is_continue() && !node.slots.is_empty() {
            let text = start.clone().skip()?;
            return Ok(self.fill(node, text));
        }
        Ok(flow)
    }

    fn object(&mut self, node: &Node) -> Result<ControlFlow<()>, Malformed> {
        self.scanner.open(b'{')?;
        let mut first = true;
        while let Some(key) = self.scanner.next_key(&mut first)? {
            if self.entry(node.name(key, self.scanner.is_escaped()), node.any.as_deref())?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn array(&mut self, node: &Node) -> Result<ControlFlow<()>, Malformed> {
        self.scanner.open(b'[')?;
        let mut first = true;
        let mut position = 0;
        while self.scanner.next_element(&mut first)? {
            let child = node.indices.iter().find(|(index, _)| *index == position).map(|(_, node)| node);
            if self.entry(child, node.any.as_deref())?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            position += 1;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// One entry of a container, which both a named step and a wildcard may want.
    fn entry(&mut self, exact: Option<&Node>, any: Option<&Node>) -> Result<ControlFlow<()>, Malformed> {
        match (exact, any) {
            (None, None) => self.scanner.skip().map(|_| ControlFlow::Continue(())),
            (Some(node), None) | (None, Some(node)) => self.value(node),
            (Some(exact), Some(any)) => {
                let start = self.scanner.clone();
                if self.value(exact)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                self.scanner = start;
                self.value(any)
            }
        }
    }

    fn fill(&mut self, node: &Node, text: &'a str) -> ControlFlow<()> {
        for &slot in &node.slots {
            if self.finder.is_many(slot) {
                self.found.many.push((slot, text));
            } else if let Some(empty @ None) = self.found.one.get_mut(slot) {
                *empty = Some(text);
                self.missing -= 1;
            }
        }
        if self.missing == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
