//! The order of matches: by values of the index, then by number. Resources without a value come last.

use fhir::definitions::{Definitions, ParameterKind, TypeNumber};
use fhir::search::query::{Sort, SortKey};

use super::Scope;
use super::sql::{Bound, Sql};
use crate::schema::parameter_key;

/// One key of an order, as SQL.
pub(super) struct Key {
    /// Joined to the candidates `d`.
    join: String,
    value: String,
    descending: bool,
}

/// The keys of an order.
pub(super) fn keys(scope: &Scope<'_>, kind: TypeNumber, sorts: &[Sort], sql: &mut Sql) -> Vec<Key> {
    let key = |(at, sort): (usize, &Sort)| {
        let descending = sort.descending;
        match sort.key {
            SortKey::Id => own(at, "id", descending),
            SortKey::LastUpdated => own(at, "change", descending),
            SortKey::Parameter(number) => {
                let kind_of = Definitions::r4().parameter(number).map(|parameter| parameter.kind);
                let p = parameter_key(scope.store.number, kind, number);
                let (table, column) = match kind_of {
                    Some(ParameterKind::String) => ("fhir_string", "norm"),
                    Some(ParameterKind::Reference) => ("fhir_reference", "target"),
                    Some(ParameterKind::Date) => ("fhir_date", if descending { "high" } else { "low" }),
                    Some(ParameterKind::Number | ParameterKind::Quantity) => ("fhir_quantity", "low"),
                    Some(ParameterKind::Uri) => ("fhir_uri", "uri"),
                    _ => ("fhir_token", "code"),
                };
                let (narrow, wide) = (sql.bind(p), sql.bind(-p));
                let extreme = if descending { "max" } else { "min" };
                let unit = if table == "fhir_quantity" { " AND unit = 0" } else { "" };
                Key {
                    join: format!(
                        " LEFT JOIN (SELECT rid, {extreme}({column}) AS v FROM {table} WHERE p IN ({narrow}, {wide}){unit} GROUP BY rid) k{at} ON k{at}.rid = d.rid"
                    ),
                    value: format!("k{at}.v"),
                    descending,
                }
            }
        }
    };
    sorts.iter().enumerate().map(key).collect()
}

fn own(at: usize, column: &str, descending: bool) -> Key {
    Key {
        join: format!(" JOIN fhir_resource k{at} ON k{at}.rid = d.rid"),
        value: format!("k{at}.{column}"),
        descending,
    }
}

/// What is joined, for all keys.
pub(super) fn joins(keys: &[Key]) -> String {
    keys.iter().map(|key| key.join.as_str()).collect()
}

/// What is selected, for all keys.
pub(super) fn columns(keys: &[Key]) -> String {
    keys.iter().map(|key| format!(", {}", key.value)).collect()
}

/// ORDER BY, with the number last.
pub(super) fn order(keys: &[Key]) -> String {
    let key = |key: &Key| format!("{0} IS NULL, {0}{1}, ", key.value, if key.descending { " DESC" } else { "" });
    format!("{}d.rid", keys.iter().map(key).collect::<String>())
}

/// What is behind a place in the order.
pub(super) fn behind(keys: &[Key], values: &[Option<Bound>], rid: i64, sql: &mut Sql) -> String {
    let mut text = format!("d.rid > {}", sql.bind(rid));
    for (key, value) in keys.iter().zip(values).rev() {
        let column = &key.value;
        text = match value {
            None => format!("({column} IS NULL AND {text})"),
            Some(value) => {
                let place = sql.bind(value.clone());
                let compare = if key.descending { "<" } else { ">" };
                format!("({column} {compare} {place} OR {column} IS NULL OR ({column} = {place} AND {text}))")
            }
        };
    }
    text
}
