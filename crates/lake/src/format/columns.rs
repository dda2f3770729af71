//! Rows on their way into Arrow arrays: typed vectors that are filled from JSON text and cut back when a record does
//! not fit, so that it leaves nothing behind.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, BooleanBufferBuilder, Decimal128Array, ListArray, MapArray, PrimitiveArray,
    StringArray, StructArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, FieldRef, Fields, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimestampMicrosecondType,
};
use expr::scan::Scanner;

use super::keys::Keys;
use super::members::Members;
use super::scalar;

/// One column of a batch, or what is nested in one.
pub(super) struct Column {
    valid: BooleanBufferBuilder,
    values: Values,
}

/// Every variant has as many values as the column has rows; those of a null are not looked at.
enum Values {
    Bool(BooleanBufferBuilder),
    Int8(Vec<i8>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Date(Vec<i32>),
    Micros(Vec<i64>),
    Decimal(Vec<i128>, u8, i8),
    Text(Texts),
    Binary(Texts),
    List(Offsets, FieldRef, Box<Column>),
    Struct(Box<Members>),
    Map(Offsets, FieldRef, Texts, Box<Column>),
}

/// Bytes one after another and where each ends.
struct Texts {
    bytes: Vec<u8>,
    offsets: Offsets,
}

/// The ends of rows in what they hold, from 0. A batch is far below 2 GiB.
struct Offsets(Vec<i32>);

impl Offsets {
    fn new() -> Offsets {
        Offsets(vec![0])
    }

    fn push(&mut self, end: usize) {
        self.0.push(i32::try_from(end).unwrap_or(i32::MAX));
    }

    /// Leaves so many rows; answers where the last of them ends.
    fn truncate(&mut self, rows: usize) -> usize {
        self.0.truncate(rows + 1);
        self.0.last().map_or(0, |end| usize::try_from(*end).unwrap_or(0))
    }

    fn take(&mut self) -> OffsetBuffer<i32> {
        let mut next = Vec::with_capacity(self.0.len());
        next.push(0);
        OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(&mut self.0, next)))
    }
}

impl Texts {
    fn new() -> Texts {
        Texts { bytes: Vec::new(), offsets: Offsets::new() }
    }

    fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.offsets.push(self.bytes.len());
    }

    fn len(&self) -> usize {
        self.offsets.0.len() - 1
    }

    fn truncate(&mut self, rows: usize) {
        let end = self.offsets.truncate(rows);
        self.bytes.truncate(end);
    }

    fn take(&mut self) -> (OffsetBuffer<i32>, Buffer) {
        let bytes = taken(&mut self.bytes);
        (self.offsets.take(), Buffer::from_vec(bytes))
    }

    fn memory(&self) -> usize {
        self.bytes.capacity() + self.offsets.0.capacity() * size_of::<i32>()
    }
}

/// The content of a vector, which gets as much room again: the next batch is about as large.
fn taken<T>(values: &mut Vec<T>) -> Vec<T> {
    let room = values.len();
    std::mem::replace(values, Vec::with_capacity(room))
}

fn primitive<T: ArrowPrimitiveType>(values: &mut Vec<T::Native>, valid: Option<NullBuffer>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(taken(values)), valid))
}

impl Column {
    /// `None` for a type that no Hive type becomes.
    pub(super) fn new(kind: &DataType, keys: &Keys) -> Option<Column> {
        let values = match kind {
            DataType::Boolean => Values::Bool(BooleanBufferBuilder::new(0)),
            DataType::Int8 => Values::Int8(Vec::new()),
            DataType::Int16 => Values::Int16(Vec::new()),
            DataType::Int32 => Values::Int32(Vec::new()),
            DataType::Int64 => Values::Int64(Vec::new()),
            DataType::Float32 => Values::Float32(Vec::new()),
            DataType::Float64 => Values::Float64(Vec::new()),
            DataType::Date32 => Values::Date(Vec::new()),
            DataType::Timestamp(..) => Values::Micros(Vec::new()),
            DataType::Decimal128(precision, scale) => Values::Decimal(Vec::new(), *precision, *scale),
            DataType::Utf8 => Values::Text(Texts::new()),
            DataType::Binary => Values::Binary(Texts::new()),
            DataType::List(item) => {
                Values::List(Offsets::new(), item.clone(), Box::new(Column::new(item.data_type(), keys)?))
            }
            DataType::Struct(fields) => Values::Struct(Box::new(Members::new(fields, keys)?)),
            DataType::Map(entries, _) => {
                let DataType::Struct(pair) = entries.data_type() else { return None };
                let value = Column::new(pair.get(1)?.data_type(), keys)?;
                Values::Map(Offsets::new(), entries.clone(), Texts::new(), Box::new(value))
            }
            _ => return None,
        };
        Some(Column { valid: BooleanBufferBuilder::new(0), values })
    }

    fn rows(&self) -> usize {
        self.valid.len()
    }

    /// Adds the value of a row. `None` when it does not fit: then the column must be cut back.
    pub(super) fn push(&mut self, json: Option<&str>) -> Option<()> {
        match json.filter(|json| *json != "null") {
            None => self.push_null(),
            Some(json) => self.push_value(json)?,
        }
        self.valid.append(json.is_some_and(|json| json != "null"));
        Some(())
    }

    fn push_value(&mut self, json: &str) -> Option<()> {
        match &mut self.values {
            Values::Bool(values) => values.append(scalar::boolean(json)?),
            Values::Int8(values) => values.push(scalar::number::<i64>(json)?.try_into().ok()?),
            Values::Int16(values) => values.push(scalar::number::<i64>(json)?.try_into().ok()?),
            Values::Int32(values) => values.push(scalar::number::<i64>(json)?.try_into().ok()?),
            Values::Int64(values) => values.push(scalar::number(json)?),
            Values::Float32(values) => values.push(scalar::number(json).filter(|number: &f32| number.is_finite())?),
            Values::Float64(values) => values.push(scalar::number(json).filter(|number: &f64| number.is_finite())?),
            Values::Date(values) => values.push(scalar::days(json)?),
            Values::Micros(values) => values.push(scalar::micros(json)?),
            Values::Decimal(values, precision, scale) => values.push(scalar::decimal(json, *precision, *scale)?),
            Values::Text(values) => values.push(scalar::text(json)?.as_bytes()),
            Values::Binary(values) => values.push(scalar::string(json)?.as_bytes()),
            Values::Struct(members) => members.push(json)?,
            Values::List(offsets, _, items) => {
                let mut scanner = Scanner::new(json);
                scanner.open(b'[').ok()?;
                let mut first = true;
                while scanner.next_element(&mut first).ok()? {
                    items.push(Some(scanner.skip().ok()?))?;
                }
                offsets.push(items.rows());
            }
            Values::Map(offsets, _, keys, values) => {
                for (key, value) in entries(json)? {
                    keys.push(key.as_bytes());
                    values.push(Some(value))?;
                }
                offsets.push(values.rows());
            }
        }
        Some(())
    }

    fn push_null(&mut self) {
        match &mut self.values {
            Values::Bool(values) => values.append(false),
            Values::Int8(values) => values.push(0),
            Values::Int16(values) => values.push(0),
            Values::Int32(values) | Values::Date(values) => values.push(0),
            Values::Int64(values) | Values::Micros(values) => values.push(0),
            Values::Float32(values) => values.push(0.0),
            Values::Float64(values) => values.push(0.0),
            Values::Decimal(values, ..) => values.push(0),
            Values::Text(values) | Values::Binary(values) => values.push(b""),
            Values::Struct(members) => members.push_null(),
            Values::List(offsets, _, items) => offsets.push(items.rows()),
            Values::Map(offsets, _, keys, _) => offsets.push(keys.len()),
        }
    }

    /// Leaves so many rows, whatever a row that did not fit has left behind in what is nested.
    pub(super) fn truncate(&mut self, rows: usize) {
        self.valid.truncate(rows);
        match &mut self.values {
            Values::Bool(values) => values.truncate(rows),
            Values::Int8(values) => values.truncate(rows),
            Values::Int16(values) => values.truncate(rows),
            Values::Int32(values) | Values::Date(values) => values.truncate(rows),
            Values::Int64(values) | Values::Micros(values) => values.truncate(rows),
            Values::Float32(values) => values.truncate(rows),
            Values::Float64(values) => values.truncate(rows),
            Values::Decimal(values, ..) => values.truncate(rows),
            Values::Text(values) | Values::Binary(values) => values.truncate(rows),
            Values::Struct(members) => members.truncate(rows),
            Values::List(offsets, _, items) => items.truncate(offsets.truncate(rows)),
            Values::Map(offsets, _, keys, values) => {
                let rows = offsets.truncate(rows);
                keys.truncate(rows);
                values.truncate(rows);
            }
        }
    }

    /// The rows as an array; the column is empty then.
    pub(super) fn take(&mut self) -> ArrayRef {
        let valid = self.valid.finish();
        let valid = Some(NullBuffer::new(valid)).filter(|valid| valid.null_count() > 0);
        match &mut self.values {
            Values::Bool(values) => Arc::new(BooleanArray::new(values.finish(), valid)),
            Values::Int8(values) => primitive::<Int8Type>(values, valid),
            Values::Int16(values) => primitive::<Int16Type>(values, valid),
            Values::Int32(values) => primitive::<Int32Type>(values, valid),
            Values::Int64(values) => primitive::<Int64Type>(values, valid),
            Values::Float32(values) => primitive::<Float32Type>(values, valid),
            Values::Float64(values) => primitive::<Float64Type>(values, valid),
            Values::Date(values) => primitive::<Date32Type>(values, valid),
            Values::Micros(values) => primitive::<TimestampMicrosecondType>(values, valid),
            Values::Decimal(values, precision, scale) => {
                let array = Decimal128Array::new(ScalarBuffer::from(taken(values)), valid);
                Arc::new(array.with_data_type(DataType::Decimal128(*precision, *scale)))
            }
            Values::Text(values) => {
                let (offsets, bytes) = values.take();
                Arc::new(StringArray::new(offsets, bytes, valid))
            }
            Values::Binary(values) => {
                let (offsets, bytes) = values.take();
                Arc::new(BinaryArray::new(offsets, bytes, valid))
            }
            Values::List(offsets, item, items) => {
                Arc::new(ListArray::new(item.clone(), offsets.take(), items.take(), valid))
            }
            Values::Struct(members) => {
                let (fields, arrays) = members.take();
                Arc::new(StructArray::new(fields, arrays, valid))
            }
            Values::Map(offsets, entries, keys, values) => {
                let (ends, bytes) = keys.take();
                let fields = match entries.data_type() {
                    DataType::Struct(fields) => fields.clone(),
                    _ => Fields::empty(),
                };
                let pair: Vec<ArrayRef> = vec![Arc::new(StringArray::new(ends, bytes, None)), values.take()];
                let pairs = StructArray::new(fields, pair, None);
                Arc::new(MapArray::new(entries.clone(), offsets.take(), pairs, valid, false))
            }
        }
    }

    /// Memory held, bytes.
    pub(super) fn memory(&self) -> usize {
        self.valid.capacity() / 8
            + match &self.values {
                Values::Bool(values) => values.capacity() / 8,
                Values::Int8(values) => values.capacity(),
                Values::Int16(values) => values.capacity() * 2,
                Values::Int32(values) | Values::Date(values) => values.capacity() * 4,
                Values::Int64(values) | Values::Micros(values) => values.capacity() * 8,
                Values::Float32(values) => values.capacity() * 4,
                Values::Float64(values) => values.capacity() * 8,
                Values::Decimal(values, ..) => values.capacity() * 16,
                Values::Text(values) | Values::Binary(values) => values.memory(),
                Values::Struct(members) => members.memory(),
                Values::List(offsets, _, items) => offsets.0.capacity() * 4 + items.memory(),
                Values::Map(offsets, _, keys, values) => offsets.0.capacity() * 4 + keys.memory() + values.memory(),
            }
    }
}

/// The entries of an object; of a key that repeats, the last value in the place of the first.
fn entries(json: &str) -> Option<Vec<(String, &str)>> {
    let mut scanner = Scanner::new(json);
    scanner.open(b'{').ok()?;
    let (mut found, mut places): (Vec<(String, &str)>, HashMap<String, usize>) = Default::default();
    let mut first = true;
    while let Some(raw) = scanner.next_key(&mut first).ok()? {
        let key = match scanner.is_escaped() {
            true => serde_json::from_str::<String>(&format!("\"{raw}\"")).ok()?,
            false => raw.to_owned(),
        };
        let value = scanner.skip().ok()?;
        match places.get(&key).and_then(|at| found.get_mut(*at)) {
            Some((_, known)) => *known = value,
            None => {
                places.insert(key.clone(), found.len());
                found.push((key, value));
            }
        }
    }
    Some(found)
}
