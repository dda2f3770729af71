//! `Fn::FindInMap`: a value by two keys, which may themselves be computed.

use serde_json::{Map, Value};

use crate::Error;

/// Looks a value up.
///
/// # Errors
/// `Template` when the map or a key does not exist.
pub(crate) fn find<'a>(
    mappings: &'a Map<String, Value>,
    map: &str,
    first: &str,
    second: &str,
) -> Result<&'a Value, Error> {
    mappings
        .get(map)
        .and_then(|map| map.get(first))
        .and_then(|row| row.get(second))
        .ok_or_else(|| Error::template(format!("Template error: Unable to get mapping for {map}::{first}::{second}")))
}
