//! Reads the nodes of a document.

use super::{DEPTH_MAX, Kind, Node};

/// Members of an object up to which names are compared one with another; above, by a set.
const COMPARED_MEMBERS_MAX: usize = 24;

/// Why bytes are not a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("not JSON")]
    Syntax,
    #[error("not UTF-8")]
    Utf8,
    #[error("nested too deeply")]
    Depth,
    #[error("a member is named twice")]
    Duplicate,
    #[error("too large")]
    Size,
}

/// Where a document ends to be one. Says nothing of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}. line={line} column={column}")]
pub struct Error {
    pub reason: Reason,
    /// Bytes before the place.
    pub offset: usize,
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
}

/// An array or object that is still open.
struct Open {
    node: u32,
    is_object: bool,
}

struct Parser<'a> {
    source: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    open: Vec<Open>,
}

pub(super) fn parse(source: &[u8]) -> Result<Vec<Node>, Error> {
    let located = |(reason, offset): (Reason, usize)| {
        let before = source.get(..offset).unwrap_or(source);
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        Error { reason, offset, line, column: 1 + offset.min(source.len()) - line_start }
    };
    if source.len() >= u32::MAX as usize {
        return Err(located((Reason::Size, 0)));
    }
    if let Err(error) = std::str::from_utf8(source) {
        return Err(located((Reason::Utf8, error.valid_up_to())));
    }
    // A node for about every eight bytes is what resources need.
    let mut parser = Parser { source, at: 0, nodes: Vec::with_capacity(source.len() / 8 + 1), open: Vec::new() };
    parser.document().map_err(located)?;
    Ok(parser.nodes)
}

type Step<T> = Result<T, (Reason, usize)>;

impl Parser<'_> {
    fn syntax<T>(&self) -> Step<T> {
        Err((Reason::Syntax, self.at))
    }

    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn document(&mut self) -> Step<()> {
        self.space();
        let mut wants_value = true;
        loop {
            if wants_value {
                wants_value = self.value()?;
                continue;
            }
            // A value has ended: what holds it goes on or ends.
            let Some(open) = self.open.last() else { break };
            let (holder, is_object) = (open.node, open.is_object);
            self.space();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.space();
                    if is_object {
                        self.name()?;
                    }
                    wants_value = true;
                }
                Some(b']') if !is_object => self.close(holder)?,
                Some(b'}') if is_object => self.close(holder)?,
                _ => return self.syntax(),
            }
        }
        self.space();
        if self.at == self.source.len() { Ok(()) } else { self.syntax() }
    }

    /// One value, or the opening of one; true when a value must follow in it.
    fn value(&mut self) -> Step<bool> {
        match self.peek() {
            Some(b'{') => {
                self.open(Kind::Object)?;
                if self.peek() == Some(b'}') {
                    return self.close_empty();
                }
                self.name()?;
                Ok(true)
            }
            Some(b'[') => {
                self.open(Kind::Array)?;
                if self.peek() == Some(b']') {
                    return self.close_empty();
                }
                Ok(true)
            }
            Some(b'"') => self.string().map(|()| false),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| false),
            Some(b't') => self.word(b"true", Kind::Bool).map(|()| false),
            Some(b'f') => self.word(b"false", Kind::Bool).map(|()| false),
            Some(b'n') => self.word(b"null", Kind::Null).map(|()| false),
            _ => self.syntax(),
        }
    }

    fn push(&mut self, kind: Kind, start: usize, escaped: bool) {
        let next = self.nodes.len() as u32 + 1;
        self.nodes.push(Node { kind, escaped, start: start as u32, end: self.at as u32, next });
    }

    fn open(&mut self, kind: Kind) -> Step<()> {
        if self.open.len() >= DEPTH_MAX {
            return Err((Reason::Depth, self.at));
        }
        self.open.push(Open { node: self.nodes.len() as u32, is_object: kind == Kind::Object });
        let start = self.at;
        self.at += 1;
        self.push(kind, start, false);
        self.space();
        Ok(())
    }

    fn close_empty(&mut self) -> Step<bool> {
        match self.open.last() {
            Some(open) => {
                let node = open.node;
                self.close(node)?;
            }
            None => return self.syntax(),
        }
        Ok(false)
    }

    fn close(&mut self, holder: u32) -> Step<()> {
        self.at += 1;
        let is_object = self.open.pop().is_some_and(|open| open.is_object);
        let next = self.nodes.len() as u32;
        if let Some(node) = self.nodes.get_mut(holder as usize) {
            node.end = self.at as u32;
            node.next = next;
        }
        if is_object { self.unique(holder) } else { Ok(()) }
    }

    fn name(&mut self) -> Step<()> {
        if self.peek() != Some(b'"') {
            return self.syntax();
        }
        self.string()?;
        self.space();
        if self.peek() != Some(b':') {
            return self.syntax();
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    fn string(&mut self) -> Step<()> {
        let start = self.at;
        let mut escaped = false;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(0..=0x1f) | None => return self.syntax(),
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        self.push(Kind::String, start, escaped);
        Ok(())
    }

    fn escape(&mut self) -> Step<()> {
        match self.source.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => match unit(self.source, self.at) {
                Some(0xd800..=0xdbff) => match unit(self.source, self.at + 6) {
                    Some(0xdc00..=0xdfff) => self.at += 12,
                    _ => return self.syntax(),
                },
                Some(0xdc00..=0xdfff) | None => return self.syntax(),
                Some(_) => self.at += 6,
            },
            _ => return self.syntax(),
        }
        Ok(())
    }

    fn number(&mut self) -> Step<()> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return self.syntax(),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        self.push(Kind::Number, start, false);
        Ok(())
    }

    /// At least one digit.
    fn digits(&mut self) -> Step<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { self.syntax() } else { Ok(()) }
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Step<()> {
        let start = self.at;
        if !self.source.get(start..).is_some_and(|rest| rest.starts_with(word)) {
            return self.syntax();
        }
        self.at += word.len();
        self.push(kind, start, false);
        Ok(())
    }

    /// Whether no member of an object that has just ended is named twice.
    fn unique(&self, holder: u32) -> Step<()> {
        let mut names: Vec<(std::borrow::Cow<'_, str>, u32)> = Vec::new();
        let mut index = holder + 1;
        while let Some(node) = self.nodes.get(index as usize) {
            names.push((super::element::text(self.source, node), node.start));
            let Some(value) = self.nodes.get(index as usize + 1) else { break };
            index = value.next;
        }
        let twice = if names.len() <= COMPARED_MEMBERS_MAX {
            names.iter().enumerate().find(|(at, (name, _))| names.iter().take(*at).any(|(other, _)| other == name))
        } else {
            let mut seen = std::collections::HashSet::with_capacity(names.len());
            names.iter().enumerate().find(|(_, (name, _))| !seen.insert(name))
        };
        twice.map_or(Ok(()), |(_, (_, start))| Err((Reason::Duplicate, *start as usize)))
    }
}

/// The UTF-16 unit of `\uXXXX` at a place.
pub(super) fn unit(source: &[u8], at: usize) -> Option<u32> {
    let text = source.get(at..at + 6)?.strip_prefix(b"\\u")?;
    text.iter().try_fold(0, |sum, digit| Some(sum * 16 + (*digit as char).to_digit(16)?))
}
