//! The place in a filter pattern that is read next.

use super::regex;
use crate::Error;

/// In a JSON or space-delimited pattern, as the service has it.
const REGEXES_MAX: usize = 2;

pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    regexes: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str) -> Cursor<'a> {
        Cursor { text, at: 0, regexes: 0 }
    }

    pub fn invalid(&self, why: &str) -> Error {
        let place = self.text.get(..self.at).map_or(0, |read| read.chars().count()) + 1;
        Error::Invalid(format!("Invalid filter pattern at character {place}: {why}"))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn read(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    pub fn skip_space(&mut self) {
        self.take_while(char::is_whitespace);
    }

    /// Goes past `expected`, if it is next.
    pub fn take(&mut self, expected: &str) -> bool {
        let is_next = self.rest().starts_with(expected);
        if is_next {
            self.at += expected.len();
        }
        is_next
    }

    /// As [`Cursor::take`], with any space before it.
    pub fn take_spaced(&mut self, expected: &str) -> bool {
        let before = self.at;
        self.skip_space();
        let taken = self.take(expected);
        if !taken {
            self.at = before;
        }
        taken
    }

    pub fn expect(&mut self, expected: &str) -> Result<(), Error> {
        if self.take_spaced(expected) { Ok(()) } else { Err(self.invalid(&format!("`{expected}` is missing"))) }
    }

    pub fn take_while(&mut self, mut belongs: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let taken = rest.get(..rest.find(|c: char| !belongs(c)).unwrap_or(rest.len())).unwrap_or_default();
        self.at += taken.len();
        taken
    }

    /// What stands between this quotation mark and the next; a backslash takes the meaning from a mark or a backslash.
    pub fn quoted(&mut self) -> Result<String, Error> {
        let Some(mark) = self.read() else { return Err(self.invalid("a quotation mark is missing")) };
        let mut quoted = String::new();
        loop {
            match self.read() {
                None => return Err(self.invalid("a quotation mark is not closed")),
                Some(c) if c == mark => return Ok(quoted),
                Some('\\') if self.peek().is_some_and(|c| c == mark || c == '\\') => quoted.extend(self.read()),
                Some(c) => quoted.push(c),
            }
        }
    }

    /// A regular expression between percent signs.
    pub fn regex(&mut self) -> Result<::regex::Regex, Error> {
        self.expect("%")?;
        let text = self.take_while(|c| c != '%');
        let compiled = regex::compile(text).map_err(|why| self.invalid(&why))?;
        self.expect("%")?;
        self.regexes += 1;
        if self.regexes > REGEXES_MAX {
            return Err(self.invalid(&format!("a pattern can have at most {REGEXES_MAX} regular expressions")));
        }
        Ok(compiled)
    }
}
