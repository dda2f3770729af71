//! One wanted value of a field, and whether a leaf of an event is it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::IpAddr;

use expr::scan;

use crate::number::Decimal;
use crate::wildcard::Wildcard;

/// A leaf of an event.
#[derive(Clone, Debug)]
pub(crate) enum Leaf<'a> {
    String(Cow<'a, str>),
    /// As it is written: most are looked up, and few compared exactly.
    Number(&'a str),
    Bool(bool),
    Null,
}

impl<'a> Leaf<'a> {
    /// Reads the text of a well-formed scalar.
    pub(crate) fn new(json: &'a str) -> Self {
        match json.as_bytes() {
            [b'"', .., b'"'] => Leaf::String(scan::unescape(json.get(1..json.len() - 1).unwrap_or_default())),
            b"true" => Leaf::Bool(true),
            b"false" => Leaf::Bool(false),
            b"null" => Leaf::Null,
            _ => Leaf::Number(json),
        }
    }
}

/// What is wanted of text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Text {
    Equals(String),
    EqualsIgnoreCase(String),
    Prefix(String),
    PrefixIgnoreCase(String),
    Suffix(String),
    SuffixIgnoreCase(String),
    Wildcard(Wildcard),
}

/// What is wanted of a field. Numbers keep the text they were written with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Matcher {
    Text(Text),
    Number(String),
    Bool(bool),
    Null,
    /// Each bound with the orders of a value to it that are in range.
    Range(Vec<(Bound, String)>),
    /// An address block: its address and the length of its prefix in bits.
    Cidr(IpAddr, u32),
    Exists,
    Absent,
    AnythingButTexts(Vec<Text>),
    AnythingButNumbers(Vec<String>),
}

/// A comparison of `numeric`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Bound {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Bound {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Bound::Equal => order.is_eq(),
            Bound::Less => order.is_lt(),
            Bound::LessOrEqual => order.is_le(),
            Bound::Greater => order.is_gt(),
            Bound::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Matcher {
    pub(crate) fn matches(&self, leaf: &Leaf<'_>) -> bool {
        match (self, leaf) {
            (Matcher::Exists, _) => true,
            (Matcher::Absent, _) => false,
            (Matcher::Text(wanted), Leaf::String(text)) => wanted.matches(text),
            (Matcher::Number(wanted), Leaf::Number(number)) => Decimal::new(wanted) == Decimal::new(number),
            (Matcher::Bool(wanted), Leaf::Bool(flag)) => wanted == flag,
            (Matcher::Null, Leaf::Null) => true,
            (Matcher::Range(bounds), Leaf::Number(number)) => {
                let number = Decimal::new(number);
                bounds.iter().all(|(bound, limit)| bound.holds(number.cmp(&Decimal::new(limit))))
            }
            (Matcher::Cidr(network, bits), Leaf::String(text)) => in_block(*network, *bits, text),
            (Matcher::AnythingButTexts(unwanted), Leaf::String(text)) => !unwanted.iter().any(|one| one.matches(text)),
            (Matcher::AnythingButNumbers(unwanted), Leaf::Number(number)) => {
                let number = Decimal::new(number);
                !unwanted.iter().any(|one| Decimal::new(one) == number)
            }
            (Matcher::AnythingButTexts(_) | Matcher::AnythingButNumbers(_), _) => true,
            _ => false,
        }
    }
}

impl Text {
    fn matches(&self, text: &str) -> bool {
        match self {
            Text::Equals(wanted) => wanted == text,
            Text::Prefix(wanted) => text.starts_with(wanted.as_str()),
            Text::Suffix(wanted) => text.ends_with(wanted.as_str()),
            Text::Wildcard(wanted) => wanted.matches(text),
            Text::EqualsIgnoreCase(wanted) => folded(text.chars()).eq(folded(wanted.chars())),
            Text::PrefixIgnoreCase(wanted) => starts_with(folded(text.chars()), folded(wanted.chars())),
            Text::SuffixIgnoreCase(wanted) => starts_with(folded(text.chars().rev()), folded(wanted.chars().rev())),
        }
    }
}

fn folded(chars: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    chars.flat_map(char::to_lowercase)
}

fn starts_with(mut text: impl Iterator<Item = char>, mut wanted: impl Iterator<Item = char>) -> bool {
    wanted.all(|c| text.next() == Some(c))
}

fn in_block(network: IpAddr, bits: u32, text: &str) -> bool {
    match (network, text.parse()) {
        (IpAddr::V4(network), Ok(IpAddr::V4(address))) => {
            let host = u32::MAX.checked_shr(bits).unwrap_or_default();
            network.to_bits() | host == address.to_bits() | host
        }
        (IpAddr::V6(network), Ok(IpAddr::V6(address))) => {
            let host = u128::MAX.checked_shr(bits).unwrap_or_default();
            network.to_bits() | host == address.to_bits() | host
        }
        _ => false,
    }
}
