//! The part of JSONPath that pipe templates and parameters use: `$`, `.name`, `['name']`, `[0]`, `[*]` and `.*`.
//!
//! No filters, slices, recursive descent or negative indices.

use std::borrow::Cow;

use crate::finder::Finder;
use crate::{Error, scan};

/// More steps than any record has levels, few enough to walk by recursion.
const MAX_STEPS: usize = 128;

/// One step from a value to a value in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Name(String),
    Index(usize),
    Any,
}

/// A compiled path, as `$.dynamodb.NewImage.id.S`.
#[derive(Clone, Debug)]
pub struct Path {
    text: String,
    steps: Vec<Step>,
    finder: Finder,
}

impl Path {
    /// Compiles a path.
    ///
    /// # Errors
    /// [`Error::Path`] with the first byte that cannot be understood.
    pub fn parse(text: &str) -> Result<Path, Error> {
        let mut parser = Parser { text, at: 0 };
        let steps = parser.steps()?;
        Ok(Path { text: text.to_owned(), finder: Finder::new([steps.as_slice()]), steps })
    }

    pub(crate) fn from_steps(steps: Vec<Step>) -> Path {
        Path { text: String::new(), finder: Finder::new([steps.as_slice()]), steps }
    }

    /// The text it was compiled from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The JSON text of what the path finds in a record; an array of all finds if it holds a wildcard.
    ///
    /// # Errors
    /// [`Error::Json`] when the record is not JSON as far as it had to be read.
    pub fn json<'a>(&self, record: &'a [u8]) -> Result<Option<Cow<'a, str>>, Error> {
        let found = self.finder.find(record)?;
        if !self.finder.is_many(0) {
            return Ok(found.one(0).map(Cow::Borrowed));
        }
        let mut out = String::new();
        for item in found.many(0) {
            out.push(if out.is_empty() { '[' } else { ',' });
            out.push_str(item);
        }
        out.push_str(if out.is_empty() { "[]" } else { "]" });
        Ok(Some(Cow::Owned(out)))
    }

    /// What the path finds as text, as a dynamic parameter wants it: strings bare, everything else as JSON, `None` if missing.
    ///
    /// # Errors
    /// As [`Path::json`].
    pub fn text<'a>(&self, record: &'a [u8]) -> Result<Option<Cow<'a, str>>, Error> {
        let Some(json) = self.json(record)? else { return Ok(None) };
        Ok(Some(match json {
            Cow::Borrowed(raw) => match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                Some(content) => scan::unescape(content),
                None => Cow::Borrowed(raw),
            },
            owned => owned,
        }))
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        self.steps == other.steps
    }
}

impl Eq for Path {}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn steps(&mut self) -> Result<Vec<Step>, Error> {
        if !self.eat('$') {
            return Err(self.error("does not start with $"));
        }
        let mut steps = Vec::new();
        while self.at < self.text.len() {
            steps.push(if self.eat('.') {
                self.dotted()?
            } else if self.eat('[') {
                self.bracketed()?
            } else {
                return Err(self.error("expected . or ["));
            });
            if steps.len() > MAX_STEPS {
                return Err(self.error("too many steps"));
            }
        }
        Ok(steps)
    }

    fn dotted(&mut self) -> Result<Step, Error> {
        if self.eat('*') {
            return Ok(Step::Any);
        }
        let is_name = |c: char| {
            !matches!(c, '.' | '[' | ']' | '*' | '\'' | '"' | '<' | '>' | '(' | ')' | '?') && !c.is_whitespace()
        };
        let name: String = self.rest().chars().take_while(|&c| is_name(c)).collect();
        if name.is_empty() {
            return Err(self.error("expected a name"));
        }
        self.at += name.len();
        Ok(Step::Name(name))
    }

    fn bracketed(&mut self) -> Result<Step, Error> {
        let step = if self.eat('*') {
            Step::Any
        } else if self.eat('\'') {
            Step::Name(self.quoted('\'')?)
        } else if self.eat('"') {
            Step::Name(self.quoted('"')?)
        } else {
            let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
            let index = self.rest().get(..digits).and_then(|digits| digits.parse().ok());
            let index = index.ok_or_else(|| self.error("expected an index, * or a quoted name"))?;
            self.at += digits;
            Step::Index(index)
        };
        if self.eat(']') { Ok(step) } else { Err(self.error("expected ]")) }
    }

    fn quoted(&mut self, quote: char) -> Result<String, Error> {
        let mut name = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((index, c)) = chars.next() {
            if c == quote {
                self.at += index + 1;
                return Ok(name);
            }
            match (c, c == '\\') {
                (_, true) => name.extend(chars.next().map(|(_, escaped)| escaped)),
                (c, false) => name.push(c),
            }
        }
        Err(self.error("quoted name does not end"))
    }

    fn eat(&mut self, expected: char) -> bool {
        let found = self.rest().starts_with(expected);
        self.at += if found { expected.len_utf8() } else { 0 };
        found
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, reason: &'static str) -> Error {
        Error::Path { at: self.at, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_what_the_path_names() {
        let record = br#"{"a":{"b-c":[10,{"d_e":"x\n\"y"}],"q.r":1.50},"e":{},"n":null,"a\u0062":true}"#;
        let cases = [
            ("$.a.b-c[0]", Some("10")),
            ("$.a['b-c'][1].d_e", Some(r#""x\n\"y""#)),
            (r#"$.a["q.r"]"#, Some("1.50")),
            ("$.a.b-c[2]", None),
            ("$.e.x", None),
            ("$.n", Some("null")),
            ("$.n.x", None),
            ("$.ab", Some("true")),
            ("$.a.b-c[*].d_e", Some(r#"["x\n\"y"]"#)),
            ("$.a.b-c.*", Some(r#"[10,{"d_e":"x\n\"y"}]"#)),
            ("$.e[*]", Some("[]")),
            ("$.a[0]", None),
        ];
        for (path, expected) in cases {
            assert_eq!(Path::parse(path).unwrap().json(record).unwrap().as_deref(), expected, "{path}");
        }
        assert_eq!(Path::parse("$").unwrap().json(record).unwrap().unwrap().as_bytes(), record);
        assert_eq!(Path::parse("$.a.b-c[1].d_e").unwrap().text(record).unwrap().unwrap(), "x\n\"y");
    }

    #[test]
    fn refuses_what_is_no_supported_path() {
        for text in [
            "",
            "a",
            "$a",
            "$.",
            "$..a",
            "$.a.",
            "$[",
            "$[-1]",
            "$[a]",
            "$['a]",
            "$['a'",
            "$[0:1]",
            "$[?(@.a)]",
            "$.a b",
            "$.[0]",
        ] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
        assert!(Path::parse(&format!("${}", ".a".repeat(MAX_STEPS + 1))).is_err());
    }

    proptest! {
        #[test]
        fn any_name_is_found_in_brackets(name in "[^'\\\\]{0,12}", value in any::<i64>()) {
            let record = serde_json::json!({ "other": 0, "in": { name.clone(): value } }).to_string();
            let path = Path::parse(&format!("$.in['{name}']")).unwrap();
            prop_assert_eq!(path.json(record.as_bytes()).unwrap().unwrap(), value.to_string());
        }

        #[test]
        fn never_panics(text in "\\$?[.\\[\\]'\"*a0\\\\é]{0,20}", record in "[\\[\\]{}:,\"a0]{0,20}") {
            if let Ok(path) = Path::parse(&text) {
                let _ = path.text(record.as_bytes());
            }
        }
    }
}
