//! Formats of primitive types (hl7.org/fhir/R4/datatypes.html#primitive), by hand for speed.

use crate::json::{Element, Kind};
use crate::search::date;

/// A text may be this long.
const STRING_BYTES_MAX: usize = 1 << 20;

/// Why a value is none of a primitive type; `None` when it is one.
pub(super) fn wrong(kind: &str, element: Element<'_>) -> Option<&'static str> {
    let json = element.kind();
    match kind {
        "boolean" => return (json != Kind::Bool).then_some("is true or false"),
        "integer" => return number(element, json, i32::MIN.into()).err(),
        "unsignedInt" => return number(element, json, 0).err(),
        "positiveInt" => return number(element, json, 1).err(),
        "decimal" => return (json != Kind::Number).then_some("is a number"),
        _ => {}
    }
    if json != Kind::String {
        return Some("is a string");
    }
    let text = element.as_str()?;
    if text.is_empty() {
        return Some("is not empty");
    }
    let ok = match kind {
        "string" | "markdown" => return string(&text),
        "xhtml" => return xhtml(&text),
        "code" => is_code(&text),
        "id" => crate::reference::is_id(&text),
        "uri" | "url" | "canonical" => !text.contains(char::is_whitespace),
        "oid" => is_oid(&text),
        "uuid" => text.strip_prefix("urn:uuid:").is_some_and(is_uuid),
        "date" => !text.contains('T') && date::parse(&text).is_some() && has_year(&text),
        "dateTime" => is_date_time(&text),
        "instant" => is_instant(&text),
        "time" => is_time(&text),
        "base64Binary" => is_base64(&text),
        _ => true,
    };
    (!ok).then(|| rule(kind))
}

fn rule(kind: &str) -> &'static str {
    match kind {
        "code" => "is a code: no space at its ends, single ones inside",
        "id" => "is an id: 1 to 64 letters, digits, `-` and `.`",
        "uri" | "url" | "canonical" => "is a URI: no spaces",
        "oid" => "is an OID: urn:oid:1.2.3",
        "uuid" => "is a UUID: urn:uuid: and 32 hexadecimal digits in groups",
        "date" => "is a date: YYYY, YYYY-MM or YYYY-MM-DD",
        "dateTime" => "is a dateTime: a date, or YYYY-MM-DDThh:mm:ss with a time zone",
        "instant" => "is an instant: YYYY-MM-DDThh:mm:ss with a time zone",
        "time" => "is a time: hh:mm:ss",
        "base64Binary" => "is base64",
        _ => "has another format",
    }
}

fn number(element: Element<'_>, json: Kind, low: i64) -> Result<(), &'static str> {
    let in_range = element.raw().parse::<i64>().is_ok_and(|number| (low..=i32::MAX.into()).contains(&number));
    if json == Kind::Number && in_range && !element.raw().starts_with("-0") {
        return Ok(());
    }
    Err(match low {
        0 => "is a whole number from 0 to 2,147,483,647",
        1 => "is a whole number from 1 to 2,147,483,647",
        _ => "is a whole number of 32 bits",
    })
}

fn string(text: &str) -> Option<&'static str> {
    if text.len() > STRING_BYTES_MAX {
        return Some("is at most 1 MB");
    }
    if text.chars().all(char::is_whitespace) {
        return Some("is not only spaces");
    }
    let is_control = |c: char| c < ' ' && !matches!(c, '\n' | '\r' | '\t');
    text.contains(is_control).then_some("has no control characters")
}

fn is_code(text: &str) -> bool {
    let mut before = ' ';
    for character in text.chars() {
        let is_space = character.is_whitespace();
        if is_space && (before.is_whitespace() || character != ' ') {
            return false;
        }
        before = character;
    }
    !before.is_whitespace()
}

fn is_oid(text: &str) -> bool {
    let Some(arcs) = text.strip_prefix("urn:oid:") else { return false };
    let is_arc = |arc: &str| {
        !arc.is_empty() && arc.bytes().all(|byte| byte.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0'))
    };
    arcs.contains('.') && arcs.split('.').all(is_arc) && arcs.starts_with(['0', '1', '2'])
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths = [8, 4, 4, 4, 12];
    let is_group =
        |(group, length): (&&str, usize)| group.len() == length && group.bytes().all(|byte| byte.is_ascii_hexdigit());
    groups.len() == 5 && groups.iter().zip(lengths).all(is_group)
}

fn has_year(text: &str) -> bool {
    !text.starts_with("0000")
}

fn has_seconds_and_zone(text: &str) -> bool {
    let Some((_, time)) = text.split_once('T') else { return false };
    let Some(zone) = time.find(['Z', '+', '-']) else { return false };
    let (clock, zone) = time.split_at(zone);
    clock.matches(':').count() == 2 && (zone == "Z" || is_zone(zone))
}

/// `+hh:mm` up to 14:00.
fn is_zone(zone: &str) -> bool {
    let number = |range: std::ops::Range<usize>| zone.get(range).and_then(|text| text.parse::<u32>().ok());
    zone.len() == 6 && matches!((number(1..3), number(4..6)), (Some(0..=13), Some(0..=59)) | (Some(14), Some(0)))
}

fn is_date_time(text: &str) -> bool {
    date::parse(text).is_some() && has_year(text) && (!text.contains('T') || has_seconds_and_zone(text))
}

fn is_instant(text: &str) -> bool {
    is_date_time(text) && text.contains('T')
}

fn is_time(text: &str) -> bool {
    !text.contains(['Z', '+', '-'])
        && text.matches(':').count() == 2
        && date::parse(&format!("2000-01-01T{text}")).is_some()
}

fn is_base64(text: &str) -> bool {
    let mut length = 0_usize;
    let mut padding = 0_usize;
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        match byte {
            b'=' => padding += 1,
            _ if padding > 0 => return false,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {}
            _ => return false,
        }
        length += 1;
    }
    length.is_multiple_of(4) && padding <= 2 && length > 0
}

/// A narrative's `div`: well-formed enough, and nothing that runs.
fn xhtml(text: &str) -> Option<&'static str> {
    let trimmed = text.trim();
    if !trimmed.starts_with("<div") || !(trimmed.ends_with("</div>") || trimmed.ends_with("/>")) {
        return Some("is a div element");
    }
    let lower = trimmed.to_ascii_lowercase();
    let active = ["<script", "<form", "<iframe", "<object", "<input", "<base", "<link", "<head", "<body"];
    active.iter().any(|name| lower.contains(name)).then_some("has no active content")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    #[test]
    fn formats_are_those_of_the_specification() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            ("boolean", &["true"], &["\"true\"", "1"]),
            ("integer", &["0", "-5", "2147483647"], &["2147483648", "1.0", "\"1\"", "-0", "1e3"]),
            ("positiveInt", &["1"], &["0", "-1"]),
            ("unsignedInt", &["0"], &["-1"]),
            ("decimal", &["1.50", "-1e3"], &["\"1\""]),
            ("code", &["\"a\"", "\"a b\""], &["\" a\"", "\"a \"", "\"a  b\"", "\"\"", "\"a\\tb\""]),
            ("id", &["\"a.b-1\""], &["\"a_b\"", "\"\""]),
            ("uri", &["\"urn:x\"", "\"http://a\""], &["\"a b\""]),
            ("oid", &["\"urn:oid:1.2.3\""], &["\"1.2.3\"", "\"urn:oid:1.02\"", "\"urn:oid:3.1\""]),
            ("uuid", &["\"urn:uuid:c757873d-ec9a-4326-a141-556f43239520\""], &["\"c757873d\""]),
            (
                "date",
                &["\"2020\"", "\"2020-02\"", "\"2020-02-29\""],
                &["\"2019-02-29\"", "\"2020-1-1\"", "\"2020-02-29T10:00:00Z\"", "\"0000\""],
            ),
            (
                "dateTime",
                &["\"2020\"", "\"2020-02-29T10:00:00Z\"", "\"2020-02-29T10:00:00.123+14:00\""],
                &[
                    "\"2020-02-29T10:00Z\"",
                    "\"2020-02-29T10:00:00\"",
                    "\"2020-02-29T25:00:00Z\"",
                    "\"2020-02-29T10:00:00+15:00\"",
                ],
            ),
            ("instant", &["\"2020-02-29T10:00:00Z\""], &["\"2020-02-29\""]),
            ("time", &["\"10:00:00\"", "\"10:00:00.5\""], &["\"10:00\"", "\"24:00:00\"", "\"10:00:00Z\""]),
            ("base64Binary", &["\"YWI=\"", "\"YWJj\""], &["\"YWI\"", "\"Y=WI\"", "\"Y*==\""]),
            ("string", &["\"a\\nb\""], &["\"\"", "\"  \"", "\"\\u0001\"", "1"]),
            ("xhtml", &["\"<div>a</div>\""], &["\"a\"", "\"<div><script>x</script></div>\""]),
        ];
        for (kind, right, others) in cases {
            for (texts, is_right) in [(right, true), (others, false)] {
                for text in *texts {
                    let document = Document::parse((*text).to_owned()).expect("a document");
                    assert_eq!(wrong(kind, document.root()).is_none(), is_right, "{kind} {text}");
                }
            }
        }
    }
}
