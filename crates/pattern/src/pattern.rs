//! Compiled patterns.

use crate::Error;
use crate::matcher::{Leaf, Matcher};
use crate::parse::{self, Alternative};
use crate::solve;
use crate::walk::Walk;

/// A compiled event pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    pub(crate) root: Node,
    pub(crate) tests: Vec<Vec<Matcher>>,
    /// The names down to the field of each test.
    pub(crate) paths: Vec<Vec<String>>,
    /// Each a list of indices of `tests` that must all hold.
    pub(crate) alternatives: Vec<Vec<usize>>,
}

/// The fields a pattern names, by the names down to them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    pub(crate) children: Vec<(String, Node)>,
    /// Indices of the tests of the field that ends here.
    pub(crate) tests: Vec<usize>,
}

impl Pattern {
    /// Compiles a pattern of at most 4,096 characters.
    ///
    /// # Errors
    /// [`Error::Pattern`], in the service's words.
    pub fn parse(text: &str) -> Result<Pattern, Error> {
        let mut pattern =
            Pattern { root: Node::default(), tests: Vec::new(), paths: Vec::new(), alternatives: Vec::new() };
        let mut known = Vec::new();
        for alternative in parse::parse(text)? {
            pattern.add(alternative, &mut known);
        }
        Ok(pattern)
    }

    fn add(&mut self, alternative: Alternative, known: &mut Alternative) {
        let mut indices = Vec::with_capacity(alternative.len());
        for test in alternative {
            let index = known.iter().position(|other| *other == test).unwrap_or(known.len());
            if index == known.len() {
                let mut node = &mut self.root;
                for name in &test.path {
                    node = node.child_mut(name);
                }
                node.tests.push(index);
                self.tests.push(test.matchers.clone());
                self.paths.push(test.path.clone());
                known.push(test);
            }
            indices.push(index);
        }
        self.alternatives.push(indices);
    }

    /// Whether the event matches. The event is read only as far as needed; where an object repeats a name, the first may decide.
    ///
    /// # Errors
    /// [`Error::Event`] when the event is not JSON as far as it was read.
    pub fn matches(&self, event: &[u8]) -> Result<bool, Error> {
        let mut walk = Walk::new(self, event)?;
        if let Some(answer) = walk.run()? {
            return Ok(answer);
        }
        let holds = |tests: &Vec<usize>| solve::holds(self, tests, &walk.seen, &walk.elements);
        Ok(self.alternatives.iter().any(holds))
    }

    /// The tests that decide alone: those of the only alternative.
    pub(crate) fn deciding(&self) -> Option<usize> {
        match self.alternatives.as_slice() {
            [only] => Some(only.len()),
            _ => None,
        }
    }

    pub(crate) fn test_matches(&self, test: usize, leaf: &Leaf<'_>) -> bool {
        self.tests.get(test).is_some_and(|matchers| matchers.iter().any(|matcher| matcher.matches(leaf)))
    }

    pub(crate) fn test_takes_absent(&self, test: usize) -> bool {
        self.tests.get(test).is_some_and(|matchers| matchers.contains(&Matcher::Absent))
    }
}

impl Node {
    fn child_mut(&mut self, name: &str) -> &mut Node {
        let position = self.children.iter().position(|(own, _)| own == name).unwrap_or_else(|| {
            self.children.push((name.to_owned(), Node::default()));
            self.children.len() - 1
        });
        &mut self.children[position].1
    }

    /// The node below that the name of an entry leads to; a dot in it leads one level down.
    pub(crate) fn descend(&self, name: &str) -> Option<&Node> {
        // names in the tree hold no dots, so a match of the whole name is the only one
        if let Some((_, child)) = self.children.iter().find(|(own, _)| own == name) {
            return Some(child);
        }
        let mut node = self;
        for segment in name.split('.') {
            node = node.children.iter().find(|(own, _)| own == segment).map(|(_, child)| child)?;
        }
        Some(node)
    }
}

/// Several patterns of which any will do, as the filters of a pipe. None at all takes every event.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    patterns: Vec<Pattern>,
}

impl Patterns {
    /// Compiles patterns.
    ///
    /// # Errors
    /// [`Error::Pattern`] for the first that is refused.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Patterns, Error> {
        let patterns = texts.into_iter().map(|text| Pattern::parse(text.as_ref())).collect::<Result<_, _>>()?;
        Ok(Patterns { patterns })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether the event matches one of the patterns, or there are none.
    ///
    /// # Errors
    /// As [`Pattern::matches`].
    pub fn matches(&self, event: &[u8]) -> Result<bool, Error> {
        for pattern in &self.patterns {
            if pattern.matches(event)? {
                return Ok(true);
            }
        }
        Ok(self.is_empty())
    }
}
