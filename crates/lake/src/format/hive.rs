//! Hive column types, as Glue tables name them, as Arrow types (Hive language manual, "Types").

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use crate::Error;

/// Types within types.
const DEPTH_MAX: usize = 32;

/// The schema of columns given as name and Hive type.
///
/// # Errors
/// `Invalid`, naming the column.
pub fn schema<'a>(columns: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<SchemaRef, Error> {
    let mut names = HashSet::new();
    let fields = columns.into_iter().map(|(name, kind)| {
        if !names.insert(name.to_lowercase()) {
            return Err(Error::Invalid(format!("two columns have the same name. column=`{name}`")));
        }
        let kind = column_type(kind).map_err(|_| Error::Invalid(format!("type not supported. column=`{name}`")))?;
        Ok(Field::new(name.to_lowercase(), kind, true))
    });
    Ok(Arc::new(Schema::new(fields.collect::<Result<Vec<_>, Error>>()?)))
}

/// One Hive type, such as `array<struct<a:int,b:decimal(10,2)>>`.
///
/// # Errors
/// `Invalid` when it is not a type, is not supported or nests too deep.
pub fn column_type(text: &str) -> Result<DataType, Error> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    parse(&text, 0).ok_or_else(|| Error::Invalid("column type not supported".into()))
}

fn parse(text: &str, depth: usize) -> Option<DataType> {
    if depth > DEPTH_MAX {
        return None;
    }
    let inner = |head: &str, tail: char| text.strip_prefix(head)?.strip_suffix(tail);
    if let Some(item) = inner("array<", '>') {
        return Some(DataType::List(Arc::new(Field::new("element", parse(item, depth + 1)?, true))));
    }
    if let Some(pair) = inner("map<", '>') {
        let [key, value] = split(pair)[..] else { return None };
        let key = Field::new("key", (key == "string").then_some(DataType::Utf8)?, false);
        let value = Field::new("value", parse(value, depth + 1)?, true);
        let entries = Field::new("key_value", DataType::Struct(Fields::from(vec![key, value])), false);
        return Some(DataType::Map(Arc::new(entries), false));
    }
    if let Some(members) = inner("struct<", '>') {
        let mut seen = HashSet::new();
        let members = split(members).into_iter().map(|member| {
            let (name, kind) = member.split_once(':')?;
            (!name.is_empty() && seen.insert(name)).then_some(())?;
            Some(Field::new(name, parse(kind, depth + 1)?, true))
        });
        return Some(DataType::Struct(Fields::from(members.collect::<Option<Vec<_>>>()?)));
    }
    if let Some(size) = inner("decimal(", ')') {
        let (precision, scale) = size.split_once(',').unwrap_or((size, "0"));
        let (precision, scale): (u8, i8) = (precision.parse().ok()?, scale.parse().ok()?);
        let good = (1..=38).contains(&precision) && scale >= 0 && scale as u8 <= precision;
        return good.then_some(DataType::Decimal128(precision, scale));
    }
    if inner("varchar(", ')').is_some() || inner("char(", ')').is_some() {
        return Some(DataType::Utf8);
    }
    Some(match text {
        "string" => DataType::Utf8,
        "boolean" => DataType::Boolean,
        "tinyint" => DataType::Int8,
        "smallint" => DataType::Int16,
        "int" | "integer" => DataType::Int32,
        "bigint" => DataType::Int64,
        "float" => DataType::Float32,
        "double" => DataType::Float64,
        "decimal" => DataType::Decimal128(10, 0),
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "date" => DataType::Date32,
        "binary" => DataType::Binary,
        _ => return None,
    })
}

/// Splits at commas that are not within brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut parts, mut rest) = (0_i32, Vec::new(), text);
    let mut at = 0;
    for (index, c) in text.char_indices() {
        match c {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text.get(at..index).unwrap_or_default());
                at = index + 1;
                rest = text.get(at..).unwrap_or_default();
            }
            _ => {}
        }
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_or_refused() {
        for good in ["string", "DECIMAL(10, 2)", "array<map<string,struct<a:int,b:array<double>>>>", "date"] {
            assert!(column_type(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "uniontype<int>",
            "array<",
            "map<int,string>",
            "struct<a>",
            "decimal(50,1)",
            "struct<:int>",
            "struct<a:int,a:int>",
        ] {
            assert!(column_type(bad).is_err(), "{bad}");
        }
        assert!(column_type(&"array<".repeat(10_000)).is_err());
        assert!(column_type(&format!("{}int{}", "array<".repeat(100), ">".repeat(100))).is_err());
    }
}
