//! EventBridge Pipes input templates: what a target gets instead of the record.
//!
//! A template is text with `<$.path>` and `<aws.pipes.…>` in it. If it would be JSON with values in their place, the result is JSON
//! for every record: values stand as they are where JSON wants a value, and as escaped text inside a string.

use crate::finder::{Finder, Found};
use crate::scan::{self, Scanner};
use crate::{Error, Path};

/// The longest template the service takes, in characters.
const MAX_CHARS: usize = 8192;

/// What the reserved variables of a template stand for. Empty where the pipe has no such thing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Variables<'a> {
    /// `<aws.pipes.pipe-arn>`
    pub pipe_arn: &'a str,
    /// `<aws.pipes.pipe-name>`
    pub pipe_name: &'a str,
    /// `<aws.pipes.source-arn>`
    pub source_arn: &'a str,
    /// `<aws.pipes.enrichment-arn>`
    pub enrichment_arn: &'a str,
    /// `<aws.pipes.target-arn>`
    pub target_arn: &'a str,
    /// `<aws.pipes.event.ingestion-time>`: when the pipe got the record, as `2026-01-31T12:00:00Z`.
    pub ingestion_time: &'a str,
}

/// A compiled input template.
#[derive(Clone, Debug)]
pub struct Template {
    parts: Vec<Part>,
    finder: Finder,
    is_json: bool,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Path { slot: usize, quoted: bool },
    Variable { variable: Variable, quoted: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variable {
    PipeArn,
    PipeName,
    SourceArn,
    EnrichmentArn,
    TargetArn,
    IngestionTime,
    Event,
}

impl Template {
    /// Compiles a template. An empty one is no template: the target gets the record as it is.
    ///
    /// # Errors
    /// [`Error::Template`] when it is too long, a placeholder does not end or names an unknown variable; [`Error::Path`].
    pub fn parse(text: &str) -> Result<Option<Template>, Error> {
        if text.is_empty() {
            return Ok(None);
        }
        if text.chars().nth(MAX_CHARS).is_some() {
            return Err(Error::Template { at: MAX_CHARS, reason: "longer than 8192 characters" });
        }
        let mut compiler = Compiler::default();
        compiler.compile(text)?;
        let is_json = compiler.is_json();
        let finder = Finder::new(compiler.paths.iter().map(Path::steps));
        Ok(Some(Template { parts: compiler.parts, finder, is_json }))
    }

    /// Whether the result is JSON for every record.
    pub fn is_json(&self) -> bool {
        self.is_json
    }

    /// Whether the result depends on [`Variables::ingestion_time`], which costs more to tell than the others.
    pub fn names_ingestion_time(&self) -> bool {
        let is_time = |part: &Part| matches!(part, Part::Variable { variable: Variable::IngestionTime, .. });
        self.parts.iter().any(is_time)
    }

    /// Appends the result for one record. On an error `out` keeps what it had.
    ///
    /// # Errors
    /// [`Error::Json`] when the record is not JSON as far as it had to be read.
    pub fn render(&self, record: &[u8], variables: &Variables<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        let found = self.finder.find(record)?;
        let start = out.len();
        for part in &self.parts {
            let done = match part {
                Part::Text(text) => {
                    out.extend_from_slice(text.as_bytes());
                    Ok(())
                }
                Part::Path { slot, quoted } => {
                    self.path(*slot, *quoted, &found, out);
                    Ok(())
                }
                Part::Variable { variable: Variable::Event, quoted } => self.event(record, *quoted, out),
                Part::Variable { variable, quoted } => {
                    self.variable(variable.of(variables), *quoted, out);
                    Ok(())
                }
            };
            if let Err(error) = done {
                out.truncate(start);
                return Err(error);
            }
        }
        Ok(())
    }

    fn path(&self, slot: usize, quoted: bool, found: &Found<'_>, out: &mut Vec<u8>) {
        if !self.finder.is_many(slot) {
            match found.one(slot) {
                Some(json) => self.json(json, quoted, out),
                None if self.is_json && !quoted => out.extend_from_slice(b"null"),
                None => {}
            }
            return;
        }
        out.push(b'[');
        for (index, json) in found.many(slot).enumerate() {
            if index > 0 {
                out.push(b',');
            }
            if self.is_json && quoted { scan::escape_into(out, json) } else { out.extend_from_slice(json.as_bytes()) }
        }
        out.push(b']');
    }

    fn json(&self, json: &str, quoted: bool, out: &mut Vec<u8>) {
        if self.is_json && !quoted {
            return out.extend_from_slice(json.as_bytes());
        }
        match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(content) if self.is_json => out.extend_from_slice(content.as_bytes()),
            Some(content) => out.extend_from_slice(scan::unescape(content).as_bytes()),
            None if self.is_json => scan::escape_into(out, json),
            None => out.extend_from_slice(json.as_bytes()),
        }
    }

    fn variable(&self, value: &str, quoted: bool, out: &mut Vec<u8>) {
        match (self.is_json, quoted) {
            (false, _) => out.extend_from_slice(value.as_bytes()),
            (true, true) => scan::escape_into(out, value),
            (true, false) => {
                out.push(b'"');
                scan::escape_into(out, value);
                out.push(b'"');
            }
        }
    }

    fn event(&self, record: &[u8], quoted: bool, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut scanner = Scanner::from_bytes(record)?;
        let json = scanner.skip()?;
        scanner.end()?;
        self.json(json, quoted, out);
        Ok(())
    }
}

impl Variable {
    fn parse(name: &str) -> Option<Variable> {
        Some(match name {
            "pipe-arn" => Variable::PipeArn,
            "pipe-name" => Variable::PipeName,
            "source-arn" => Variable::SourceArn,
            "enrichment-arn" => Variable::EnrichmentArn,
            "target-arn" => Variable::TargetArn,
            "event.ingestion-time" => Variable::IngestionTime,
            "event" | "event.json" => Variable::Event,
            _ => return None,
        })
    }

    fn of<'v>(self, variables: &Variables<'v>) -> &'v str {
        match self {
            Variable::PipeArn => variables.pipe_arn,
            Variable::PipeName => variables.pipe_name,
            Variable::SourceArn => variables.source_arn,
            Variable::EnrichmentArn => variables.enrichment_arn,
            Variable::TargetArn => variables.target_arn,
            Variable::IngestionTime => variables.ingestion_time,
            Variable::Event => "",
        }
    }
}

#[derive(Default)]
struct Compiler {
    parts: Vec<Part>,
    paths: Vec<Path>,
    text: String,
    quoted: bool,
}

impl Compiler {
    fn compile(&mut self, template: &str) -> Result<(), Error> {
        let mut at = 0;
        let mut escaped = false;
        while let Some(c) = template.get(at..).and_then(|rest| rest.chars().next()) {
            let placeholder = template.get(at + c.len_utf8()..).unwrap_or_default();
            if c == '<' && is_placeholder(placeholder) {
                let Some(length) = placeholder_length(placeholder) else {
                    return Err(Error::Template { at, reason: "placeholder does not end" });
                };
                self.placeholder(placeholder.get(..length).unwrap_or_default().trim(), at)?;
                at += length + 2;
                escaped = false;
                continue;
            }
            if c == '"' && !escaped {
                self.quoted = !self.quoted;
            }
            escaped = c == '\\' && !escaped;
            self.text.push(c);
            at += c.len_utf8();
        }
        self.flush();
        Ok(())
    }

    fn placeholder(&mut self, content: &str, at: usize) -> Result<(), Error> {
        self.flush();
        let quoted = self.quoted;
        if let Some(name) = content.strip_prefix("aws.pipes.") {
            let variable = Variable::parse(name).ok_or(Error::Template { at, reason: "unknown variable" })?;
            self.parts.push(Part::Variable { variable, quoted });
            return Ok(());
        }
        let path = Path::parse(content)?;
        let slot = self.paths.iter().position(|known| *known == path).unwrap_or(self.paths.len());
        if slot == self.paths.len() {
            self.paths.push(path);
        }
        self.parts.push(Part::Path { slot, quoted });
        Ok(())
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.parts.push(Part::Text(std::mem::take(&mut self.text)));
        }
    }

    /// Whether the template is JSON once every placeholder is a value, or text inside a string.
    fn is_json(&self) -> bool {
        let mut sample = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => sample.push_str(text),
                Part::Path { quoted: false, .. } | Part::Variable { quoted: false, .. } => sample.push_str("null"),
                Part::Path { .. } | Part::Variable { .. } => {}
            }
        }
        let mut scanner = Scanner::new(&sample);
        scanner.skip().is_ok() && scanner.end().is_ok()
    }
}

fn is_placeholder(after_bracket: &str) -> bool {
    let content = after_bracket.trim_start();
    content.starts_with('$') || content.starts_with("aws.pipes.")
}

/// Bytes up to the `>` that ends a placeholder; one inside a quoted name does not.
fn placeholder_length(content: &str) -> Option<usize> {
    let mut quote = None;
    for (index, c) in content.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(index),
            (None, '\'') if content.get(..index).is_some_and(|before| before.ends_with('[')) => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
