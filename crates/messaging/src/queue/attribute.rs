//! Message attributes: what is allowed, and their digest (SQS Developer Guide, "Amazon SQS message metadata").

use std::collections::BTreeMap;

use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use super::code::Code;
use super::message;
use crate::Error;

const ATTRIBUTES_MAX: usize = 10;
const NAME_CHARS_MAX: usize = 256;

/// One attribute of a message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// `String`, `Number` or `Binary`, each with an optional suffix behind a dot.
    #[serde(rename = "DataType")]
    pub data_type: String,
    #[serde(flatten)]
    pub value: Payload,
}

/// The value of an attribute; on the wire one member with its name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    #[serde(rename = "StringValue")]
    Text(String),
    #[serde(rename = "BinaryValue", with = "binary")]
    Binary(Vec<u8>),
}

/// By name, in the order of the digest.
pub type Attributes = BTreeMap<String, Attribute>;

impl Payload {
    fn bytes(&self) -> &[u8] {
        match self {
            Payload::Text(text) => text.as_bytes(),
            Payload::Binary(bytes) => bytes,
        }
    }
}

/// Bytes that count towards the size of the message.
pub(super) fn size(attributes: &Attributes) -> usize {
    let one = |(name, attribute): (&String, &Attribute)| {
        name.len() + attribute.data_type.len() + attribute.value.bytes().len()
    };
    attributes.iter().map(one).sum()
}

/// MD5 over length-prefixed name, type, kind of transport (1 text, 2 binary) and value, in the order of names.
pub fn digest(attributes: &Attributes) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut md5 = Md5::new();
    for (name, attribute) in attributes {
        add(&mut md5, name.as_bytes());
        add(&mut md5, attribute.data_type.as_bytes());
        md5.update(match attribute.value {
            Payload::Text(_) => [1u8],
            Payload::Binary(_) => [2u8],
        });
        add(&mut md5, attribute.value.bytes());
    }
    Some(hex::encode(md5.finalize()))
}

fn add(md5: &mut Md5, bytes: &[u8]) {
    // Messages are far smaller than what a u32 counts.
    md5.update((bytes.len() as u32).to_be_bytes());
    md5.update(bytes);
}

/// # Errors
/// `InvalidParameterValue`, `InvalidMessageContents`.
pub(super) fn check(attributes: &Attributes) -> Result<(), Error> {
    if attributes.len() > ATTRIBUTES_MAX {
        return Err(refuse(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{ATTRIBUTES_MAX}].",
            attributes.len()
        )));
    }
    attributes.iter().try_for_each(|(name, attribute)| check_name(name).and_then(|()| check_value(name, attribute)))
}

fn check_name(name: &str) -> Result<(), Error> {
    let lower = name.to_ascii_lowercase();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || name.len() > NAME_CHARS_MAX {
        let message = format!("Message (user) attribute name must be 1 to {NAME_CHARS_MAX} characters long.");
        return Err(refuse(message));
    }
    if !name.chars().all(allowed) || name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return Err(refuse(
            "Message (user) attribute name can only contain letters, digits, underscores, hyphens and single periods, \
             and must not start or end with a period.",
        ));
    }
    if lower.starts_with("aws.") || lower.starts_with("amazon.") {
        return Err(refuse("Message (user) attribute name must not start with a reserved prefix: AWS. or Amazon."));
    }
    Ok(())
}

fn check_value(name: &str, attribute: &Attribute) -> Result<(), Error> {
    let data_type = attribute.data_type.as_str();
    let (base, suffix) = data_type.split_once('.').map_or((data_type, None), |(base, suffix)| (base, Some(suffix)));
    if data_type.len() > NAME_CHARS_MAX
        || suffix == Some("")
        || !data_type.chars().all(|c| c.is_ascii_graphic())
        || !matches!(base, "String" | "Number" | "Binary")
    {
        return Err(refuse(format!(
            "The type of message (user) attribute '{name}' is invalid. You must use only the following supported type \
             prefixes: Binary, Number, String."
        )));
    }
    match (&attribute.value, base) {
        (Payload::Text(text), "String" | "Number") if !text.is_empty() => {
            message::check_characters(text)?;
            if base == "Number" && !is_number(text) {
                return Err(refuse(format!("Can't cast the value of message (user) attribute '{name}' to a number.")));
            }
            Ok(())
        }
        (Payload::Binary(bytes), "Binary") if !bytes.is_empty() => Ok(()),
        _ => Err(refuse(format!("Message (user) attribute '{name}' must contain a non-empty value of type '{base}'."))),
    }
}

/// Up to 38 digits, with sign, point and exponent.
fn is_number(text: &str) -> bool {
    let digits = text.bytes().take_while(|b| !matches!(b, b'e' | b'E')).filter(u8::is_ascii_digit).count();
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    plain && (1..=38).contains(&digits) && text.parse::<f64>().is_ok()
}

fn refuse(message: impl Into<String>) -> Error {
    Code::InvalidParameterValue.error(message)
}

mod binary {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        STANDARD.decode(text.as_bytes()).map_err(|_| D::Error::custom("not base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(data_type: &str, value: &str) -> Attribute {
        Attribute { data_type: data_type.into(), value: Payload::Text(value.into()) }
    }

    #[test]
    fn digest_is_the_one_the_service_gives() {
        // Computed with the algorithm as the SDKs publish it.
        let attributes = Attributes::from([("timestamp".into(), text("Number", "1493147359900"))]);
        assert_eq!(digest(&attributes).unwrap(), "235c5c510d26fb653d073faed50ae77c");
        assert_eq!(digest(&Attributes::new()), None);
    }

    #[test]
    fn travels_as_on_the_wire() {
        let binary = Attribute { data_type: "Binary".into(), value: Payload::Binary(vec![0, 255]) };
        let json = serde_json::to_value(&binary).unwrap();
        assert_eq!(json, serde_json::json!({"DataType": "Binary", "BinaryValue": "AP8="}));
        assert!(serde_json::from_value::<Attribute>(json).unwrap() == binary);
    }

    #[test]
    fn allows_custom_types_and_refuses_the_rest() {
        let allowed =
            |name: &str, attribute: Attribute| check(&Attributes::from([(name.to_owned(), attribute)])).is_ok();
        assert!(allowed("a-b_c.d", text("String.json", "x")));
        assert!(allowed("n", text("Number.int", "-1.5e3")));
        for (name, data_type, value) in [
            ("", "String", "x"),
            (".a", "String", "x"),
            ("a..b", "String", "x"),
            ("aws.x", "String", "x"),
            ("a b", "String", "x"),
            ("a", "Text", "x"),
            ("a", "String.", "x"),
            ("a", "String", ""),
            ("a", "Number", "one"),
            ("a", "Binary", "x"),
        ] {
            assert!(!allowed(name, text(data_type, value)), "{name} {data_type} {value}");
        }
    }
}
