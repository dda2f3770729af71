//! Six-field cron expressions: minute, hour, day of month, month, day of week, year, with `, - * / ? L W #`.
//!
//! Exactly one of day of month and day of week is `?`. Days of the week count from 1, Sunday.

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, Timelike as _};

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const YEARS: std::ops::RangeInclusive<u32> = 1970..=2199;

/// A compiled expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: u64,
    hours: u64,
    days: Days,
    months: u64,
    /// In order.
    years: Vec<u32>,
}

/// Which days of a month.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Days {
    OfMonth(Vec<MonthDay>),
    OfWeek(Vec<WeekDay>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum MonthDay {
    /// A bit for each day.
    Any(u64),
    /// `L`
    Last,
    /// `LW`
    LastWeekday,
    /// `15W`: the weekday nearest to it in the same month.
    NearestWeekday(u32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum WeekDay {
    /// A bit for each day, Sunday is 1.
    Any(u64),
    /// `6L`: the last Friday.
    Last(u32),
    /// `3#2`: the second Tuesday.
    Nth(u32, u32),
}

impl Cron {
    /// Compiles the six fields; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Cron> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minute, hour, month_day, month, week_day, year] = fields.as_slice() else { return None };
        let days = match (*month_day, *week_day) {
            ("?", "?") => return None,
            (of_month, "?") => Days::OfMonth(list(of_month, month_day_of)?),
            ("?", of_week) => Days::OfWeek(list(of_week, week_day_of)?),
            _ => return None,
        };
        let years = match *year {
            "*" => YEARS.collect(),
            year => {
                let mut years = list(year, |item| values(item, YEARS, &[]))?.concat();
                years.sort_unstable();
                years.dedup();
                years
            }
        };
        Some(Cron {
            minutes: bits(minute, 0..=59, &[])?,
            hours: bits(hour, 0..=23, &[])?,
            days,
            months: bits(month, 1..=12, &MONTHS)?,
            years,
        })
    }

    /// The first time after `from`, on the minute.
    pub(super) fn after(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        let first_year = u32::try_from(from.year()).ok()?;
        for &year in self.years.iter().filter(|year| **year >= first_year) {
            for month in (1..=12).filter(|month| has(self.months, *month)) {
                let first = NaiveDate::from_ymd_opt(year as i32, month, 1)?;
                if (first.year(), first.month()) < (from.year(), from.month()) {
                    continue;
                }
                let found = first
                    .iter_days()
                    .take_while(|day| day.month() == month)
                    .filter(|day| *day >= from.date() && self.days.contain(*day))
                    .find_map(|day| self.time_after(day, from));
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }

    fn time_after(&self, day: NaiveDate, from: NaiveDateTime) -> Option<NaiveDateTime> {
        let is_today = day == from.date();
        (0..24).filter(|hour| has(self.hours, *hour) && (!is_today || *hour >= from.hour())).find_map(|hour| {
            let minutes = (0..60).filter(|minute| has(self.minutes, *minute));
            minutes.filter_map(|minute| day.and_hms_opt(hour, minute, 0)).find(|time| *time > from)
        })
    }
}

impl Days {
    fn contain(&self, day: NaiveDate) -> bool {
        match self {
            Days::OfMonth(days) => days.iter().any(|one| one.is(day)),
            Days::OfWeek(days) => days.iter().any(|one| one.is(day)),
        }
    }
}

impl MonthDay {
    fn is(&self, day: NaiveDate) -> bool {
        let last = days_in_month(day);
        match self {
            MonthDay::Any(days) => has(*days, day.day()),
            MonthDay::Last => day.day() == last,
            MonthDay::LastWeekday => nearest_weekday(day, last) == Some(day),
            MonthDay::NearestWeekday(wanted) => *wanted <= last && nearest_weekday(day, *wanted) == Some(day),
        }
    }
}

impl WeekDay {
    fn is(&self, day: NaiveDate) -> bool {
        let own = day.weekday().number_from_sunday();
        match self {
            WeekDay::Any(days) => has(*days, own),
            WeekDay::Last(wanted) => own == *wanted && day.day() + 7 > days_in_month(day),
            WeekDay::Nth(wanted, n) => own == *wanted && (day.day() - 1) / 7 + 1 == *n,
        }
    }
}

fn days_in_month(day: NaiveDate) -> u32 {
    u32::from(day.num_days_in_month())
}

/// The weekday nearest to a day of the month, without leaving the month.
fn nearest_weekday(month: NaiveDate, wanted: u32) -> Option<NaiveDate> {
    let day = month.with_day(wanted)?;
    let moved = match day.weekday().number_from_sunday() {
        7 if wanted == 1 => wanted + 2,
        7 => wanted - 1,
        1 if wanted == days_in_month(month) => wanted - 2,
        1 => wanted + 1,
        _ => wanted,
    };
    month.with_day(moved)
}

fn has(bits: u64, value: u32) -> bool {
    bits.checked_shr(value).is_some_and(|bits| bits & 1 == 1)
}

/// Every item of a list.
fn list<T>(text: &str, item: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').map(item).collect()
}

fn bits(text: &str, range: std::ops::RangeInclusive<u32>, names: &[&str]) -> Option<u64> {
    let values = list(text, |item| values(item, range.clone(), names))?;
    Some(values.concat().into_iter().fold(0, |bits, value| bits | 1 << value))
}

/// The values of `*`, `5`, `1-5`, and each of them with a step such as `/2`.
fn values(item: &str, range: std::ops::RangeInclusive<u32>, names: &[&str]) -> Option<Vec<u32>> {
    let (base, step) = match item.split_once('/') {
        None => (item, None),
        Some((base, step)) => (base, Some(number(step).filter(|step| *step > 0)?)),
    };
    let value = |text: &str| value(text, &range, names);
    let (from, to) = match base.split_once('-') {
        Some((from, to)) => (value(from)?, value(to)?),
        None if base == "*" => (*range.start(), *range.end()),
        None => (value(base)?, if step.is_some() { *range.end() } else { value(base)? }),
    };
    if from > to {
        return None;
    }
    Some((from..=to).step_by(step.unwrap_or(1) as usize).collect())
}

fn value(text: &str, range: &std::ops::RangeInclusive<u32>, names: &[&str]) -> Option<u32> {
    let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
    let value = match named {
        Some(position) => range.start() + u32::try_from(position).ok()?,
        None => number(text)?,
    };
    range.contains(&value).then_some(value)
}

/// At most four digits, nothing else.
fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

fn month_day_of(item: &str) -> Option<MonthDay> {
    Some(match item {
        "L" => MonthDay::Last,
        "LW" | "WL" => MonthDay::LastWeekday,
        item => match item.strip_suffix('W') {
            Some(day) => MonthDay::NearestWeekday(value(day, &(1..=31), &[])?),
            None => MonthDay::Any(values(item, 1..=31, &[])?.into_iter().fold(0, |bits, day| bits | 1 << day)),
        },
    })
}

fn week_day_of(item: &str) -> Option<WeekDay> {
    let day = |text: &str| value(text, &(1..=7), &DAYS);
    if item == "L" {
        return Some(WeekDay::Any(1 << 7));
    }
    if let Some((of, n)) = item.split_once('#') {
        return Some(WeekDay::Nth(day(of)?, value(n, &(1..=5), &[])?));
    }
    if let Some(last) = item.strip_suffix('L').and_then(day) {
        return Some(WeekDay::Last(last));
    }
    Some(WeekDay::Any(values(item, 1..=7, &DAYS)?.into_iter().fold(0, |bits, day| bits | 1 << day)))
}

#[cfg(test)]
mod tests;
