//! Recognises a query that only names paths, or parts of the text they lead to: `{a:.x.y, "b":.z[0:4], c}`.

use super::MAX_KEYS;
use crate::Path;
use crate::path::Step;

/// The part of a text from one character to another, `[from:to]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    from: usize,
    to: usize,
}

impl Slice {
    pub(super) fn of(self, text: &str) -> &str {
        // Most text is ASCII, where a character is a byte.
        let place = |chars: usize| match text.get(..chars).is_some_and(str::is_ascii) {
            true => chars,
            false => text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at),
        };
        text.get(place(self.from)..place(self.to)).unwrap_or_default()
    }
}

/// One entry of the query.
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) path: Path,
    pub(super) slice: Option<Slice>,
}

/// The entries in order, or `None` when the query needs jq.
pub(super) fn parse(text: &str) -> Option<Vec<Entry>> {
    let mut rest = text.trim().strip_prefix('{')?;
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let (key, bare, after) = key(rest.trim_start())?;
        let after = after.trim_start();
        let (steps, after) = match after.strip_prefix(':') {
            Some(value) => path(value.trim_start())?,
            None if bare => (vec![Step::Name(key.to_owned())], after),
            None => return None,
        };
        let (slice, after) = match after.strip_prefix('[') {
            Some(inside) => slice(inside).map(|(slice, after)| (Some(slice), after))?,
            None => (None, after),
        };
        // a repeated key keeps its last value in jq
        if entries.iter().any(|known| known.key == key) || entries.len() == MAX_KEYS {
            return None;
        }
        entries.push(Entry { key: key.to_owned(), path: Path::from_steps(steps), slice });
        let after = after.trim_start();
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return after.strip_prefix('}')?.trim().is_empty().then_some(entries),
        }
    }
}

/// A key, whether it is a bare word, and what follows.
fn key(text: &str) -> Option<(&str, bool, &str)> {
    match quoted(text) {
        Some((key, rest)) => Some((key, false, rest)),
        None => identifier(text).map(|(key, rest)| (key, true, rest)),
    }
}

/// `.a.b."c d"`, at least one name.
fn path(text: &str) -> Option<(Vec<Step>, &str)> {
    let mut steps = Vec::new();
    let mut rest = text;
    while let Some(name) = rest.strip_prefix('.') {
        let (name, after) = quoted(name).or_else(|| identifier(name))?;
        steps.push(Step::Name(name.to_owned()));
        rest = after;
    }
    (1..=64).contains(&steps.len()).then_some((steps, rest))
}

/// What follows the bracket of `[0:4]`, `[5:]` or `[:4]`.
fn slice(text: &str) -> Option<(Slice, &str)> {
    let (inside, rest) = text.split_once(']')?;
    let (from, to) = inside.split_once(':')?;
    let number = |text: &str, missing: usize| match text {
        "" => Some(missing),
        "0" => Some(0),
        digits => digits.parse().ok().filter(|_| digits.starts_with(|first: char| ('1'..='9').contains(&first))),
    };
    (inside.len() > 1).then_some(())?;
    Some((Slice { from: number(from.trim(), 0)?, to: number(to.trim(), usize::MAX)? }, rest))
}

fn quoted(text: &str) -> Option<(&str, &str)> {
    let (content, rest) = text.strip_prefix('"')?.split_once('"')?;
    let plain = content.chars().all(|c| c != '\\' && !c.is_control());
    plain.then_some((content, rest))
}

fn identifier(text: &str) -> Option<(&str, &str)> {
    let length = text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    let (name, rest) = text.split_at_checked(length)?;
    let starts = name.bytes().next().is_some_and(|first| !first.is_ascii_digit());
    starts.then_some((name, rest))
}
