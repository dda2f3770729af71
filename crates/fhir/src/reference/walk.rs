//! Finds and replaces what in a resource leads elsewhere (hl7.org/fhir/R4/http.html#trules).
//!
//! Elements are known by their types, so a text that only looks like a reference stays. No other byte changes.

use crate::definitions::{Definitions, ShapeNumber, TypeKind, TypeNumber};
use crate::json::{self, Document, Element, Kind};

/// How a text leads elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `reference` of a Reference.
    Reference,
    /// A uri, url, oid, uuid or canonical.
    Link,
    /// `href` or `src` in a narrative.
    Narrative,
}

/// Hands on each text that leads elsewhere, in the order of the document, those of contained resources too.
pub fn walk(document: &Document, found: &mut dyn FnMut(Place, &str)) {
    each(document, &mut |element, place| {
        let Some(text) = element.as_str() else { return };
        match place {
            Place::Narrative => attributes(&text, &mut |range| {
                if let Some(link) = text.get(range) {
                    found(place, link);
                }
            }),
            _ => found(place, &text),
        }
    });
}

/// The document with some of these texts replaced; `None` when all stay.
pub fn rewrite(document: &Document, replace: &mut dyn FnMut(Place, &str) -> Option<String>) -> Option<String> {
    let root = document.root();
    let (source, start) = (root.raw(), root.span().start);
    let (mut out, mut done) = (String::new(), 0);
    each(document, &mut |element, place| {
        let Some(text) = element.as_str() else { return };
        let replaced = match place {
            Place::Narrative => narrative(&text, replace),
            _ => replace(place, &text),
        };
        if let Some(replaced) = replaced {
            let span = element.span();
            out.push_str(source.get(done..span.start - start).unwrap_or_default());
            json::write_string(&mut out, &replaced);
            done = span.end - start;
        }
    });
    if done == 0 {
        return None;
    }
    out.push_str(source.get(done..).unwrap_or_default());
    Some(out)
}

fn narrative(text: &str, replace: &mut dyn FnMut(Place, &str) -> Option<String>) -> Option<String> {
    let (mut out, mut done) = (String::new(), 0);
    attributes(text, &mut |range| {
        let replaced = text.get(range.clone()).and_then(|link| replace(Place::Narrative, link));
        if let Some(replaced) = replaced {
            out.push_str(text.get(done..range.start).unwrap_or_default());
            out.push_str(&replaced);
            done = range.end;
        }
    });
    (done > 0).then(|| out + text.get(done..).unwrap_or_default())
}

/// Where the values of `href` and `src` stand.
fn attributes(text: &str, found: &mut dyn FnMut(std::ops::Range<usize>)) {
    let mut at = 0;
    while let Some(next) = text.get(at..).and_then(|rest| rest.find('=')) {
        at += next + 1;
        let is_link = [" href=", " src="].iter().any(|name| text[..at].ends_with(name));
        let quote = text.get(at..).and_then(|rest| rest.chars().next()).filter(|quote| matches!(quote, '"' | '\''));
        if let (true, Some(quote)) = (is_link, quote) {
            let start = at + 1;
            let Some(length) = text.get(start..).and_then(|rest| rest.find(quote)) else { return };
            found(start..start + length);
            at = start + length;
        }
    }
}

fn each<'a>(document: &'a Document, found: &mut dyn FnMut(Element<'a>, Place)) {
    resource(document.root(), found);
}

/// As deep as a document may be.
fn resource<'a>(element: Element<'a>, found: &mut dyn FnMut(Element<'a>, Place)) {
    let definitions = Definitions::r4();
    let kind = element.get("resourceType").and_then(Element::as_str).and_then(|kind| definitions.resource(&kind));
    if let Some(kind) = kind {
        inside(element, definitions.of(kind).shape, false, found);
    }
}

fn inside<'a>(element: Element<'a>, shape: ShapeNumber, is_reference: bool, found: &mut dyn FnMut(Element<'a>, Place)) {
    let definitions = Definitions::r4();
    let shape = definitions.shape(shape);
    for (name, value) in element.members() {
        let Some((child, which)) = shape.child(&name) else { continue };
        let kind = child.types.get(which).map(|kind| kind.number);
        if is_reference && name == "reference" {
            found(value, Place::Reference);
        } else if let Some(inner) = child.shape {
            parts(value, &mut |part| inside(part, inner, false, found));
        } else if let Some(kind) = kind {
            parts(value, &mut |part| typed(part, kind, found));
        }
    }
}

fn typed<'a>(element: Element<'a>, kind: TypeNumber, found: &mut dyn FnMut(Element<'a>, Place)) {
    let definitions = Definitions::r4();
    let of = definitions.of(kind);
    match (of.kind, &*of.name) {
        (TypeKind::Resource, _) => resource(element, found),
        (TypeKind::Complex, name) => inside(element, of.shape, name == "Reference", found),
        (TypeKind::Primitive, "xhtml") => found(element, Place::Narrative),
        (TypeKind::Primitive, "uri" | "url" | "oid" | "uuid" | "canonical") => found(element, Place::Link),
        (TypeKind::Primitive, _) => {}
    }
}

fn parts<'a>(value: Element<'a>, found: &mut dyn FnMut(Element<'a>)) {
    if value.kind() == Kind::Array { value.items().for_each(found) } else { found(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r##"{ "resourceType":"Observation", "id":"urn:uuid:1",
      "text":{"status":"generated","div":"<div><a href=\"urn:uuid:1\">x</a><img alt=\"a\" src='b.png'/></div>"},
      "contained":[{"resourceType":"Patient","link":[{"other":{"reference":"Patient/2"}}]}],
      "extension":[{"url":"u","valueReference":{"reference":"urn:uuid:1"}},{"url":"v","valueString":"urn:uuid:1"}],
      "identifier":[{"system":"s","value":"urn:uuid:1"}], "instantiatesUnknown":"urn:uuid:1",
      "subject" : { "reference" : "urn:uuid:1" , "display":"urn:uuid:1" },
      "component":[{"valueQuantity":{"value":1.50}},{"referenceRange":[{"extension":[{"url":"w","valueUri":"urn:uuid:1"}]}]}] }"##;

    #[test]
    fn all_that_leads_elsewhere_is_found() {
        let document = Document::parse(SOURCE).expect("a document");
        let mut found = Vec::new();
        walk(&document, &mut |place, text| found.push((place, text.to_owned())));
        let found: Vec<_> = found.iter().map(|(place, text)| (*place, text.as_str())).collect();
        let expected = [
            (Place::Narrative, "urn:uuid:1"),
            (Place::Narrative, "b.png"),
            (Place::Reference, "Patient/2"),
            (Place::Link, "u"),
            (Place::Reference, "urn:uuid:1"),
            (Place::Link, "v"),
            (Place::Link, "s"),
            (Place::Reference, "urn:uuid:1"),
            (Place::Link, "w"),
            (Place::Link, "urn:uuid:1"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn only_what_is_replaced_changes() {
        let document = Document::parse(SOURCE).expect("a document");
        let rewritten = rewrite(&document, &mut |_, text| (text == "urn:uuid:1").then(|| "Patient/\"9".to_owned()));
        let expected = SOURCE
            .replace(r#"{"reference":"urn:uuid:1"}"#, r#"{"reference":"Patient/\"9"}"#)
            .replace(r#""reference" : "urn:uuid:1" "#, r#""reference" : "Patient/\"9" "#)
            .replace(r#""valueUri":"urn:uuid:1""#, r#""valueUri":"Patient/\"9""#)
            .replace(r#"href=\"urn:uuid:1\">x"#, r#"href=\"Patient/\"9\">x"#);
        assert_eq!(rewritten, Some(expected));
        assert_eq!(rewrite(&document, &mut |_, _| None), None);
    }
}
