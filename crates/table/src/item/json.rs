//! The wire form of attribute values: JSON objects with one member named after the type, such as `{"N": "1.5"}`.
//!
//! Written by hand for speed and for AWS's messages. A failure that AWS reports as a `ValidationException` travels through serde as
//! a marked message; [`decode`] and [`validation_of`] turn it back.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{AttributeValue, Item, NESTING_MAX, Number};
use crate::Error;

/// Starts a message that is a validation failure rather than a malformed document.
const MARK: char = '\u{1}';

const EMPTY: &str = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
const SEVERAL: &str =
    "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes";
const FALSE_NULL: &str =
    "One or more parameter values were invalid: Null attribute value types must have the value of true";
const TOO_DEEP: &str = "Nesting Levels have exceeded supported limits";
const EMPTY_STRING_SET: &str = "One or more parameter values were invalid: An string set  may not be empty";
const EMPTY_NUMBER_SET: &str = "One or more parameter values were invalid: An number set  may not be empty";
const EMPTY_BINARY_SET: &str = "One or more parameter values were invalid: Binary sets should not be empty";
const DUPLICATES: &str = "One or more parameter values were invalid: Input collection contains duplicates";
const DUPLICATE_NUMBERS: &str = "Input collection contains duplicates";

/// Reads a request, or any part of one that holds attribute values.
///
/// # Errors
/// `Validation` for what AWS calls invalid values, `Serialization` for any other shape.
pub fn decode<T: DeserializeOwned>(json: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(json).map_err(|error| {
        validation_of(&error).unwrap_or_else(|| {
            Error::Serialization(format!("malformed JSON at line {} column {}", error.line(), error.column()))
        })
    })
}

/// The validation failure inside a JSON error, if that is what it is.
pub fn validation_of(error: &serde_json::Error) -> Option<Error> {
    let text = error.to_string();
    let (_, message) = text.split_once(MARK)?;
    // serde_json adds the place.
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    Some(Error::validation(message))
}

fn invalid<E: de::Error>(message: &str) -> E {
    E::custom(format_args!("{MARK}{message}"))
}

impl Serialize for AttributeValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(1))?;
        let name = self.type_name();
        match self {
            AttributeValue::S(text) => object.serialize_entry(name, text),
            AttributeValue::N(number) => object.serialize_entry(name, number),
            AttributeValue::B(bytes) => object.serialize_entry(name, &STANDARD.encode(bytes)),
            AttributeValue::Bool(value) => object.serialize_entry(name, value),
            AttributeValue::Null => object.serialize_entry(name, &true),
            AttributeValue::M(map) => object.serialize_entry(name, map),
            AttributeValue::L(list) => object.serialize_entry(name, list),
            AttributeValue::SS(set) => object.serialize_entry(name, set),
            AttributeValue::NS(set) => object.serialize_entry(name, set),
            AttributeValue::BS(set) => {
                object.serialize_entry(name, &set.iter().map(|bytes| STANDARD.encode(bytes)).collect::<Vec<_>>())
            }
        }?;
        object.end()
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AttributeValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value { depth: 0 }.deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(|text: &str| text.parse::<Number>().map_err(|error| error.to_string())))
    }
}

/// Reads a string and converts it.
struct Text<F>(F);

impl<T, F: FnOnce(&str) -> Result<T, String>> Visitor<'_> for Text<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(|message| invalid(&message))
    }
}

/// Bytes in base64.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Binary(Vec<u8>);

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Decode;
        impl Visitor<'_> for Decode {
            type Value = Binary;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a base64 string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Binary, E> {
                STANDARD.decode(text).map(Binary).map_err(|_| E::custom("invalid base64"))
            }
        }
        deserializer.deserialize_str(Decode)
    }
}

/// Reads a value inside `depth` lists and maps.
#[derive(Clone, Copy)]
struct Value {
    depth: usize,
}

impl Value {
    fn inside<E: de::Error>(self) -> Result<Value, E> {
        if self.depth >= NESTING_MAX {
            return Err(invalid(TOO_DEEP));
        }
        Ok(Value { depth: self.depth + 1 })
    }

    fn read<'de, A: MapAccess<'de>>(self, kind: Kind, object: &mut A) -> Result<AttributeValue, A::Error> {
        Ok(match kind {
            Kind::S => AttributeValue::S(object.next_value()?),
            Kind::N => AttributeValue::N(object.next_value()?),
            Kind::B => AttributeValue::B(object.next_value::<Binary>()?.0),
            Kind::Bool => AttributeValue::Bool(object.next_value()?),
            Kind::Null => match object.next_value()? {
                true => AttributeValue::Null,
                false => return Err(invalid(FALSE_NULL)),
            },
            Kind::M => AttributeValue::M(object.next_value_seed(Members(self.inside()?))?),
            Kind::L => AttributeValue::L(object.next_value_seed(Elements(self.inside()?))?),
            Kind::SS => AttributeValue::SS(set(object.next_value()?, EMPTY_STRING_SET, DUPLICATES)?),
            Kind::NS => AttributeValue::NS(set(object.next_value()?, EMPTY_NUMBER_SET, DUPLICATE_NUMBERS)?),
            Kind::BS => {
                let set = set::<Binary, _>(object.next_value()?, EMPTY_BINARY_SET, DUPLICATES)?;
                AttributeValue::BS(set.into_iter().map(|binary| binary.0).collect())
            }
            Kind::Other => {
                object.next_value::<IgnoredAny>()?;
                return Err(invalid(EMPTY));
            }
        })
    }
}

fn set<T: Ord, E: de::Error>(members: Vec<T>, empty: &str, duplicates: &str) -> Result<BTreeSet<T>, E> {
    let count = members.len();
    let set: BTreeSet<T> = members.into_iter().collect();
    match set.len() {
        0 => Err(invalid(empty)),
        distinct if distinct < count => Err(invalid(duplicates)),
        _ => Ok(set),
    }
}

/// The member name of the wire object.
#[derive(Deserialize, Clone, Copy)]
#[serde(field_identifier)]
enum Kind {
    S,
    N,
    B,
    #[serde(rename = "BOOL")]
    Bool,
    #[serde(rename = "NULL")]
    Null,
    M,
    L,
    SS,
    NS,
    BS,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for Value {
    type Value = AttributeValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<AttributeValue, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = AttributeValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an attribute value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<AttributeValue, A::Error> {
        let Some(kind) = object.next_key::<Kind>()? else {
            return Err(invalid(EMPTY));
        };
        let value = self.read(kind, &mut object)?;
        if object.next_key::<IgnoredAny>()?.is_some() {
            return Err(invalid(SEVERAL));
        }
        Ok(value)
    }
}

struct Members(Value);

impl<'de> DeserializeSeed<'de> for Members {
    type Value = Item;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Item, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of attribute values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Item, A::Error> {
        let mut item = Item::new();
        while let Some(name) = object.next_key::<String>()? {
            item.insert(name, object.next_value_seed(self.0)?);
        }
        Ok(item)
    }
}

struct Elements(Value);

impl<'de> DeserializeSeed<'de> for Elements {
    type Value = Vec<AttributeValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements {
    type Value = Vec<AttributeValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of attribute values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = sequence.next_element_seed(self.0)? {
            list.push(value);
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(json: &str, expected: Result<&str, Error>) {
        let actual = decode::<AttributeValue>(json.as_bytes()).map(|value| serde_json::to_string(&value).unwrap());
        match expected {
            Err(Error::Serialization(_)) => {
                assert!(matches!(actual, Err(Error::Serialization(_))), "{json}: {actual:?}")
            }
            expected => assert_eq!(actual, expected.map(str::to_owned), "{json}"),
        }
    }

    #[test]
    fn values_round_trip_in_canonical_form() {
        for json in [
            r#"{"S":""}"#,
            r#"{"S":"a \"quoted\" é"}"#,
            r#"{"N":"1.5"}"#,
            r#"{"B":"AP8="}"#,
            r#"{"BOOL":false}"#,
            r#"{"NULL":true}"#,
            r#"{"M":{"a":{"L":[{"S":"x"},{"M":{}}]}}}"#,
            r#"{"SS":["a","b"]}"#,
            r#"{"NS":["-1","2"]}"#,
            r#"{"BS":["AA==","AQ=="]}"#,
        ] {
            check(json, Ok(json));
        }
        check(r#"{"NS":["2.0","1e0"]}"#, Ok(r#"{"NS":["1","2"]}"#));
    }

    #[test]
    fn invalid_values_get_the_messages_of_aws() {
        for (json, message) in [
            ("{}", EMPTY),
            (r#"{"Q":"x"}"#, EMPTY),
            (r#"{"S":"x","N":"1"}"#, SEVERAL),
            (r#"{"NULL":false}"#, FALSE_NULL),
            (r#"{"SS":[]}"#, EMPTY_STRING_SET),
            (r#"{"NS":[]}"#, EMPTY_NUMBER_SET),
            (r#"{"BS":[]}"#, EMPTY_BINARY_SET),
            (r#"{"SS":["a","a"]}"#, DUPLICATES),
            (r#"{"NS":["1","1.0"]}"#, DUPLICATE_NUMBERS),
            (r#"{"L":[{"N":"x at line 9"}]}"#, "The parameter cannot be converted to a numeric value"),
            (
                r#"{"N":"1e200"}"#,
                "Number overflow. Attempting to store a number with magnitude larger than supported range",
            ),
        ] {
            check(json, Err(Error::validation(message)));
        }
    }

    #[test]
    fn other_shapes_are_malformed() {
        for json in
            [r#"{"S":1}"#, r#"{"N":1}"#, r#"{"B":"*"}"#, r#"{"BOOL":"true"}"#, r#"{"L":{}}"#, "[]", "\"x\"", "{"]
        {
            check(json, Err(Error::Serialization(String::new())));
        }
    }

    #[test]
    fn nesting_is_limited() {
        let nested = |levels: usize| format!("{}{{\"S\":\"x\"}}{}", r#"{"L":["#.repeat(levels), "]}".repeat(levels));
        check(&nested(32), Ok(&nested(32)));
        check(&nested(33), Err(Error::validation(TOO_DEEP)));
        check(&r#"{"L":["#.repeat(100_000), Err(Error::validation(TOO_DEEP)));
    }

    proptest! {
        #[test]
        fn decoding_never_panics(json in r#"[\[\]{}":,a-zLMSNB0-9]{0,80}"#) {
            let _ = decode::<Item>(json.as_bytes());
        }
    }
}
