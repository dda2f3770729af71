//! Many patterns matched in one pass over an event.
//!
//! The fields all patterns name form one tree; the event is read once along it and the leaves at those fields are noted. Of each
//! alternative of each pattern one field is the trigger, the one that will lead to the fewest alternatives. An index over the
//! triggers' values (`index`) finds the alternatives a leaf may fulfil; only those are looked at in full.

mod index;
mod leaves;
mod wildcards;

use std::collections::HashMap;
use std::sync::Arc;

use self::index::Index;
use self::leaves::{Found, Leaves};
use crate::matcher::Matcher;
use crate::walk::{ROOT, Seen};
use crate::{Error, Pattern, solve};

/// Patterns with a name each, compiled together.
#[derive(Debug)]
pub struct Rules<K> {
    rules: Vec<(K, Arc<Pattern>)>,
    alternatives: Vec<Alternative>,
    /// Those that may hold without any leaf.
    untriggered: Vec<usize>,
    root: FieldNode,
    fields: Vec<Field>,
}

/// Fields of one rule that must all match.
#[derive(Debug)]
struct Alternative {
    rule: usize,
    /// Whether it holds where the index finds it.
    sure: bool,
    /// Each with its field and the index of the test in the rule's pattern.
    tests: Vec<(usize, usize)>,
}

/// The fields of all patterns, by the names down to them.
#[derive(Debug, Default)]
pub(crate) struct FieldNode {
    /// Ordered by name. Most objects name few fields, so a search beats a hash of every name of an event.
    children: Vec<(String, FieldNode)>,
    field: Option<usize>,
}

/// A field that some pattern names.
#[derive(Debug, Default)]
struct Field {
    index: Index,
}

impl FieldNode {
    fn insert(&mut self, path: &[String], next: usize) -> usize {
        match path.split_first() {
            None => *self.field.get_or_insert(next),
            Some((name, rest)) => {
                let place = match self.place(name) {
                    Ok(place) => place,
                    Err(place) => {
                        self.children.insert(place, (name.clone(), FieldNode::default()));
                        place
                    }
                };
                self.children.get_mut(place).map_or(next, |(_, child)| child.insert(rest, next))
            }
        }
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.children.binary_search_by(|(own, _)| own.as_str().cmp(name))
    }

    fn child(&self, name: &str) -> Option<&FieldNode> {
        self.place(name).ok().and_then(|place| self.children.get(place)).map(|(_, child)| child)
    }

    /// The node below that the name of an entry leads to; a dot in it leads one level down.
    fn descend(&self, name: &str) -> Option<&FieldNode> {
        if let Some(child) = self.child(name) {
            return Some(child);
        }
        if !name.contains('.') {
            return None;
        }
        name.split('.').try_fold(self, |node, segment| node.child(segment))
    }
}

impl<K> Rules<K> {
    /// Compiles patterns together. Matches are answered in this order.
    pub fn new(patterns: impl IntoIterator<Item = (K, Arc<Pattern>)>) -> Self {
        let mut rules = Rules {
            rules: patterns.into_iter().collect(),
            alternatives: Vec::new(),
            untriggered: Vec::new(),
            root: FieldNode::default(),
            fields: Vec::new(),
        };
        // How many alternatives want something of a field, and how many the same.
        let mut wanted: Vec<usize> = Vec::new();
        let mut shared: HashMap<(usize, &[Matcher]), usize> = HashMap::new();
        for (number, (_, pattern)) in rules.rules.iter().enumerate() {
            for tests in &pattern.alternatives {
                let mut own = Vec::with_capacity(tests.len());
                for &test in tests {
                    let (Some(path), Some(matchers)) = (pattern.paths.get(test), pattern.tests.get(test)) else {
                        continue;
                    };
                    let field = rules.root.insert(path, rules.fields.len());
                    if field == rules.fields.len() {
                        rules.fields.push(Field::default());
                        wanted.push(0);
                    }
                    wanted.get_mut(field).into_iter().for_each(|wanted| *wanted += 1);
                    *shared.entry((field, matchers.as_slice())).or_default() += 1;
                    own.push((field, test));
                }
                rules.alternatives.push(Alternative { rule: number, sure: false, tests: own });
            }
        }
        for (number, alternative) in rules.alternatives.iter_mut().enumerate() {
            let Some((_, pattern)) = rules.rules.get(alternative.rule) else { continue };
            let telling = alternative.tests.iter().filter_map(|&(field, test)| {
                let matchers = pattern.tests.get(test)?;
                let others = shared.get(&(field, matchers.as_slice())).copied().unwrap_or_default();
                let all = wanted.get(field).copied().unwrap_or_default();
                Some((index::estimate(matchers, others, all)?, field, matchers))
            });
            match telling.min_by_key(|(cost, ..)| *cost) {
                Some((_, field, matchers)) => {
                    alternative.sure = alternative.tests.len() == 1 && index::is_exact(matchers);
                    if let Some(field) = rules.fields.get_mut(field) {
                        field.index.add(matchers, number);
                    }
                }
                None => rules.untriggered.push(number),
            }
        }
        drop(shared);
        rules.fields.iter_mut().for_each(|field| field.index.finish());
        rules
    }

    /// How many patterns there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The names of all patterns the event matches, in order. The event is read only as far as needed; where an object repeats a
    /// name, the first may decide.
    ///
    /// # Errors
    /// [`Error::Event`] when the event is not JSON as far as it was read.
    pub fn matches(&self, event: &[u8]) -> Result<Vec<&K>, Error> {
        if self.rules.is_empty() {
            return Ok(Vec::new());
        }
        let leaves = Leaves::read(&self.root, self.fields.len(), event)?;
        let mut candidates = self.untriggered.clone();
        for found in &leaves.found {
            if let Some(field) = self.fields.get(found.field) {
                field.index.find(&found.leaf, &mut candidates);
            }
        }
        let mut matched = Vec::new();
        for candidate in candidates {
            let Some(alternative) = self.alternatives.get(candidate) else { continue };
            if alternative.sure || self.holds(alternative, &leaves) {
                matched.push(alternative.rule);
            }
        }
        matched.sort_unstable();
        matched.dedup();
        Ok(matched.into_iter().filter_map(|rule| self.rules.get(rule)).map(|(name, _)| name).collect())
    }

    fn holds(&self, alternative: &Alternative, leaves: &Leaves<'_>) -> bool {
        let Some((_, pattern)) = self.rules.get(alternative.rule) else { return false };
        let in_arrays = |&(field, _): &(usize, usize)| leaves.of(field).any(|found| found.element != ROOT);
        if leaves.elements.len() > 1 && alternative.tests.iter().any(in_arrays) {
            return Self::holds_in_arrays(pattern, alternative, leaves);
        }
        alternative.tests.iter().all(|&(field, test)| {
            let mut own = leaves.of(field).peekable();
            match own.peek() {
                None => pattern.test_takes_absent(test),
                Some(_) => own.any(|found| pattern.test_matches(test, &found.leaf)),
            }
        })
    }

    /// The same where fields must come from one element of an array.
    fn holds_in_arrays(pattern: &Pattern, alternative: &Alternative, leaves: &Leaves<'_>) -> bool {
        let mut seen = Vec::new();
        for Found { field, element, leaf } in &leaves.found {
            for &(_, test) in alternative.tests.iter().filter(|(own, _)| own == field) {
                seen.push(Seen { test, element: *element, matched: pattern.test_matches(test, leaf) });
            }
        }
        let tests: Vec<usize> = alternative.tests.iter().map(|&(_, test)| test).collect();
        solve::holds(pattern, &tests, &seen, &leaves.elements)
    }
}
