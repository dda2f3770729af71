//! JSON numbers compared by value, exactly, in any notation and of any length.

use std::cmp::Ordering;

/// A number as the text it was written with. Equality and order are by value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimal<'a> {
    negative: bool,
    integer: &'a [u8],
    fraction: &'a [u8],
    /// Digits before the decimal point once leading zeros are gone; `None` for zero.
    magnitude: Option<i64>,
}

impl<'a> Decimal<'a> {
    /// Reads a well-formed JSON number.
    pub(crate) fn new(text: &'a str) -> Self {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let mark = text.bytes().position(|byte| matches!(byte, b'e' | b'E'));
        let (mantissa, exponent) = mark.and_then(|mark| text.split_at_checked(mark)).unwrap_or((text, ""));
        let exponent = exponent.get(1..).map_or(0, exponent_of);
        let point = mantissa.bytes().position(|byte| byte == b'.');
        let (integer, fraction) = point.and_then(|point| mantissa.split_at_checked(point)).unwrap_or((mantissa, ""));
        let fraction = fraction.get(1..).unwrap_or_default();
        let leading = integer.bytes().chain(fraction.bytes()).position(|digit| digit != b'0');
        let magnitude = leading.map(|zeros| exponent.saturating_add(integer.len() as i64 - zeros as i64));
        Decimal {
            negative: negative && leading.is_some(),
            integer: integer.as_bytes(),
            fraction: fraction.as_bytes(),
            magnitude,
        }
    }

    fn digits(&self) -> impl Iterator<Item = u8> + '_ {
        self.integer.iter().chain(self.fraction).copied().skip_while(|&digit| digit == b'0')
    }

    fn cmp_absolute(&self, other: &Decimal<'_>) -> Ordering {
        self.magnitude.cmp(&other.magnitude).then_with(|| {
            let (mut own, mut others) = (self.digits(), other.digits());
            loop {
                match (own.next(), others.next()) {
                    (None, None) => return Ordering::Equal,
                    (own, others) => match own.unwrap_or(b'0').cmp(&others.unwrap_or(b'0')) {
                        Ordering::Equal => {}
                        unequal => return unequal,
                    },
                }
            }
        })
    }
}

/// The nearest number of 64 bits: the same for equal numbers, and in their order, though different numbers may share it.
pub(crate) fn nearest(text: &str) -> f64 {
    let number: f64 = text.parse().unwrap_or_default();
    if number == 0.0 { 0.0 } else { number }
}

/// Exponents beyond what can be counted are as good as the largest.
fn exponent_of(text: &str) -> i64 {
    let limit = if text.starts_with('-') { i64::MIN / 4 } else { i64::MAX / 4 };
    text.parse::<i64>().map_or(limit, |exponent| exponent.clamp(i64::MIN / 4, i64::MAX / 4))
}

impl Ord for Decimal<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.cmp_absolute(other),
            (true, true) => other.cmp_absolute(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn orders_by_value_in_any_notation() {
        let ascending = [
            "-1e99999999999999999999",
            "-2",
            "-1.5",
            "-1e-3",
            "0",
            "1e-99999999999999999999",
            "0.001",
            "0.01",
            "1",
            "1.000000000000000000001",
            "2",
            "10",
            "1e2",
            "9007199254740993",
            "9007199254740994",
            "1e400",
        ];
        for (low, smaller) in ascending.iter().enumerate() {
            for (high, larger) in ascending.iter().enumerate() {
                assert_eq!(Decimal::new(smaller).cmp(&Decimal::new(larger)), low.cmp(&high), "{smaller} {larger}");
                assert!(low > high || nearest(smaller) <= nearest(larger), "{smaller} {larger}");
            }
        }
        for (one, other) in [("300", "3.0e2"), ("0", "-0.0e5"), ("0.10", "1E-1"), ("100", "1e+2"), ("12.5", "0.125e2")]
        {
            assert_eq!(Decimal::new(one), Decimal::new(other));
            assert_eq!(nearest(one).to_bits(), nearest(other).to_bits());
        }
    }

    proptest! {
        #[test]
        fn agrees_with_integers(a in any::<i64>(), b in any::<i64>(), shift in 0i64..9) {
            let (left, right) = (a.to_string(), format!("{}e-{shift}", i128::from(b) * 10i128.pow(shift as u32)));
            prop_assert_eq!(Decimal::new(&left).cmp(&Decimal::new(&right)), a.cmp(&b));
            let same = format!("{left}.000");
            prop_assert_eq!(Decimal::new(&left), Decimal::new(&same));
        }
    }
}
