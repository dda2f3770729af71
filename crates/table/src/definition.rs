//! What a table is: name, keys, billing, stream, tags; and the keys of its items.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::encryption::SseSpecification;
use crate::item::key::{self, Type};
use crate::item::{AttributeValue, Item};

/// `AttributeDefinition`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AttributeDefinition {
    pub attribute_name: String,
    pub attribute_type: String,
}

/// `KeySchemaElement`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct KeySchemaElement {
    pub attribute_name: String,
    pub key_type: String,
}

/// `ProvisionedThroughput`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Throughput {
    pub read_capacity_units: i64,
    pub write_capacity_units: i64,
}

/// `StreamSpecification`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct StreamSpecification {
    pub stream_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_view_type: Option<String>,
}

/// A table as stored in the state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Definition {
    pub name: String,
    pub id: String,
    pub attributes: Vec<AttributeDefinition>,
    pub keys: Vec<KeySchemaElement>,
    pub on_demand: bool,
    pub throughput: Throughput,
    pub created_ms: i64,
    pub stream: Option<StreamSpecification>,
    /// ARN and label of the newest stream, also after it was disabled.
    pub latest_stream: Option<(String, String)>,
    pub protected: bool,
    pub tags: BTreeMap<String, String>,
    #[serde(default)]
    pub encryption: Option<SseSpecification>,
}

/// The key of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// 63 bits of a hash of the hash key.
    pub token: i64,
    pub hash: Vec<u8>,
    /// Empty in a table without a range key.
    pub range: Vec<u8>,
    pub attributes: Item,
}

/// The place of a hash key among all: 63 bits of its SHA-256.
pub(crate) fn token(hash: &[u8]) -> i64 {
    let digest = Sha256::digest(hash);
    let word = digest.iter().take(8).fold(0u64, |word, byte| (word << 8) | u64::from(*byte));
    (word >> 1) as i64
}

impl Definition {
    /// Name and type of the hash key.
    pub(crate) fn hash(&self) -> (&str, Type) {
        self.key("HASH").unwrap_or(("", Type::S))
    }

    /// Name and type of the range key.
    pub(crate) fn range(&self) -> Option<(&str, Type)> {
        self.key("RANGE")
    }

    fn key(&self, kind: &str) -> Option<(&str, Type)> {
        let name = &self.keys.iter().find(|key| key.key_type == kind)?.attribute_name;
        let attribute = self.attributes.iter().find(|attribute| attribute.attribute_name == *name)?;
        Some((name, Type::from_name(&attribute.attribute_type)?))
    }

    /// The key of an item to be written.
    pub(crate) fn key_of_item(&self, item: &Item) -> Result<Key, Error> {
        let mut attributes = Item::new();
        let mut take = |name: &str| -> Result<AttributeValue, Error> {
            let value = item.get(name).ok_or_else(|| {
                Error::Validation(format!(
                    "One or more parameter values were invalid: Missing the key {name} in the item"
                ))
            })?;
            attributes.insert(name.into(), value.clone());
            Ok(value.clone())
        };
        let (name, kind) = self.hash();
        let hash = key::encode_hash(name, &take(name)?, kind)?;
        let range = match self.range() {
            Some((name, kind)) => key::encode_range(name, &take(name)?, kind)?,
            None => Vec::new(),
        };
        Ok(Key { token: token(&hash), hash, range, attributes })
    }

    /// The key a request names: exactly the key attributes.
    pub(crate) fn key_of_request(&self, key: &Item) -> Result<Key, Error> {
        let mismatch = || Error::validation("The provided key element does not match the schema");
        if key.len() != self.keys.len() {
            return Err(mismatch());
        }
        for (name, kind) in std::iter::once(self.hash()).chain(self.range()) {
            if key.get(name).and_then(Type::of) != Some(kind) {
                return Err(mismatch());
            }
        }
        self.key_of_item(key)
    }

    /// The key attributes of an item.
    pub(crate) fn key_attributes(&self, item: &Item) -> Item {
        let names = self.keys.iter().map(|key| &key.attribute_name);
        names.filter_map(|name| Some((name.clone(), item.get(name)?.clone()))).collect()
    }
}
