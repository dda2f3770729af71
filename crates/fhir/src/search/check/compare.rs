//! What the prefixes mean (hl7.org/fhir/R4/search.html#prefix).

use crate::search::date::Range;
use crate::search::query::{Comparison, Prefix};

/// Bounds that both ends of a date must keep to; what a store's index is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateRule {
    /// Wholly inside.
    Inside(Range),
    /// Not wholly inside.
    NotInside(Range),
    /// It ends after.
    EndsAfter(i64),
    /// It begins before.
    BeginsBefore(i64),
    /// It begins after.
    BeginsAfter(i64),
    /// It ends before.
    EndsBefore(i64),
    /// It ends after the first, or is wholly inside.
    EndsAfterOrInside(i64, Range),
    BeginsBeforeOrInside(i64, Range),
    /// They share an instant.
    Overlaps(Range),
}

impl DateRule {
    /// The rule of a prefix and the date behind it.
    pub fn of(prefix: Prefix, wanted: Range, now_ms: i64) -> DateRule {
        match prefix {
            Prefix::Equal => DateRule::Inside(wanted),
            Prefix::NotEqual => DateRule::NotInside(wanted),
            Prefix::Greater => DateRule::EndsAfter(wanted.high),
            Prefix::Less => DateRule::BeginsBefore(wanted.low),
            Prefix::GreaterOrEqual => DateRule::EndsAfterOrInside(wanted.high, wanted),
            Prefix::LessOrEqual => DateRule::BeginsBeforeOrInside(wanted.low, wanted),
            Prefix::StartsAfter => DateRule::BeginsAfter(wanted.high),
            Prefix::EndsBefore => DateRule::EndsBefore(wanted.low),
            Prefix::Overlaps => DateRule::Overlaps(wanted),
            Prefix::Approximate => {
                let gap = now_ms.saturating_sub(wanted.low).saturating_abs() / 10;
                DateRule::Overlaps(Range { low: wanted.low.saturating_sub(gap), high: wanted.high.saturating_add(gap) })
            }
        }
    }

    /// Whether a date keeps to it.
    pub fn fits(self, range: Range) -> bool {
        let inside = |wanted: Range| wanted.low <= range.low && range.high <= wanted.high;
        match self {
            DateRule::Inside(wanted) => inside(wanted),
            DateRule::NotInside(wanted) => !inside(wanted),
            DateRule::EndsAfter(at) => range.high > at,
            DateRule::BeginsBefore(at) => range.low < at,
            DateRule::BeginsAfter(at) => range.low > at,
            DateRule::EndsBefore(at) => range.high < at,
            DateRule::EndsAfterOrInside(at, wanted) => range.high > at || inside(wanted),
            DateRule::BeginsBeforeOrInside(at, wanted) => range.low < at || inside(wanted),
            DateRule::Overlaps(wanted) => range.low <= wanted.high && wanted.low <= range.high,
        }
    }
}

/// Whether a date fits.
pub fn date_fits(range: Range, prefix: Prefix, wanted: Range, now_ms: i64) -> bool {
    DateRule::of(prefix, wanted, now_ms).fits(range)
}

/// Whether a number or range of numbers fits.
pub fn number_fits(low: f64, high: f64, comparison: Comparison) -> bool {
    let number = comparison.number;
    let inside = number.low() <= low && high < number.high();
    match comparison.prefix {
        Prefix::Equal => inside,
        Prefix::NotEqual => !inside,
        Prefix::Greater => high > number.value,
        Prefix::Less => low < number.value,
        Prefix::GreaterOrEqual => high >= number.value,
        Prefix::LessOrEqual => low <= number.value,
        Prefix::StartsAfter => low > number.value,
        Prefix::EndsBefore => high < number.value,
        Prefix::Approximate | Prefix::Overlaps => {
            let gap = (number.value.abs() * 0.1).max(number.half);
            low <= number.value + gap && number.value - gap <= high
        }
    }
}
