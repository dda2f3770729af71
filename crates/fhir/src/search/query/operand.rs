//! Reads one value of a parameter by the parameter's kind.

use super::condition::{Comparison, Modifier, Operand, Prefix, TokenOperand};
use crate::definitions::{Definitions, ParameterKind, SearchParameter};
use crate::search::{date, number};

/// The parts of a text between separators that are not escaped. The parts keep their escapes.
pub(super) fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, character) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if character == separator {
            parts.push(&text[start..at]);
            start = at + separator.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Resolves `\,`, `\|`, `\$` and `\\`.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        out.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    out
}

/// Why a value is none of its kind.
pub(super) fn read(parameter: &SearchParameter, modifier: &Modifier, text: &str) -> Result<Operand, &'static str> {
    if text.is_empty() {
        return Err("a value is empty");
    }
    match (parameter.kind, modifier) {
        (ParameterKind::Token, Modifier::Text) => Ok(Operand::String(unescape(text))),
        (ParameterKind::Token, Modifier::OfType) => of_type(text),
        (ParameterKind::Token, _) | (ParameterKind::Reference, Modifier::Identifier) => token(text),
        (ParameterKind::String, _) => Ok(Operand::String(unescape(text))),
        (ParameterKind::Reference, _) => Ok(Operand::Reference(unescape(text))),
        (ParameterKind::Uri, _) => Ok(Operand::Uri(unescape(text))),
        (ParameterKind::Date, _) => {
            let (prefix, range) = read_date(text)?;
            Ok(Operand::Date(prefix, range))
        }
        (ParameterKind::Number, _) => Ok(Operand::Number(comparison(text)?)),
        (ParameterKind::Quantity, _) => quantity(text),
        (ParameterKind::Composite, _) => composite(parameter, text),
        (ParameterKind::Special, _) => Err("the parameter takes no value here"),
    }
}

fn token(text: &str) -> Result<Operand, &'static str> {
    let parts = split(text, '|');
    let part = |text: &str| Some(unescape(text)).filter(|text| !text.is_empty());
    let operand = match parts.as_slice() {
        [code] => TokenOperand { system: None, code: part(code) },
        [system, code] => TokenOperand { system: Some(unescape(system)), code: part(code) },
        _ => return Err("a token has at most one `|`"),
    };
    let says_something = operand.code.is_some() || operand.system.as_ref().is_some_and(|system| !system.is_empty());
    if says_something { Ok(Operand::Token(operand)) } else { Err("a token needs a system or a code") }
}

fn of_type(text: &str) -> Result<Operand, &'static str> {
    match split(text, '|').as_slice() {
        [system, code, value] if !code.is_empty() && !value.is_empty() => {
            Ok(Operand::OfType(unescape(system), unescape(code), unescape(value)))
        }
        _ => Err("`:of-type` takes system|code|value"),
    }
}

fn prefix(text: &str) -> (Prefix, &str) {
    const PREFIXES: [(&str, Prefix); 9] = [
        ("eq", Prefix::Equal),
        ("ne", Prefix::NotEqual),
        ("gt", Prefix::Greater),
        ("lt", Prefix::Less),
        ("ge", Prefix::GreaterOrEqual),
        ("le", Prefix::LessOrEqual),
        ("sa", Prefix::StartsAfter),
        ("eb", Prefix::EndsBefore),
        ("ap", Prefix::Approximate),
    ];
    let found = PREFIXES.iter().find_map(|(name, prefix)| Some((*prefix, text.strip_prefix(name)?)));
    found.unwrap_or((Prefix::Equal, text))
}

pub(super) fn read_date(text: &str) -> Result<(Prefix, date::Range), &'static str> {
    let (prefix, text) = prefix(text);
    // A `+` of an offset that was not encoded has become a space.
    let range =
        date::parse(&text.replace(' ', "+")).ok_or("a date is yyyy[-mm[-dd[Thh:mm[:ss[.sss]][Z|(+|-)hh:mm]]]]")?;
    Ok((prefix, range))
}

fn comparison(text: &str) -> Result<Comparison, &'static str> {
    let (prefix, text) = prefix(text);
    let number = number::parse(text).ok_or("a number is a decimal such as 100, 1.50 or 1e3")?;
    Ok(Comparison { prefix, number })
}

fn quantity(text: &str) -> Result<Operand, &'static str> {
    let parts = split(text, '|');
    let part = |text: &str| Some(unescape(text)).filter(|text| !text.is_empty());
    let (number, system, unit) = match parts.as_slice() {
        [number] => (number, None, None),
        [number, unit] => (number, None, part(unit)),
        [number, system, unit] => (number, part(system), part(unit)),
        _ => return Err("a quantity is number|system|code"),
    };
    Ok(Operand::Quantity { comparison: comparison(number)?, system, unit })
}

fn composite(parameter: &SearchParameter, text: &str) -> Result<Operand, &'static str> {
    let parts = split(text, '$');
    if parts.len() != parameter.components.len() {
        return Err("a composite has a value for each of its components, joined by `$`");
    }
    let read_part = |(component, text): (&crate::definitions::Component, &&str)| {
        let parameter = Definitions::r4().parameter(component.parameter).ok_or("a component is not defined")?;
        read(parameter, &Modifier::None, text)
    };
    parameter.components.iter().zip(&parts).map(read_part).collect::<Result<_, _>>().map(Operand::Composite)
}
