//! Rows of the search index: what extracting found, as it is stored.

use fhir::definitions::{Definitions, ParameterNumber, TypeNumber};
use fhir::json::Document;
use fhir::reference::{Target, parse};
use fhir::search::date::Range;
use fhir::search::text::normalise;
use fhir::search::unit::{Canonical, UCUM, canonical};
use fhir::search::{Value, extract};
use state::{Write, params};

use crate::schema::{WIDE_MS, ordered, parameter_key};

/// Longer texts are found by their beginning.
pub(crate) const TEXT_CHARS_MAX: usize = 200;

/// One row. In order and compared without the datastore, so that rows of a version can be made before it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Row {
    Token {
        parameter: ParameterNumber,
        code: String,
        system: i64,
    },
    String {
        parameter: ParameterNumber,
        norm: String,
    },
    Reference {
        parameter: ParameterNumber,
        target: ReferenceTarget,
    },
    /// `is_apart`: it is wide, or one of several of the parameter; see [`WIDE_MS`].
    Date {
        parameter: ParameterNumber,
        low: i64,
        high: i64,
        is_apart: bool,
    },
    Quantity {
        parameter: ParameterNumber,
        unit: i64,
        low: i64,
        high: i64,
    },
    Uri {
        parameter: ParameterNumber,
        uri: String,
    },
}

/// What a reference leads to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ReferenceTarget {
    Inside(TypeNumber, String),
    Outside(String),
    /// Nothing that could be looked up: it is contained, or only named by an identifier.
    Named,
}

/// The texts a quantity's units are stored by; with the canonical unit where the values are those in it.
pub(crate) fn units(system: Option<&str>, code: Option<&str>, unit: Option<&str>) -> Vec<(String, Option<Canonical>)> {
    let mut found = Vec::new();
    if let (Some(system), Some(code)) = (system, code) {
        found.push(coded_unit(system, code));
    }
    for text in [code, unit].into_iter().flatten() {
        found.push((format!("|{text}"), None));
    }
    found
}

/// The text of a unit with its system: UCUM's in their canonical unit.
pub(crate) fn coded_unit(system: &str, code: &str) -> (String, Option<Canonical>) {
    match Some(system).filter(|system| *system == UCUM).and_then(|_| canonical(code)) {
        Some(canonical) => (format!("{system}|{}", canonical.unit), Some(canonical)),
        None => (format!("{system}|{code}"), None),
    }
}

/// The texts that rows of a document need the numbers of.
pub(crate) fn texts(document: &Document, kind: TypeNumber) -> Vec<String> {
    let mut found = Vec::new();
    for entry in extract(document, kind) {
        match entry.value {
            Value::Token { system: Some(system), .. } | Value::Identifier { system: Some(system), .. } => {
                found.push(system.into_owned());
            }
            Value::Quantity { system, code, unit, .. } => {
                let units = units(system.as_deref(), code.as_deref(), unit.as_deref());
                found.extend(units.into_iter().map(|(text, _)| text));
            }
            _ => {}
        }
    }
    found
}

/// The rows of a document, in order, each once. `number` answers the number of a text.
pub(crate) fn rows<E>(
    document: &Document,
    kind: TypeNumber,
    base: &Base<'_>,
    mut number: impl FnMut(&str) -> Result<i64, E>,
) -> Result<Vec<Row>, E> {
    let mut rows = Vec::new();
    for entry in extract(document, kind) {
        let parameter = entry.parameter;
        match entry.value {
            Value::Token { system, code } => {
                let system = system.as_deref().map_or(Ok(0), &mut number)?;
                rows.push(Row::Token { parameter, code: code.into_owned(), system });
            }
            Value::String(text) => rows.push(Row::String { parameter, norm: cut(&normalise(&text)).to_owned() }),
            Value::Reference(reference) => references(parameter, &reference, base, &mut rows),
            Value::Date(Range { low, high }) => {
                let is_apart = high.saturating_sub(low) >= WIDE_MS;
                rows.push(Row::Date { parameter, low, high, is_apart });
            }
            Value::Number { low, high } => {
                rows.push(Row::Quantity { parameter, unit: 0, low: ordered(low), high: ordered(high) });
            }
            Value::Quantity { low, high, system, code, unit } => {
                rows.push(Row::Quantity { parameter, unit: 0, low: ordered(low), high: ordered(high) });
                for (text, canonical) in units(system.as_deref(), code.as_deref(), unit.as_deref()) {
                    let value = |value| ordered(canonical.as_ref().map_or(value, |canonical| canonical.value(value)));
                    let unit = number(&text)?;
                    rows.push(Row::Quantity { parameter, unit, low: value(low), high: value(high) });
                }
            }
            Value::Uri(uri) => rows.push(Row::Uri { parameter, uri: uri.into_owned() }),
            Value::Identifier { system, code } => {
                rows.push(Row::Reference { parameter, target: ReferenceTarget::Named });
                let system = system.as_deref().map_or(Ok(0), &mut number)?;
                rows.push(Row::Token { parameter, code: code.into_owned(), system });
            }
        }
    }
    rows.sort_unstable();
    rows.dedup();
    set_apart(&mut rows);
    Ok(rows)
}

/// Sets dates apart that a resource has several of.
fn set_apart(rows: &mut [Row]) {
    let parameter_of = |row: &Row| if let Row::Date { parameter, .. } = row { Some(*parameter) } else { None };
    for group in rows.chunk_by_mut(|a, b| parameter_of(a).is_some_and(|parameter| parameter_of(b) == Some(parameter))) {
        let has_several = group.len() > 1;
        for row in group {
            if let Row::Date { is_apart, .. } = row {
                *is_apart |= has_several;
            }
        }
    }
}

/// A text's beginning, as far as it is stored.
pub(crate) fn cut(text: &str) -> &str {
    text.char_indices().nth(TEXT_CHARS_MAX).map_or(text, |(at, _)| text.get(..at).unwrap_or(text))
}

/// Which absolute references are the datastore's own: those whose base ends in `/datastore/ID/r4`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Base<'a> {
    pub datastore: &'a str,
}

impl Base<'_> {
    fn is_ours(&self, base: &str) -> bool {
        base.strip_suffix("/r4")
            .and_then(|base| base.strip_suffix(self.datastore))
            .is_some_and(|base| base.ends_with("/datastore/"))
    }
}

/// What a reference as written leads to.
pub(crate) fn target(reference: &str, base: &Base<'_>) -> ReferenceTarget {
    match parse(reference) {
        Target::Resource { base: told, kind, id, .. } if told.is_none_or(|told| base.is_ours(told)) => {
            match Definitions::r4().resource(kind) {
                Some(kind) => ReferenceTarget::Inside(kind, id.to_owned()),
                None => ReferenceTarget::Outside(reference.to_owned()),
            }
        }
        Target::Resource { .. } | Target::Other(_) => ReferenceTarget::Outside(reference.to_owned()),
        Target::Contained(_) => ReferenceTarget::Named,
    }
}

fn references(parameter: ParameterNumber, reference: &str, base: &Base<'_>, rows: &mut Vec<Row>) {
    let found = target(reference, base);
    if let ReferenceTarget::Outside(url) = &found
        && let Some((url, _version)) = url.split_once('|')
    {
        // A canonical is also found without its version.
        rows.push(Row::Reference { parameter, target: ReferenceTarget::Outside(url.to_owned()) });
    }
    rows.push(Row::Reference { parameter, target: found });
}

/// Whose row it is.
#[derive(Clone, Copy)]
pub(crate) struct Owner {
    pub datastore: i64,
    pub kind: TypeNumber,
    pub rid: i64,
}

impl Row {
    /// Writes or removes the row; `target` is the number of the resource a reference leads to.
    pub(crate) fn apply(&self, tx: &Write<'_>, owner: Owner, target: i64, change: Change) -> Result<(), state::Error> {
        let rid = owner.rid;
        let p = |parameter: &ParameterNumber| parameter_key(owner.datastore, owner.kind, *parameter);
        let (put, remove) = (change == Change::Put, change == Change::Remove);
        debug_assert!(put != remove);
        match self {
            Row::Token { parameter, code, system } => tx.execute(
                if put {
                    "INSERT INTO fhir_token (p, code, system, rid) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING"
                } else {
                    "DELETE FROM fhir_token WHERE p = ?1 AND code = ?2 AND system = ?3 AND rid = ?4"
                },
                params![p(parameter), code, *system, rid],
            )?,
            Row::String { parameter, norm } => tx.execute(
                if put {
                    "INSERT INTO fhir_string (p, norm, rid) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING"
                } else {
                    "DELETE FROM fhir_string WHERE p = ?1 AND norm = ?2 AND rid = ?3"
                },
                params![p(parameter), norm, rid],
            )?,
            Row::Reference { parameter, .. } => tx.execute(
                if put {
                    "INSERT INTO fhir_reference (p, target, rid) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING"
                } else {
                    "DELETE FROM fhir_reference WHERE p = ?1 AND target = ?2 AND rid = ?3"
                },
                params![p(parameter), target, rid],
            )?,
            Row::Date { parameter, low, high, is_apart } => tx.execute(
                if put {
                    "INSERT INTO fhir_date (p, low, high, rid) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING"
                } else {
                    "DELETE FROM fhir_date WHERE p = ?1 AND low = ?2 AND high = ?3 AND rid = ?4"
                },
                params![if *is_apart { -p(parameter) } else { p(parameter) }, *low, *high, rid],
            )?,
            Row::Quantity { parameter, unit, low, high } => tx.execute(
                if put {
                    "INSERT INTO fhir_quantity (p, unit, low, high, rid) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING"
                } else {
                    "DELETE FROM fhir_quantity WHERE p = ?1 AND unit = ?2 AND low = ?3 AND high = ?4 AND rid = ?5"
                },
                params![p(parameter), *unit, *low, *high, rid],
            )?,
            Row::Uri { parameter, uri } => tx.execute(
                if put {
                    "INSERT INTO fhir_uri (p, uri, rid) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING"
                } else {
                    "DELETE FROM fhir_uri WHERE p = ?1 AND uri = ?2 AND rid = ?3"
                },
                params![p(parameter), uri, rid],
            )?,
        };
        Ok(())
    }
}

/// What is done with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Put,
    Remove,
}
