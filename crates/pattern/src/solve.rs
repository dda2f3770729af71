//! Whether the leaves seen satisfy an alternative, with fields below an array taken from one element of it.
//!
//! Within an element (the whole event is the outermost), a test either holds by a leaf directly there, or is left to the arrays
//! in it: the tests whose leaves stand in one array must all hold in one of its elements. Different arrays are independent, so
//! the work grows with the leaves seen, not with their combinations.

use crate::pattern::Pattern;
use crate::walk::{Element, ROOT, Seen};

/// How a set of tests holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Fails,
    /// Only because fields are absent.
    Absent,
    /// By at least one leaf.
    Present,
}

pub(crate) fn holds(pattern: &Pattern, tests: &[usize], seen: &[Seen], elements: &[Element]) -> bool {
    Solver { pattern, elements }.within(ROOT, tests, seen) != Outcome::Fails
}

struct Solver<'p> {
    pattern: &'p Pattern,
    elements: &'p [Element],
}

impl Solver<'_> {
    /// Whether all tests hold in an element, given the leaves seen in it.
    fn within(&self, scope: usize, tests: &[usize], seen: &[Seen]) -> Outcome {
        let mut outcome = Outcome::Absent;
        let mut groups: Vec<(usize, Vec<usize>)> = Vec::new();
        for &test in tests {
            let mut own = seen.iter().filter(|leaf| leaf.test == test).peekable();
            if own.peek().is_none() {
                if !self.pattern.test_takes_absent(test) {
                    return Outcome::Fails;
                }
                continue;
            }
            if own.clone().any(|leaf| leaf.element == scope && leaf.matched) {
                outcome = Outcome::Present;
                continue;
            }
            let Some(array) = self.array_of(scope, own.clone().find(|leaf| leaf.matched).or_else(|| own.next())) else {
                return Outcome::Fails;
            };
            match groups.iter_mut().find(|(known, _)| *known == array) {
                Some((_, group)) => group.push(test),
                None => groups.push((array, vec![test])),
            }
        }
        for (array, group) in &groups {
            if !self.in_some_element(scope, *array, group, seen) {
                return Outcome::Fails;
            }
            outcome = Outcome::Present;
        }
        outcome
    }

    fn in_some_element(&self, scope: usize, array: usize, tests: &[usize], seen: &[Seen]) -> bool {
        // leaves of one element follow each other, as the event was read from left to right
        let element_of = |leaf: &Seen| self.child(scope, leaf.element);
        seen.chunk_by(|left, right| element_of(left) == element_of(right)).any(|leaves| {
            let element = leaves.first().and_then(element_of).filter(|&element| self.in_array(element) == Some(array));
            element.is_some_and(|element| self.within(element, tests, leaves) == Outcome::Present)
        })
    }

    /// The array, directly in the scope, that a leaf stands in.
    fn array_of(&self, scope: usize, leaf: Option<&Seen>) -> Option<usize> {
        self.child(scope, leaf?.element).and_then(|element| self.in_array(element))
    }

    fn in_array(&self, element: usize) -> Option<usize> {
        self.elements.get(element).map(|element| element.array)
    }

    /// The element directly below the scope on the way to an inner element; `None` for the scope itself.
    fn child(&self, scope: usize, mut element: usize) -> Option<usize> {
        while element != ROOT && element != scope {
            let parent = self.elements.get(element)?.parent;
            if parent == scope {
                return Some(element);
            }
            element = parent;
        }
        None
    }
}
