//! Where a page ended: what the next one goes on from, whatever changed meanwhile.
//!
//! Written as `PART.NUMBER[.KEY…]`: the part of a search over several types, the number of the last resource, and what it was sorted
//! by (`i` an integer, `t` a text in hexadecimal, `n` nothing). It bounds what comes next and gives access to nothing.

use super::sql::Bound;
use crate::{Error, Kind};

/// The place behind a resource in the order of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    pub(super) part: usize,
    pub(super) rid: i64,
    pub(super) keys: Vec<Option<Bound>>,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.part, self.rid)?;
        for key in &self.keys {
            match key {
                None => f.write_str(".n")?,
                Some(Bound::Int(number)) => write!(f, ".i{number}")?,
                Some(Bound::Text(text)) => {
                    f.write_str(".t")?;
                    text.bytes().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                }
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Cursor, Error> {
        read(text).ok_or_else(|| Error::new(Kind::Invalid, "the page asked for is none that was given"))
    }
}

fn read(text: &str) -> Option<Cursor> {
    let mut parts = text.split('.');
    let (part, rid) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let keys = parts.map(key).collect::<Option<Vec<_>>>()?;
    Some(Cursor { part, rid, keys })
}

fn key(text: &str) -> Option<Option<Bound>> {
    match text.split_at_checked(1)? {
        ("n", "") => Some(None),
        ("i", number) => Some(Some(Bound::Int(number.parse().ok()?))),
        ("t", hex) => {
            let digits: Vec<u8> =
                hex.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
            let bytes =
                digits.chunks(2).map(|pair| Some(pair.first()? * 16 + pair.get(1)?)).collect::<Option<Vec<u8>>>()?;
            Some(Some(Bound::Text(String::from_utf8(bytes).ok()?)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let keys = vec![None, Some(Bound::Int(-5)), Some(Bound::Text("mü.".into()))];
        let cursor = Cursor { part: 1, rid: 77, keys };
        assert_eq!(cursor.to_string().parse::<Cursor>().expect("a cursor"), cursor);
        for text in ["", "1", "a.b", "1.2.x", "1.2.t1", "1.2.tzz", "1.2.i", "0.1.tff"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
