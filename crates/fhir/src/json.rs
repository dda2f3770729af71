//! A JSON document as a flat list of nodes over the bytes it was read from (RFC 8259).
//!
//! Nothing is copied: a node is its kind, where it stands in the source and where what follows it begins. Reading is
//! iterative and bounded in depth, so no input can exhaust the stack. It is as strict as FHIR asks: members are not named
//! twice, text is UTF-8, and nothing stands behind the value.

mod element;
mod parse;
mod write;

use bytes::Bytes;

pub use element::{Element, Items, Members};
pub use parse::{Error, Reason};
pub use write::{write_compact, write_pretty, write_string};

/// Arrays and objects within each other. Deeper ones are refused.
pub const DEPTH_MAX: usize = 200;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

/// One value; 16 bytes. Members of an object are two nodes each: the name, then the value.
#[derive(Clone, Copy)]
struct Node {
    kind: Kind,
    /// Of a string: holds an escape.
    escaped: bool,
    /// Where the value stands in the source; a string with its quotes.
    start: u32,
    end: u32,
    /// The node behind this one and all it holds.
    next: u32,
}

/// A document that was read: well-formed, its source unchanged.
pub struct Document {
    source: Bytes,
    nodes: Vec<Node>,
}

impl Document {
    /// Reads one JSON value.
    ///
    /// # Errors
    /// Where and why the source is not a document this crate takes.
    pub fn parse(source: impl Into<Bytes>) -> Result<Document, Error> {
        let source = source.into();
        let nodes = parse::parse(&source)?;
        Ok(Document { source, nodes })
    }

    /// The value.
    pub fn root(&self) -> Element<'_> {
        Element { document: self, index: 0 }
    }

    /// The bytes it was read from.
    pub fn source(&self) -> &Bytes {
        &self.source
    }
}

impl std::fmt::Debug for Document {
    // The content of a resource is health data: only its size is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Document {{ bytes: {}, nodes: {} }}", self.source.len(), self.nodes.len())
    }
}
