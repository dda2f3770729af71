//! `Query` and `Scan`: pages of at most 1 MB.

use std::ops::{Bound, RangeBounds as _};

use serde::Deserialize;
use serde_json::{Value, json};
use state::{Read, Row, Value as Parameter};

use crate::capacity::{self, constraint, of_read, one_of};
use crate::definition::{Definition, Key, token};
use crate::expression::{Condition, Context, KeyCondition, Kind, Names, Projection, Values};
use crate::item::{Item, item_size, key};
use crate::tables::{Stored, load};
use crate::write::decode;
use crate::{Error, Tables};

/// Bytes of items read for one page, before the filter.
const PAGE_BYTES_MAX: usize = 1024 * 1024;
const SEGMENTS_MAX: i64 = 1_000_000;

/// Input of `Query` (with a key condition) and `Scan`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ReadPage {
    pub table_name: String,
    pub key_condition_expression: Option<String>,
    pub scan_index_forward: Option<bool>,
    pub segment: Option<i64>,
    pub total_segments: Option<i64>,
    pub filter_expression: Option<String>,
    pub projection_expression: Option<String>,
    pub expression_attribute_names: Option<Names>,
    pub expression_attribute_values: Option<Values>,
    pub exclusive_start_key: Option<Item>,
    pub limit: Option<i64>,
    pub select: Option<String>,
    pub consistent_read: Option<bool>,
    pub return_consumed_capacity: Option<String>,
}

/// What was read so far.
#[derive(Default)]
struct Page {
    items: Vec<Item>,
    count: i64,
    scanned: i64,
    bytes: usize,
    last: Option<Item>,
}

/// What to do with each item.
struct Selection {
    filter: Option<Condition>,
    projection: Option<Projection>,
    count_only: bool,
    limit: i64,
}

impl Selection {
    /// Takes an item; false when the page is full.
    fn take(&self, page: &mut Page, table: &Stored, row: &Row<'_>) -> Result<bool, Error> {
        let item = decode(row.blob(0)?)?;
        page.scanned += 1;
        page.bytes += item_size(&item);
        let full = page.scanned >= self.limit || page.bytes >= PAGE_BYTES_MAX;
        if full {
            page.last = Some(table.definition.key_attributes(&item));
        }
        if self.filter.as_ref().is_none_or(|filter| filter.matches(&item)) {
            page.count += 1;
            if !self.count_only {
                page.items.push(match &self.projection {
                    Some(projection) => projection.apply(&item),
                    None => item,
                });
            }
        }
        Ok(!full)
    }
}

impl Tables {
    /// # Errors
    /// `NotFound`, `Validation`.
    pub async fn query(&self, input: ReadPage) -> Result<Value, Error> {
        if input.segment.is_some() || input.total_segments.is_some() {
            return Err(Error::validation("unsupported parameter: Segment, TotalSegments"));
        }
        if input.key_condition_expression.is_none() {
            return Err(Error::validation(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
            ));
        }
        self.state.read(move |read| page(read, input)).await
    }

    /// # Errors
    /// `NotFound`, `Validation`.
    pub async fn scan(&self, input: ReadPage) -> Result<Value, Error> {
        if input.key_condition_expression.is_some() || input.scan_index_forward.is_some() {
            return Err(Error::validation("unsupported parameter: KeyConditionExpression, ScanIndexForward"));
        }
        self.state.read(move |read| page(read, input)).await
    }
}

fn page(read: &Read<'_>, input: ReadPage) -> Result<Value, Error> {
    let table = load(read, &input.table_name)?;
    let definition = &table.definition;
    let filter = ("FilterExpression", input.filter_expression.is_some());
    let expressions = [filter, ("KeyConditionExpression", input.key_condition_expression.is_some())];
    // A scan has no key condition to name in its messages.
    let expressions = if expressions[1].1 { &expressions[..] } else { &expressions[..1] };
    let (names, values) = (input.expression_attribute_names, input.expression_attribute_values);
    let mut context = Context::of_request(names, values, expressions, input.projection_expression.is_some())?;
    let condition = input.key_condition_expression.as_deref();
    let condition = condition
        .map(|text| KeyCondition::parse(text, &mut context, definition.hash(), definition.range()))
        .transpose()?;
    let filter = input.filter_expression.as_deref();
    let filter = filter.map(|text| Condition::parse(Kind::Filter, text, &mut context)).transpose()?;
    let projection = input.projection_expression.as_deref();
    let projection = projection.map(|text| Projection::parse(text, &mut context)).transpose()?;
    context.finish()?;
    let keys = [Some(definition.hash().0), definition.range().map(|(name, _)| name)];
    if condition.is_some()
        && let Some(name) = filter.iter().flat_map(Condition::attributes).find(|name| keys.contains(&Some(name)))
    {
        return Err(Error::Validation(format!(
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: {name}"
        )));
    }
    let count_only = select(input.select.as_deref(), projection.is_some())?;
    let limit = input.limit.unwrap_or(i64::MAX);
    if limit < 1 {
        return Err(constraint("limit", limit, "have value greater than or equal to 1"));
    }
    let selection = Selection { filter, projection, count_only, limit };
    let start = input.exclusive_start_key.as_ref().map(|key| start_key(definition, key)).transpose()?;
    let page = match condition {
        Some(condition) => {
            let forward = input.scan_index_forward.unwrap_or(true);
            start.as_ref().map_or(Ok(()), |start| check_start(&condition, start))?;
            query(read, &table, &condition, start.map(|key| key.range), forward, &selection)?
        }
        None => {
            let segment = segment(input.segment, input.total_segments)?;
            if start.as_ref().is_some_and(|start| !(segment.0..=segment.1).contains(&start.token)) {
                return Err(Error::validation(
                    "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment",
                ));
            }
            let start = start.map(|key| (key.token, key.hash, key.range));
            scan(read, &table, segment, start, &selection)?
        }
    };
    let mut answer = json!({"Count": page.count, "ScannedCount": page.scanned});
    if !selection.count_only {
        answer["Items"] = json!(page.items);
    }
    if let Some(last) = page.last {
        answer["LastEvaluatedKey"] = json!(last);
    }
    let units = of_read(page.bytes, input.consistent_read.unwrap_or(false));
    if let Some(used) = capacity::answer(input.return_consumed_capacity.as_deref(), &definition.name, units)? {
        answer["ConsumedCapacity"] = json!(used);
    }
    Ok(answer)
}

/// Whether only counts are asked for.
fn select(select: Option<&str>, is_projected: bool) -> Result<bool, Error> {
    let allowed = ["SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"];
    let message = match (select.map(|select| one_of("select", Some(select), &allowed)).transpose()?, is_projected) {
        (Some("COUNT"), true) => "Cannot specify the ProjectionExpression when choosing to get only the Count",
        (Some("ALL_ATTRIBUTES"), true) => "Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES",
        (Some("SPECIFIC_ATTRIBUTES"), false) => {
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
        }
        (Some("ALL_PROJECTED_ATTRIBUTES"), _) => {
            "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
        }
        (select, _) => return Ok(select == Some("COUNT")),
    };
    // Alone of what a read is refused for, this is counted.
    Err(Error::validation(message).counted())
}

/// The key a page starts after.
fn start_key(definition: &Definition, key: &Item) -> Result<Key, Error> {
    definition.key_of_request(key).map_err(|error| match error {
        Error::Validation(text) => Error::Validation(format!("The provided starting key is invalid: {text}")),
        other => other,
    })
}

/// A query goes on where it could have stopped.
fn check_start(condition: &KeyCondition, start: &Key) -> Result<(), Error> {
    if key::encode(&condition.hash).as_ref() != Some(&start.hash) {
        return Err(Error::validation(
            "The provided starting key is outside query boundaries based on provided conditions",
        ));
    }
    match &condition.range {
        Some(range) if !range.bounds().contains(&start.range) => {
            Err(Error::validation("The provided starting key does not match the range key predicate"))
        }
        _ => Ok(()),
    }
}

/// First and last token of a segment.
fn segment(segment: Option<i64>, total: Option<i64>) -> Result<(i64, i64), Error> {
    let (segment, total) = match (segment, total) {
        (None, None) => return Ok((0, i64::MAX)),
        (Some(segment), Some(total)) => (segment, total),
        (Some(_), None) => {
            return Err(Error::validation(
                "The TotalSegments parameter is required but was not present in the request when Segment parameter is present",
            ));
        }
        (None, Some(_)) => {
            return Err(Error::validation(
                "The Segment parameter is required but was not present in the request when parameter TotalSegments is present",
            ));
        }
    };
    if !(1..=SEGMENTS_MAX).contains(&total) {
        let (bound, limit) = if total < 1 { ("greater", 1) } else { ("less", SEGMENTS_MAX) };
        return Err(constraint("totalSegments", total, format_args!("have value {bound} than or equal to {limit}")));
    }
    if segment < 0 {
        return Err(constraint("segment", segment, "have value greater than or equal to 0"));
    }
    if segment >= total {
        return Err(Error::Validation(format!(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: {segment} is not less than TotalSegments: {total}"
        )));
    }
    let width = i64::MAX / total;
    let from = segment.saturating_mul(width);
    let to = if segment == total - 1 { i64::MAX } else { from.saturating_add(width - 1) };
    Ok((from, to))
}

fn scan(
    read: &Read<'_>,
    table: &Stored,
    tokens: (i64, i64),
    start: Option<(i64, Vec<u8>, Vec<u8>)>,
    selection: &Selection,
) -> Result<Page, Error> {
    // No hash key is empty, so this is before the first item.
    let (token, hash, range) = start.unwrap_or((tokens.0, Vec::new(), Vec::new()));
    let mut page = Page::default();
    read.each(
        "SELECT item FROM ddb_item WHERE table_id = ?1 AND (token, hash_key, range_key) > (?2, ?3, ?4) AND token <= ?5
            ORDER BY token, hash_key, range_key",
        &[Parameter::Int(table.id), Parameter::Int(token), (&hash).into(), (&range).into(), Parameter::Int(tokens.1)],
        |row| selection.take(&mut page, table, row),
    )?;
    Ok(page)
}

fn query(
    read: &Read<'_>,
    table: &Stored,
    condition: &KeyCondition,
    start: Option<Vec<u8>>,
    forward: bool,
    selection: &Selection,
) -> Result<Page, Error> {
    let hash = key::encode(&condition.hash).unwrap_or_default();
    let (low, high) = condition.range.as_ref().map_or((Bound::Unbounded, Bound::Unbounded), |range| range.bounds());
    let mut sql = String::from("SELECT item FROM ddb_item WHERE table_id = ?1 AND token = ?2 AND hash_key = ?3");
    let mut params = vec![Parameter::Int(table.id), Parameter::Int(token(&hash)), (&hash).into()];
    let mut limit = |operator: &str, bytes| {
        params.push(Parameter::Blob(bytes));
        sql.push_str(&format!(" AND range_key {operator} ?{}", params.len()));
    };
    match &low {
        Bound::Included(bytes) => limit(">=", bytes.as_slice()),
        Bound::Excluded(bytes) => limit(">", bytes),
        Bound::Unbounded => {}
    }
    match &high {
        Bound::Included(bytes) => limit("<=", bytes.as_slice()),
        Bound::Excluded(bytes) => limit("<", bytes),
        Bound::Unbounded => {}
    }
    if let Some(start) = &start {
        limit(if forward { ">" } else { "<" }, start);
    }
    sql.push_str(if forward { " ORDER BY range_key" } else { " ORDER BY range_key DESC" });
    let mut page = Page::default();
    read.each(&sql, &params, |row| selection.take(&mut page, table, row))?;
    Ok(page)
}
