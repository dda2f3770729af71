//! A cursor over JSON text (RFC 8259) that reads or skips one value at a time.
//!
//! General JSON libraries skip nested values by recursion, so a record of a hundred thousand brackets ends the process; their lazy
//! lookups also cannot tell an empty object from a broken one. This cursor checks all it passes, keeps one bit per open bracket
//! and never allocates for fewer than 65 levels. It does not decode: values come back as the text they are.

mod nest;
mod text;

use self::nest::Nest;
use self::text::plain_length;
pub use self::text::{escape_into, unescape};

/// The text is not JSON at this byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Bytes from the start of the text.
    pub at: usize,
}

/// A position in JSON text.
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
    escaped: bool,
}

impl<'a> Scanner<'a> {
    /// Starts at the beginning of the text.
    pub fn new(text: &'a str) -> Self {
        Scanner { text, at: 0, escaped: false }
    }

    /// Starts at the beginning of bytes that must be UTF-8.
    ///
    /// # Errors
    /// Where they are not.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(bytes).map_err(|error| Malformed { at: error.valid_up_to() })?;
        Ok(Scanner::new(text))
    }

    /// Bytes read so far.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The next byte that is not white space; stays before it.
    ///
    /// # Errors
    /// At the end of the text.
    #[inline]
    pub fn peek(&mut self) -> Result<u8, Malformed> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(&byte) => return Ok(byte),
                None => return Err(self.malformed()),
            }
        }
    }

    /// Reads a string and gives what is between its quotes, still escaped.
    ///
    /// # Errors
    /// When no well-formed string starts here.
    #[inline]
    pub fn string(&mut self) -> Result<&'a str, Malformed> {
        self.byte(b'"')?;
        let start = self.at;
        self.escaped = false;
        loop {
            self.at += plain_length(self.text.as_bytes().get(self.at..).unwrap_or_default());
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => {
                    let content = self.text.get(start..self.at).unwrap_or_default();
                    self.at += 1;
                    return Ok(content);
                }
                Some(b'\\') => {
                    self.escaped = true;
                    self.escape()?;
                }
                _ => return Err(self.malformed()),
            }
        }
    }

    /// Whether the string or name read last holds escapes, so that it has to be decoded before it is compared.
    #[inline]
    pub fn is_escaped(&self) -> bool {
        self.escaped
    }

    /// Moves into an object (`{`) or array (`[`), before its first entry.
    ///
    /// # Errors
    /// When the next byte is not `bracket`.
    #[inline]
    pub fn open(&mut self, bracket: u8) -> Result<(), Malformed> {
        self.byte(bracket)
    }

    /// Moves to the next entry of an open object and gives its name, still escaped; `None` after the last.
    ///
    /// # Errors
    /// When the text is not an object.
    #[inline]
    pub fn next_key(&mut self, first: &mut bool) -> Result<Option<&'a str>, Malformed> {
        if !self.next_entry(first, b'}')? {
            return Ok(None);
        }
        self.key().map(Some)
    }

    /// Moves to the next element of an open array; `false` after the last.
    ///
    /// # Errors
    /// When the text is not an array.
    #[inline]
    pub fn next_element(&mut self, first: &mut bool) -> Result<bool, Malformed> {
        self.next_entry(first, b']')
    }

    /// Skips one value of any depth and gives its text.
    ///
    /// # Errors
    /// When no well-formed value starts here.
    pub fn skip(&mut self) -> Result<&'a str, Malformed> {
        self.skip_measured().map(|(text, _)| text)
    }

    /// Skips one value; also tells how many brackets were open at most.
    ///
    /// # Errors
    /// When no well-formed value starts here.
    pub fn skip_measured(&mut self) -> Result<(&'a str, usize), Malformed> {
        self.peek()?;
        let start = self.at;
        let mut nest = Nest::default();
        let mut deepest = 0;
        loop {
            if self.enter(&mut nest)? {
                deepest = deepest.max(nest.depth());
                continue;
            }
            if self.leave(&mut nest)? {
                return Ok((self.text.get(start..self.at).unwrap_or_default(), deepest));
            }
        }
    }

    /// Checks that nothing but white space is left.
    ///
    /// # Errors
    /// At the first other byte.
    pub fn end(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            Ok(_) => Err(self.malformed()),
            Err(_) => Ok(()),
        }
    }

    /// Reads the start of a value: all of it (`false`), or the opening of a container that is not empty (`true`).
    #[inline]
    fn enter(&mut self, nest: &mut Nest) -> Result<bool, Malformed> {
        match self.peek()? {
            b'"' => self.string().map(|_| false),
            b'{' => {
                self.at += 1;
                if self.peek()? == b'}' {
                    self.at += 1;
                    return Ok(false);
                }
                nest.push(true);
                self.key().map(|_| true)
            }
            b'[' => {
                self.at += 1;
                if self.peek()? == b']' {
                    self.at += 1;
                    return Ok(false);
                }
                nest.push(false);
                Ok(true)
            }
            b'-' | b'0'..=b'9' => self.number().map(|()| false),
            b't' => self.literal("true").map(|()| false),
            b'f' => self.literal("false").map(|()| false),
            b'n' => self.literal("null").map(|()| false),
            _ => Err(self.malformed()),
        }
    }

    /// After a value: closes what ends here. `true` when nothing is open any more, `false` before the next value.
    #[inline]
    fn leave(&mut self, nest: &mut Nest) -> Result<bool, Malformed> {
        while let Some(in_object) = nest.top() {
            match (self.peek()?, in_object) {
                (b',', true) => {
                    self.at += 1;
                    return self.key().map(|_| false);
                }
                (b',', false) => {
                    self.at += 1;
                    return Ok(false);
                }
                (b'}', true) | (b']', false) => {
                    self.at += 1;
                    nest.pop();
                }
                _ => return Err(self.malformed()),
            }
        }
        Ok(true)
    }

    #[inline]
    fn next_entry(&mut self, first: &mut bool, close: u8) -> Result<bool, Malformed> {
        let next = self.peek()?;
        if next == close {
            self.at += 1;
            return Ok(false);
        }
        if *first {
            *first = false;
            return Ok(true);
        }
        self.byte(b',').map(|()| true)
    }

    #[inline]
    fn key(&mut self) -> Result<&'a str, Malformed> {
        let key = self.string()?;
        self.byte(b':')?;
        Ok(key)
    }

    #[inline]
    fn byte(&mut self, expected: u8) -> Result<(), Malformed> {
        if self.peek()? != expected {
            return Err(self.malformed());
        }
        self.at += 1;
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        let rest = self.text.as_bytes().get(self.at + 1..).unwrap_or_default();
        match rest {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => self.at += 2,
            [b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) => self.at += 6,
            _ => return Err(self.malformed()),
        }
        Ok(())
    }

    fn literal(&mut self, literal: &str) -> Result<(), Malformed> {
        if !self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(literal.as_bytes())) {
            return Err(self.malformed());
        }
        self.at += literal.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), Malformed> {
        self.at += usize::from(self.now() == Some(b'-'));
        if self.now() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.now() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.now(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.now(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while self.now().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.malformed()) } else { Ok(()) }
    }

    #[inline]
    fn now(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn malformed(&self) -> Malformed {
        Malformed { at: self.at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(text: &str) -> Result<(), Malformed> {
        let mut scanner = Scanner::new(text);
        scanner.skip()?;
        scanner.end()
    }

    #[test]
    fn takes_and_refuses_what_a_strict_parser_does() {
        let texts = [
            "{}",
            "[]",
            "{",
            "[",
            "}",
            "[1,]",
            "[,1]",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{a:1}",
            "[1 2]",
            "[}",
            "{]",
            "1",
            "-0",
            "01",
            "1.",
            ".5",
            "1e",
            "1e+5",
            "-",
            "+1",
            "tru",
            "true",
            "nulll",
            "null",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\ud834\\udd1e\"",
            "\"a\nb\"",
            "\"open",
            " [ { \"a\" : [ 1 , { } ] } ] ",
            "1 2",
            "",
            " ",
            "[[[]]",
            "{\"a\":{\"b\":[{}]}}",
        ];
        for text in texts {
            assert_eq!(whole(text).is_ok(), serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_hundred_thousand_levels_need_no_stack() {
        let depth = 100_000;
        let text = format!("{}1{}", "[{\"a\":".repeat(depth), "}]".repeat(depth));
        assert_eq!(Scanner::new(&text).skip_measured().unwrap().1, 2 * depth);
        assert!(whole(&"[".repeat(depth)).is_err());
        assert!(whole(&format!("{}1{}", "[{\"a\":".repeat(depth), "]}".repeat(depth))).is_err());
    }

    proptest! {
        #[test]
        fn agrees_with_a_strict_parser(text in "[\\[\\]{}:,\"a01.eE\\-+\\\\u ntrf]{0,12}") {
            // numbers beyond a double are JSON; the parser compared with keeps any number of digits
            prop_assert_eq!(whole(&text).is_ok(), serde_json::from_str::<Box<serde_json::value::RawValue>>(&text).is_ok());
        }

        #[test]
        fn escaping_is_undone_by_unescaping(text in any::<String>()) {
            let mut out = b"\"".to_vec();
            escape_into(&mut out, &text);
            out.push(b'"');
            let json = String::from_utf8(out).unwrap();
            prop_assert_eq!(&serde_json::from_str::<String>(&json).unwrap(), &text);
            prop_assert_eq!(unescape(Scanner::new(&json).string().unwrap()), text);
        }

        #[test]
        fn unescaping_agrees_with_a_strict_parser(text in "([a-zé]|\\\\[nrtbf\"/\\\\]|\\\\u00[0-9a-f]{2}|\\\\ud83d\\\\ude0[0-9])*") {
            let json = format!("\"{text}\"");
            prop_assert_eq!(unescape(&text), serde_json::from_str::<String>(&json).unwrap());
        }
    }
}
