//! Exact decimal numbers with DynamoDB's precision, range, text form and order.
//!
//! Follows "Number" under "data types" of the DynamoDB developer guide: 38 significant digits, magnitudes from 1e-130 to
//! 9.99…e125, no infinity and no NaN.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::Error;

/// Significant digits kept.
const DIGITS_MAX: u32 = 38;
/// Exponent of the first digit of the largest and the smallest magnitude.
const MAGNITUDE_MAX: i32 = 125;
const MAGNITUDE_MIN: i32 = -130;

const NOT_NUMERIC: &str = "The parameter cannot be converted to a numeric value";
const TOO_PRECISE: &str = "Attempting to store more than 38 significant digits in a Number";
const OVERFLOW: &str = "Number overflow. Attempting to store a number with magnitude larger than supported range";
const UNDERFLOW: &str = "Number underflow. Attempting to store a number with magnitude smaller than supported range";

/// A number of an item.
///
/// Kept as `± coefficient × 10^exponent` in lowest terms, so equal numbers are equal structures: `1`, `1.0` and `1e0` are one
/// number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number {
    negative: bool,
    /// Without trailing zeros; below 10^38.
    coefficient: u128,
    exponent: i16,
}

impl Number {
    pub const ZERO: Number = Number { negative: false, coefficient: 0, exponent: 0 };

    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// How many significant digits there are; none in zero.
    pub fn digits(&self) -> usize {
        self.coefficient.checked_ilog10().map_or(0, |digits| digits as usize + 1)
    }

    /// Lowest terms, then range and precision.
    fn normal(negative: bool, mut coefficient: u128, mut exponent: i32) -> Result<Number, Error> {
        if coefficient == 0 {
            return Ok(Number::ZERO);
        }
        while coefficient.is_multiple_of(10) {
            coefficient /= 10;
            exponent += 1;
        }
        let magnitude = coefficient.ilog10() as i32 + exponent;
        if magnitude > MAGNITUDE_MAX {
            return Err(Error::validation(OVERFLOW));
        }
        if magnitude < MAGNITUDE_MIN {
            return Err(Error::validation(UNDERFLOW));
        }
        if coefficient.ilog10() >= DIGITS_MAX {
            return Err(Error::validation(TOO_PRECISE));
        }
        let exponent = i16::try_from(exponent).map_err(|_| Error::validation(OVERFLOW))?;
        Ok(Number { negative, coefficient, exponent })
    }

    /// Exponent of the first digit: 2 for 123.
    fn magnitude(&self) -> i32 {
        self.digits() as i32 - 1 + i32::from(self.exponent)
    }

    /// The exact sum.
    ///
    /// # Errors
    /// `Validation` when the sum is out of range or needs more than 38 digits.
    pub fn add(&self, other: &Number) -> Result<Number, Error> {
        if self.coefficient == 0 {
            return Ok(*other);
        }
        if other.coefficient == 0 {
            return Ok(*self);
        }
        let (high, low) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        let shift = u32::from(high.exponent.abs_diff(low.exponent));
        // The sum reaches from the first digit of `high` to the last of `low`; beyond 39 digits it cannot be exact.
        let Some(raised) = 10u128.checked_pow(shift).and_then(|power| high.coefficient.checked_mul(power)) else {
            return Err(Error::validation(TOO_PRECISE));
        };
        let (negative, coefficient) = if high.negative == low.negative {
            let sum = raised.checked_add(low.coefficient).ok_or_else(|| Error::validation(TOO_PRECISE))?;
            (high.negative, sum)
        } else if raised >= low.coefficient {
            (high.negative, raised - low.coefficient)
        } else {
            (low.negative, low.coefficient - raised)
        };
        Number::normal(negative, coefficient, i32::from(low.exponent))
    }

    /// The exact difference.
    ///
    /// # Errors
    /// As for [`Number::add`].
    pub fn sub(&self, other: &Number) -> Result<Number, Error> {
        self.add(&Number { negative: !other.negative && other.coefficient != 0, ..*other })
    }

    /// Bytes whose `memcmp` order is the numeric order; 1 to 22 bytes.
    ///
    /// Positive: `02`, exponent of the first digit + 130, then each pair of digits as a byte 1 to 100. Zero: `01`. Negative: `00`,
    /// then the complement of what follows for the positive number and `ff`, so that a longer one sorts first.
    pub fn to_ordered(&self) -> Vec<u8> {
        if self.coefficient == 0 {
            return vec![1];
        }
        let mut bytes = Vec::with_capacity(23);
        bytes.push(2);
        bytes.push((self.magnitude() - MAGNITUDE_MIN) as u8);
        let digits = self.coefficient.to_string();
        for pair in digits.as_bytes().chunks(2) {
            let tens = pair.first().map_or(0, |d| d - b'0');
            let ones = pair.get(1).map_or(0, |d| d - b'0');
            bytes.push(tens * 10 + ones + 1);
        }
        if self.negative {
            for byte in &mut bytes {
                *byte = !*byte;
            }
            if let Some(first) = bytes.first_mut() {
                *first = 0;
            }
            bytes.push(0xff);
        }
        bytes
    }

    /// The number that [`Number::to_ordered`] wrote, or `None` for other bytes.
    pub fn from_ordered(bytes: &[u8]) -> Option<Number> {
        let (negative, body) = match bytes {
            [1] => return Some(Number::ZERO),
            [2, body @ ..] => (false, body),
            [0, body @ .., 0xff] => (true, body),
            _ => return None,
        };
        let mut body = body.iter().map(|byte| if negative { !byte } else { *byte });
        let magnitude = i32::from(body.next()?) + MAGNITUDE_MIN;
        let (mut coefficient, mut count) = (0u128, 0);
        for byte in body {
            let pair = byte.checked_sub(1).filter(|pair| *pair < 100)?;
            coefficient = coefficient.checked_mul(100)?.checked_add(u128::from(pair))?;
            count += 2;
        }
        (coefficient != 0).then(|| Number::normal(negative, coefficient, magnitude - count + 1).ok())?
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Number {
        let (mut coefficient, mut exponent) = (u128::from(value), 0);
        while coefficient != 0 && coefficient.is_multiple_of(10) {
            coefficient /= 10;
            exponent += 1;
        }
        Number { negative: false, coefficient, exponent }
    }
}

impl FromStr for Number {
    type Err = Error;

    /// Reads `[+-] digits [. digits] [e [+-] digits]`, with at least one digit before the exponent.
    fn from_str(text: &str) -> Result<Number, Error> {
        let invalid = || Error::validation(NOT_NUMERIC);
        let (negative, rest) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let split = rest.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(rest.len());
        let (mantissa, power) = rest.split_at(split);
        let mut exponent = i64::from(parse_exponent(power).ok_or_else(invalid)?);
        let (mut coefficient, mut seen, mut fraction) = (0u128, false, false);
        // Zeros are held back until a digit follows, so that trailing ones cost no precision.
        let mut zeros = 0u32;
        let mut precise = true;
        for byte in mantissa {
            match byte {
                b'.' if !fraction => {
                    fraction = true;
                    continue;
                }
                b'0' => zeros += u32::from(coefficient != 0),
                b'1'..=b'9' => {
                    let raised =
                        10u128.checked_pow(zeros + 1).and_then(|p| coefficient.checked_mul(p)).filter(|_| precise);
                    match raised.and_then(|value| value.checked_add(u128::from(byte - b'0'))) {
                        Some(value) => coefficient = value,
                        None => precise = false,
                    }
                    zeros = 0;
                }
                _ => return Err(invalid()),
            }
            seen = true;
            exponent -= i64::from(fraction);
        }
        if !seen {
            return Err(invalid());
        }
        if !precise {
            return Err(Error::validation(TOO_PRECISE));
        }
        let exponent = (exponent + i64::from(zeros)).clamp(-1_000_000, 1_000_000) as i32;
        Number::normal(negative, coefficient, exponent)
    }
}

/// The value of `e±digits`, bounded; 0 for nothing and `None` for anything else.
fn parse_exponent(text: &[u8]) -> Option<i32> {
    let (negative, digits) = match text {
        [] => return Some(0),
        [_, b'-', digits @ ..] => (true, digits),
        [_, b'+', digits @ ..] => (false, digits),
        [_, digits @ ..] => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0i32, |value, digit| (value * 10 + i32::from(digit - b'0')).min(10_000_000));
    Some(if negative { -value } else { value })
}

impl fmt::Display for Number {
    /// The plain form DynamoDB answers with: no exponent, no leading or trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative {
            f.write_str("-")?;
        }
        let digits = self.coefficient.to_string();
        let exponent = i32::from(self.exponent);
        if exponent >= 0 {
            write!(f, "{digits}{:0<width$}", "", width = exponent as usize)
        } else {
            let fraction = exponent.unsigned_abs() as usize;
            let padded = format!("{digits:0>width$}", width = fraction + 1);
            let (whole, rest) = padded.split_at(padded.len() - fraction);
            write!(f, "{whole}.{rest}")
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number({} digits)", self.digits())
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        let rank = |number: &Number| match (number.coefficient, number.negative) {
            (0, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        };
        let by_size = || {
            self.magnitude().cmp(&other.magnitude()).then_with(|| {
                let digits = self.digits().max(other.digits()) as u32;
                let align = |number: &Number| number.coefficient * 10u128.pow(digits - number.digits() as u32);
                align(self).cmp(&align(other))
            })
        };
        rank(self).cmp(&rank(other)).then_with(|| match rank(self) {
            0 => Ordering::Equal,
            1 => by_size(),
            _ => by_size().reverse(),
        })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    fn check(text: &str, expected: &str) {
        let actual = match text.parse::<Number>() {
            Ok(number) => number.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(actual, expected, "{text}");
    }

    #[test]
    fn text_becomes_canonical_or_is_refused() {
        for (text, expected) in [
            ("1", "1"),
            ("1.0", "1"),
            ("1e0", "1"),
            ("+001.50", "1.5"),
            ("-0", "0"),
            ("0.000", "0"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-1.5E3", "-1500"),
            ("1e-3", "0.001"),
            ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
            ("1e3000000000000", OVERFLOW),
            ("1e126", OVERFLOW),
            ("-1e126", OVERFLOW),
            ("1e-131", UNDERFLOW),
            ("0e999", "0"),
            ("123456789012345678901234567890123456789", TOO_PRECISE),
            ("1000000000000000000000000000000000000001", TOO_PRECISE),
            ("99999999999999999999999999999999999999999999999", TOO_PRECISE),
            ("", NOT_NUMERIC),
            (".", NOT_NUMERIC),
            ("-", NOT_NUMERIC),
            ("e5", NOT_NUMERIC),
            ("1e", NOT_NUMERIC),
            ("1.2.3", NOT_NUMERIC),
            ("0x10", NOT_NUMERIC),
            (" 1", NOT_NUMERIC),
            ("NaN", NOT_NUMERIC),
            ("Infinity", NOT_NUMERIC),
        ] {
            check(text, expected);
        }
        check("1e125", &format!("1{}", "0".repeat(125)));
        check("1e-130", &format!("0.{}1", "0".repeat(129)));
    }

    #[test]
    fn sums_are_exact_or_refused() {
        let sum = |a: &str, b: &str| number(a).add(&number(b)).map(|n| n.to_string()).map_err(|e| e.to_string());
        for (a, b, expected) in [
            ("1", "2", Ok("3")),
            ("0.1", "0.2", Ok("0.3")),
            ("1", "-1", Ok("0")),
            ("5", "-7.5", Ok("-2.5")),
            ("0", "1e3", Ok("1000")),
            ("1e38", "1", Err(TOO_PRECISE)),
            ("1e125", "1e-130", Err(TOO_PRECISE)),
            ("9e125", "9e125", Err(OVERFLOW)),
        ] {
            assert_eq!(sum(a, b), expected.map(str::to_owned).map_err(str::to_owned), "{a} + {b}");
        }
        assert_eq!(number("1").sub(&number("1.5")).unwrap(), number("-0.5"));
        assert_eq!(number("1").sub(&Number::ZERO).unwrap(), number("1"));
    }

    fn any_number() -> impl Strategy<Value = Number> {
        (any::<bool>(), 0..10u128.pow(38), -130i32..=88)
            .prop_filter_map("in range", |(negative, c, e)| Number::normal(negative, c, e).ok())
    }

    proptest! {
        #[test]
        fn text_round_trips(number in any_number()) {
            prop_assert_eq!(number.to_string().parse::<Number>().unwrap(), number);
        }

        #[test]
        fn bytes_round_trip_and_keep_order(a in any_number(), b in any_number()) {
            prop_assert_eq!(Number::from_ordered(&a.to_ordered()), Some(a));
            prop_assert_eq!(a.to_ordered().cmp(&b.to_ordered()), a.cmp(&b));
        }

        #[test]
        fn small_integers_behave_like_integers(a in -100_000i64..100_000, b in -100_000i64..100_000) {
            let (x, y) = (number(&a.to_string()), number(&b.to_string()));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert_eq!(x.to_ordered().cmp(&y.to_ordered()), a.cmp(&b));
            prop_assert_eq!(x.add(&y).unwrap().to_string(), (a + b).to_string());
            prop_assert_eq!(x.sub(&y).unwrap().to_string(), (a - b).to_string());
        }

        #[test]
        fn parsing_never_panics(text in ".{0,60}", digits in "[-+0-9.eE]{0,60}") {
            let _ = text.parse::<Number>();
            let _ = digits.parse::<Number>();
        }
    }
}
