//! Prefixes of object keys and their `!{namespace:value}` expressions (Firehose developer guide, "Understand custom
//! prefixes for Amazon S3 objects").

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Tz;

use super::date::Pattern;
use super::partition::Required;
use crate::Error;

/// Longest prefix taken, bytes.
const PREFIX_BYTES_MAX: usize = 1024;
/// What is added to a prefix that says nothing about time.
const DEFAULT_TIME: &str = "yyyy/MM/dd/HH/";

/// A compiled prefix.
#[derive(Debug)]
pub struct Prefix {
    parts: Vec<Part>,
    zone: Tz,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Key(Required, String),
    Time(Pattern),
    Random,
    ErrorType,
}

/// What a prefix is rendered from.
#[derive(Debug)]
pub struct Values<'a> {
    /// By [`Required::label`].
    pub keys: &'a [(String, String)],
    /// Arrival of the oldest record.
    pub at_ms: i64,
    /// 11 characters.
    pub random: &'a str,
    /// Such as `processing-failed`.
    pub error_type: &'a str,
}

/// The time zone of `CustomTimeZone`; UTC without one.
///
/// # Errors
/// `Invalid` when there is no such zone.
pub fn zone(name: Option<&str>) -> Result<Tz, Error> {
    let name = name.filter(|name| !name.is_empty()).unwrap_or("UTC");
    name.parse().map_err(|_| Error::Invalid(format!("CustomTimeZone {name} is not a time zone")))
}

impl Prefix {
    /// Compiles `Prefix`. Without dynamic partitioning and time, `yyyy/MM/dd/HH/` is added.
    ///
    /// # Errors
    /// `Invalid`, telling the expression.
    pub fn data(text: &str, partitioned: bool, zone: Tz) -> Result<Prefix, Error> {
        let mut parts = parse(text, "Prefix")?;
        if parts.iter().any(|part| matches!(part, Part::ErrorType)) {
            return Err(Error::Invalid("Prefix cannot use !{firehose:error-output-type}".into()));
        }
        if !partitioned && !parts.iter().any(|part| matches!(part, Part::Time(_))) {
            parts.push(Part::Time(Pattern::parse(DEFAULT_TIME)?));
        }
        Ok(Prefix { parts, zone })
    }

    /// Compiles `ErrorOutputPrefix`. Without expressions, the error type and the time are added; when there is none,
    /// they are added to `prefix`, which then may not have expressions.
    ///
    /// # Errors
    /// `Invalid`, telling the expression.
    pub fn error(text: Option<&str>, prefix: &str, zone: Tz) -> Result<Prefix, Error> {
        let mut parts = parse(text.unwrap_or(prefix), "ErrorOutputPrefix")?;
        if parts.iter().any(|part| matches!(part, Part::Key(..))) && text.is_some() {
            return Err(Error::Invalid("ErrorOutputPrefix cannot use partition keys".into()));
        }
        if parts.iter().all(|part| matches!(part, Part::Text(_))) {
            parts.extend([Part::ErrorType, Part::Text("/".into()), Part::Time(Pattern::parse(DEFAULT_TIME)?)]);
        } else if text.is_none() {
            return Err(Error::Invalid("ErrorOutputPrefix is required when Prefix has expressions".into()));
        } else if !parts.iter().any(|part| matches!(part, Part::ErrorType)) {
            return Err(Error::Invalid("ErrorOutputPrefix must use !{firehose:error-output-type}".into()));
        }
        Ok(Prefix { parts, zone })
    }

    pub fn has_partition_keys(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Key(..)))
    }

    /// The partition keys used, each once.
    pub fn required(&self) -> Vec<Required> {
        let mut found = Vec::new();
        for part in &self.parts {
            if let Part::Key(key, _) = part
                && !found.contains(key)
            {
                found.push(key.clone());
            }
        }
        found
    }

    /// The text for these values; a key that is missing is empty.
    pub fn render(&self, values: &Values<'_>) -> String {
        let utc: DateTime<Utc> = Utc.timestamp_millis_opt(values.at_ms).single().unwrap_or_default();
        let at = utc.with_timezone(&self.zone);
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Key(_, label) => {
                    out.push_str(values.keys.iter().find(|(key, _)| key == label).map_or("", |(_, value)| value));
                }
                Part::Time(pattern) => pattern.render(&at, &mut out),
                Part::Random => out.push_str(values.random),
                Part::ErrorType => out.push_str(values.error_type),
            }
        }
        out
    }
}

fn parse(text: &str, member: &str) -> Result<Vec<Part>, Error> {
    if text.len() > PREFIX_BYTES_MAX {
        return Err(Error::Invalid(format!("{member} must have at most {PREFIX_BYTES_MAX} bytes")));
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("!{") {
        if !before.is_empty() {
            parts.push(Part::Text(before.into()));
        }
        let Some((expression, behind)) = after.split_once('}') else {
            return Err(Error::Invalid(format!("{member} holds an expression without its closing brace")));
        };
        parts.push(expression_part(expression, member)?);
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.into()));
    }
    Ok(parts)
}

fn expression_part(expression: &str, member: &str) -> Result<Part, Error> {
    let unknown = || Error::Invalid(format!("{member} holds an unknown expression: !{{{expression}}}"));
    let (namespace, value) = expression.split_once(':').ok_or_else(unknown)?;
    match (namespace, value) {
        ("timestamp", format) if !format.is_empty() => Ok(Part::Time(Pattern::parse(format)?)),
        ("firehose", "random-string") => Ok(Part::Random),
        ("firehose", "error-output-type") => Ok(Part::ErrorType),
        ("partitionKeyFromQuery", name) if !name.is_empty() => Ok(key(Required::Query(name.into()))),
        ("partitionKeyFromLambda", name) if !name.is_empty() => Ok(key(Required::Lambda(name.into()))),
        _ => Err(unknown()),
    }
}

fn key(required: Required) -> Part {
    let label = required.label();
    Part::Key(required, label)
}

#[cfg(test)]
mod tests {
    use super::*;

    // 2026-03-05T07:08:09.010Z
    const AT: i64 = 1_772_694_489_010;

    fn render(prefix: &Prefix) -> String {
        let keys = [("site".to_owned(), "7".to_owned())];
        prefix.render(&Values { keys: &keys, at_ms: AT, random: "abcdefghijk", error_type: "processing-failed" })
    }

    #[test]
    fn data_prefixes() {
        for (text, partitioned, zone_name, expected) in [
            ("", false, "UTC", "2026/03/05/07/"),
            ("data/", false, "UTC", "data/2026/03/05/07/"),
            ("data/", false, "America/New_York", "data/2026/03/05/02/"),
            ("d/!{timestamp:yyyy-MM-dd'T'HH.mm.ss.SSS}/", false, "UTC", "d/2026-03-05T07.08.09.010/"),
            ("s=!{partitionKeyFromQuery:site}/", true, "UTC", "s=7/"),
            ("s=!{partitionKeyFromLambda:none}/", true, "UTC", "s=/"),
            (
                "!{firehose:random-string}/!{timestamp:EEE, d MMM yy h a}",
                false,
                "UTC",
                "abcdefghijk/Thu, 5 Mar 26 7 AM",
            ),
        ] {
            let zone = zone(Some(zone_name)).unwrap();
            assert_eq!(render(&Prefix::data(text, partitioned, zone).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn error_prefixes() {
        for (text, expected) in [
            (None, "data/processing-failed/2026/03/05/07/"),
            (Some("errors/"), "errors/processing-failed/2026/03/05/07/"),
            (Some("e/!{firehose:error-output-type}/!{timestamp:yyyy}/"), "e/processing-failed/2026/"),
        ] {
            assert_eq!(render(&Prefix::error(text, "data/", Tz::UTC).unwrap()), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for text in
            ["!{timestamp:yyyy", "!{nothing:x}", "!{timestamp:}", "!{firehose:error-output-type}", "!{timestamp:b}"]
        {
            assert!(matches!(Prefix::data(text, false, Tz::UTC), Err(Error::Invalid(_))), "{text}");
        }
        for text in ["!{timestamp:yyyy}/", "!{partitionKeyFromQuery:a}/"] {
            assert!(matches!(Prefix::error(Some(text), "", Tz::UTC), Err(Error::Invalid(_))), "{text}");
        }
        assert!(Prefix::error(None, "!{timestamp:yyyy}/", Tz::UTC).is_err());
        assert!(zone(Some("Mars/Base")).is_err());
    }
}
