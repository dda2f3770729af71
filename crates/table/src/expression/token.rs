//! Words and signs of an expression, and a cursor over them that writes syntax errors the way AWS does.

use super::{EXPRESSION_BYTES_MAX, Kind, OPERATORS_MAX};
use crate::Error;

/// What a token is; its text is in the expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A name, `#name`, keyword or function.
    Word,
    /// A `:value`.
    Value,
    /// Digits: the index of a list element.
    Index,
    /// An operator or punctuation.
    Sign,
    End,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub class: Class,
    pub text: &'a str,
    start: usize,
}

impl Token<'_> {
    pub fn is_sign(&self, sign: &str) -> bool {
        self.class == Class::Sign && self.text == sign
    }

    pub fn is_keyword(&self, keyword: &str) -> bool {
        self.class == Class::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    fn end(&self) -> usize {
        self.start + if self.class == Class::End { 0 } else { self.text.len() }
    }
}

/// Whether `text` may follow the `#` or `:` of a placeholder.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_word_byte)
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The tokens of one expression and a position among them.
pub(super) struct Tokens<'a> {
    pub kind: Kind,
    text: &'a str,
    tokens: Vec<Token<'a>>,
    next: usize,
    operators: usize,
}

impl<'a> Tokens<'a> {
    /// # Errors
    /// `Validation` when the text is empty, too long or has a character that starts no token.
    pub fn new(kind: Kind, text: &'a str) -> Result<Tokens<'a>, Error> {
        if text.trim().is_empty() {
            return Err(kind.invalid("The expression can not be empty;"));
        }
        if text.len() > EXPRESSION_BYTES_MAX {
            return Err(kind.invalid(format_args!(
                "Expression size has exceeded the maximum allowed size; expression size: {}",
                text.len()
            )));
        }
        let mut tokens = Tokens { kind, text, tokens: Vec::new(), next: 0, operators: 0 };
        let mut at = 0;
        loop {
            let rest = text.get(at..).unwrap_or_default();
            at += rest.len() - rest.trim_start().len();
            let token = scan(text, at);
            let Ok((class, length)) = token else {
                let bad = token.err().unwrap_or_default();
                let token = Token { class: Class::Sign, text: text.get(at..at + bad).unwrap_or_default(), start: at };
                tokens.tokens.push(token);
                tokens.next = tokens.tokens.len() - 1;
                return Err(tokens.syntax_error());
            };
            let text = if class == Class::End { "<EOF>" } else { text.get(at..at + length).unwrap_or_default() };
            tokens.tokens.push(Token { class, text, start: at });
            if class == Class::End {
                return Ok(tokens);
            }
            at += length;
        }
    }

    /// The token `ahead` places after the next one; the end repeats for ever.
    pub fn peek_at(&self, ahead: usize) -> Token<'a> {
        let end = Token { class: Class::End, text: "<EOF>", start: self.text.len() };
        self.tokens.get(self.next + ahead).copied().unwrap_or(end)
    }

    pub fn peek(&self) -> Token<'a> {
        self.peek_at(0)
    }

    pub fn advance(&mut self) -> Token<'a> {
        let token = self.peek();
        self.next += 1;
        token
    }

    /// How many tokens have been taken.
    pub fn position(&self) -> usize {
        self.next
    }

    pub fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.peek().is_sign(sign);
        self.next += usize::from(found);
        found
    }

    pub fn take_keyword(&mut self, keyword: &str) -> bool {
        let found = self.peek().is_keyword(keyword);
        self.next += usize::from(found);
        found
    }

    pub fn expect_sign(&mut self, sign: &str) -> Result<(), Error> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.syntax_error()) }
    }

    pub fn expect_keyword(&mut self, keyword: &str) -> Result<(), Error> {
        if self.take_keyword(keyword) { Ok(()) } else { Err(self.syntax_error()) }
    }

    /// A name or `#name`, not a keyword of the grammar.
    pub fn expect_name(&mut self) -> Result<&'a str, Error> {
        let token = self.peek();
        let keywords: &[&str] = match self.kind {
            Kind::Update => &["SET", "REMOVE", "ADD", "DELETE"],
            Kind::Condition | Kind::Filter | Kind::KeyCondition => &["AND", "OR", "NOT", "BETWEEN", "IN"],
            Kind::Projection => &[],
        };
        if token.class != Class::Word || keywords.iter().any(|keyword| token.is_keyword(keyword)) {
            return Err(self.syntax_error());
        }
        Ok(self.advance().text)
    }

    /// Counts an operator or function.
    pub fn count_operator(&mut self) -> Result<(), Error> {
        self.operators += 1;
        if self.operators > OPERATORS_MAX {
            return Err(self.kind.invalid(format_args!(
                "The expression contains too many operators; operator count: {}",
                self.operators
            )));
        }
        Ok(())
    }

    /// The next token is not what may stand here.
    pub fn syntax_error(&self) -> Error {
        let token = self.peek();
        let first = self.next.checked_sub(1).and_then(|index| self.tokens.get(index)).unwrap_or(&token).start;
        let last = self.tokens.get(self.next + 1).unwrap_or(&token).end().max(token.end());
        let near = self.text.get(first..last).unwrap_or_default().trim_end();
        self.kind.invalid(format_args!("Syntax error; token: \"{}\", near: \"{near}\"", token.text))
    }
}

/// Class and length of the token at `at`, or the length of the character that starts none.
fn scan(text: &str, at: usize) -> Result<(Class, usize), usize> {
    let rest = text.get(at..).unwrap_or_default();
    let word = |from: usize| rest.bytes().skip(from).take_while(|byte| is_word_byte(*byte)).count();
    let mut bytes = rest.bytes();
    let Some(first) = bytes.next() else { return Ok((Class::End, 0)) };
    match first {
        b'#' if word(1) > 0 => Ok((Class::Word, 1 + word(1))),
        b':' if word(1) > 0 => Ok((Class::Value, 1 + word(1))),
        b'0'..=b'9' => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if word(0) == digits { Ok((Class::Index, digits)) } else { Err(word(0)) }
        }
        _ if is_word_byte(first) => Ok((Class::Word, word(0))),
        b'<' if matches!(bytes.next(), Some(b'>' | b'=')) => Ok((Class::Sign, 2)),
        b'>' if bytes.next() == Some(b'=') => Ok((Class::Sign, 2)),
        b'(' | b')' | b'[' | b']' | b'.' | b',' | b'=' | b'<' | b'>' | b'+' | b'-' => Ok((Class::Sign, 1)),
        _ => Err(rest.chars().next().map_or(0, char::len_utf8)),
    }
}
