//! Sequence numbers: decimal, up to 40 digits, compared as integers (DynamoDB Streams API, `SequenceNumber`).

use std::fmt;
use std::str::FromStr;

const LOW_DIGITS: usize = 38;
const LOW_LIMIT: u128 = 10u128.pow(LOW_DIGITS as u32);

/// The place of one record in its shard. `0` is before every record.
///
/// Holds up to 40 decimal digits, more than a `u128` does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sequence {
    // The order of the fields is the order of the numbers.
    high: u8,
    low: u128,
}

/// Text that is not 1 to 40 decimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a sequence number of 1 to 40 digits")]
pub struct ParseSequenceError;

impl Sequence {
    pub const ZERO: Sequence = Sequence { high: 0, low: 0 };

    /// Forty digits, padded with zeros: text order is number order, so it can be an SQL key.
    pub fn padded(&self) -> String {
        format!("{:02}{:038}", self.high, self.low)
    }
}

impl From<u64> for Sequence {
    fn from(value: u64) -> Self {
        Sequence { high: 0, low: u128::from(value) }
    }
}

impl From<u128> for Sequence {
    fn from(value: u128) -> Self {
        // A u128 has at most 39 digits, so the quotient is at most 3.
        Sequence { high: (value / LOW_LIMIT) as u8, low: value % LOW_LIMIT }
    }
}

impl FromStr for Sequence {
    type Err = ParseSequenceError;

    fn from_str(text: &str) -> Result<Self, ParseSequenceError> {
        if text.is_empty() || text.len() > 40 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ParseSequenceError);
        }
        let (high, low) = text.split_at(text.len().saturating_sub(LOW_DIGITS));
        let high = if high.is_empty() { 0 } else { high.parse().map_err(|_| ParseSequenceError)? };
        Ok(Sequence { high, low: low.parse().map_err(|_| ParseSequenceError)? })
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.high {
            0 => write!(f, "{}", self.low),
            high => write!(f, "{high}{:038}", self.low),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_integers_not_as_text() {
        let small: Sequence = "9".parse().unwrap();
        let big: Sequence = "9999999999999999999999999999999999999999".parse().unwrap();
        assert!(Sequence::ZERO < small && small < "10".parse().unwrap() && small < big);
        assert_eq!(big.to_string().len(), 40);
        assert!(small.padded() < big.padded());
    }

    #[test]
    fn round_trips_through_text_and_padding() {
        for text in ["0", "7", "100000000000000000000042", "4000000000000000000000000000000000000001"] {
            let sequence: Sequence = text.parse().unwrap();
            assert_eq!(sequence.to_string(), text);
            assert_eq!(sequence.padded().parse::<Sequence>().unwrap(), sequence);
        }
    }

    #[test]
    fn refuses_other_text() {
        for text in ["", "-1", "1a", " 1", "10000000000000000000000000000000000000000"] {
            assert_eq!(text.parse::<Sequence>(), Err(ParseSequenceError), "{text}");
        }
    }
}
