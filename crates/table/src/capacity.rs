//! Consumed capacity: half a unit per 4 KB read (one if consistent), one unit per KB written.

use serde::Serialize;

use crate::Error;

/// `ConsumedCapacity` of one table.
#[derive(Clone, Debug, Serialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
pub struct Consumed {
    pub table_name: String,
    pub capacity_units: f64,
    /// With `INDEXES`: what of it the table itself used, which is all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<Capacity>,
}

/// `Capacity`.
#[derive(Clone, Debug, Serialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
pub struct Capacity {
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
    let capacity_units = units;
    let asked = one_of("returnConsumedCapacity", asked, &["INDEXES", "TOTAL", "NONE"])?;
    let table_itself = (asked == "INDEXES").then_some(Capacity { capacity_units });
    Ok((asked != "NONE").then(|| Consumed { table_name: table.into(), capacity_units, table: table_itself }))
}

/// Refuses a `ReturnConsumedCapacity` that is none, before anything is done.
pub(crate) fn check(asked: Option<&str>) -> Result<(), Error> {
    answer(asked, "", 0.0).map(drop)
}

/// The value of an enumerated parameter, whose values are told in this order; `NONE` when it is absent.
pub(crate) fn one_of<'a>(member: &str, value: Option<&'a str>, allowed: &[&str]) -> Result<&'a str, Error> {
    match value {
        None => Ok("NONE"),
        Some(value) if allowed.contains(&value) => Ok(value),
        Some(value) => {
            let set = allowed.join(", ");
            Err(constraint(member, value, format_args!("satisfy enum value set: [{set}]")))
        }
    }
}

/// What AWS answers to a parameter outside its model, such as "have value greater than or equal to 1". The value is cut, so
/// that the answer stays small.
pub(crate) fn constraint(member: &str, value: impl std::fmt::Display, must: impl std::fmt::Display) -> Error {
    let value: String = value.to_string().chars().take(256).collect();
    let message = format!("Value '{value}' at '{member}' failed to satisfy constraint: Member must {must}");
    Error::Validation(message).counted()
}

/// A number that is at least 1 and at most `max`.
pub(crate) fn up_to(member: &str, value: i64, max: i64) -> Result<i64, Error> {
    match value {
        ..1 => Err(constraint(member, value, "have value greater than or equal to 1")),
        _ if value > max => Err(constraint(member, value, format_args!("have value less than or equal to {max}"))),
        _ => Ok(value),
    }
}
