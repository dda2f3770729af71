//! `PutItem`, `UpdateItem`, `DeleteItem` and `BatchWriteItem`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};
use state::{Read, Write, params};

use crate::capacity::{self, constraint, of_write, one_of};
use crate::definition::Key;
use crate::expression::{Condition, Context, Kind, Names, Update, Values};
use crate::item::{ITEM_SIZE_MAX, Item, item_size};
use crate::stream::{Change, append};
use crate::tables::{Environment, Stored, load, table_name};
use crate::{Error, Tables};

const RETURN_VALUES: [&str; 5] = ["ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"];

/// What the three single writes have in common.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct WriteItem {
    pub table_name: String,
    /// Of `PutItem`.
    pub item: Option<Item>,
    /// Of `UpdateItem` and `DeleteItem`.
    pub key: Option<Item>,
    /// Of `UpdateItem`.
    pub update_expression: Option<String>,
    pub condition_expression: Option<String>,
    pub expression_attribute_names: Option<Names>,
    pub expression_attribute_values: Option<Values>,
    pub return_values: Option<String>,
    pub return_values_on_condition_check_failure: Option<String>,
    pub return_consumed_capacity: Option<String>,
    /// Always empty: there are no local indexes.
    pub return_item_collection_metrics: Option<String>,
}

/// Which single write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Put,
    Update,
    Delete,
}

/// Input of `BatchWriteItem`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct BatchWriteItem {
    pub request_items: BTreeMap<String, Vec<WriteRequest>>,
    pub return_consumed_capacity: Option<String>,
    pub return_item_collection_metrics: Option<String>,
}

/// `WriteRequest`: one of the two.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct WriteRequest {
    pub put_request: Option<PutRequest>,
    pub delete_request: Option<DeleteRequest>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PutRequest {
    pub item: Item,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteRequest {
    pub key: Item,
}

pub(crate) fn get(read: &Read<'_>, table: &Stored, key: &Key) -> Result<Option<Item>, Error> {
    let sql = "SELECT item FROM ddb_item WHERE table_id = ?1 AND token = ?2 AND hash_key = ?3 AND range_key = ?4";
    read.first(sql, params![table.id, key.token, &key.hash, &key.range], |row| decode(row.blob(0)?))
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Item, Error> {
    serde_json::from_slice(bytes).map_err(|_| Error::Internal("stored item is not readable".into()))
}

/// Writes one item and its stream record; `expired` marks a deletion by time to live.
pub(crate) fn store(
    tx: &Write<'_>,
    env: &Environment,
    table: &Stored,
    key: &Key,
    old: Option<&Item>,
    new: Option<&Item>,
    expired: bool,
) -> Result<(), Error> {
    if old == new {
        return Ok(());
    }
    match new {
        Some(item) => {
            let bytes = serde_json::to_vec(item).map_err(|_| Error::Internal("item cannot be stored".into()))?;
            tx.execute(
                "INSERT INTO ddb_item (table_id, token, hash_key, range_key, item) VALUES (?1, ?2, ?3, ?4, ?5)
                    ON CONFLICT (table_id, token, hash_key, range_key) DO UPDATE SET item = ?5",
                params![table.id, key.token, &key.hash, &key.range, &bytes],
            )?;
        }
        None => {
            tx.execute(
                "DELETE FROM ddb_item WHERE table_id = ?1 AND token = ?2 AND hash_key = ?3 AND range_key = ?4",
                params![table.id, key.token, &key.hash, &key.range],
            )?;
        }
    }
    match table.stream {
        Some(stream) => append(tx, env, stream, &Change { key, old, new, expired }),
        None => Ok(()),
    }
}

fn check_size(action: Action, item: &Item) -> Result<(), Error> {
    match (item_size(item), action) {
        (0..=ITEM_SIZE_MAX, _) => Ok(()),
        (_, Action::Update) => Err(Error::validation("Item size to update has exceeded the maximum allowed size")),
        _ => Err(Error::validation("Item size has exceeded the maximum allowed size")),
    }
}

fn check_metrics(asked: Option<&str>) -> Result<(), Error> {
    one_of("returnItemCollectionMetrics", asked, &["SIZE", "NONE"]).map(drop)
}

/// A single write with its expressions parsed.
struct Plan {
    action: Action,
    table: String,
    /// The item of a put, the key of the others.
    item: Item,
    update: Option<Update>,
    condition: Option<Condition>,
    returns: String,
    return_failed: bool,
    capacity: Option<String>,
}

impl Plan {
    fn parse(action: Action, input: WriteItem) -> Result<Plan, Error> {
        let refuse = |member: &str| Error::Validation(format!("unsupported parameter: {member}"));
        let item = match (action, input.item, input.key) {
            (Action::Put, Some(item), None) | (Action::Update | Action::Delete, None, Some(item)) => item,
            (Action::Put, _, Some(_)) => return Err(refuse("Key")),
            (_, Some(_), _) => return Err(refuse("Item")),
            _ => {
                let member = if action == Action::Put { "item" } else { "key" };
                return Err(Error::Validation(format!(
                    "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
                )));
            }
        };
        if action != Action::Update && input.update_expression.is_some() {
            return Err(refuse("UpdateExpression"));
        }
        let returns = one_of("returnValues", input.return_values.as_deref(), &RETURN_VALUES);
        let failed = input.return_values_on_condition_check_failure.as_deref();
        let failed = one_of("returnValuesOnConditionCheckFailure", failed, &["ALL_OLD", "NONE"]);
        Error::all([
            capacity::check(input.return_consumed_capacity.as_deref()),
            check_metrics(input.return_item_collection_metrics.as_deref()),
            returns.clone().map(drop),
            failed.clone().map(drop),
        ])?;
        let (returns, failed) = (returns?.to_owned(), failed?);
        if action != Action::Update && !matches!(returns.as_str(), "NONE" | "ALL_OLD") {
            return Err(Error::validation("ReturnValues can only be ALL_OLD or NONE"));
        }
        let condition = ("ConditionExpression", input.condition_expression.is_some());
        let expressions = [("UpdateExpression", input.update_expression.is_some()), condition];
        let expressions = if action == Action::Update { &expressions[..] } else { &expressions[1..] };
        let (names, values) = (input.expression_attribute_names, input.expression_attribute_values);
        let mut context = Context::of_request(names, values, expressions, false)?;
        let update = input.update_expression.map(|text| Update::parse(&text, &mut context)).transpose()?;
        let condition = input.condition_expression;
        let condition = condition.map(|text| Condition::parse(Kind::Condition, &text, &mut context)).transpose()?;
        context.finish()?;
        Ok(Plan {
            action,
            table: input.table_name,
            item,
            update,
            condition,
            returns,
            return_failed: failed == "ALL_OLD",
            capacity: input.return_consumed_capacity,
        })
    }

    fn run(&self, tx: &Write<'_>, env: &Environment) -> Result<Value, Error> {
        let table = load(tx, &self.table)?;
        let definition = &table.definition;
        let key = match self.action {
            Action::Put => definition.key_of_item(&self.item)?,
            _ => definition.key_of_request(&self.item)?,
        };
        if let Some(path) =
            self.update.iter().flat_map(Update::paths).find(|p| key.attributes.contains_key(&p.attribute))
        {
            return Err(Error::Validation(format!(
                "One or more parameter values were invalid: Cannot update attribute {}. This attribute is part of the key",
                path.attribute
            )));
        }
        let old = get(tx, &table, &key)?;
        let empty = Item::new();
        if self.condition.as_ref().is_some_and(|condition| !condition.matches(old.as_ref().unwrap_or(&empty))) {
            return Err(Error::ConditionFailed(old.filter(|_| self.return_failed)));
        }
        let new = match self.action {
            Action::Put => Some(self.item.clone()),
            Action::Delete => None,
            Action::Update => {
                let base = old.as_ref().unwrap_or(&key.attributes);
                Some(self.update.as_ref().map_or_else(|| Ok(base.clone()), |update| update.apply(base))?)
            }
        };
        if let Some(item) = &new {
            check_size(self.action, item)?;
        }
        store(tx, env, &table, &key, old.as_ref(), new.as_ref(), false)?;
        self.answer(&table, old, new)
    }

    fn answer(&self, table: &Stored, old: Option<Item>, new: Option<Item>) -> Result<Value, Error> {
        let size = old.as_ref().map_or(0, item_size).max(new.as_ref().map_or(0, item_size));
        let touched = |item: Option<Item>| match &self.update {
            Some(update) => item.map(|item| update.touched(&item)).filter(|item| !item.is_empty()),
            None => None,
        };
        let attributes = match self.returns.as_str() {
            "ALL_OLD" => old,
            "ALL_NEW" => new,
            "UPDATED_OLD" => touched(old),
            "UPDATED_NEW" => touched(new),
            _ => None,
        };
        let mut answer = json!({});
        if let Some(attributes) = attributes {
            answer["Attributes"] = json!(attributes);
        }
        if let Some(used) = capacity::answer(self.capacity.as_deref(), &table.definition.name, of_write(size))? {
            answer["ConsumedCapacity"] = json!(used);
        }
        Ok(answer)
    }
}

/// Puts one item without conditions; answers what it replaced.
pub(crate) fn put(tx: &Write<'_>, env: &Environment, table: &Stored, item: &Item) -> Result<Option<Item>, Error> {
    let key = table.definition.key_of_item(item)?;
    check_size(Action::Put, item)?;
    let old = get(tx, table, &key)?;
    store(tx, env, table, &key, old.as_ref(), Some(item), false)?;
    Ok(old)
}

impl Tables {
    /// `PutItem`, `UpdateItem` or `DeleteItem`.
    ///
    /// # Errors
    /// `NotFound`, `ConditionFailed`, `Validation`.
    pub async fn write_item(&self, action: Action, input: WriteItem) -> Result<Value, Error> {
        let plan = Plan::parse(action, input).map_err(Error::counted)?;
        let env = self.env.clone();
        let answer = self.state.write(move |tx| plan.run(tx, &env)).await?;
        self.env.written.notify_waiters();
        Ok(answer)
    }

    /// `BatchWriteItem`: up to 25 puts and deletes. All are written, so nothing is ever unprocessed.
    ///
    /// # Errors
    /// `NotFound`, `Validation`.
    pub async fn batch_write_item(&self, input: BatchWriteItem) -> Result<Value, Error> {
        let total: usize = input.request_items.values().map(Vec::len).sum();
        if input.request_items.is_empty() {
            return Err(constraint("requestItems", "{}", "have length greater than or equal to 1"));
        }
        if let Some((name, _)) = input.request_items.iter().find(|(_, requests)| requests.is_empty()) {
            let member = format!("requestItems.{name}.member");
            return Err(constraint(
                &member,
                "[]",
                "have length less than or equal to 25 and greater than or equal to 1",
            ));
        }
        if total > 25 {
            return Err(Error::validation("Too many items requested for the BatchWriteItem call"));
        }
        check_metrics(input.return_item_collection_metrics.as_deref())?;
        let asked = input.return_consumed_capacity;
        capacity::check(asked.as_deref())?;
        let env = self.env.clone();
        let answer = self.state.write(move |tx| {
            let mut used = Vec::new();
            for (name, requests) in &input.request_items {
                let units = write_batch(tx, &env, name, requests)?;
                used.extend(capacity::answer(asked.as_deref(), table_name(name), units)?);
            }
            let mut answer = json!({"UnprocessedItems": {}});
            if !used.is_empty() {
                answer["ConsumedCapacity"] = json!(used);
            }
            Ok::<_, Error>(answer)
        });
        let answer = answer.await?;
        self.env.written.notify_waiters();
        Ok(answer)
    }
}

fn write_batch(tx: &Write<'_>, env: &Environment, name: &str, requests: &[WriteRequest]) -> Result<f64, Error> {
    let table = load(tx, name)?;
    let mut seen = BTreeSet::new();
    let mut units = 0.0;
    for request in requests {
        let (key, new) = match (&request.put_request, &request.delete_request) {
            (Some(put), None) => (table.definition.key_of_item(&put.item)?, Some(&put.item)),
            (None, Some(delete)) => (table.definition.key_of_request(&delete.key)?, None),
            _ => {
                return Err(Error::validation(
                    "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
                ));
            }
        };
        if !seen.insert((key.hash.clone(), key.range.clone())) {
            return Err(Error::validation("Provided list of item keys contains duplicates"));
        }
        if let Some(item) = new {
            check_size(Action::Put, item)?;
        }
        let old = get(tx, &table, &key)?;
        units += of_write(old.as_ref().map_or(0, item_size).max(new.map_or(0, item_size)));
        store(tx, env, &table, &key, old.as_ref(), new, false)?;
    }
    Ok(units)
}
