//! Values of columns from the JSON text of one value. `None` where it does not fit; `null` never comes here.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde_json::Value;

/// Text as it is, anything else as compact JSON.
pub(super) fn text(json: &str) -> Option<Cow<'_, str>> {
    match json.as_bytes().first()? {
        b'"' => string(json),
        b't' | b'f' => Some(Cow::Borrowed(json)),
        b'-' | b'0'..=b'9' if !json.contains(['e', 'E']) => Some(Cow::Borrowed(json)),
        _ => serde_json::from_str::<Value>(json).ok().map(|value| Cow::Owned(value.to_string())),
    }
}

/// The content of a string. Half a surrogate pair is no text.
pub(super) fn string(json: &str) -> Option<Cow<'_, str>> {
    let content = json.strip_prefix('"')?.strip_suffix('"')?;
    match memchr::memchr(b'\\', content.as_bytes()) {
        None => Some(Cow::Borrowed(content)),
        Some(_) => serde_json::from_str::<String>(json).ok().map(Cow::Owned),
    }
}

/// The text of a number or a string.
fn number_or_string(json: &str) -> Option<Cow<'_, str>> {
    match json.as_bytes().first()? {
        b'"' => string(json),
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(json)),
        _ => None,
    }
}

/// What Rust reads from a number or the text of one, such as an integer within its range.
pub(super) fn number<T: std::str::FromStr>(json: &str) -> Option<T> {
    number_or_string(json)?.parse().ok()
}

pub(super) fn boolean(json: &str) -> Option<bool> {
    match json {
        "true" => Some(true),
        "false" => Some(false),
        _ => {
            let text = string(json)?;
            let is_true = text.eq_ignore_ascii_case("true");
            (is_true || text.eq_ignore_ascii_case("false")).then_some(is_true)
        }
    }
}

/// A decimal number as its digits without the point, scaled; it may not have more digits than the column.
pub(super) fn decimal(json: &str, precision: u8, scale: i8) -> Option<i128> {
    let text = number_or_string(json)?;
    let scale = usize::try_from(scale).ok()?;
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let significant = whole.trim_start_matches('0');
    let good = !whole.is_empty()
        && !digits.ends_with('.')
        && whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
        && fraction.len() <= scale
        && significant.len() + scale <= usize::from(precision);
    if !good {
        return None;
    }
    let padding = std::iter::repeat_n(b'0', scale - fraction.len());
    let digits = significant.bytes().chain(fraction.bytes()).chain(padding);
    // At most 38 digits, so it cannot overflow.
    let value = digits.fold(0_i128, |value, digit| value * 10 + i128::from(digit - b'0'));
    Some(if text.starts_with('-') { -value } else { value })
}

/// Days since the epoch of `yyyy-MM-dd`, with or without a time after it.
pub(super) fn days(json: &str) -> Option<i32> {
    let text = string(json)?;
    let (day, rest) = text.split_at_checked(10)?;
    let dated = day.bytes().enumerate().all(|(at, b)| if matches!(at, 4 | 7) { b == b'-' } else { b.is_ascii_digit() });
    if !dated || rest.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
    i32::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// Text as RFC 3339 or `yyyy-MM-dd HH:mm:ss[.f]` in UTC; numbers as epoch seconds, or milliseconds from 10^11 on.
pub(super) fn micros(json: &str) -> Option<i64> {
    if json.starts_with('"') {
        let text = string(json)?;
        return DateTime::parse_from_rfc3339(&text).map(|t| t.timestamp_micros()).ok().or_else(|| {
            let time = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];
            time.iter()
                .find_map(|f| NaiveDateTime::parse_from_str(&text, f).ok())
                .map(|t| t.and_utc().timestamp_micros())
        });
    }
    if let Some(number) = number::<i64>(json) {
        return number.checked_mul(if number.unsigned_abs() >= 100_000_000_000 { 1000 } else { 1_000_000 });
    }
    let seconds: f64 = number(json)?;
    (seconds.abs() < 1e11).then_some((seconds * 1e6).round() as i64)
}
