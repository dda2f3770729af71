//! Key attributes as bytes whose `memcmp` order is DynamoDB's key order, for BLOB columns.
//!
//! Strings are their UTF-8 bytes, binaries themselves and numbers [`Number::to_ordered`](super::Number::to_ordered). One column
//! holds one type, so no type tag is needed.

use super::{AttributeValue, Number};
use crate::Error;

/// Largest hash (partition) key value in bytes.
pub const HASH_BYTES_MAX: usize = 2048;
/// Largest range (sort) key value in bytes.
pub const RANGE_BYTES_MAX: usize = 1024;

/// The type of a key attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    S,
    N,
    B,
}

impl Type {
    /// The type with this wire name.
    pub fn from_name(name: &str) -> Option<Type> {
        match name {
            "S" => Some(Type::S),
            "N" => Some(Type::N),
            "B" => Some(Type::B),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Type::S => "S",
            Type::N => "N",
            Type::B => "B",
        }
    }

    /// The type of a value, when it can be a key.
    pub fn of(value: &AttributeValue) -> Option<Type> {
        Type::from_name(value.type_name())
    }
}

/// The ordered bytes of a key value; `None` when its type cannot be a key.
pub fn encode(value: &AttributeValue) -> Option<Vec<u8>> {
    match value {
        AttributeValue::S(text) => Some(text.as_bytes().to_vec()),
        AttributeValue::B(bytes) => Some(bytes.clone()),
        AttributeValue::N(number) => Some(number.to_ordered()),
        _ => None,
    }
}

/// The value [`encode`] wrote; `None` when the bytes are not of that type.
pub fn decode(bytes: &[u8], kind: Type) -> Option<AttributeValue> {
    Some(match kind {
        Type::S => AttributeValue::S(String::from_utf8(bytes.to_vec()).ok()?),
        Type::B => AttributeValue::B(bytes.to_vec()),
        Type::N => AttributeValue::N(Number::from_ordered(bytes)?),
    })
}

/// Checks and encodes the hash key of an item to be written.
///
/// # Errors
/// `Validation` when the type is wrong, or the value is empty or longer than [`HASH_BYTES_MAX`].
pub fn encode_hash(name: &str, value: &AttributeValue, kind: Type) -> Result<Vec<u8>, Error> {
    let bytes = encode_checked(name, value, kind)?;
    if value.size() > HASH_BYTES_MAX {
        return Err(Error::validation(
            "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes",
        ));
    }
    Ok(bytes)
}

/// Checks and encodes the range key of an item to be written.
///
/// # Errors
/// `Validation` when the type is wrong, or the value is empty or longer than [`RANGE_BYTES_MAX`].
pub fn encode_range(name: &str, value: &AttributeValue, kind: Type) -> Result<Vec<u8>, Error> {
    let bytes = encode_checked(name, value, kind)?;
    if value.size() > RANGE_BYTES_MAX {
        return Err(Error::validation(
            "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
        ));
    }
    Ok(bytes)
}

fn encode_checked(name: &str, value: &AttributeValue, kind: Type) -> Result<Vec<u8>, Error> {
    let bytes = encode(value).filter(|_| Type::of(value) == Some(kind)).ok_or_else(|| {
        Error::Validation(format!(
            "One or more parameter values were invalid: Type mismatch for key {name} expected: {} actual: {}",
            kind.name(),
            value.type_name()
        ))
    })?;
    let empty = match value {
        AttributeValue::S(_) if bytes.is_empty() => "string",
        AttributeValue::B(_) if bytes.is_empty() => "binary",
        _ => return Ok(bytes),
    };
    Err(Error::Validation(format!(
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {empty} value. Key: {name}"
    )))
}

/// The smallest byte string above every one that starts with `prefix`; `None` when there is none.
pub fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix.get(..=last)?.to_vec();
    if let Some(byte) = end.last_mut() {
        *byte += 1;
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_checked() {
        let check = |value: AttributeValue, kind, expected: &str| {
            let message = encode_hash("id", &value, kind).unwrap_err().to_string();
            assert!(message.ends_with(expected), "{message}");
        };
        check(AttributeValue::N(Number::ZERO), Type::S, "Type mismatch for key id expected: S actual: N");
        check(AttributeValue::Null, Type::S, "Type mismatch for key id expected: S actual: NULL");
        check(AttributeValue::S(String::new()), Type::S, "cannot contain an empty string value. Key: id");
        check(AttributeValue::B(vec![]), Type::B, "cannot contain an empty binary value. Key: id");
        check(AttributeValue::S("x".repeat(2049)), Type::S, "maximum size limit of2048 bytes");
        assert!(encode_hash("id", &AttributeValue::S("x".repeat(2048)), Type::S).is_ok());
        assert!(encode_range("r", &AttributeValue::S("x".repeat(1025)), Type::S).is_err());
    }

    #[test]
    fn keys_round_trip() {
        for value in [AttributeValue::S("é".into()), AttributeValue::B(vec![0, 255]), AttributeValue::N(7u64.into())] {
            let kind = Type::of(&value).unwrap();
            assert_eq!(decode(&encode(&value).unwrap(), kind), Some(value));
        }
    }

    #[test]
    fn prefixes_end_before_the_next_string() {
        assert_eq!(after_prefix(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(after_prefix(&[1, 0xff]), Some(vec![2]));
        assert_eq!(after_prefix(&[0xff, 0xff]), None);
        assert_eq!(after_prefix(b""), None);
    }
}
