//! From a leaf to the alternatives that want it: hash tables for whole values and for the ends of texts, an automaton
//! for wildcards, ordered bounds for numbers, and a list of what has to be tried one by one.

use std::collections::HashMap;

use super::wildcards::Wildcards;
use crate::matcher::{Bound, Leaf, Matcher, Text};
use crate::number::nearest;

/// What the index tells of one field. Values are numbers of alternatives.
#[derive(Debug, Default)]
pub(super) struct Index {
    texts: HashMap<String, Vec<usize>>,
    folded: HashMap<String, Vec<usize>>,
    /// By the bits of the nearest number of 64 bits.
    numbers: HashMap<u64, Vec<usize>>,
    words: HashMap<&'static str, Vec<usize>>,
    prefixes: Ends,
    suffixes: Ends,
    folded_prefixes: Ends,
    folded_suffixes: Ends,
    wildcards: Wildcards,
    ranges: Ranges,
    /// Tried one by one.
    others: Vec<(Matcher, usize)>,
}

/// About how many alternatives an event with the field would lead to, in hundredths, if the field triggers; `None` where the
/// alternative may hold without a leaf. `same` alternatives want the same of the field, `all` want anything of it.
pub(super) fn estimate(matchers: &[Matcher], same: usize, all: usize) -> Option<usize> {
    let percent = |matcher: &Matcher| {
        Some(match matcher {
            Matcher::Absent => return None,
            Matcher::Text(Text::Equals(_) | Text::EqualsIgnoreCase(_)) | Matcher::Number(_) => 0,
            Matcher::Range(bounds) if matches!(bounds.as_slice(), [(Bound::Equal, _)]) => 0,
            Matcher::Text(_) => 2,
            Matcher::Null | Matcher::Bool(_) | Matcher::Cidr(..) => 25,
            Matcher::Range(_) => 50,
            Matcher::AnythingButTexts(_) | Matcher::AnythingButNumbers(_) => 95,
            Matcher::Exists => 100,
        })
    };
    let percent: usize = matchers.iter().map(percent).sum::<Option<usize>>()?;
    Some(same * 100 + all * percent.min(100))
}

/// Whether a leaf the index finds for these matchers fulfils one of them: numbers are found by rounded values.
pub(super) fn is_exact(matchers: &[Matcher]) -> bool {
    !matchers.iter().any(|matcher| matches!(matcher, Matcher::Number(_) | Matcher::Range(_)))
}

impl Index {
    /// Makes a field's matchers lead to an alternative.
    pub(super) fn add(&mut self, matchers: &[Matcher], alternative: usize) {
        for matcher in matchers {
            match matcher {
                Matcher::Text(Text::Equals(text)) => self.texts.entry(text.clone()).or_default().push(alternative),
                Matcher::Text(Text::EqualsIgnoreCase(text)) => {
                    self.folded.entry(fold(text)).or_default().push(alternative);
                }
                Matcher::Number(text) => self.add_number(text, alternative),
                Matcher::Bool(flag) => self.words.entry(word(*flag)).or_default().push(alternative),
                Matcher::Null => self.words.entry("null").or_default().push(alternative),
                Matcher::Text(Text::Prefix(text)) => self.prefixes.add(text.clone(), alternative),
                Matcher::Text(Text::Suffix(text)) => self.suffixes.add(text.clone(), alternative),
                Matcher::Text(Text::PrefixIgnoreCase(text)) => self.folded_prefixes.add(fold(text), alternative),
                Matcher::Text(Text::SuffixIgnoreCase(text)) => {
                    self.folded_suffixes.add(fold(&reversed(text)), alternative);
                }
                Matcher::Text(Text::Wildcard(wildcard)) => self.wildcards.add(wildcard, alternative),
                Matcher::Range(bounds) => match bounds.as_slice() {
                    [(Bound::Equal, limit)] => self.add_number(limit, alternative),
                    bounds => self.ranges.add(bounds, alternative),
                },
                Matcher::Cidr(..)
                | Matcher::Exists
                | Matcher::Absent
                | Matcher::AnythingButTexts(_)
                | Matcher::AnythingButNumbers(_) => self.others.push((matcher.clone(), alternative)),
            }
        }
    }

    fn add_number(&mut self, number: &str, alternative: usize) {
        self.numbers.entry(nearest(number).to_bits()).or_default().push(alternative);
    }

    /// Orders what was added.
    pub(super) fn finish(&mut self) {
        for ends in [&mut self.prefixes, &mut self.suffixes, &mut self.folded_prefixes, &mut self.folded_suffixes] {
            ends.lengths.sort_unstable();
            ends.lengths.dedup();
        }
        self.ranges.finish();
    }

    /// Appends the alternatives the leaf may fulfil.
    pub(super) fn find(&self, leaf: &Leaf<'_>, out: &mut Vec<usize>) {
        match leaf {
            Leaf::String(text) => self.find_text(text, out),
            Leaf::Number(number) => {
                if !self.numbers.is_empty() || !self.ranges.is_empty() {
                    let number = nearest(number);
                    extend(self.numbers.get(&number.to_bits()), out);
                    self.ranges.find(number, out);
                }
            }
            Leaf::Bool(flag) => extend(self.words.get(word(*flag)), out),
            Leaf::Null => extend(self.words.get("null"), out),
        }
        out.extend(self.others.iter().filter(|(matcher, _)| matcher.matches(leaf)).map(|(_, alternative)| alternative));
    }

    fn find_text(&self, text: &str, out: &mut Vec<usize>) {
        if !self.texts.is_empty() {
            extend(self.texts.get(text), out);
        }
        self.prefixes.find(text, out);
        self.suffixes.find_at_end(text, out);
        if !self.wildcards.is_empty() {
            self.wildcards.find(text, out);
        }
        if !self.folded.is_empty() || !self.folded_prefixes.is_empty() {
            let folded = fold(text);
            extend(self.folded.get(&folded), out);
            self.folded_prefixes.find(&folded, out);
        }
        if !self.folded_suffixes.is_empty() {
            self.folded_suffixes.find(&fold(&reversed(text)), out);
        }
    }
}

/// Starts or ends of texts, by their length.
#[derive(Debug, Default)]
struct Ends {
    ends: HashMap<String, Vec<usize>>,
    lengths: Vec<usize>,
}

impl Ends {
    fn add(&mut self, end: String, alternative: usize) {
        self.lengths.push(end.len());
        self.ends.entry(end).or_default().push(alternative);
    }

    fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn find(&self, text: &str, out: &mut Vec<usize>) {
        for start in self.lengths.iter().map_while(|&length| (length <= text.len()).then(|| text.get(..length))) {
            extend(start.and_then(|start| self.ends.get(start)), out);
        }
    }

    /// The same for ends that are kept as they are written.
    fn find_at_end(&self, text: &str, out: &mut Vec<usize>) {
        for length in &self.lengths {
            let end = text.len().checked_sub(*length).and_then(|start| text.get(start..));
            extend(end.and_then(|end| self.ends.get(end)), out);
        }
    }
}

/// Ranges of numbers. All their bounds cut the line of numbers into pieces (bounds themselves and what lies between them), and
/// each piece of a balanced tree over them lists the ranges that cover it whole.
///
/// Bounds are the nearest numbers of 64 bits and all belong to their ranges here, so that no range is missed; whether
/// it holds is seen later.
#[derive(Debug, Default)]
struct Ranges {
    ranges: Vec<(Vec<(Bound, f64)>, usize)>,
    bounds: Vec<f64>,
    /// A segment tree in heap order: node `n` has the children `2n` and `2n + 1`.
    covered: Vec<Vec<usize>>,
    leaves: usize,
}

impl Ranges {
    fn add(&mut self, bounds: &[(Bound, String)], alternative: usize) {
        let bounds: Vec<(Bound, f64)> = bounds.iter().map(|(bound, limit)| (*bound, nearest(limit))).collect();
        self.bounds.extend(bounds.iter().map(|(_, limit)| limit));
        self.ranges.push((bounds, alternative));
    }

    fn is_empty(&self) -> bool {
        self.bounds.is_empty()
    }

    fn finish(&mut self) {
        self.bounds.sort_by(f64::total_cmp);
        self.bounds.dedup();
        self.leaves = (2 * self.bounds.len() + 1).next_power_of_two();
        self.covered = vec![Vec::new(); 2 * self.leaves];
        for (bounds, alternative) in std::mem::take(&mut self.ranges) {
            let (mut from, mut to) = (0, 2 * self.bounds.len() + 1);
            for (bound, limit) in bounds {
                let at = self.piece(limit);
                match bound {
                    Bound::Equal => (from, to) = (from.max(at), to.min(at + 1)),
                    Bound::Less | Bound::LessOrEqual => to = to.min(at + 1),
                    Bound::Greater | Bound::GreaterOrEqual => from = from.max(at),
                }
            }
            self.cover(from, to, alternative);
        }
    }

    /// The piece a number lies in: `2n + 1` is the bound `n`, `2n` what lies before it.
    fn piece(&self, number: f64) -> usize {
        match self.bounds.binary_search_by(|bound| bound.total_cmp(&number)) {
            Ok(bound) => 2 * bound + 1,
            Err(bound) => 2 * bound,
        }
    }

    fn cover(&mut self, from: usize, to: usize, alternative: usize) {
        let (mut from, mut to) = (from + self.leaves, to + self.leaves);
        while from < to {
            if from % 2 == 1 {
                self.covered.get_mut(from).into_iter().for_each(|node| node.push(alternative));
                from += 1;
            }
            if to % 2 == 1 {
                to -= 1;
                self.covered.get_mut(to).into_iter().for_each(|node| node.push(alternative));
            }
            (from, to) = (from / 2, to / 2);
        }
    }

    fn find(&self, number: f64, out: &mut Vec<usize>) {
        if self.is_empty() {
            return;
        }
        let mut node = self.piece(number) + self.leaves;
        while node > 0 {
            extend(self.covered.get(node), out);
            node /= 2;
        }
    }
}

fn extend(found: Option<&Vec<usize>>, out: &mut Vec<usize>) {
    if let Some(found) = found {
        out.extend(found);
    }
}

fn word(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}

fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(char::to_lowercase).collect()
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}
