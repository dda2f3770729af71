//! Dates as ranges of milliseconds (hl7.org/fhir/R4/search.html#date).
//!
//! A date of any precision stands for all instants it may mean: `2020-05` is the whole month. Both ends are inclusive.
//! Without an offset it is UTC.

use chrono::{DateTime, Datelike as _, FixedOffset, Months, NaiveDate, NaiveTime, Offset as _, TimeZone as _, Utc};

/// Before all dates: the beginning of a period without one.
pub const BEGINNING: i64 = i64::MIN;
/// Behind all dates: the end of a period without one.
pub const END: i64 = i64::MAX;

/// All instants a date may mean, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub low: i64,
    pub high: i64,
}

/// Reads a date, dateTime or instant of any precision; also with minutes but no seconds, as searches may have it.
pub fn parse(text: &str) -> Option<Range> {
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let mut parts = date.split('-');
    let year = digits(parts.next()?, 4)? as i32;
    let month = parts.next().map(|part| digits(part, 2));
    let day = parts.next().map(|part| digits(part, 2));
    if parts.next().is_some() || month == Some(None) || day == Some(None) {
        return None;
    }
    let (month, day) = (month.flatten(), day.flatten());
    let first = NaiveDate::from_ymd_opt(year, month.unwrap_or(1), day.unwrap_or(1))?;
    if let Some(time) = time {
        day?;
        return instant(first, time);
    }
    let next = match (month, day) {
        (_, Some(_)) => first.succ_opt(),
        (Some(_), None) => first.checked_add_months(Months::new(1)),
        (None, _) => NaiveDate::from_ymd_opt(first.year() + 1, 1, 1),
    }?;
    let start = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
    Some(Range { low: start(first), high: start(next) - 1 })
}

fn digits(text: &str, length: usize) -> Option<u32> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn instant(date: NaiveDate, time: &str) -> Option<Range> {
    let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone_at);
    let offset = offset(zone)?;
    let mut parts = clock.split(':');
    let hour = digits(parts.next()?, 2)?;
    let minute = digits(parts.next()?, 2)?;
    let seconds = parts.next();
    if parts.next().is_some() {
        return None;
    }
    let (second, nanos, width) = match seconds {
        None => (0, 0, 60_000),
        Some(seconds) => {
            let (whole, fraction) =
                seconds.split_once('.').map_or((seconds, None), |(whole, part)| (whole, Some(part)));
            let nanos = fraction.map_or(Some(0), nanos)?;
            (digits(whole, 2)?, nanos, if fraction.is_some() { 1 } else { 1000 })
        }
    };
    // A leap second is the last millisecond of its minute.
    let (second, nanos) = if second == 60 { (59, 999_000_000) } else { (second, nanos) };
    let time = NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)?;
    let at = offset.from_local_datetime(&date.and_time(time)).single()?.timestamp_millis();
    Some(Range { low: at, high: at + width - 1 })
}

/// The fraction of a second; digits behind the ninth say nothing a clock here knows.
fn nanos(fraction: &str) -> Option<u32> {
    let known = fraction.bytes().all(|byte| byte.is_ascii_digit()) && !fraction.is_empty();
    known.then(|| {
        (0..9)
            .map(|at| fraction.as_bytes().get(at).map_or(0, |digit| u32::from(digit - b'0')))
            .fold(0, |sum, digit| sum * 10 + digit)
    })
}

fn offset(zone: &str) -> Option<FixedOffset> {
    if zone.is_empty() || zone == "Z" {
        return Some(Utc.fix());
    }
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let seconds = (digits(hours, 2)? * 3600 + digits(minutes, 2)? * 60) as i32;
    FixedOffset::east_opt(if zone.starts_with('-') { -seconds } else { seconds })
}

/// An instant as FHIR writes it: milliseconds, UTC.
pub fn write_instant(ms: i64) -> String {
    let at = DateTime::from_timestamp_millis(ms).unwrap_or_default();
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> (String, String) {
        let range = parse(text).expect(text);
        (write_instant(range.low), write_instant(range.high))
    }

    #[test]
    fn a_date_means_all_instants_of_its_precision() {
        let cases = [
            ("2020", "2020-01-01T00:00:00.000Z", "2020-12-31T23:59:59.999Z"),
            ("2020-02", "2020-02-01T00:00:00.000Z", "2020-02-29T23:59:59.999Z"),
            ("2020-12-31", "2020-12-31T00:00:00.000Z", "2020-12-31T23:59:59.999Z"),
            ("2020-05-01T10:00", "2020-05-01T10:00:00.000Z", "2020-05-01T10:00:59.999Z"),
            ("2020-05-01T10:00:01Z", "2020-05-01T10:00:01.000Z", "2020-05-01T10:00:01.999Z"),
            ("2020-05-01T10:00:01.25+02:00", "2020-05-01T08:00:01.250Z", "2020-05-01T08:00:01.250Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999Z", "2017-01-01T00:00:00.998Z"),
        ];
        for (text, low, high) in cases {
            assert_eq!(range(text), (low.into(), high.into()), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        let refused = [
            "",
            "20",
            "2020-1",
            "2020-13",
            "2020-02-30",
            "2020-05T10:00",
            "2020-05-01T",
            "2020-05-01T10",
            "2020-05-01T25:00",
            "2020-05-01T10:00:00+2",
            "2020-05-01T10:00:00.Z",
            "2020-05-01T10:00:00Zx",
            "x",
            "2020-05-01-01",
            "+020",
        ];
        for text in refused {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
