//! What the columns are tested against: a record as a document, made to fit the schema member by member, decoded by
//! Arrow's own JSON reader. Slow, and written without a thought of the other way.

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Fields, SchemaRef};
use arrow::json::ReaderBuilder;
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde_json::{Map, Value};

use super::Keys;

impl Keys {
    fn find<'a>(&self, object: &'a Map<String, Value>, column: &str) -> Option<&'a Value> {
        let key = self.mappings.get(column).map_or(column, String::as_str);
        object.get(key).or_else(|| {
            if self.case_sensitive && !self.dots_to_underscores {
                return None;
            }
            let folded = self.fold(key);
            object.iter().find(|(name, _)| self.fold(name) == folded).map(|(_, value)| value)
        })
    }

    /// The members of `object` that are columns, fitted. The name of the column that does not fit is the error.
    fn record(&self, object: &Map<String, Value>, fields: &Fields) -> Result<Map<String, Value>, String> {
        let mut fitted = Map::new();
        for field in fields {
            if let Some(value) = self.find(object, field.name()) {
                let value = self.value(value, field.data_type()).ok_or_else(|| field.name().clone())?;
                fitted.insert(field.name().clone(), value);
            }
        }
        Ok(fitted)
    }

    fn value(&self, value: &Value, kind: &DataType) -> Option<Value> {
        if value.is_null() {
            return Some(Value::Null);
        }
        Some(match kind {
            DataType::Utf8 => Value::String(text(value)),
            DataType::Boolean => match value {
                Value::Bool(_) => value.clone(),
                Value::String(s) if s.eq_ignore_ascii_case("true") => Value::Bool(true),
                Value::String(s) if s.eq_ignore_ascii_case("false") => Value::Bool(false),
                _ => return None,
            },
            DataType::Int8 => integer(value, i64::from(i8::MIN), i64::from(i8::MAX))?,
            DataType::Int16 => integer(value, i64::from(i16::MIN), i64::from(i16::MAX))?,
            DataType::Int32 => integer(value, i64::from(i32::MIN), i64::from(i32::MAX))?,
            DataType::Int64 => integer(value, i64::MIN, i64::MAX)?,
            DataType::Float32 => {
                let number: f32 = scalar(value)?.parse().ok()?;
                Value::Number(serde_json::Number::from_f64(f64::from(number))?)
            }
            DataType::Float64 => {
                let number: f64 = scalar(value)?.parse().ok()?;
                Value::Number(serde_json::Number::from_f64(number)?)
            }
            DataType::Decimal128(precision, scale) => decimal(&scalar(value)?, *precision, *scale)?,
            DataType::Timestamp(..) => Value::from(micros(value)?),
            DataType::Date32 => Value::from(days(value.as_str()?)?),
            DataType::Binary => Value::String(hex::encode(value.as_str()?)),
            DataType::List(item) => {
                let items = value.as_array()?.iter().map(|one| self.value(one, item.data_type()));
                Value::Array(items.collect::<Option<_>>()?)
            }
            DataType::Struct(fields) => Value::Object(self.record(value.as_object()?, fields).ok()?),
            DataType::Map(entries, _) => {
                let DataType::Struct(pair) = entries.data_type() else { return None };
                let kind = pair.get(1)?.data_type();
                let members = value.as_object()?.iter().map(|(k, v)| Some((k.clone(), self.value(v, kind)?)));
                Value::Object(members.collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }
}

/// The batch of the records that fit, and which do.
pub(super) fn batch(records: &[String], schema: &SchemaRef, keys: &Keys) -> (RecordBatch, Vec<bool>) {
    let mut lines = Vec::new();
    let fits = |record: &String| {
        let Ok(object) = serde_json::from_str::<Map<String, Value>>(record) else { return false };
        let Ok(fitted) = keys.record(&object, schema.fields()) else { return false };
        serde_json::to_writer(&mut lines, &fitted).is_ok()
    };
    let fits: Vec<bool> = records.iter().map(fits).collect();
    let mut decoder = ReaderBuilder::new(schema.clone()).with_batch_size(records.len()).build_decoder().unwrap();
    decoder.decode(&lines).unwrap();
    let batch = decoder.flush().unwrap();
    (batch.unwrap_or_else(|| RecordBatch::new_empty(schema.clone())), fits)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn scalar(value: &Value) -> Option<String> {
    (value.is_number() || value.is_string()).then(|| text(value))
}

fn integer(value: &Value, min: i64, max: i64) -> Option<Value> {
    let number: i64 = scalar(value)?.parse().ok()?;
    (min..=max).contains(&number).then(|| Value::from(number))
}

fn decimal(text: &str, precision: u8, scale: i8) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let significant = whole.trim_start_matches('0');
    let good = !whole.is_empty()
        && !digits.ends_with('.')
        && (whole.bytes().chain(fraction.bytes())).all(|b| b.is_ascii_digit())
        && fraction.len() <= usize::try_from(scale).ok()?
        && significant.len() + usize::try_from(scale).ok()? <= usize::from(precision);
    let sign = if text.starts_with('-') { "-" } else { "" };
    let (significant, point) =
        (if significant.is_empty() { "0" } else { significant }, if fraction.is_empty() { "" } else { "." });
    good.then(|| Value::String(format!("{sign}{significant}{point}{fraction}")))
}

/// Days since the epoch of `yyyy-MM-dd`, with or without a time after it.
fn days(text: &str) -> Option<i32> {
    let (day, rest) = text.split_at_checked(10)?;
    let dated = day.bytes().enumerate().all(|(at, b)| if matches!(at, 4 | 7) { b == b'-' } else { b.is_ascii_digit() });
    let day = NaiveDate::parse_from_str(day, "%Y-%m-%d")
        .ok()
        .filter(|_| dated && !rest.starts_with(|c: char| c.is_ascii_digit()))?;
    i32::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// Text as RFC 3339 or `yyyy-MM-dd HH:mm:ss[.f]` in UTC; numbers as epoch seconds, or milliseconds from 10^11 on.
fn micros(value: &Value) -> Option<i64> {
    if let Some(text) = value.as_str() {
        return DateTime::parse_from_rfc3339(text).map(|t| t.timestamp_micros()).ok().or_else(|| {
            let time = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];
            time.iter()
                .find_map(|f| NaiveDateTime::parse_from_str(text, f).ok())
                .map(|t| t.and_utc().timestamp_micros())
        });
    }
    let number = value.as_number()?;
    if let Some(number) = number.as_i64() {
        return number.checked_mul(if number.unsigned_abs() >= 100_000_000_000 { 1000 } else { 1_000_000 });
    }
    let seconds = number.as_f64()?;
    (seconds.abs() < 1e11).then_some((seconds * 1e6).round() as i64)
}
