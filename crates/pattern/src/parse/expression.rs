//! One member of a field's list: a plain value or a match expression.

use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::Error;
use crate::matcher::{Bound, Matcher, Text};
use crate::number::Decimal;
use crate::wildcard::Wildcard;

const IGNORE_CASE: &str = "equals-ignore-case";
const ANYTHING_BUT_VALUE: &str = "Value of anything-but must be an array or single string/number value.";

pub(super) fn matcher(value: &Value) -> Result<Matcher, Error> {
    Ok(match value {
        Value::String(text) => Matcher::Text(Text::Equals(text.clone())),
        Value::Number(number) => Matcher::Number(number.to_string()),
        Value::Bool(flag) => Matcher::Bool(*flag),
        Value::Null => Matcher::Null,
        Value::Array(_) => return Err(Error::pattern("Match value must be String, number, true, false, or null")),
        Value::Object(expression) => {
            let (name, value) = only(expression)?;
            return of_type(name, value);
        }
    })
}

fn of_type(name: &str, value: &Value) -> Result<Matcher, Error> {
    match name {
        "exists" => match value {
            Value::Bool(true) => Ok(Matcher::Exists),
            Value::Bool(false) => Ok(Matcher::Absent),
            _ => Err(Error::pattern("exists match pattern must be either true or false.")),
        },
        "prefix" => affix(name, value, Text::Prefix, Text::PrefixIgnoreCase),
        "suffix" => affix(name, value, Text::Suffix, Text::SuffixIgnoreCase),
        IGNORE_CASE => string(name, value).map(|text| Matcher::Text(Text::EqualsIgnoreCase(text.into()))),
        "wildcard" => Ok(Matcher::Text(Text::Wildcard(Wildcard::parse(string(name, value)?)?))),
        "numeric" => numeric(value),
        "cidr" => cidr(value),
        "anything-but" => anything_but(value),
        _ => Err(Error::pattern(format!("Unrecognized match type {name}"))),
    }
}

fn only(expression: &Map<String, Value>) -> Result<(&str, &Value), Error> {
    let mut entries = expression.iter();
    match (entries.next(), entries.next()) {
        (Some((name, value)), None) => Ok((name, value)),
        (None, _) => Err(Error::pattern("Empty objects are not allowed")),
        _ => Err(Error::pattern("Only one key allowed in match expression")),
    }
}

fn string<'v>(name: &str, value: &'v Value) -> Result<&'v str, Error> {
    value.as_str().ok_or_else(|| Error::pattern(format!("{name} match pattern must be a string")))
}

fn affix(name: &str, value: &Value, exact: fn(String) -> Text, ignore: fn(String) -> Text) -> Result<Matcher, Error> {
    let Value::Object(expression) = value else {
        return string(name, value).map(|text| Matcher::Text(exact(text.into())));
    };
    match only(expression)? {
        (IGNORE_CASE, value) => string(IGNORE_CASE, value).map(|text| Matcher::Text(ignore(text.into()))),
        (other, _) => Err(Error::pattern(format!("Unsupported {name} pattern: {other}"))),
    }
}

fn numeric(value: &Value) -> Result<Matcher, Error> {
    let Value::Array(terms) = value else { return Err(Error::pattern("Value of numeric must be an array.")) };
    let first = terms.first().unwrap_or(&Value::Null);
    let Some(operator) = first.as_str() else {
        return Err(Error::pattern(format!("Invalid member in numeric match: {first}")));
    };
    let Some(bound) = bound(operator) else {
        return Err(Error::pattern(format!("Unrecognized numeric range operator: {operator}")));
    };
    let limit = operand(operator, terms.get(1))?;
    let is_bottom = matches!(bound, Bound::Greater | Bound::GreaterOrEqual);
    match terms.get(2..).unwrap_or_default() {
        [] => Ok(Matcher::Range(vec![(bound, limit)])),
        _ if !is_bottom => Err(Error::pattern("Too many elements in numeric expression")),
        [second, rest @ ..] => {
            let top = top(second, rest)?;
            if Decimal::new(&limit) >= Decimal::new(&top.1) {
                return Err(Error::pattern("Bottom must be less than top"));
            }
            Ok(Matcher::Range(vec![(bound, limit), top]))
        }
    }
}

fn top(operator: &Value, rest: &[Value]) -> Result<(Bound, String), Error> {
    let Some(operator) = operator.as_str() else {
        return Err(Error::pattern(format!("Bad value in numeric range: {operator}")));
    };
    let Some(bound @ (Bound::Less | Bound::LessOrEqual)) = bound(operator) else {
        return Err(Error::pattern(format!("Bad numeric range operator: {operator}")));
    };
    let limit = operand(operator, rest.first())?;
    if rest.len() > 1 { Err(Error::pattern("Too many terms in numeric range")) } else { Ok((bound, limit)) }
}

fn bound(operator: &str) -> Option<Bound> {
    Some(match operator {
        "=" => Bound::Equal,
        "<" => Bound::Less,
        "<=" => Bound::LessOrEqual,
        ">" => Bound::Greater,
        ">=" => Bound::GreaterOrEqual,
        _ => return None,
    })
}

fn operand(operator: &str, value: Option<&Value>) -> Result<String, Error> {
    let operator = if operator == "=" { "equals" } else { operator };
    match value {
        Some(Value::Number(number)) => Ok(number.to_string()),
        _ => Err(Error::pattern(format!("Value of {operator} must be numeric"))),
    }
}

fn cidr(value: &Value) -> Result<Matcher, Error> {
    let text = string("prefix", value)?;
    let Some((address, bits)) = text.split_once('/').filter(|(_, bits)| !bits.contains('/')) else {
        return Err(Error::pattern("Malformed CIDR, one '/' required"));
    };
    let bits: u32 = bits.parse().map_err(|_| Error::pattern("Malformed CIDR, mask bits must be an integer"))?;
    let address: IpAddr = address.parse().map_err(|_| Error::pattern(format!("Nonstandard IP address: {address}")))?;
    match address {
        IpAddr::V4(_) if bits > 32 => Err(Error::pattern("IPv4 mask bits must be < 32")),
        IpAddr::V6(_) if bits > 128 => Err(Error::pattern("IPv6 mask bits must be < 128")),
        _ => Ok(Matcher::Cidr(address, bits)),
    }
}

fn anything_but(value: &Value) -> Result<Matcher, Error> {
    match value {
        Value::String(text) => Ok(Matcher::AnythingButTexts(vec![Text::Equals(text.clone())])),
        Value::Number(number) => Ok(Matcher::AnythingButNumbers(vec![number.to_string()])),
        Value::Array(values) => anything_but_list(values),
        Value::Object(expression) => {
            let (name, value) = only(expression)?;
            anything_but_text(name, value)
        }
        Value::Bool(_) | Value::Null => Err(Error::pattern(ANYTHING_BUT_VALUE)),
    }
}

fn anything_but_list(values: &[Value]) -> Result<Matcher, Error> {
    let texts: Vec<Text> = values.iter().filter_map(Value::as_str).map(|text| Text::Equals(text.into())).collect();
    let numbers: Vec<String> = values.iter().filter(|value| value.is_number()).map(Value::to_string).collect();
    if values.is_empty() {
        return Err(Error::pattern("Empty arrays are not allowed"));
    }
    if texts.len() + numbers.len() < values.len() {
        return Err(Error::pattern("Inside anything but list, start|null|boolean is not supported."));
    }
    match (texts.is_empty(), numbers.is_empty()) {
        (false, true) => Ok(Matcher::AnythingButTexts(texts)),
        (true, _) => Ok(Matcher::AnythingButNumbers(numbers)),
        (false, false) => Err(Error::pattern(
            "Inside anything but list, either all values are number or string, mixed type is not supported",
        )),
    }
}

fn anything_but_text(name: &str, value: &Value) -> Result<Matcher, Error> {
    let unwanted: fn(&str) -> Result<Text, Error> = match name {
        "prefix" => |text| not_empty(text).map(Text::Prefix),
        "suffix" => |text| not_empty(text).map(Text::Suffix),
        "wildcard" => |text| Wildcard::parse(text).map(Text::Wildcard),
        IGNORE_CASE => |text| Ok(Text::EqualsIgnoreCase(text.into())),
        _ => return Err(Error::pattern(format!("Unsupported anything-but pattern: {name}"))),
    };
    let not_a_string = || match name {
        "prefix" | "suffix" => "prefix/suffix match pattern must be a string",
        "wildcard" => "wildcard match pattern must be a string",
        _ => "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
    };
    let values = match value {
        Value::Array(values) if values.is_empty() => return Err(Error::pattern("Empty arrays are not allowed")),
        Value::Array(values) => values.as_slice(),
        Value::Object(_) => return Err(Error::pattern(ANYTHING_BUT_VALUE)),
        single => std::slice::from_ref(single),
    };
    let text = |value: &Value| value.as_str().ok_or_else(|| Error::pattern(not_a_string())).and_then(unwanted);
    values.iter().map(text).collect::<Result<_, _>>().map(Matcher::AnythingButTexts)
}

fn not_empty(text: &str) -> Result<String, Error> {
    if text.is_empty() { Err(Error::pattern("Null prefix/suffix not allowed")) } else { Ok(text.into()) }
}
