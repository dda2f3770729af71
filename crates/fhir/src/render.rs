//! A stored resource as it is told: with its id, version and time; or only some of it.
//!
//! What is stored has neither id nor version nor time: they belong to the store. [`strip`] takes them out once, [`stamp`] puts
//! them in without reading the document again.

use crate::definitions::{Child, Definitions, Shape, TypeNumber};
use crate::json::{Document, Element, Kind};
use crate::search::query::Summary;

const SUBSETTED: &str = r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}"#;

/// A resource without id, `meta.versionId` and `meta.lastUpdated`, beginning `{"resourceType":"X"`, then what is left of
/// `meta`; all else as it came. `None` when it is no object with a type.
pub fn strip(document: &Document) -> Option<String> {
    let root = document.root();
    let kind = root.get("resourceType")?.as_str()?;
    let mut out = String::with_capacity(document.source().len());
    out.push_str(r#"{"resourceType":"#);
    crate::json::write_string(&mut out, &kind);
    let meta =
        root.get("meta").map(|meta| members(meta, &["versionId", "lastUpdated"])).filter(|meta| !meta.is_empty());
    if let Some(meta) = meta {
        out.push_str(r#","meta":{"#);
        out.push_str(&meta);
        out.push('}');
    }
    let rest = members(root, &["resourceType", "id", "meta"]);
    if !rest.is_empty() {
        out.push(',');
        out.push_str(&rest);
    }
    out.push('}');
    Some(out)
}

/// The members of an object but some, as they came, without the spaces between their parts: a line of NDJSON has no other.
fn members(element: Element<'_>, but: &[&str]) -> String {
    let mut out = String::new();
    for (name, value) in element.members().filter(|(name, _)| !but.contains(&&**name)) {
        if !out.is_empty() {
            out.push(',');
        }
        crate::json::write_string(&mut out, &name);
        out.push(':');
        crate::json::write_compact(&mut out, value);
    }
    out
}

/// What [`strip`] made, with what the store knows.
pub fn stamp(stripped: &str, kind: &str, id: &str, version: i64, last_updated: &str) -> String {
    // `{"resourceType":"KIND"`
    let (head, rest) = stripped.split_at_checked(kind.len() + 18).unwrap_or((stripped, "}"));
    let mut out = String::with_capacity(stripped.len() + id.len() + 100);
    out.push_str(head);
    out.push_str(r#","id":""#);
    out.push_str(id);
    out.push_str(r#"","meta":{"versionId":""#);
    out.push_str(&version.to_string());
    out.push_str(r#"","lastUpdated":""#);
    out.push_str(last_updated);
    out.push('"');
    match rest.strip_prefix(r#","meta":{"#) {
        Some(meta) => {
            out.push(',');
            out.push_str(meta);
        }
        None => {
            out.push('}');
            out.push_str(rest);
        }
    }
    out
}

/// What of a resource is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub summary: Summary,
    /// Top-level elements; empty is all.
    pub elements: &'a [String],
}

impl Wanted<'_> {
    /// Whether all of it is.
    pub fn is_all(self) -> bool {
        self.elements.is_empty() && matches!(self.summary, Summary::False | Summary::Count)
    }
}

/// Some of a resource, marked as such in `meta.tag`. Elements that must be there and `id` and `meta` stay.
pub fn subset(document: &Document, resource: TypeNumber, wanted: Wanted<'_>) -> String {
    let definitions = Definitions::r4();
    let shape = definitions.shape(definitions.of(resource).shape);
    let mut out = String::from("{");
    let mut has_meta = false;
    for (name, value) in document.root().members() {
        let base = name.strip_prefix('_').unwrap_or(&name);
        let child = shape.child(base).map(|(child, _)| child);
        let kept = matches!(&*name, "resourceType" | "id" | "meta")
            || child.is_some_and(|child| is_wanted(child, base, wanted));
        if !kept {
            continue;
        }
        if out.len() > 1 {
            out.push(',');
        }
        crate::json::write_string(&mut out, &name);
        out.push(':');
        if name == "meta" {
            has_meta = true;
            out.push_str(&tagged(value));
        } else if wanted.summary == Summary::True && wanted.elements.is_empty() {
            summarised(&mut out, value, child.and_then(|child| child.shape).map(|shape| definitions.shape(shape)));
        } else {
            out.push_str(value.raw());
        }
    }
    if !has_meta {
        out.push_str(&format!(r#","meta":{{"tag":[{SUBSETTED}]}}"#));
    }
    out.push('}');
    out
}

fn is_wanted(child: &Child, name: &str, wanted: Wanted<'_>) -> bool {
    if !wanted.elements.is_empty() {
        let asked = |element: &String| *element == *child.name || *element == name;
        return child.min > 0 || wanted.elements.iter().any(asked);
    }
    match wanted.summary {
        Summary::True => child.is_summary || child.min > 0,
        Summary::Text => child.min > 0 || &*child.name == "text",
        Summary::Data => &*child.name != "text",
        Summary::False | Summary::Count => true,
    }
}

/// A backbone element's own summary; other values are told whole.
fn summarised(out: &mut String, value: Element<'_>, shape: Option<&Shape>) {
    let Some(shape) = shape else { return out.push_str(value.raw()) };
    match value.kind() {
        Kind::Array => {
            out.push('[');
            for (at, item) in value.items().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                summarised(out, item, Some(shape));
            }
            out.push(']');
        }
        Kind::Object => {
            let start = out.len();
            out.push('{');
            for (name, member) in value.members() {
                let child = shape.child(name.strip_prefix('_').unwrap_or(&name)).map(|(child, _)| child);
                if !child.is_some_and(|child| child.is_summary || child.min > 0) {
                    continue;
                }
                if out.len() > start + 1 {
                    out.push(',');
                }
                crate::json::write_string(out, &name);
                out.push(':');
                summarised(
                    out,
                    member,
                    child.and_then(|child| child.shape).map(|shape| Definitions::r4().shape(shape)),
                );
            }
            out.push('}');
            if out.len() == start + 2 {
                // An object without any member is none.
                out.truncate(start);
                out.push_str(value.raw());
            }
        }
        _ => out.push_str(value.raw()),
    }
}

/// `meta` with the tag that says it is not all.
fn tagged(meta: Element<'_>) -> String {
    let rest = members(meta, &["tag"]);
    let tags = meta
        .get("tag")
        .map(Element::raw)
        .and_then(|tags| tags.strip_prefix('[')?.strip_suffix(']'))
        .unwrap_or_default()
        .trim();
    let comma = |text: &str| if text.is_empty() { "" } else { "," };
    format!(r#"{{{rest}{}"tag":[{tags}{}{SUBSETTED}]}}"#, comma(&rest), comma(tags))
}
