//! Whether a document fits a condition, told from the document alone.
//!
//! What a store's indexes cannot tell is told here, and what they tell can be compared with it. What leads to other
//! resources (chains, `_has`, lists) cannot be told from one document.

mod compare;

pub use compare::{DateRule, date_fits, number_fits};

use super::extract::{Value, composite, extract};
use super::query::{Condition, Modifier, Operand};
use super::text::normalise;
use super::unit::{UCUM, canonical};
use crate::definitions::{Definitions, ParameterNumber, TypeNumber};
use crate::json::{Document, Element, Kind};
use crate::reference;

/// What a check may need beside the document.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Milliseconds since 1970; `ap` widens with the distance from it.
    pub ms: i64,
}

/// Whether the document fits; `None` when that cannot be told from it alone.
pub fn fits(document: &Document, resource: TypeNumber, condition: &Condition, now: Now) -> Option<bool> {
    match condition {
        Condition::Parameter { parameter, modifier, operands } => {
            Some(parameter_fits(document, resource, *parameter, modifier, operands, now))
        }
        Condition::Missing { parameter, is_missing } => {
            let mut is_there = extract(document, resource).iter().any(|entry| entry.parameter == *parameter);
            let is_whole = |values: &Vec<Vec<Value<'_>>>| values.iter().all(|values| !values.is_empty());
            is_there |= composite(document, resource, *parameter).iter().any(is_whole);
            Some(is_there != *is_missing)
        }
        Condition::Words { narrative_only, words } => {
            let root = document.root();
            let part = if *narrative_only { root.get("text").and_then(|text| text.get("div")) } else { Some(root) };
            Some(part.is_some_and(|part| has_words(part, words)))
        }
        Condition::All(parts) => each(parts, false, |part| fits(document, resource, part, now)),
        Condition::Any(parts) => each(parts, true, |part| fits(document, resource, part, now)),
        Condition::Not(part) => fits(document, resource, part, now).map(|fits| !fits),
        Condition::Id(_)
        | Condition::LastUpdated(_)
        | Condition::InList(_)
        | Condition::Chain { .. }
        | Condition::Has { .. } => None,
    }
}

/// Any or all of the parts, as far as that can be told.
fn each(parts: &[Condition], decides: bool, mut fits: impl FnMut(&Condition) -> Option<bool>) -> Option<bool> {
    let mut all_told = true;
    for part in parts {
        match fits(part) {
            Some(told) if told == decides => return Some(decides),
            Some(_) => {}
            None => all_told = false,
        }
    }
    all_told.then_some(!decides)
}

fn parameter_fits(
    document: &Document,
    resource: TypeNumber,
    parameter: ParameterNumber,
    modifier: &Modifier,
    operands: &[Operand],
    now: Now,
) -> bool {
    if let Modifier::Text | Modifier::OfType = modifier {
        return operands.iter().any(|operand| deep_fits(document, resource, parameter, operand));
    }
    if operands.iter().any(|operand| matches!(operand, Operand::Composite(_))) {
        let found = composite(document, resource, parameter);
        return operands.iter().any(|operand| found.iter().any(|values| composite_fits(values, operand, now)));
    }
    let values: Vec<Value<'_>> = extract(document, resource)
        .into_iter()
        .filter(|entry| entry.parameter == parameter)
        .map(|entry| entry.value)
        .collect();
    let any = |modifier: &Modifier| {
        operands.iter().any(|operand| values.iter().any(|value| value_fits(value, modifier, operand, now)))
    };
    if *modifier == Modifier::Not { !any(&Modifier::None) } else { any(modifier) }
}

fn composite_fits(values: &[Vec<Value<'_>>], operand: &Operand, now: Now) -> bool {
    let Operand::Composite(parts) = operand else { return false };
    let fits = |(values, operand): (&Vec<Value<'_>>, &Operand)| {
        values.iter().any(|value| value_fits(value, &Modifier::None, operand, now))
    };
    parts.len() == values.len() && values.iter().zip(parts).all(fits)
}

/// Whether one value fits one operand.
pub fn value_fits(value: &Value<'_>, modifier: &Modifier, operand: &Operand, now: Now) -> bool {
    match (value, operand) {
        (Value::Token { system, code } | Value::Identifier { system, code }, Operand::Token(wanted)) => {
            let is_identifier = matches!(value, Value::Identifier { .. });
            let system_fits =
                wanted.system.as_ref().is_none_or(|wanted| system.as_deref().unwrap_or_default() == wanted);
            let code_fits = wanted.code.as_ref().is_none_or(|wanted| *code == **wanted);
            is_identifier == (*modifier == Modifier::Identifier) && system_fits && code_fits
        }
        (Value::String(text), Operand::String(wanted)) => match modifier {
            Modifier::Exact => *text == **wanted,
            Modifier::Whole => normalise(text) == normalise(wanted),
            Modifier::Contains => normalise(text).contains(&*normalise(wanted)),
            Modifier::Ends => normalise(text).ends_with(&*normalise(wanted)),
            _ => normalise(text).starts_with(&*normalise(wanted)),
        },
        (Value::Reference(reference), Operand::Reference(wanted)) => reference_fits(reference, modifier, wanted),
        (Value::Date(range), Operand::Date(prefix, wanted)) => date_fits(*range, *prefix, *wanted, now.ms),
        (Value::Number { low, high }, Operand::Number(comparison)) => number_fits(*low, *high, *comparison),
        (Value::Quantity { .. }, Operand::Quantity { .. }) => quantity_fits(value, operand),
        (Value::Uri(uri), Operand::Uri(wanted)) => match modifier {
            Modifier::Below => is_below(uri, wanted),
            Modifier::Above => is_below(wanted, uri),
            _ => *uri == **wanted,
        },
        _ => false,
    }
}

fn quantity_fits(value: &Value<'_>, operand: &Operand) -> bool {
    let Value::Quantity { low, high, system, code, unit } = value else { return false };
    let Operand::Quantity { comparison, system: wanted_system, unit: wanted } = operand else { return false };
    if let (Some(UCUM), Some(UCUM), Some(code), Some(wanted)) =
        (system.as_deref(), wanted_system.as_deref(), code, wanted)
        && let (Some(unit), Some(wanted)) = (canonical(code), canonical(wanted))
    {
        let fits = number_fits(unit.value(*low), unit.value(*high), comparison.in_canonical(&wanted));
        return unit.unit == wanted.unit && fits;
    }
    let system_fits = wanted_system.as_ref().is_none_or(|wanted| system.as_deref() == Some(wanted));
    let is_unit = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref() == wanted.as_deref();
    let unit_fits = wanted.is_none() || is_unit(code) || (wanted_system.is_none() && is_unit(unit));
    system_fits && unit_fits && number_fits(*low, *high, *comparison)
}

/// Whether a URI is another or in its tree.
fn is_below(uri: &str, above: &str) -> bool {
    let rest = uri.strip_prefix(above);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':']) || above.ends_with(['/', ':']))
}

fn reference_fits(reference: &str, modifier: &Modifier, wanted: &str) -> bool {
    let definitions = Definitions::r4();
    let typed = match modifier {
        Modifier::Type(kind) if !wanted.contains('/') => format!("{}/{wanted}", definitions.name(*kind)),
        _ => wanted.to_owned(),
    };
    match (reference::parse(reference), reference::parse(&typed)) {
        (
            reference::Target::Resource { base, kind, id, .. },
            reference::Target::Resource { base: wanted_base, kind: wanted_kind, id: wanted_id, .. },
        ) => kind == wanted_kind && id == wanted_id && base == wanted_base,
        (reference::Target::Resource { base: None, id, .. }, reference::Target::Other(wanted)) => id == wanted,
        (reference::Target::Other(url), reference::Target::Other(wanted)) => {
            url == wanted || url.split_once('|').is_some_and(|(url, _)| url == wanted)
        }
        _ => false,
    }
}

/// `:text` and `:of-type` look at what no index holds.
fn deep_fits(document: &Document, resource: TypeNumber, parameter: ParameterNumber, operand: &Operand) -> bool {
    let mut found = false;
    super::extract::elements(document, resource, parameter, &mut |element| {
        found |= match operand {
            Operand::String(wanted) => has_text(element, &normalise(wanted)),
            Operand::OfType(system, code, value) => is_of_type(element, system, code, value),
            _ => false,
        };
    });
    found
}

fn has_text(element: Element<'_>, wanted: &str) -> bool {
    let begins = |element: Element<'_>, name: &str| {
        element.get(name).and_then(Element::as_str).is_some_and(|text| normalise(&text).contains(wanted))
    };
    let codings = element.get("coding").into_iter().flat_map(Element::items);
    let kind = element.get("type").is_some_and(|kind| begins(kind, "text"));
    begins(element, "text")
        || begins(element, "display")
        || kind
        || codings.into_iter().any(|coding| begins(coding, "display"))
}

fn is_of_type(element: Element<'_>, system: &str, code: &str, value: &str) -> bool {
    let text = |element: Element<'_>, name: &str, wanted: &str| {
        element.get(name).and_then(Element::as_str).is_some_and(|text| text == wanted)
    };
    let codings = element.get("type").and_then(|kind| kind.get("coding")).into_iter().flat_map(Element::items);
    let mut codings =
        codings.filter(|coding| (system.is_empty() || text(*coding, "system", system)) && text(*coding, "code", code));
    text(element, "value", value) && codings.next().is_some()
}

/// Whether all words stand in the texts of an element.
fn has_words(element: Element<'_>, words: &[String]) -> bool {
    let mut texts = String::new();
    gather(element, &mut texts);
    let texts = normalise(&texts);
    words.iter().all(|word| texts.contains(&*normalise(word)))
}

/// All texts of an element; as deep as a document may be.
fn gather(element: Element<'_>, texts: &mut String) {
    match element.kind() {
        Kind::String => {
            texts.push_str(&element.as_str().unwrap_or_default());
            texts.push(' ');
        }
        Kind::Array => element.items().for_each(|item| gather(item, texts)),
        Kind::Object => element.members().for_each(|(_, value)| gather(value, texts)),
        _ => {}
    }
}
