//! Schedule expressions: `rate(5 minutes)`, `cron(0 12 * * ? *)`, `at(2026-01-31T12:00:00)`.
//!
//! Cron and `at` are read in a time zone. Where clocks go forward, a time that does not exist is skipped; where they go back,
//! a time that exists twice counts once, the first time.

use chrono::{DateTime, NaiveDateTime, TimeZone as _};
use chrono_tz::Tz;

use super::cron::Cron;
use crate::Error;

const MINUTE_MS: i64 = 60_000;
/// Steps from one occurrence to the next until the search ends: times that do not exist are few.
const STEPS_MAX: usize = 2000;

/// A compiled schedule expression.
#[derive(Clone, Debug)]
pub struct Expression(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Rate { every_ms: i64, singular: bool },
    Cron(Box<Cron>),
    At(NaiveDateTime),
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// `Invalid` for other text.
    pub fn parse(text: &str) -> Result<Expression, Error> {
        let inside = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        let kind = if let Some(rate) = inside("rate") {
            parse_rate(rate)
        } else if let Some(fields) = inside("cron") {
            Cron::parse(fields).map(|cron| Kind::Cron(Box::new(cron)))
        } else {
            inside("at").and_then(|at| NaiveDateTime::parse_from_str(at, "%Y-%m-%dT%H:%M:%S").ok()).map(Kind::At)
        };
        kind.map(Expression).ok_or_else(|| Error::Invalid(format!("Invalid Schedule Expression {text}.")))
    }

    /// Whether it has one occurrence.
    pub fn is_once(&self) -> bool {
        matches!(self.0, Kind::At(_))
    }

    /// Whether the unit of a rate is singular for 1 and plural otherwise, as rules want it.
    pub fn has_singular_units(&self) -> bool {
        match self.0 {
            Kind::Rate { singular, .. } => singular,
            _ => true,
        }
    }

    /// The first occurrence for a schedule that begins at `from_ms`.
    pub(crate) fn first(&self, from_ms: i64, zone: Tz) -> Option<i64> {
        match &self.0 {
            Kind::Rate { every_ms, .. } => Some(from_ms + every_ms),
            Kind::Cron(cron) => cron_after(cron, from_ms, zone),
            Kind::At(at) => instant(*at, zone),
        }
    }

    /// The first occurrence after `now_ms`, where one was at `due_ms`.
    pub(crate) fn next(&self, due_ms: i64, now_ms: i64, zone: Tz) -> Option<i64> {
        match &self.0 {
            Kind::Rate { every_ms, .. } => {
                Some(due_ms + (now_ms - due_ms).div_euclid(*every_ms).max(0) * every_ms + every_ms)
            }
            Kind::Cron(cron) => cron_after(cron, now_ms.max(due_ms), zone),
            Kind::At(_) => None,
        }
    }

    /// The last occurrence up to `now_ms`, where one was at `due_ms`, if it is no older than `age_ms`.
    pub(crate) fn latest(&self, due_ms: i64, now_ms: i64, age_ms: i64, zone: Tz) -> Option<i64> {
        let oldest_ms = now_ms.saturating_sub(age_ms);
        let latest_ms = match &self.0 {
            Kind::Rate { every_ms, .. } => due_ms + (now_ms - due_ms).div_euclid(*every_ms).max(0) * every_ms,
            Kind::Cron(cron) => {
                let mut latest_ms = due_ms;
                let mut at_ms = due_ms.max(oldest_ms.saturating_sub(1));
                for _ in 0..STEPS_MAX {
                    match cron_after(cron, at_ms, zone).filter(|next_ms| *next_ms <= now_ms) {
                        Some(next_ms) => (latest_ms, at_ms) = (next_ms, next_ms),
                        None => break,
                    }
                }
                latest_ms
            }
            Kind::At(_) => due_ms,
        };
        Some(latest_ms).filter(|latest_ms| *latest_ms >= oldest_ms)
    }
}

fn parse_rate(text: &str) -> Option<Kind> {
    let (value, unit) = text.split_once(' ')?;
    let value: i64 =
        value.parse().ok().filter(|_| value.len() <= 9 && value.bytes().all(|byte| byte.is_ascii_digit()))?;
    let minutes = match unit {
        "minute" | "minutes" => 1,
        "hour" | "hours" => 60,
        "day" | "days" => 1440,
        _ => return None,
    };
    let singular = unit.ends_with('s') != (value == 1);
    (value > 0).then_some(Kind::Rate { every_ms: value * minutes * MINUTE_MS, singular })
}

fn cron_after(cron: &Cron, from_ms: i64, zone: Tz) -> Option<i64> {
    let from = DateTime::from_timestamp_millis(from_ms)?.with_timezone(&zone).naive_local();
    let mut at = from;
    for _ in 0..STEPS_MAX {
        at = cron.after(at)?;
        if let Some(at_ms) = instant(at, zone).filter(|at_ms| *at_ms > from_ms) {
            return Some(at_ms);
        }
    }
    None
}

/// When a local time is, milliseconds since 1970; the first time where it is twice, `None` where it is not.
fn instant(at: NaiveDateTime, zone: Tz) -> Option<i64> {
    zone.from_local_datetime(&at).earliest().map(|time| time.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
    }

    fn check(expression: &str, zone: Tz, from: &str, expected: &[&str]) {
        let expression = Expression::parse(expression).unwrap();
        let mut at_ms = ms(from);
        for next in expected {
            let found = expression.next(at_ms, at_ms, zone).unwrap();
            assert_eq!(found, ms(next), "{next}");
            at_ms = found;
        }
    }

    #[test]
    fn zones_skip_what_does_not_exist_and_count_twice_once() {
        let zone = chrono_tz::America::New_York;
        check("cron(30 2 * * ? *)", zone, "2026-03-07T07:30:00Z", &["2026-03-09T06:30:00Z"]);
        check("cron(30 1 * * ? *)", zone, "2026-10-31T05:30:00Z", &["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]);
        check("cron(0/30 1,2 * * ? *)", zone, "2026-11-01T05:30:00Z", &["2026-11-01T07:00:00Z"]);
        check("cron(0 12 * * ? *)", chrono_tz::Europe::Oslo, "2026-01-01T12:00:00Z", &["2026-01-02T11:00:00Z"]);
    }

    #[test]
    fn rates_keep_their_beat() {
        check("rate(1 minute)", Tz::UTC, "2026-01-01T00:00:30Z", &["2026-01-01T00:01:30Z", "2026-01-01T00:02:30Z"]);
        let hourly = Expression::parse("rate(1 hour)").unwrap();
        let due_ms = ms("2026-01-01T00:10:00Z");
        let now_ms = ms("2026-01-01T05:00:00Z");
        assert_eq!(hourly.latest(due_ms, now_ms, 86_400_000, Tz::UTC), Some(ms("2026-01-01T04:10:00Z")));
        assert_eq!(hourly.next(due_ms, now_ms, Tz::UTC), Some(ms("2026-01-01T05:10:00Z")));
        assert_eq!(hourly.first(due_ms, Tz::UTC), Some(ms("2026-01-01T01:10:00Z")));
    }

    #[test]
    fn the_latest_missed_counts_unless_it_is_too_old() {
        let daily = Expression::parse("cron(0 6 * * ? *)").unwrap();
        let due_ms = ms("2026-01-01T06:00:00Z");
        let now_ms = ms("2026-06-01T05:00:00Z");
        assert_eq!(daily.latest(due_ms, now_ms, 86_400_000, Tz::UTC), Some(ms("2026-05-31T06:00:00Z")));
        assert_eq!(daily.latest(due_ms, now_ms, 3_600_000, Tz::UTC), None);
        assert_eq!(daily.latest(due_ms, due_ms + 1, 60_000, Tz::UTC), Some(due_ms));
        let once = Expression::parse("at(2026-01-01T06:00:00)").unwrap();
        assert_eq!(once.first(0, chrono_tz::Europe::Oslo), Some(ms("2026-01-01T05:00:00Z")));
        assert_eq!((once.latest(due_ms, now_ms, 1000, Tz::UTC), once.next(due_ms, now_ms, Tz::UTC)), (None, None));
    }

    #[test]
    fn refuses_other_text() {
        for text in [
            "",
            "rate()",
            "rate(5)",
            "rate(0 minutes)",
            "rate(-1 minutes)",
            "rate(5 seconds)",
            "rate(5 minutess)",
            "rate(5  minutes)",
            " rate(5 minutes)",
            "rate(5 minutes) ",
            "rate(9999999999 days)",
            "cron()",
            "cron(* * * * *)",
            "at(2026-01-01)",
            "at(2026-02-30T00:00:00)",
            "every(5 minutes)",
        ] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
        assert!(!Expression::parse("rate(1 minutes)").unwrap().has_singular_units());
        assert!(!Expression::parse("rate(5 minute)").unwrap().has_singular_units());
        assert!(Expression::parse("rate(1 day)").unwrap().has_singular_units());
    }
}
