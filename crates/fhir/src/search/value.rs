//! What an element of some type is as a value of a search parameter (hl7.org/fhir/R4/search.html#ptypes).

use std::borrow::Cow;

use super::extract::Value;
use super::{date, number};
use crate::definitions::{Definitions, ParameterKind, ParameterNumber, TypeNumber};
use crate::json::{Element, Kind};

/// ISO 4217, the system of money's codes.
const CURRENCIES: &str = "urn:iso:std:iso:4217";

/// How values are taken from an element: parameter kind and element type in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing of it can be searched for.
    None,
    Code,
    Coding,
    CodeableConcept,
    Identifier,
    ContactPoint,
    IsSet,
    String,
    HumanName,
    Address,
    CodeableConceptText,
    Reference,
    Link,
    Date,
    Period,
    Timing,
    Quantity,
    Money,
    QuantityRange,
    Number,
    NumberRange,
    Uri,
    Canonical,
    /// An extension: its value is.
    Extension(ParameterKind),
}

impl Form {
    /// How a parameter takes values from an element of a type.
    pub(super) fn of(parameter: ParameterNumber, kind: Option<TypeNumber>) -> Form {
        let definitions = Definitions::r4();
        let Some(parameter) = definitions.parameter(parameter) else { return Form::None };
        Form::by_name(parameter.kind, kind.map_or("", |kind| definitions.name(kind)))
    }

    fn by_name(kind: ParameterKind, name: &str) -> Form {
        match (kind, name) {
            (kind, "Extension") => Form::Extension(kind),
            (ParameterKind::Token, "Coding") => Form::Coding,
            (ParameterKind::Token, "CodeableConcept") => Form::CodeableConcept,
            (ParameterKind::Token, "Identifier") => Form::Identifier,
            (ParameterKind::Token, "ContactPoint") => Form::ContactPoint,
            (ParameterKind::Token, _) => Form::Code,
            (ParameterKind::String, "HumanName") => Form::HumanName,
            (ParameterKind::String, "Address") => Form::Address,
            (ParameterKind::String, "CodeableConcept") => Form::CodeableConceptText,
            (ParameterKind::String, _) => Form::String,
            (ParameterKind::Reference, "Reference") => Form::Reference,
            (ParameterKind::Reference, "canonical" | "uri" | "url") => Form::Link,
            (ParameterKind::Date, "Period") => Form::Period,
            (ParameterKind::Date, "Timing") => Form::Timing,
            (ParameterKind::Date, "date" | "dateTime" | "instant") => Form::Date,
            (ParameterKind::Quantity, "Money") => Form::Money,
            (ParameterKind::Quantity, "Range") => Form::QuantityRange,
            (ParameterKind::Quantity, "Quantity" | "SimpleQuantity" | "Age" | "Count" | "Distance" | "Duration") => {
                Form::Quantity
            }
            (ParameterKind::Number, "Range") => Form::NumberRange,
            (ParameterKind::Number, _) => Form::Number,
            (ParameterKind::Uri, "canonical") => Form::Canonical,
            (ParameterKind::Uri, _) => Form::Uri,
            _ => Form::None,
        }
    }

    /// Hands on the values of an element.
    pub(super) fn values<'a>(self, element: Element<'a>, set: Option<u16>, out: &mut dyn FnMut(Value<'a>)) {
        match self {
            Form::None => {}
            Form::Code => code(element, set, out),
            Form::Coding => coding(element, out),
            Form::CodeableConcept => concept(element, out),
            Form::Identifier => token(element, "system", "value", out),
            Form::ContactPoint => {
                // Servers agree on `phone|555`, though the specification names no system.
                if let Some(code) = text(element, "value") {
                    out(Value::Token { system: text(element, "system"), code });
                }
            }
            Form::IsSet => {
                out(Value::boolean(element.as_bool() != Some(false)));
            }
            Form::String => element.as_str().into_iter().for_each(|text| out(Value::String(text))),
            Form::HumanName => strings(element, &["text", "family", "given", "prefix", "suffix"], out),
            Form::Address => {
                strings(element, &["text", "line", "city", "district", "state", "postalCode", "country"], out);
            }
            Form::CodeableConceptText => {
                strings(element, &["text"], out);
                items(element, "coding").for_each(|item| strings(item, &["display"], out));
            }
            Form::Reference => reference(element, out),
            Form::Link => element.as_str().into_iter().for_each(|link| out(Value::Reference(link))),
            Form::Date => range(Some(element)).into_iter().for_each(|range| out(Value::Date(range))),
            Form::Period => period(element).into_iter().for_each(|range| out(Value::Date(range))),
            Form::Timing => {
                items(element, "event")
                    .filter_map(|event| range(Some(event)))
                    .for_each(|range| out(Value::Date(range)));
                let bounds = element.get("repeat").and_then(|repeat| repeat.get("boundsPeriod")).and_then(period);
                bounds.into_iter().for_each(|range| out(Value::Date(range)));
            }
            Form::Quantity => quantity(element, out),
            Form::Money => money(element, out),
            Form::QuantityRange => quantity_range(element, out),
            Form::Number => {
                let text = if element.kind() == Kind::Number { Some(element.raw().into()) } else { element.as_str() };
                if let Some(found) = text.and_then(|text| number::parse(&text)) {
                    out(Value::Number { low: found.value, high: found.value });
                }
            }
            Form::NumberRange => {
                let (low, high) = (bound(element, "low"), bound(element, "high"));
                if low.is_some() || high.is_some() {
                    out(Value::Number { low: low.unwrap_or(f64::MIN), high: high.unwrap_or(f64::MAX) });
                }
            }
            Form::Canonical => element.as_str().into_iter().for_each(|uri| canonical(uri, out)),
            Form::Uri => element.as_str().into_iter().for_each(|uri| out(Value::Uri(uri))),
            Form::Extension(kind) => extension(kind, element, out),
        }
    }
}

fn text<'a>(element: Element<'a>, name: &str) -> Option<Cow<'a, str>> {
    element.get(name).and_then(Element::as_str).filter(|text| !text.is_empty())
}

/// The items of a member that is an array; itself when it is none.
fn items<'a>(element: Element<'a>, name: &str) -> impl Iterator<Item = Element<'a>> {
    let member = element.get(name);
    let single = member.filter(|member| member.kind() != Kind::Array);
    single.into_iter().chain(member.into_iter().flat_map(Element::items))
}

fn strings<'a>(element: Element<'a>, names: &[&str], out: &mut dyn FnMut(Value<'a>)) {
    for name in names {
        items(element, name).filter_map(Element::as_str).for_each(|text| out(Value::String(text)));
    }
}

fn code<'a>(element: Element<'a>, set: Option<u16>, out: &mut dyn FnMut(Value<'a>)) {
    if let Some(value) = element.as_bool() {
        return out(Value::boolean(value));
    }
    let code = match element.kind() {
        Kind::Number => Cow::Borrowed(element.raw()),
        _ => match element.as_str() {
            Some(code) => code,
            None => return,
        },
    };
    let system = set.and_then(|set| Definitions::r4().set(set)).and_then(|set| set.system_of(&code));
    out(Value::Token { system: system.map(Cow::Borrowed), code });
}

/// One that has only a text is there, though no code finds it.
fn concept<'a>(element: Element<'a>, out: &mut dyn FnMut(Value<'a>)) {
    let mut has_coding = false;
    items(element, "coding").for_each(|item| {
        coding(item, &mut |value| {
            has_coding = true;
            out(value);
        });
    });
    if !has_coding {
        out(Value::Token { system: None, code: "".into() });
    }
}

fn coding<'a>(element: Element<'a>, out: &mut dyn FnMut(Value<'a>)) {
    token(element, "system", "code", out);
}

fn token<'a>(element: Element<'a>, system: &str, code: &str, out: &mut dyn FnMut(Value<'a>)) {
    let (system, code) = (text(element, system), text(element, code));
    if system.is_some() || code.is_some() {
        out(Value::Token { system, code: code.unwrap_or_default() });
    }
}

fn reference<'a>(element: Element<'a>, out: &mut dyn FnMut(Value<'a>)) {
    if let Some(reference) = text(element, "reference") {
        out(Value::Reference(reference));
    }
    if let Some(identifier) = element.get("identifier") {
        let (system, code) = (text(identifier, "system"), text(identifier, "value"));
        if let Some(code) = code {
            out(Value::Identifier { system, code });
        }
    }
}

/// A canonical is also found without its version.
fn canonical<'a>(uri: Cow<'a, str>, out: &mut dyn FnMut(Value<'a>)) {
    if let Some((plain, _version)) = uri.split_once('|') {
        out(Value::Uri(plain.to_owned().into()));
    }
    out(Value::Uri(uri));
}

fn range(element: Option<Element<'_>>) -> Option<date::Range> {
    date::parse(&element?.as_str()?)
}

fn period(element: Element<'_>) -> Option<date::Range> {
    let (start, end) = (range(element.get("start")), range(element.get("end")));
    if start.is_none() && end.is_none() {
        return None;
    }
    let low = start.map_or(date::BEGINNING, |range| range.low);
    Some(date::Range { low, high: end.map_or(date::END, |range| range.high) })
}

fn bound(element: Element<'_>, name: &str) -> Option<f64> {
    number::parse(element.get(name)?.get("value")?.raw()).map(|number| number.value)
}

fn quantity<'a>(element: Element<'a>, out: &mut dyn FnMut(Value<'a>)) {
    let Some(number) = element.get("value").and_then(|value| number::parse(value.raw())) else { return };
    let (low, high) = match text(element, "comparator").as_deref() {
        Some("<" | "<=") => (f64::MIN, number.value),
        Some(">" | ">=") => (number.value, f64::MAX),
        _ => (number.value, number.value),
    };
    out(Value::Quantity {
        low,
        high,
        system: text(element, "system"),
        code: text(element, "code"),
        unit: text(element, "unit"),
    });
}

fn money<'a>(element: Element<'a>, out: &mut dyn FnMut(Value<'a>)) {
    let Some(number) = element.get("value").and_then(|value| number::parse(value.raw())) else { return };
    let code = text(element, "currency");
    let system = code.is_some().then_some(Cow::Borrowed(CURRENCIES));
    out(Value::Quantity { low: number.value, high: number.value, system, code, unit: None });
}

fn quantity_range<'a>(element: Element<'a>, out: &mut dyn FnMut(Value<'a>)) {
    let (low, high) = (bound(element, "low"), bound(element, "high"));
    let Some(unit) = element.get("low").or_else(|| element.get("high")) else { return };
    out(Value::Quantity {
        low: low.unwrap_or(f64::MIN),
        high: high.unwrap_or(f64::MAX),
        system: text(unit, "system"),
        code: text(unit, "code"),
        unit: text(unit, "unit"),
    });
}

fn extension<'a>(kind: ParameterKind, element: Element<'a>, out: &mut dyn FnMut(Value<'a>)) {
    for (name, value) in element.members() {
        if let Some(type_name) = name.strip_prefix("value") {
            let mut letters = type_name.chars();
            let first = letters.next().map(|letter| letter.to_ascii_lowercase());
            let primitive: String = first.into_iter().chain(letters).collect();
            let is_type = Definitions::r4().type_number(type_name).is_some();
            Form::by_name(kind, if is_type { type_name } else { &primitive }).values(value, None, out);
        }
    }
}
