//! One value of a parameter as scans of its index table.

use fhir::definitions::{Definitions, SearchParameter};
use fhir::search::check::DateRule;
use fhir::search::date::Range;
use fhir::search::query::{Comparison, Modifier, Operand, Prefix, TokenOperand};
use fhir::search::text::normalise;
use state::params;

use super::Scope;
use super::node::Scan;
use crate::row::{ReferenceTarget, TEXT_CHARS_MAX, coded_unit, cut, target};
use crate::schema::{WIDE_MS, kind_key, ordered, outside_key};
use crate::transaction::find;
use crate::{Error, Kind};

/// Systems that one code is looked up in; with more, the code is scanned.
const SYSTEMS_MAX: usize = 16;

/// The scans whose rows fit an operand. `p` is the key of the parameter.
pub(super) fn scans(
    scope: &Scope<'_>,
    parameter: &SearchParameter,
    p: i64,
    modifier: &Modifier,
    operand: &Operand,
) -> Result<Vec<Scan>, Error> {
    match operand {
        Operand::Token(token) => tokens(scope, p, token),
        Operand::OfType(_, _, value) => tokens(scope, p, &TokenOperand { system: None, code: Some(value.clone()) }),
        Operand::String(text) => Ok(vec![string(p, modifier, text)]),
        Operand::Reference(reference) => references(scope, parameter, p, modifier, reference),
        Operand::Date(prefix, wanted) => {
            let (narrow, apart) = dates(p, DateRule::of(*prefix, *wanted, scope.now.ms));
            Ok(vec![narrow, apart])
        }
        Operand::Number(comparison) => Ok(quantities(p, 0, *comparison)),
        Operand::Quantity { comparison, system, unit } => {
            let (key, canonical) = match (system, unit) {
                (_, None) => return Ok(quantities(p, 0, *comparison)),
                (Some(system), Some(unit)) => coded_unit(system, unit),
                (None, Some(unit)) => (format!("|{unit}"), None),
            };
            let comparison = canonical.map_or(*comparison, |canonical| comparison.in_canonical(&canonical));
            let unit = text(scope, &key)?;
            Ok(unit.map_or_else(Vec::new, |unit| quantities(p, unit, comparison)))
        }
        Operand::Uri(uri) => Ok(uris(p, modifier, uri)),
        Operand::Composite(_) => Err(Error::new(Kind::Corrupt, "a composite has no rows of its own")),
    }
}

/// The number of a system or unit; none when no resource has it.
fn text(scope: &Scope<'_>, text: &str) -> Result<Option<i64>, Error> {
    Ok(scope.tx.first("SELECT id FROM fhir_text WHERE text = ?1", params![text], |row| row.int(0))?)
}

fn tokens(scope: &Scope<'_>, p: i64, token: &TokenOperand) -> Result<Vec<Scan>, Error> {
    let system = match token.system.as_deref() {
        None => None,
        Some("") => Some(0),
        Some(system) => match text(scope, system)? {
            Some(number) => Some(number),
            None => return Ok(Vec::new()),
        },
    };
    let table = Scan::new("fhir_token", p);
    let scans = match (&token.code, system) {
        (None, None) => Vec::new(),
        (None, Some(system)) => vec![table.and("system = {}", [system])],
        (Some(code), Some(system)) => {
            vec![table.and("code = {}", [code.as_str()]).and("system = {}", [system]).point()]
        }
        (Some(code), None) => match systems_of(scope, p, code)? {
            Some(systems) => {
                let scan =
                    |system| table.clone().and("code = {}", [code.as_str()]).and("system = {}", [system]).point();
                systems.into_iter().map(scan).collect()
            }
            None => vec![table.and("code = {}", [code.as_str()])],
        },
    };
    Ok(scans)
}

/// The systems a code occurs in, a step each; `None` when they are many.
fn systems_of(scope: &Scope<'_>, p: i64, code: &str) -> Result<Option<Vec<i64>>, Error> {
    let sql = "SELECT system FROM fhir_token WHERE p = ?1 AND code = ?2 AND system > ?3 ORDER BY system LIMIT 1";
    let (mut systems, mut last) = (Vec::new(), -1);
    while let Some(next) = scope.tx.first(sql, params![p, code, last], |row| row.int(0))? {
        if systems.len() == SYSTEMS_MAX {
            return Ok(None);
        }
        systems.push(next);
        last = next;
    }
    Ok(Some(systems))
}

/// Whether a text is longer than the index has texts.
pub(super) fn is_cut(operand: &Operand) -> bool {
    matches!(operand, Operand::String(text) if { let norm = normalise(text); cut(&norm).len() < norm.len() })
}

/// Texts of which the index has only the beginning.
pub(super) fn long_texts(p: i64) -> Scan {
    Scan::new("fhir_string", p).and("length(norm) >= {}", [TEXT_CHARS_MAX as i64])
}

fn string(p: i64, modifier: &Modifier, text: &str) -> Scan {
    let normalised = normalise(text);
    let norm = cut(&normalised);
    let table = Scan::new("fhir_string", p);
    match modifier {
        Modifier::Contains => {
            let escaped = norm.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            table.and("norm LIKE {} ESCAPE '\\'", [format!("%{escaped}%").as_str()])
        }
        // Only the body has the end of a long text.
        Modifier::Ends => table,
        Modifier::Exact | Modifier::Whole => table.and("norm = {}", [norm]).point(),
        _ => prefixed(table, "norm", norm),
    }
}

/// Texts that begin with another.
fn prefixed(table: Scan, column: &str, begin: &str) -> Scan {
    let end = format!("{begin}\u{10ffff}");
    table.and(&format!("{column} >= {{}} AND {column} < {{}}"), [begin, end.as_str()])
}

fn uris(p: i64, modifier: &Modifier, uri: &str) -> Vec<Scan> {
    let table = Scan::new("fhir_uri", p);
    let exact = |uri: &str| table.clone().and("uri = {}", [uri]).point();
    match modifier {
        Modifier::Below => {
            let ends_part = uri.ends_with(['/', ':']);
            let parts: &[&str] = if ends_part { &[""] } else { &["/", ":"] };
            let below = parts.iter().map(|part| prefixed(table.clone(), "uri", &format!("{uri}{part}")));
            if ends_part { below.collect() } else { std::iter::once(exact(uri)).chain(below).collect() }
        }
        Modifier::Above => {
            let mut above: Vec<&str> = vec![uri];
            for (at, _) in uri.match_indices(['/', ':']) {
                above.extend([uri.get(..at), uri.get(..=at)].into_iter().flatten().filter(|text| !text.is_empty()));
            }
            above.sort_unstable();
            above.dedup();
            above.into_iter().map(exact).collect()
        }
        _ => vec![exact(uri)],
    }
}

fn references(
    scope: &Scope<'_>,
    parameter: &SearchParameter,
    p: i64,
    modifier: &Modifier,
    reference: &str,
) -> Result<Vec<Scan>, Error> {
    let mut targets = Vec::new();
    let mut add = |kind: i64, id: &str| -> Result<(), Error> {
        targets.extend(find(scope.tx, kind, id)?.map(|found| found.rid));
        Ok(())
    };
    let store = scope.store;
    match target(reference, &store.base()) {
        ReferenceTarget::Inside(kind, id) => {
            if !matches!(modifier, Modifier::Type(wanted) if *wanted != kind) {
                add(kind_key(store.number, kind), &id)?;
            }
        }
        ReferenceTarget::Outside(url) if fhir::reference::is_id(&url) => match modifier {
            Modifier::Type(kind) => add(kind_key(store.number, *kind), &url)?,
            _ => {
                let definitions = Definitions::r4();
                let any: Vec<_> = definitions.resources().collect();
                let kinds = if parameter.targets.is_empty() { &any } else { &parameter.targets.to_vec() };
                for kind in kinds {
                    add(kind_key(store.number, *kind), &url)?;
                }
            }
        },
        ReferenceTarget::Outside(url) => add(outside_key(store.number), &url)?,
        ReferenceTarget::Named => {}
    }
    Ok(targets.into_iter().map(|target| Scan::new("fhir_reference", p).and("target = {}", [target]).point()).collect())
}

/// Narrow dates, then those apart, which have a key of their own.
pub(super) fn dates(p: i64, rule: DateRule) -> (Scan, Scan) {
    let narrow = |filter: &str, values: &[i64]| Scan::new("fhir_date", p).and(filter, values.iter().copied());
    let wide = |filter: &str, values: &[i64]| Scan::new("fhir_date", -p).and(filter, values.iter().copied());
    let both = |filter: &str, values: &[i64]| (narrow(filter, values), wide(filter, values));
    // A narrow date that ends after an instant begins less than its width before it.
    let just_before = |at: i64| at.saturating_sub(WIDE_MS);
    match rule {
        DateRule::Inside(Range { low, high }) => both("low >= {} AND low <= {} AND high <= {}", &[low, high, high]),
        DateRule::NotInside(Range { low, high }) => both("(low < {} OR high > {})", &[low, high]),
        DateRule::EndsAfter(at) => (narrow("low > {} AND high > {}", &[just_before(at), at]), wide("high > {}", &[at])),
        DateRule::BeginsBefore(at) => both("low < {}", &[at]),
        DateRule::BeginsAfter(at) => both("low > {}", &[at]),
        DateRule::EndsBefore(at) => both("low < {} AND high < {}", &[at, at]),
        DateRule::EndsAfterOrInside(at, Range { low, high }) => {
            let or = "(high > {} OR (low >= {} AND high <= {}))";
            let begins = just_before(low);
            (narrow(&format!("low >= {{}} AND {or}"), &[begins, at, low, high]), wide(or, &[at, low, high]))
        }
        DateRule::BeginsBeforeOrInside(at, Range { low, high }) => {
            both("low <= {} AND (low < {} OR (low >= {} AND high <= {}))", &[high, at, low, high])
        }
        DateRule::Overlaps(Range { low, high }) => {
            let begins = just_before(low);
            (
                narrow("low > {} AND low <= {} AND high >= {}", &[begins, high, low]),
                wide("low <= {} AND high >= {}", &[high, low]),
            )
        }
    }
}

fn quantities(p: i64, unit: i64, comparison: Comparison) -> Vec<Scan> {
    let number = comparison.number;
    let table = Scan::new("fhir_quantity", p).and("unit = {}", [unit]);
    let (low, high, value) = (ordered(number.low()), ordered(number.high()), ordered(number.value));
    let scan = match comparison.prefix {
        Prefix::Equal => table.and("low >= {} AND low < {} AND high < {}", [low, high, high]),
        Prefix::NotEqual => table.and("(low < {} OR high >= {})", [low, high]),
        Prefix::Greater => table.and("high > {}", [value]),
        Prefix::Less => table.and("low < {}", [value]),
        Prefix::GreaterOrEqual => table.and("high >= {}", [value]),
        Prefix::LessOrEqual => table.and("low <= {}", [value]),
        Prefix::StartsAfter => table.and("low > {}", [value]),
        Prefix::EndsBefore => table.and("high < {}", [value]),
        Prefix::Approximate | Prefix::Overlaps => {
            let gap = (number.value.abs() * 0.1).max(number.half);
            table.and("low <= {} AND high >= {}", [ordered(number.value + gap), ordered(number.value - gap)])
        }
    };
    vec![scan]
}
