//! What a target gets of an event: all of it, a constant, a part, or what an input transformer makes.
//!
//! # Meaning of a transformer's template
//!
//! | where | value | becomes |
//! |---|---|---|
//! | outside of quotes | any JSON | itself |
//! | outside of quotes | missing | `""` |
//! | in a string | text | itself, escaped |
//! | in a string | object or array | its JSON text without quotes |
//! | in a string | `null` or missing | nothing |

use std::borrow::Cow;

use expr::Path;
use expr::scan::Scanner;
use serde_json::Value;

use super::envelope::timestamp;
use super::targets::{InputTransformer, Target};
use crate::Error;

const INPUT_CHARS_MAX: usize = 8192;
const PATH_CHARS_MAX: usize = 256;
const PATHS_MAX: usize = 100;

/// A compiled input of a target.
#[derive(Debug)]
pub(crate) enum Input {
    Event,
    Constant(String),
    Part(Path),
    Template(Vec<Part>),
}

#[derive(Debug)]
pub(crate) enum Part {
    Text(String),
    Path { path: Path, quoted: bool },
    Variable { variable: Variable, quoted: bool },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Variable {
    RuleArn,
    RuleName,
    IngestionTime,
    /// The event without its detail.
    Event,
    EventJson,
}

impl Variable {
    fn parse(name: &str) -> Option<Variable> {
        Some(match name {
            "aws.events.rule-arn" => Variable::RuleArn,
            "aws.events.rule-name" => Variable::RuleName,
            "aws.events.event.ingestion-time" => Variable::IngestionTime,
            "aws.events.event" => Variable::Event,
            "aws.events.event.json" => Variable::EventJson,
            _ => return None,
        })
    }
}

impl Input {
    /// Compiles what a target asks for.
    ///
    /// # Errors
    /// `Invalid` with the service's reason.
    pub(crate) fn of(target: &Target) -> Result<Input, Error> {
        if let Some(text) = &target.input {
            crate::constraint::length("input", text, INPUT_CHARS_MAX)?;
            return Ok(Input::Constant(text.clone()));
        }
        if let Some(text) = target.input_path.as_deref().filter(|text| !text.is_empty() && *text != "$") {
            crate::constraint::length("inputPath", text, PATH_CHARS_MAX)?;
            let invalid = |_| Error::Invalid(format!("Invalid InputPath for target {}.", target.id));
            return Path::parse(text).map(Input::Part).map_err(invalid);
        }
        match &target.input_transformer {
            Some(transformer) => template(&target.id, transformer).map(Input::Template),
            None => Ok(Input::Event),
        }
    }

    /// The payload for an event of a rule; `at_ms` is when it was put.
    ///
    /// # Errors
    /// When the event is not JSON.
    pub(crate) fn render(&self, event: &str, origin: &str, at_ms: i64) -> Result<Vec<u8>, expr::Error> {
        Ok(match self {
            Input::Event => event.as_bytes().to_vec(),
            Input::Constant(text) => text.as_bytes().to_vec(),
            Input::Part(path) => path.json(event.as_bytes())?.as_deref().unwrap_or("null").as_bytes().to_vec(),
            Input::Template(parts) => {
                let mut out = String::new();
                for part in parts {
                    match part {
                        Part::Text(text) => out.push_str(text),
                        Part::Path { path, quoted } => {
                            insert(path.json(event.as_bytes())?.as_deref(), *quoted, &mut out);
                        }
                        Part::Variable { variable, quoted } => {
                            insert(Some(&variable.json(event, origin, at_ms)), *quoted, &mut out);
                        }
                    }
                }
                out.into_bytes()
            }
        })
    }
}

impl Variable {
    fn json<'e>(self, event: &'e str, origin: &str, at_ms: i64) -> Cow<'e, str> {
        let text = |text: &str| Cow::Owned(Value::from(text).to_string());
        match self {
            Variable::RuleArn => text(origin),
            Variable::RuleName => text(origin.rsplit_once('/').map_or(origin, |(_, name)| name)),
            Variable::IngestionTime => text(&timestamp(at_ms)),
            Variable::EventJson => Cow::Borrowed(event),
            Variable::Event => {
                let Ok(Value::Object(members)) = serde_json::from_str(event) else { return Cow::Borrowed(event) };
                let members = members.into_iter().filter(|(name, _)| name != "detail");
                let renamed = |name: String| if name == "detail-type" { "detailType".to_owned() } else { name };
                Cow::Owned(Value::Object(members.map(|(name, value)| (renamed(name), value)).collect()).to_string())
            }
        }
    }
}

fn insert(json: Option<&str>, quoted: bool, out: &mut String) {
    let Some(json) = json.filter(|json| !quoted || *json != "null") else {
        out.push_str(if quoted { "" } else { "\"\"" });
        return;
    };
    if !quoted {
        return out.push_str(json);
    }
    match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(content) => out.push_str(content),
        None => out.push_str(&json.replace("\\\"", "").replace('"', "")),
    }
}

fn template(target: &str, transformer: &InputTransformer) -> Result<Vec<Part>, Error> {
    let InputTransformer { input_paths_map: paths, input_template: text } = transformer;
    if text.is_empty() || text.chars().nth(INPUT_CHARS_MAX).is_some() {
        return Err(Error::Invalid(format!(
            "InputTemplate for target {target} must have 1 to {INPUT_CHARS_MAX} characters."
        )));
    }
    if paths.len() > PATHS_MAX {
        return Err(Error::Invalid(format!(
            "InputPathsMap for target {target} must have at most {PATHS_MAX} entries."
        )));
    }
    if let Some(name) = paths.keys().find(|name| name.starts_with("aws.") || name.starts_with("AWS")) {
        return Err(Error::Invalid(format!("InputPathsMap for target {target} contains a reserved name {name}.")));
    }
    let mut parts = Vec::new();
    let mut plain = String::new();
    let (mut rest, mut quoted, mut escaped) = (text.as_str(), false, false);
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        let Some((name, after)) = rest.split_once('>').filter(|_| c == '<') else {
            quoted ^= c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            plain.push(c);
            continue;
        };
        parts.push(Part::Text(std::mem::take(&mut plain)));
        parts.push(placeholder(target, paths, name, quoted)?);
        (rest, escaped) = (after, false);
    }
    parts.push(Part::Text(plain));
    check_json(target, &parts)?;
    Ok(parts)
}

fn placeholder(target: &str, paths: &serde_json::Map<String, Value>, name: &str, quoted: bool) -> Result<Part, Error> {
    if let Some(variable) = Variable::parse(name) {
        return Ok(Part::Variable { variable, quoted });
    }
    let Some(path) = paths.get(name) else {
        return Err(Error::Invalid(format!("InputTemplate for target {target} contains invalid placeholder {name}.")));
    };
    let path = path.as_str().and_then(|text| Path::parse(text).ok());
    let path = path
        .ok_or_else(|| Error::Invalid(format!("InputPathsMap for target {target} contains an invalid path {name}.")))?;
    Ok(Part::Path { path, quoted })
}

/// A template must be JSON, or a sequence of JSON values, with any values in the places of its placeholders.
fn check_json(target: &str, parts: &[Part]) -> Result<(), Error> {
    let mut sample = String::new();
    for part in parts {
        match part {
            Part::Text(text) => sample.push_str(text),
            Part::Path { quoted: false, .. } | Part::Variable { quoted: false, .. } => sample.push_str("null"),
            Part::Path { .. } | Part::Variable { .. } => {}
        }
    }
    let mut scanner = Scanner::new(&sample);
    while scanner.end().is_err() {
        if let Err(malformed) = scanner.skip() {
            let column = sample.get(..malformed.at).map_or(0, |before| before.chars().count()) + 1;
            return Err(Error::Invalid(format!(
                "Invalid InputTemplate for target {target} : [Source: (String)\"{sample}\"; line: 1, column: {column}]."
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
