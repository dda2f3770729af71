//! All wildcard expressions of one field as one automaton over bytes: a trie whose nodes may lead, by a wildcard, to a
//! node that stays active to the end of the text.
//!
//! Expressions share their beginnings, so the work per byte grows with the parts of them the text holds so far, not with
//! their number. Nothing is built while matching.

use smallvec::SmallVec;

use crate::wildcard::Wildcard;

/// The node every text starts at.
const START: usize = 0;

/// The expressions, by what follows each of their characters.
#[derive(Debug)]
pub(super) struct Wildcards {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// Where each byte leads, in their order.
    next: Vec<(u8, usize)>,
    /// Where a wildcard leads.
    any: Option<usize>,
    /// The alternatives whose expression ends here.
    ends: Vec<usize>,
}

impl Default for Wildcards {
    fn default() -> Self {
        Wildcards { nodes: vec![Node::default()] }
    }
}

impl Wildcards {
    pub(super) fn add(&mut self, wildcard: &Wildcard, alternative: usize) {
        let mut node = START;
        for (place, text) in wildcard.texts().iter().enumerate() {
            if place > 0 {
                node = self.any_of(node);
            }
            node = text.bytes().fold(node, |node, byte| self.next_of(node, byte));
        }
        self.nodes.get_mut(node).into_iter().for_each(|node| node.ends.push(alternative));
    }

    pub(super) fn is_empty(&self) -> bool {
        // the empty expression ends where every text starts
        self.nodes.iter().all(|node| node.next.is_empty() && node.any.is_none() && node.ends.is_empty())
    }

    /// Appends the alternatives whose expressions match, each once for each of its expressions.
    pub(super) fn find(&self, text: &str, out: &mut Vec<usize>) {
        // A wildcard's node is active from when it is reached; the others are so for one byte.
        let (mut staying, mut passing): (Active<'_>, Active<'_>) = (SmallVec::new(), SmallVec::new());
        let mut reached: Active<'_> = SmallVec::new();
        self.enter(START, &mut passing, &mut staying);
        for byte in text.bytes() {
            if staying.is_empty() && passing.is_empty() {
                return;
            }
            // what a byte newly reaches may not take that byte itself
            let before = staying.len();
            for &node in &passing {
                self.step(node, byte, &mut reached, &mut staying);
            }
            for place in 0..before {
                if let Some(&node) = staying.get(place) {
                    self.step(node, byte, &mut reached, &mut staying);
                }
            }
            std::mem::swap(&mut passing, &mut reached);
            reached.clear();
        }
        staying.iter().chain(&passing).for_each(|node| out.extend(&node.ends));
    }

    #[inline]
    fn step<'w>(&'w self, node: &'w Node, byte: u8, passing: &mut Active<'w>, staying: &mut Active<'w>) {
        if let Ok(place) = node.next.binary_search_by_key(&byte, |(own, _)| *own)
            && let Some(&(_, next)) = node.next.get(place)
        {
            self.enter(next, passing, staying);
        }
    }

    fn enter<'w>(&'w self, number: usize, passing: &mut Active<'w>, staying: &mut Active<'w>) {
        let Some(node) = self.nodes.get(number) else { return };
        if let Some(any) = node.any.and_then(|any| self.nodes.get(any))
            && !staying.iter().any(|known| std::ptr::eq(*known, any))
        {
            staying.push(any);
        }
        passing.push(node);
    }

    fn any_of(&mut self, node: usize) -> usize {
        let new = self.nodes.len();
        let Some(any) = self.nodes.get_mut(node).map(|node| *node.any.get_or_insert(new)) else { return node };
        if any == new {
            self.nodes.push(Node::default());
        }
        any
    }

    fn next_of(&mut self, node: usize, byte: u8) -> usize {
        let new = self.nodes.len();
        let Some(next) = self.nodes.get_mut(node).map(|node| &mut node.next) else { return node };
        match next.binary_search_by_key(&byte, |(own, _)| *own) {
            Ok(place) => next.get(place).map_or(node, |(_, next)| *next),
            Err(place) => {
                next.insert(place, (byte, new));
                self.nodes.push(Node::default());
                new
            }
        }
    }
}

type Active<'w> = SmallVec<[&'w Node; 16]>;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(expressions: &[String], text: &str) -> Vec<usize> {
        let (mut wildcards, mut found) = (Wildcards::default(), Vec::new());
        for (number, expression) in expressions.iter().enumerate() {
            wildcards.add(&Wildcard::parse(expression).unwrap(), number);
        }
        wildcards.find(text, &mut found);
        found.sort_unstable();
        found
    }

    #[test]
    fn expressions_are_told_apart() {
        let expressions = ["", "*", "a*", "*a", "*a*", "a", "a*a", "*é*ß", "ab*b*a"].map(str::to_owned);
        for (text, expected) in [
            ("", vec![0, 1]),
            ("a", vec![1, 2, 3, 4, 5]),
            ("aa", vec![1, 2, 3, 4, 6]),
            ("aéßß", vec![1, 2, 4, 7]),
            ("abba", vec![1, 2, 3, 4, 6, 8]),
            ("aba", vec![1, 2, 3, 4, 6]),
            ("b", vec![1]),
        ] {
            assert_eq!(found(&expressions, text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn together_they_match_what_each_matches_alone(
            expressions in prop::collection::vec("[abé]{0,3}(\\*[abé]{1,2}){0,3}\\*?", 0..8),
            text in "[abé]{0,12}",
        ) {
            let alone = |(number, expression): (usize, &String)| {
                Wildcard::parse(expression).unwrap().matches(&text).then_some(number)
            };
            let expected: Vec<usize> = expressions.iter().enumerate().filter_map(alone).collect();
            prop_assert_eq!(found(&expressions, &text), expected);
        }
    }
}
