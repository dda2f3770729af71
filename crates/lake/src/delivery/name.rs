//! Object names: `NAME-VERSION-yyyy-MM-dd-HH-mm-ss-UUID`, derived from the positions the object holds.
//!
//! The UUID (version 8) has 60 bits that order by the first sequence and 62 bits of a hash over consumer, partition
//! and ranges: the same records always make the same name, other records another one.

use chrono::{TimeZone, Utc};
use event::Sequence;
use sha2::{Digest, Sha256};

use super::plan::Ranges;

/// The positions of an object, hashed.
#[derive(Debug)]
pub struct Identity {
    ordered: u64,
    hash: [u8; 32],
}

impl Identity {
    pub fn new(consumer: &str, partition: &str, ranges: &Ranges) -> Identity {
        let mut hasher = Sha256::new();
        for text in [consumer, partition] {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text);
        }
        for (shard, range) in ranges {
            hasher.update((shard.len() as u64).to_be_bytes());
            hasher.update(shard);
            hasher.update(range.first.padded());
            hasher.update(range.last.padded());
        }
        let first = ranges.values().map(|range| range.first).min().unwrap_or_default();
        Identity { ordered: ordered(first), hash: hasher.finalize().into() }
    }

    fn word(&self) -> u64 {
        self.hash.iter().take(8).fold(0, |word, byte| word << 8 | u64::from(*byte))
    }

    /// The UUID as text.
    pub fn uuid(&self) -> String {
        let high = (self.ordered >> 12) << 16 | 0x8000 | (self.ordered & 0xfff);
        let low = (self.word() & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
        let hex = format!("{high:016x}{low:016x}");
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
    }

    /// The 11 characters of `!{firehose:random-string}`: the same on every try.
    pub fn random(&self) -> String {
        const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let letter = |byte: &u8| char::from(LETTERS.get(usize::from(*byte) % 36).copied().unwrap_or(b'a'));
        self.hash.iter().skip(8).take(11).map(letter).collect()
    }

    /// The last segment of the key.
    pub fn object(&self, stream: &str, version: u64, at_ms: i64, extension: &str) -> String {
        let at = Utc.timestamp_millis_opt(at_ms).single().unwrap_or_default();
        format!("{stream}-{version}-{}-{}{extension}", at.format("%Y-%m-%d-%H-%M-%S"), self.uuid())
    }
}

/// 60 bits in the order of sequences: number of digits, then the first 16 of them.
fn ordered(sequence: Sequence) -> u64 {
    let digits = sequence.to_string();
    let leading: String = digits.chars().chain(std::iter::repeat('0')).take(16).collect();
    (digits.len() as u64) << 54 | leading.parse::<u64>().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::plan::Range;

    fn uuid(first: &str, last: &str) -> String {
        let range = Range { first: first.parse().unwrap(), last: last.parse().unwrap() };
        Identity::new("c", "p", &[("s".into(), range)].into()).uuid()
    }

    #[test]
    fn names_follow_positions() {
        assert_eq!(uuid("5", "9"), uuid("5", "9"));
        assert_ne!(uuid("5", "9"), uuid("5", "10"));
        let firsts = ["0", "9", "10", "99", "100000000000000000000", "4000000000000000000000000000000000000001"];
        let names: Vec<String> = firsts.iter().map(|first| uuid(first, first)).collect();
        let mut sorted = names.clone();
        sorted.sort();
        assert_eq!(names, sorted);
        assert_eq!((names[0].len(), names[0].as_bytes()[14]), (36, b'8'));
    }
}
