//! Recognises a query that only names paths: `{a:.x.y, "b":.z, c}`.

use super::MAX_KEYS;
use crate::Path;
use crate::path::Step;

/// Keys and paths in order, or `None` when the query needs jq.
pub(super) fn parse(text: &str) -> Option<Vec<(String, Path)>> {
    let mut rest = text.trim().strip_prefix('{')?;
    let mut entries: Vec<(String, Path)> = Vec::new();
    loop {
        let (key, bare, after) = key(rest.trim_start())?;
        let after = after.trim_start();
        let (steps, after) = match after.strip_prefix(':') {
            Some(value) => path(value.trim_start())?,
            None if bare => (vec![Step::Name(key.to_owned())], after),
            None => return None,
        };
        // a repeated key keeps its last value in jq
        if entries.iter().any(|(known, _)| known == key) || entries.len() == MAX_KEYS {
            return None;
        }
        entries.push((key.to_owned(), Path::from_steps(steps)));
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
