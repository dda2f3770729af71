//! One member of a field's list: a plain value or a match expression.

use std::cmp::Ordering;
use std::net::IpAddr;

use super::tokens::{Token, Tokens};
use crate::Error;
use crate::matcher::{Bound, Matcher, Text};
use crate::number::Decimal;
use crate::wildcard::Wildcard;

const IGNORE_CASE: &str = "equals-ignore-case";
const ANYTHING_BUT_VALUE: &str = "Value of anything-but must be an array or single string/number value.";
const ONE_KEY: &str = "Only one key allowed in match expression";
const TOO_MANY: &str = "Too many elements in numeric expression";
/// Numbers compared by `numeric` lie between this and its negative.
const NUMBER_MAX: &str = "5e9";

pub(super) fn matcher<'a>(tokens: &mut Tokens<'a>, token: &Token<'a>) -> Result<Matcher, Error> {
    Ok(match token {
        Token::String(_) => Matcher::Text(Text::Equals(tokens.text(token))),
        Token::Number(number) => Matcher::Number((*number).to_owned()),
        Token::Bool(flag) => Matcher::Bool(*flag),
        Token::Null => Matcher::Null,
        Token::ObjectStart => return expression(tokens),
        _ => return Err(tokens.error("Match value must be String, number, true, false, or null")),
    })
}

fn expression(tokens: &mut Tokens<'_>) -> Result<Matcher, Error> {
    let Token::Name(name) = tokens.next()? else { return Err(tokens.error("Match expression name not found")) };
    match name.as_ref() {
        "exists" => {
            let matcher = match tokens.next()? {
                Token::Bool(true) => Matcher::Exists,
                Token::Bool(false) => Matcher::Absent,
                _ => return Err(tokens.error("exists match pattern must be either true or false.")),
            };
            end(tokens, ONE_KEY)?;
            Ok(matcher)
        }
        "prefix" => affix(tokens, "prefix", Text::Prefix, Text::PrefixIgnoreCase),
        "suffix" => affix(tokens, "suffix", Text::Suffix, Text::SuffixIgnoreCase),
        IGNORE_CASE => text(tokens, IGNORE_CASE).map(|text| Matcher::Text(Text::EqualsIgnoreCase(text))),
        "wildcard" => {
            let text = string(tokens, "wildcard")?;
            let wildcard = wildcard(tokens, &text)?;
            end(tokens, ONE_KEY)?;
            Ok(Matcher::Text(Text::Wildcard(wildcard)))
        }
        "numeric" => numeric(tokens),
        "cidr" => cidr(&text(tokens, "prefix")?),
        "anything-but" => anything_but(tokens),
        other => Err(tokens.error(format!("Unrecognized match type {other}"))),
    }
}

/// The end of an expression's object.
fn end(tokens: &mut Tokens<'_>, otherwise: &str) -> Result<(), Error> {
    if tokens.next()? == Token::ObjectEnd { Ok(()) } else { Err(tokens.error(otherwise)) }
}

fn string(tokens: &mut Tokens<'_>, name: &str) -> Result<String, Error> {
    let token = tokens.next()?;
    match token {
        Token::String(_) => Ok(tokens.text(&token)),
        _ => Err(tokens.error(format!("{name} match pattern must be a string"))),
    }
}

/// A string and the end of the expression.
fn text(tokens: &mut Tokens<'_>, name: &str) -> Result<String, Error> {
    let text = string(tokens, name)?;
    end(tokens, ONE_KEY)?;
    Ok(text)
}

fn wildcard(tokens: &Tokens<'_>, text: &str) -> Result<Wildcard, Error> {
    Wildcard::parse(text).map_err(|reason| match reason.is_complexity() {
        true => Error::pattern(reason.to_string()),
        false => tokens.error(reason.to_string()),
    })
}

fn affix(
    tokens: &mut Tokens<'_>,
    name: &str,
    exact: fn(String) -> Text,
    ignore: fn(String) -> Text,
) -> Result<Matcher, Error> {
    let token = tokens.next()?;
    match token {
        Token::String(_) => {
            let text = tokens.text(&token);
            end(tokens, ONE_KEY)?;
            Ok(Matcher::Text(exact(text)))
        }
        Token::ObjectStart => match tokens.next()? {
            Token::Name(operator) if operator == IGNORE_CASE => {
                let text = text(tokens, IGNORE_CASE)?;
                end(tokens, ONE_KEY)?;
                Ok(Matcher::Text(ignore(text)))
            }
            Token::Name(operator) => Err(tokens.error(format!("Unsupported {name} pattern: {operator}"))),
            _ => {
                let name = if name == "prefix" { "Prefix" } else { "Suffix" };
                Err(tokens.error(format!("{name} expression name not found")))
            }
        },
        _ => Err(tokens.error(format!("{name} match pattern must be a string"))),
    }
}

fn numeric(tokens: &mut Tokens<'_>) -> Result<Matcher, Error> {
    if tokens.next()? != Token::ArrayStart {
        return Err(tokens.error("Value of numeric must be an array."));
    }
    let matcher = comparison(tokens)?;
    end(tokens, TOO_MANY)?;
    Ok(matcher)
}

/// A comparison, or two that bound a range, to the end of their list.
fn comparison(tokens: &mut Tokens<'_>) -> Result<Matcher, Error> {
    let token = tokens.next()?;
    let operator = tokens.text(&token);
    if !matches!(token, Token::String(_)) {
        return Err(tokens.error(format!("Invalid member in numeric match: {operator}")));
    }
    let value = tokens.next()?;
    let Some(bound) = bound(&operator) else {
        return Err(tokens.error(format!("Unrecognized numeric range operator: {operator}")));
    };
    let limit = operand(tokens, &operator, &value)?;
    let is_bottom = matches!(bound, Bound::Greater | Bound::GreaterOrEqual);
    match tokens.next()? {
        Token::ArrayEnd => Ok(Matcher::Range(vec![(bound, limit)])),
        token if is_bottom => {
            let top = top(tokens, &token)?;
            if Decimal::new(&limit) >= Decimal::new(&top.1) {
                return Err(tokens.error("Bottom must be less than top"));
            }
            Ok(Matcher::Range(vec![(bound, limit), top]))
        }
        _ => Err(tokens.error(TOO_MANY)),
    }
}

fn top<'a>(tokens: &mut Tokens<'a>, token: &Token<'a>) -> Result<(Bound, String), Error> {
    let operator = tokens.text(token);
    if !matches!(token, Token::String(_)) {
        return Err(tokens.error(format!("Bad value in numeric range: {operator}")));
    }
    let Some(bound @ (Bound::Less | Bound::LessOrEqual)) = bound(&operator) else {
        return Err(tokens.error(format!("Bad numeric range operator: {operator}")));
    };
    let value = tokens.next()?;
    let limit = operand(tokens, &operator, &value)?;
    if tokens.next()? == Token::ArrayEnd {
        return Ok((bound, limit));
    }
    Err(tokens.error("Too many terms in numeric range expression"))
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

fn operand(tokens: &Tokens<'_>, operator: &str, value: &Token<'_>) -> Result<String, Error> {
    let Token::Number(number) = value else {
        let operator = if operator == "=" { "equals" } else { operator };
        return Err(tokens.error(format!("Value of {operator} must be numeric")));
    };
    let absolute = number.strip_prefix('-').unwrap_or(number);
    if Decimal::new(absolute).cmp(&Decimal::new(NUMBER_MAX)) == Ordering::Greater {
        return Err(tokens.error("Value must be between -5.0E9 and 5.0E9, inclusive"));
    }
    Ok((*number).to_owned())
}

fn cidr(text: &str) -> Result<Matcher, Error> {
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

/// What `anything-but` excludes texts by.
#[derive(Clone, Copy, PartialEq)]
enum Excludes {
    Prefix,
    Suffix,
    IgnoreCase,
    Wildcard,
}

fn anything_but(tokens: &mut Tokens<'_>) -> Result<Matcher, Error> {
    let mut token = tokens.next()?;
    let mut by = None;
    if token == Token::ObjectStart {
        let Token::Name(operator) = tokens.next()? else {
            return Err(tokens.error("Anything-But expression name not found"));
        };
        by = Some(match operator.as_ref() {
            "prefix" => Excludes::Prefix,
            "suffix" => Excludes::Suffix,
            "wildcard" => Excludes::Wildcard,
            IGNORE_CASE => Excludes::IgnoreCase,
            other => return Err(tokens.error(format!("Unsupported anything-but pattern: {other}"))),
        });
        token = tokens.next()?;
    }
    let matcher = match (&token, by) {
        (Token::ArrayStart, None) => anything_but_list(tokens)?,
        (Token::ArrayStart, Some(by)) => {
            let mut unwanted = Vec::new();
            loop {
                match tokens.next()? {
                    Token::ArrayEnd => break Matcher::AnythingButTexts(unwanted),
                    member => unwanted.push(excluded(tokens, &member, by, true)?),
                }
            }
        }
        (Token::String(_), None) => Matcher::AnythingButTexts(vec![Text::Equals(tokens.text(&token))]),
        (Token::Number(number), None) => Matcher::AnythingButNumbers(vec![(*number).to_owned()]),
        (Token::String(_) | Token::Number(_), Some(by)) => {
            Matcher::AnythingButTexts(vec![excluded(tokens, &token, by, false)?])
        }
        _ => return Err(tokens.error(ANYTHING_BUT_VALUE)),
    };
    end(tokens, TOO_MANY)?;
    if by.is_some() {
        end(tokens, TOO_MANY)?;
    }
    Ok(matcher)
}

fn anything_but_list(tokens: &mut Tokens<'_>) -> Result<Matcher, Error> {
    let (mut texts, mut numbers) = (Vec::new(), Vec::new());
    loop {
        let token = tokens.next()?;
        match token {
            Token::ArrayEnd => break,
            Token::String(_) => texts.push(Text::Equals(tokens.text(&token))),
            Token::Number(number) => numbers.push(number.to_owned()),
            _ => {
                let reason = "Inside anything but list, start|null|boolean is not supported.";
                return Err(tokens.error_in_list(reason));
            }
        }
    }
    match (texts.is_empty(), numbers.is_empty()) {
        (false, true) => Ok(Matcher::AnythingButTexts(texts)),
        (true, false) => Ok(Matcher::AnythingButNumbers(numbers)),
        _ => Err(tokens
            .error("Inside anything but list, either all values are number or string, mixed type is not supported")),
    }
}

fn excluded<'a>(tokens: &mut Tokens<'a>, token: &Token<'a>, by: Excludes, in_list: bool) -> Result<Text, Error> {
    let fail = |tokens: &Tokens<'_>, reason: &str| match in_list {
        true => tokens.error_in_list(reason),
        false => tokens.error(reason),
    };
    let Token::String(_) = token else {
        let reason = match by {
            Excludes::Prefix | Excludes::Suffix => "prefix/suffix match pattern must be a string",
            Excludes::Wildcard => "wildcard match pattern must be a string",
            Excludes::IgnoreCase => {
                "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
            }
        };
        return Err(fail(tokens, reason));
    };
    let text = tokens.text(token);
    match by {
        Excludes::Prefix | Excludes::Suffix if text.is_empty() => Err(fail(tokens, "Null prefix/suffix not allowed")),
        Excludes::Prefix => Ok(Text::Prefix(text)),
        Excludes::Suffix => Ok(Text::Suffix(text)),
        Excludes::IgnoreCase => Ok(Text::EqualsIgnoreCase(text)),
        Excludes::Wildcard => wildcard(tokens, &text).map(Text::Wildcard),
    }
}
