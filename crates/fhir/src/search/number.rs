//! Numbers with the range their precision implies (hl7.org/fhir/R4/search.html#number).
//!
//! `100` stands for 99.5 to 100.5, `1.00` for 0.995 to 1.005, `1e2` for 50 to 150.

/// A number as written, and how far it may be off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number {
    pub value: f64,
    /// Half of the last digit's weight.
    pub half: f64,
}

impl Number {
    /// The smallest value it may mean.
    pub fn low(self) -> f64 {
        self.value - self.half
    }

    /// What it may mean is below this.
    pub fn high(self) -> f64 {
        self.value + self.half
    }
}

/// Reads a decimal as JSON and FHIR write it.
pub fn parse(text: &str) -> Option<Number> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || unsigned.ends_with('.') {
        return None;
    }
    let value: f64 = text.parse().ok().filter(|value: &f64| value.is_finite())?;
    let places = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    Some(Number { value, half: 0.5 * 10_f64.powi(places) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_written_tell_the_range() {
        let cases = [
            ("100", 99.5, 100.5),
            ("1.00", 0.995, 1.005),
            ("1e2", 50.0, 150.0),
            ("-5.4", -5.45, -5.35),
            ("0", -0.5, 0.5),
            ("1.0E-1", 0.095, 0.105),
        ];
        for (text, low, high) in cases {
            let number = parse(text).expect(text);
            assert!((number.low() - low).abs() < 1e-9 && (number.high() - high).abs() < 1e-9, "{text} {number:?}");
        }
        for text in ["", "-", "1.", ".5", "1e", "abc", "1e999", "NaN", "1 "] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
