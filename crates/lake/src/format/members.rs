//! The columns of one object, which is a record or a struct within one: found in one scan of its text.

use std::borrow::Cow;
use std::ops::Range;

use arrow::array::ArrayRef;
use arrow::datatypes::Fields;
use expr::scan::{self, Malformed, Scanner};

use super::columns::Column;
use super::keys::{Keys, Lookup, Match};

/// Columns and where their values are in the object at hand.
pub(super) struct Members {
    fields: Fields,
    lookup: Lookup,
    columns: Vec<Column>,
    found: Vec<Option<Found>>,
    rows: usize,
}

/// A value of the object, by its place in the text.
#[derive(Clone)]
struct Found {
    key: Range<usize>,
    value: Range<usize>,
    by: Match,
}

/// Why a row was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// Not a JSON object.
    Malformed,
    /// The value of the column with this index does not fit its type.
    Column(usize),
}

impl Members {
    /// `None` when a type among them is not known.
    pub(super) fn new(fields: &Fields, keys: &Keys) -> Option<Members> {
        let columns = fields.iter().map(|field| Column::new(field.data_type(), keys)).collect::<Option<Vec<_>>>()?;
        let lookup = Lookup::new(keys, fields.iter().map(|field| field.name().as_str()));
        let found = vec![None; columns.len()];
        Some(Members { fields: fields.clone(), lookup, columns, found, rows: 0 })
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Adds an object as a row. `None` when it does not fit: then all must be cut back.
    pub(super) fn push(&mut self, json: &str) -> Option<()> {
        self.add(json).ok()
    }

    /// Adds a whole record as a row, or nothing of it.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn push_record(&mut self, json: &str) -> Result<(), Misfit> {
        let rows = self.rows;
        self.add(json).inspect_err(|_| self.truncate(rows))
    }

    fn add(&mut self, json: &str) -> Result<(), Misfit> {
        self.find(json).map_err(|_| Misfit::Malformed)?;
        for (index, (column, found)) in self.columns.iter_mut().zip(&self.found).enumerate() {
            let value = found.as_ref().and_then(|found| json.get(found.value.clone()));
            column.push(value).ok_or(Misfit::Column(index))?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Notes the values of the columns. Of a key that repeats the last counts, of keys that differ in case the first.
    fn find(&mut self, json: &str) -> Result<(), Malformed> {
        self.found.fill(None);
        let mut scanner = Scanner::new(json);
        scanner.open(b'{')?;
        let (mut first, mut next) = (true, 0);
        while let Some(raw) = scanner.next_key(&mut first)? {
            let start = raw.as_ptr() as usize - json.as_ptr() as usize;
            let key = start..start + raw.len();
            let name = if scanner.is_escaped() { scan::unescape(raw) } else { Cow::Borrowed(raw) };
            let text = scanner.skip()?;
            let value = scanner.at() - text.len()..scanner.at();
            let found = &mut self.found;
            self.lookup.columns(&name, next, |index, by| {
                let Some(slot) = found.get_mut(index) else { return };
                let replaces = match (&*slot, by) {
                    (None, _) | (_, Match::Exact) => true,
                    (Some(known), Match::Folded) => {
                        let same = || json.get(known.key.clone()).is_some_and(|known| scan::unescape(known) == name);
                        known.by == Match::Folded && same()
                    }
                };
                if replaces {
                    *slot = Some(Found { key: key.clone(), value: value.clone(), by });
                }
                next = index + 1;
            });
        }
        scanner.end()
    }

    pub(super) fn push_null(&mut self) {
        for column in &mut self.columns {
            // A null fits every type.
            let _ = column.push(None);
        }
        self.rows += 1;
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        self.columns.iter_mut().for_each(|column| column.truncate(rows));
        self.rows = rows;
    }

    /// The rows as arrays; there are none left then.
    pub(super) fn take(&mut self) -> (Fields, Vec<ArrayRef>) {
        self.rows = 0;
        (self.fields.clone(), self.columns.iter_mut().map(Column::take).collect())
    }

    /// Memory held, bytes.
    pub(super) fn memory(&self) -> usize {
        self.columns.iter().map(Column::memory).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::RecordBatch;
    use arrow::datatypes::Schema;
    use proptest::prelude::*;

    use super::*;
    use crate::format::{reference, schema};

    /// JSON text as no serialiser would write it: keys that repeat and differ in case, numbers in every notation.
    fn value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            "true|false",
            "-?(0|[1-9][0-9]{0,20})([.][0-9]{1,4})?([eE][-+]?[0-9]{1,3})?",
            "\"[-+]?[0-9]{0,12}[.]?[0-9]{0,4}\"",
            "\"20[0-9]{2}-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-5][0-9]:00([.][0-9]{1,9})?(Z|[+]01:00)?)?\"",
            "\"(true|FALSE|NaN|inf|a|é|\\\\n|\\\\u0041|\\\\ud83d\\\\ude00|\\\\/){0,3}\"",
        ];
        leaf.prop_recursive(3, 16, 3, |inner| {
            let entry =
                ("[a-cA-C]|c[.]d|\\\\u0061", inner.clone()).prop_map(|(key, value)| format!("\"{key}\": {value}"));
            prop_oneof![
                proptest::collection::vec(inner, 0..3).prop_map(|items| format!("[{}]", items.join(" ,"))),
                proptest::collection::vec(entry, 0..4).prop_map(|entries| format!("{{{}}}", entries.join(", "))),
            ]
        })
    }

    fn record() -> impl Strategy<Value = String> {
        let entry = ("[a-nA-N]|c[.]d|C_D|\\\\u0061|x", value()).prop_map(|(key, value)| format!("\"{key}\":{value}"));
        proptest::collection::vec(entry, 0..8).prop_map(|entries| format!("{{{}}}", entries.join(",")))
    }

    fn check(records: &[String], keys: &Keys) {
        let kinds = [
            ("a", "bigint"),
            ("b", "string"),
            ("c_d", "string"),
            ("c", "double"),
            ("d", "struct<a:int,b:array<string>,c_d:map<string,double>>"),
            ("e", "array<struct<a:smallint,b:string>>"),
            ("f", "map<string,array<float>>"),
            ("g", "decimal(8,3)"),
            ("h", "timestamp"),
            ("i", "date"),
            ("j", "binary"),
            ("k", "boolean"),
            ("l", "tinyint"),
            ("m", "float"),
            ("n", "int"),
        ];
        let schema = schema(kinds).unwrap();
        let (expected, fits) = reference::batch(records, &schema, keys);
        let mut members = Members::new(schema.fields(), keys).unwrap();
        let accepted: Vec<bool> = records.iter().map(|record| members.push_record(record).is_ok()).collect();
        assert_eq!(accepted, fits);
        let (fields, arrays) = members.take();
        assert_eq!(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn columns_hold_what_a_document_would_give(
            records in proptest::collection::vec(record(), 1..12),
            case_sensitive in any::<bool>(),
            dots_to_underscores in any::<bool>(),
            mapped in any::<bool>(),
        ) {
            let mappings = if mapped { [("a".into(), "X".into()), ("b".into(), "x".into())].into() } else { Default::default() };
            check(&records, &Keys { case_sensitive, mappings, dots_to_underscores });
        }
    }

    #[test]
    fn of_repeated_keys_the_last_counts_and_of_cases_the_exact_one_or_the_first() {
        for record in [
            r#"{"a":1,"a":2}"#,
            r#"{"A":1,"a":2}"#,
            r#"{"a":2,"A":1}"#,
            r#"{"A":1,"\u0041":2}"#,
            r#"{"N":1,"N":2,"n":"x"}"#,
            r#"{"f":{"k":[1],"l":[2],"k":[3]}}"#,
        ] {
            check(&[record.to_owned()], &Keys::default());
        }
    }
}
