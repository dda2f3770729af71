//! A schema from the records of one file: integers widen to doubles, whatever else differs (or is larger than a double)
//! becomes text.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use serde_json::{Map, Value};

/// What is known of one place in the records so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Shape {
    #[default]
    Nothing,
    Bool,
    Int,
    Double,
    Text,
    List(Box<Shape>),
    Struct(BTreeMap<String, Shape>),
}

impl Shape {
    /// Takes one more value into account.
    pub(super) fn widen(&mut self, value: &Value) {
        let shape = std::mem::take(self);
        *self = match (shape, value) {
            (shape, Value::Null) => shape,
            (Shape::Nothing | Shape::Bool, Value::Bool(_)) => Shape::Bool,
            (Shape::Nothing | Shape::Int, Value::Number(n)) if n.is_i64() => Shape::Int,
            (Shape::Nothing | Shape::Int | Shape::Double, Value::Number(n))
                if n.as_f64().is_some_and(f64::is_finite) =>
            {
                Shape::Double
            }
            (Shape::Nothing, Value::Array(items)) => Shape::list(Shape::Nothing, items),
            (Shape::List(item), Value::Array(items)) => Shape::list(*item, items),
            (Shape::Nothing, Value::Object(members)) => Shape::members(BTreeMap::new(), members),
            (Shape::Struct(known), Value::Object(members)) => Shape::members(known, members),
            _ => Shape::Text,
        };
    }

    fn list(mut item: Shape, items: &[Value]) -> Shape {
        items.iter().for_each(|value| item.widen(value));
        Shape::List(Box::new(item))
    }

    fn members(mut known: BTreeMap<String, Shape>, members: &Map<String, Value>) -> Shape {
        for (name, value) in members {
            known.entry(name.clone()).or_default().widen(value);
        }
        Shape::Struct(known)
    }

    fn data_type(&self) -> DataType {
        match self {
            Shape::Bool => DataType::Boolean,
            Shape::Int => DataType::Int64,
            Shape::Double => DataType::Float64,
            Shape::List(item) => DataType::List(Arc::new(Field::new("element", item.data_type(), true))),
            // Parquet has no group without members.
            Shape::Struct(members) if !members.is_empty() => DataType::Struct(Shape::fields(members)),
            Shape::Nothing | Shape::Text | Shape::Struct(_) => DataType::Utf8,
        }
    }

    fn fields(members: &BTreeMap<String, Shape>) -> Fields {
        members.iter().map(|(name, shape)| Field::new(name, shape.data_type(), true)).collect()
    }

    /// The schema of records of this shape.
    pub(super) fn schema(&self) -> SchemaRef {
        match self {
            Shape::Struct(members) => Arc::new(Schema::new(Shape::fields(members))),
            _ => Arc::new(Schema::empty()),
        }
    }
}
