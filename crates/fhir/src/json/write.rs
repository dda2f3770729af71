//! Writes JSON: texts with their quotes, values without the spaces between them, values with lines and indents.

use super::{Element, Kind};

/// Appends a text as a JSON string.
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| matches!(c, '"' | '\\' | '\0'..='\x1f')) {
        out.push_str(&rest[..at]);
        let mut characters = rest[at..].chars();
        match characters.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(other) => out.push_str(&format!("\\u{:04x}", u32::from(other))),
            None => {}
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

/// Adds a value as it stands in its source, without the spaces and lines between its parts.
pub fn write_compact(out: &mut String, element: Element<'_>) {
    let text = element.raw();
    let bytes = text.as_bytes();
    let (mut done, mut at) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at),
            b' ' | b'\n' | b'\r' | b'\t' => {
                out.push_str(&text[done..at]);
                at += 1;
                done = at;
            }
            _ => at += 1,
        }
    }
    out.push_str(text.get(done..).unwrap_or_default());
}

/// Behind the closing quote of the string that opens here.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Adds a value with one part a line, two spaces for each level.
pub fn write_pretty(out: &mut String, element: Element<'_>) {
    indented(out, element, 0);
}

/// As deep as a document may be.
fn indented(out: &mut String, element: Element<'_>, depth: usize) {
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', 2 * depth));
    };
    let (open, close) = match element.kind() {
        Kind::Object => ('{', '}'),
        Kind::Array => ('[', ']'),
        _ => return out.push_str(element.raw()),
    };
    out.push(open);
    let start = out.len();
    let next = |out: &mut String, name: Option<&str>, value| {
        if out.len() > start {
            out.push(',');
        }
        line(out, depth + 1);
        if let Some(name) = name {
            write_string(out, name);
            out.push_str(": ");
        }
        indented(out, value, depth + 1);
    };
    element.members().for_each(|(name, value)| next(out, Some(&name), value));
    element.items().for_each(|item| next(out, None, item));
    if out.len() > start {
        line(out, depth);
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    const SOURCE: &str = "{ \"a b\" : [ 1.50 , \"x \\\" y\\\\\" , { } , [ ] ] ,\n\t\"c\" : { \"d\" : null } }";

    #[test]
    fn spaces_between_values_go_and_those_within_stay() {
        let document = Document::parse(SOURCE).expect("a document");
        let mut out = String::new();
        write_compact(&mut out, document.root());
        assert_eq!(out, r#"{"a b":[1.50,"x \" y\\",{},[]],"c":{"d":null}}"#);
    }

    #[test]
    fn every_part_has_its_line() {
        let document = Document::parse(r#"{"a":[1.50,{},[]],"c":{"d":null}}"#).expect("a document");
        let mut out = String::new();
        write_pretty(&mut out, document.root());
        let lines = "{\n  \"a\": [\n    1.50,\n    {},\n    []\n  ],\n  \"c\": {\n    \"d\": null\n  }\n}";
        assert_eq!(out, lines);
    }

    #[test]
    fn a_text_is_read_back_as_it_was() {
        for text in ["", "plain", "a\"b\\c\n\r\t\u{1}\u{1f}é😀", "\u{7f}"] {
            let mut out = String::new();
            write_string(&mut out, text);
            let document = Document::parse(out).expect("a document");
            assert_eq!(document.root().as_str().as_deref(), Some(text));
        }
    }
}
