//! The tokens of a pattern's JSON, each with the place the service's parser (Jackson) would report while it stands on it.
//!
//! That parser looks one value ahead after a name and reads strings lazily, so the place is after a literal or bracket, but
//! only after the opening quote of a string until [`Tokens::text`] reads it.

use std::borrow::Cow;

use expr::scan::{self, Malformed, Scanner};

use crate::Error;

/// How much of a pattern an error repeats.
const SHOWN_CHARS: usize = 500;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Name(Cow<'a, str>),
    String(Cow<'a, str>),
    /// As it is written.
    Number(&'a str),
    Bool(bool),
    Null,
}

/// A cursor over the tokens.
pub(super) struct Tokens<'a> {
    source: &'a str,
    scanner: Scanner<'a>,
    /// The open brackets; true for an object. With whether the next entry is the first.
    open: Vec<(bool, bool)>,
    /// The value after the name that was answered last.
    ahead: Option<Token<'a>>,
    place: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Tokens { source, scanner: Scanner::new(source), open: Vec::new(), ahead: None, place: 0 }
    }

    /// The next token.
    ///
    /// # Errors
    /// When the text is not JSON, or ends.
    pub(super) fn next(&mut self) -> Result<Token<'a>, Error> {
        if let Some(token) = self.ahead.take() {
            return Ok(token);
        }
        self.advance().map_err(|malformed| self.malformed(malformed))
    }

    /// The text of a string or number, which is then read to its end.
    pub(super) fn text(&mut self, token: &Token<'a>) -> String {
        self.place = self.scanner.at();
        match token {
            Token::Name(text) | Token::String(text) => text.clone().into_owned(),
            Token::Number(text) => (*text).to_owned(),
            Token::Bool(flag) => flag.to_string(),
            Token::Null => "null".into(),
            Token::ObjectStart => "{".into(),
            Token::ObjectEnd => "}".into(),
            Token::ArrayStart => "[".into(),
            Token::ArrayEnd => "]".into(),
        }
    }

    /// The text of the value that comes next, which stays unread: that after a name, from behind its opening bracket.
    pub(super) fn upcoming(&self) -> &'a str {
        self.source.get(self.scanner.at()..).unwrap_or_default()
    }

    /// An error at the place of the current token.
    pub(super) fn error(&self, reason: impl Into<String>) -> Error {
        Error::pattern(format!("{}{}", reason.into(), self.location(self.place)))
    }

    /// As [`Tokens::error`]; the service wraps what fails inside lists once more, so the place stands twice.
    pub(super) fn error_in_list(&self, reason: impl Into<String>) -> Error {
        let location = self.location(self.place);
        Error::pattern(format!("{}{location}{location}", reason.into()))
    }

    fn advance(&mut self) -> Result<Token<'a>, Malformed> {
        let token = match self.open.last_mut() {
            None => self.value()?,
            Some((true, first)) => match self.scanner.next_key(first)? {
                None => self.close(Token::ObjectEnd),
                Some(raw) => {
                    let name = scan::unescape(raw);
                    let value = self.value()?;
                    self.ahead = Some(value);
                    return Ok(Token::Name(name));
                }
            },
            Some((false, first)) => match self.scanner.next_element(first)? {
                false => self.close(Token::ArrayEnd),
                true => self.value()?,
            },
        };
        Ok(token)
    }

    fn close(&mut self, token: Token<'a>) -> Token<'a> {
        self.open.pop();
        self.place = self.scanner.at();
        token
    }

    fn value(&mut self) -> Result<Token<'a>, Malformed> {
        let token = match self.scanner.peek()? {
            b'{' => self.bracket(b'{', true, Token::ObjectStart)?,
            b'[' => self.bracket(b'[', false, Token::ArrayStart)?,
            b'"' => {
                let opening = self.scanner.at() + 1;
                let text = self.scanner.string()?;
                self.place = opening;
                return Ok(Token::String(scan::unescape(text)));
            }
            _ => match self.scanner.skip()? {
                "true" => Token::Bool(true),
                "false" => Token::Bool(false),
                "null" => Token::Null,
                number => Token::Number(number),
            },
        };
        self.place = self.scanner.at();
        Ok(token)
    }

    fn bracket(&mut self, bracket: u8, is_object: bool, token: Token<'a>) -> Result<Token<'a>, Malformed> {
        self.scanner.open(bracket)?;
        self.open.push((is_object, true));
        Ok(token)
    }

    fn malformed(&self, malformed: Malformed) -> Error {
        let reason = match self.source.get(malformed.at..).and_then(|rest| rest.chars().next()) {
            Some(c) => format!("Unexpected character ('{c}' (code {}))", u32::from(c)),
            None => "Unexpected end-of-input".to_owned(),
        };
        Error::pattern(format!("{reason}{}", self.location(malformed.at)))
    }

    /// As the service shows it; columns count UTF-16 units from 1.
    fn location(&self, at: usize) -> String {
        let before = self.source.get(..at).unwrap_or(self.source);
        let line = before.rsplit_once('\n').map_or(before, |(_, line)| line);
        let shown: String = self.source.chars().take(SHOWN_CHARS).collect();
        let hidden = self.source.chars().count().saturating_sub(SHOWN_CHARS);
        let cut = if hidden == 0 { String::new() } else { format!("[truncated {hidden} chars]") };
        format!(
            "\n at [Source: (String)\"{shown}\"{cut}; line: {}, column: {}]",
            before.matches('\n').count() + 1,
            line.encode_utf16().count() + 1
        )
    }
}
