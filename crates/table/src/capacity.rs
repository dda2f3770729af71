//! Consumed capacity: half a unit per 4 KB read (one if consistent), one unit per KB written.

use serde::Serialize;

use crate::Error;

/// `ConsumedCapacity` of one table.
#[derive(Clone, Debug, Serialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
pub struct Consumed {
    pub table_name: String,
    pub capacity_units: f64,
}

pub(crate) fn of_read(bytes: usize, consistent: bool) -> f64 {
    bytes.div_ceil(4096).max(1) as f64 * if consistent { 1.0 } else { 0.5 }
}

pub(crate) fn of_write(bytes: usize) -> f64 {
    bytes.div_ceil(1024).max(1) as f64
}

/// The answer to `ReturnConsumedCapacity`.
pub(crate) fn answer(asked: Option<&str>, table: &str, units: f64) -> Result<Option<Consumed>, Error> {
    Ok(wanted(asked)?.then(|| Consumed { table_name: table.into(), capacity_units: units }))
}

pub(crate) fn wanted(asked: Option<&str>) -> Result<bool, Error> {
    one_of("returnConsumedCapacity", asked, &["NONE", "TOTAL", "INDEXES"]).map(|value| value != "NONE")
}

/// The value of an enumerated parameter; the first one when it is absent.
pub(crate) fn one_of<'a>(member: &str, value: Option<&'a str>, allowed: &[&'a str]) -> Result<&'a str, Error> {
    match value {
        None => Ok(allowed.first().copied().unwrap_or_default()),
        Some(value) if allowed.contains(&value) => Ok(value),
        Some(_) => Err(Error::Validation(format!(
            "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must satisfy enum value set: [{}]",
            allowed.join(", ")
        ))),
    }
}
