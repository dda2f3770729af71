//! `GetItem` and `BatchGetItem`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use state::Read;

use crate::capacity::{self, constraint, of_read};
use crate::expression::{Context, Names, Projection};
use crate::item::{Item, item_size};
use crate::tables::{load, table_name};
use crate::write::get;
use crate::{Error, Tables};

/// Bytes of items in one answer of `BatchGetItem`.
const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of items of one partition in it. A partition is, here, what one hash key holds.
const PARTITION_BYTES_MAX: usize = 1024 * 1024;

/// Input of `GetItem`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GetItem {
    pub table_name: String,
    pub key: Item,
    pub consistent_read: Option<bool>,
    pub projection_expression: Option<String>,
    pub expression_attribute_names: Option<Names>,
    pub return_consumed_capacity: Option<String>,
}

/// Input of `BatchGetItem`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct BatchGetItem {
    pub request_items: BTreeMap<String, KeysAndAttributes>,
    pub return_consumed_capacity: Option<String>,
}

/// `KeysAndAttributes`; also the shape of `UnprocessedKeys`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct KeysAndAttributes {
    pub keys: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistent_read: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projection_expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression_attribute_names: Option<Names>,
}

/// The projection of a request.
fn projection(text: Option<&str>, names: Option<Names>) -> Result<Option<Projection>, Error> {
    let mut context = Context::of_request(names, None, &[], text.is_some())?;
    let projection = text.map(|text| Projection::parse(text, &mut context)).transpose()?;
    context.finish()?;
    Ok(projection)
}

impl Tables {
    /// # Errors
    /// `NotFound` for the table; an item that does not exist is an answer without `Item`.
    pub async fn get_item(&self, input: GetItem) -> Result<Value, Error> {
        let projection = projection(input.projection_expression.as_deref(), input.expression_attribute_names.clone())?;
        capacity::check(input.return_consumed_capacity.as_deref())?;
        self.state
            .read(move |read| {
                let table = load(read, &input.table_name)?;
                let item = get(read, &table, &table.definition.key_of_request(&input.key)?)?;
                let units = of_read(item.as_ref().map_or(0, item_size), input.consistent_read.unwrap_or(false));
                let mut answer = json!({});
                if let Some(item) = item {
                    answer["Item"] = json!(projection.as_ref().map_or_else(|| item.clone(), |p| p.apply(&item)));
                }
                let asked = input.return_consumed_capacity.as_deref();
                if let Some(used) = capacity::answer(asked, &table.definition.name, units)? {
                    answer["ConsumedCapacity"] = json!(used);
                }
                Ok(answer)
            })
            .await
    }

    /// # Errors
    /// `Validation` for more than 100 keys or one key twice, `NotFound`.
    pub async fn batch_get_item(&self, input: BatchGetItem) -> Result<Value, Error> {
        let total: usize = input.request_items.values().map(|request| request.keys.len()).sum();
        if input.request_items.is_empty() {
            return Err(constraint("requestItems", "{}", "have length greater than or equal to 1"));
        }
        if let Some((name, _)) = input.request_items.iter().find(|(_, request)| request.keys.is_empty()) {
            let member = format!("requestItems.{name}.member.keys");
            return Err(constraint(&member, "[]", "have length greater than or equal to 1"));
        }
        if total > 100 {
            return Err(Error::validation("Too many items requested for the BatchGetItem call"));
        }
        let asked = input.return_consumed_capacity;
        capacity::check(asked.as_deref())?;
        self.state
            .read(move |read| {
                let mut room = BATCH_BYTES_MAX;
                let (mut responses, mut unprocessed, mut used) = (json!({}), json!({}), Vec::new());
                for (name, request) in input.request_items {
                    let (items, left, units) = get_batch(read, &name, &request, &mut room)?;
                    responses[&name] = json!(items);
                    if !left.is_empty() {
                        unprocessed[&name] = json!(KeysAndAttributes { keys: left, ..request });
                    }
                    used.extend(capacity::answer(asked.as_deref(), table_name(&name), units)?);
                }
                let mut answer = json!({"Responses": responses, "UnprocessedKeys": unprocessed});
                if !used.is_empty() {
                    answer["ConsumedCapacity"] = json!(used);
                }
                Ok::<_, Error>(answer)
            })
            .await
    }
}

fn get_batch(
    read: &Read<'_>,
    name: &str,
    request: &KeysAndAttributes,
    room: &mut usize,
) -> Result<(Vec<Item>, Vec<Item>, f64), Error> {
    let projection = projection(request.projection_expression.as_deref(), request.expression_attribute_names.clone())?;
    let table = load(read, name)?;
    let mut seen = BTreeSet::new();
    let mut partitions: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    let (mut items, mut left, mut units) = (Vec::new(), Vec::new(), 0.0);
    for given in &request.keys {
        let key = table.definition.key_of_request(given)?;
        if !seen.insert((key.hash.clone(), key.range.clone())) {
            return Err(Error::validation("Provided list of item keys contains duplicates"));
        }
        let partition = partitions.entry(key.hash.clone()).or_default();
        if *room == 0 || *partition >= PARTITION_BYTES_MAX {
            left.push(given.clone());
            continue;
        }
        let item = get(read, &table, &key)?;
        let size = item.as_ref().map_or(0, item_size);
        if size > *room {
            *room = 0;
            left.push(given.clone());
            continue;
        }
        if *partition + size > PARTITION_BYTES_MAX {
            *partition = PARTITION_BYTES_MAX;
            left.push(given.clone());
            continue;
        }
        *room -= size;
        *partition += size;
        units += of_read(size, request.consistent_read.unwrap_or(false));
        items.extend(item.map(|item| projection.as_ref().map_or_else(|| item.clone(), |p| p.apply(&item))));
    }
    Ok((items, left, units))
}
