//! A value in a document: what it is, what it holds, where it stands.

use std::borrow::Cow;
use std::ops::Range;

use super::parse::unit;
use super::{Document, Kind, Node};

/// A value of a document. Two words; copied freely.
#[derive(Clone, Copy)]
pub struct Element<'a> {
    pub(super) document: &'a Document,
    pub(super) index: u32,
}

impl<'a> Element<'a> {
    fn node(self) -> &'a Node {
        const NOTHING: &Node = &Node { kind: Kind::Null, escaped: false, start: 0, end: 0, next: u32::MAX };
        // An element is only made of an index that is there.
        self.document.nodes.get(self.index as usize).unwrap_or(NOTHING)
    }

    pub fn kind(self) -> Kind {
        self.node().kind
    }

    /// The document it is of.
    pub fn document(self) -> &'a Document {
        self.document
    }

    /// Where it stands in the source; a string with its quotes.
    pub fn span(self) -> Range<usize> {
        self.node().start as usize..self.node().end as usize
    }

    /// Its bytes as they stand in the source: of a number, its digits.
    pub fn raw(self) -> &'a str {
        let bytes = self.document.source.get(self.span()).unwrap_or_default();
        // The source was checked as a whole, and a value begins and ends at ASCII.
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// The text of a string, escapes resolved. Borrowed unless there are any.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        let node = self.node();
        (node.kind == Kind::String).then(|| text(&self.document.source, node))
    }

    pub fn as_bool(self) -> Option<bool> {
        (self.kind() == Kind::Bool).then(|| self.raw() == "true")
    }

    /// The member of an object with this name.
    pub fn get(self, name: &str) -> Option<Element<'a>> {
        self.members().find(|(member, _)| member == name).map(|(_, value)| value)
    }

    /// The members of an object in their order; none of anything else.
    pub fn members(self) -> Members<'a> {
        Members(self.inside(Kind::Object))
    }

    /// The items of an array in their order; none of anything else.
    pub fn items(self) -> Items<'a> {
        Items(self.inside(Kind::Array))
    }

    fn inside(self, kind: Kind) -> Inside<'a> {
        let node = self.node();
        let end = if node.kind == kind { node.next } else { 0 };
        Inside { document: self.document, index: self.index + 1, end }
    }
}

impl std::fmt::Debug for Element<'_> {
    // The content of a resource is health data: only kind and place are shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Element {{ kind: {:?}, span: {:?} }}", self.kind(), self.span())
    }
}

#[derive(Clone)]
struct Inside<'a> {
    document: &'a Document,
    index: u32,
    end: u32,
}

impl<'a> Inside<'a> {
    fn next(&mut self) -> Option<Element<'a>> {
        if self.index >= self.end {
            return None;
        }
        let element = Element { document: self.document, index: self.index };
        self.index = element.node().next;
        Some(element)
    }
}

/// Members of an object: name and value.
#[derive(Clone)]
pub struct Members<'a>(Inside<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, Element<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.0.next()?;
        let value = self.0.next()?;
        Some((text(&name.document.source, name.node()), value))
    }
}

/// Items of an array.
#[derive(Clone)]
pub struct Items<'a>(Inside<'a>);

impl<'a> Iterator for Items<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

/// The text of a string's node.
pub(super) fn text<'a>(source: &'a [u8], node: &Node) -> Cow<'a, str> {
    let inner = source.get(node.start as usize + 1..node.end as usize - 1).unwrap_or_default();
    let inner = std::str::from_utf8(inner).unwrap_or_default();
    if node.escaped { Cow::Owned(unescape(inner)) } else { Cow::Borrowed(inner) }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at..];
        let (character, length) = match escape.as_bytes().get(1) {
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(b'n') => ('\n', 2),
            Some(b'r') => ('\r', 2),
            Some(b't') => ('\t', 2),
            Some(b'u') => unicode(escape.as_bytes()),
            Some(other) => (*other as char, 2),
            None => break,
        };
        out.push(character);
        rest = &escape[length..];
    }
    out.push_str(rest);
    out
}

/// The character of one or two `\uXXXX`, and their length. The parser has checked them.
fn unicode(escape: &[u8]) -> (char, usize) {
    let high = unit(escape, 0).unwrap_or_default();
    if (0xd800..0xdc00).contains(&high) {
        let low = unit(escape, 6).unwrap_or_default();
        let code = 0x10000 + ((high - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}
