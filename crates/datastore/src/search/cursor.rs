//! Where a page ended: what the next one goes on from, whatever changed meanwhile.
//!
//! Written as `PART.NUMBER.SEQUENCE`: the part of a search over several types, and the number and the change of the last resource.
//! What it was sorted by is read from that version again, so nothing of a resource stands in a link; whoever makes one up
//! learns nothing of versions they may not see.

use crate::{Error, Kind};

/// The place behind a resource in the order of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(super) part: usize,
    /// 0: before the first.
    pub(super) rid: i64,
    pub(super) sequence: i64,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.part, self.rid, self.sequence)
    }
}

impl std::str::FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Cursor, Error> {
        read(text).ok_or_else(unknown)
    }
}

/// The page asked for is none that was given.
pub(super) fn unknown() -> Error {
    Error::new(Kind::Invalid, "the page asked for is none that was given, or is gone")
}

fn read(text: &str) -> Option<Cursor> {
    let mut parts = text.split('.');
    let mut next = || parts.next();
    let cursor = Cursor { part: next()?.parse().ok()?, rid: next()?.parse().ok()?, sequence: next()?.parse().ok()? };
    (next().is_none() && cursor.rid >= 0 && (0..1 << 42).contains(&cursor.sequence)).then_some(cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let cursor = Cursor { part: 1, rid: 77, sequence: 5 };
        assert_eq!(cursor.to_string().parse::<Cursor>().expect("a cursor"), cursor);
        for text in ["", "1", "a.b", "1.2", "1.2.x", "1.2.3.4", "-1.2.3", "1.-2.3", "1.2.-3", "1.2.99999999999999"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
