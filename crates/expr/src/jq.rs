//! jq queries (JQ 1.6) of Firehose's metadata extraction: from a record to named partition keys.
//!
//! A query such as `{tenant:.tenant,year:.time|strftime("%Y")}` runs on jaq. One whose values are all plain paths, or slices of
//! them as in `{tenant:.tenant,year:.at[0:4]}`, is answered by the path lookup, many times faster, with the same result.

mod guard;
mod paths;
mod transform;

pub use transform::Transform;

use jaq_core::compile::{Compiler, Filter};
use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Ctx, Native, Vars, unwrap_valr};
use jaq_json::Val;

use self::paths::Slice;
use crate::Error;
use crate::finder::Finder;
use crate::scan::{self, Scanner};

/// Partition keys one query may give.
const MAX_KEYS: usize = 50;
/// The length of one value; object keys of the store end at 1,024 bytes.
const MAX_VALUE_BYTES: usize = 1024;
/// Brackets open at once in a record that jaq, which recurses, may see.
const MAX_DEPTH: usize = 256;

/// A compiled query. Cheap to share between threads.
pub struct Jq {
    text: String,
    plan: Plan,
}

enum Plan {
    /// Every value is a plain path or a slice of one.
    Paths {
        keys: Vec<(String, Option<Slice>)>,
        finder: Finder,
    },
    Filter(Box<Filter<Native<JustLut<Val>>>>),
}

impl Jq {
    /// Compiles a query.
    ///
    /// # Errors
    /// [`Error::Query`] when jq would refuse it, or it uses what could run without end: definitions, loops, inputs.
    pub fn parse(text: &str) -> Result<Jq, Error> {
        guard::check(text)?;
        let plan = match paths::parse(text) {
            Some(entries) => {
                let finder = Finder::new(entries.iter().map(|entry| entry.path.steps()));
                Plan::Paths { keys: entries.into_iter().map(|entry| (entry.key, entry.slice)).collect(), finder }
            }
            None => Plan::Filter(Box::new(compile(text)?)),
        };
        Ok(Jq { text: text.to_owned(), plan })
    }

    /// The text it was compiled from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The partition keys of a record, in the query's order. Numbers and booleans become their JSON text.
    ///
    /// # Errors
    /// [`Error::Json`] when the record is not JSON; [`Error::Evaluation`] when the query fails or gives anything but one object;
    /// [`Error::Key`] for a value that is missing, null, empty, too long, an object or an array.
    pub fn object(&self, record: &[u8]) -> Result<Vec<(String, String)>, Error> {
        match &self.plan {
            Plan::Paths { keys, finder } => {
                let found = finder.find(record)?;
                let pair = |(slot, (key, slice)): (usize, &(String, Option<Slice>))| {
                    Ok((key.clone(), json_text(key, found.one(slot), *slice)?))
                };
                keys.iter().enumerate().map(pair).collect()
            }
            Plan::Filter(filter) => evaluate(filter, record),
        }
    }

    /// Appends bytes that stand for the partition keys of a record: where they are equal, so is what [`Jq::object`] gives.
    /// `false`, with nothing appended, when only that can tell.
    ///
    /// # Errors
    /// [`Error::Json`] when the record is not JSON.
    pub fn identity(&self, record: &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        let Plan::Paths { keys, finder } = &self.plan else { return Ok(false) };
        let found = finder.find(record)?;
        let start = out.len();
        for (slot, (_, slice)) in keys.iter().enumerate() {
            let text = found.one(slot).and_then(|json| plain_text(json, *slice));
            let Some(text) = text.filter(|text| (1..=MAX_VALUE_BYTES).contains(&text.len())) else {
                out.truncate(start);
                return Ok(false);
            };
            out.extend_from_slice(text.as_bytes());
            // No control character stands bare in JSON.
            out.push(0);
        }
        Ok(true)
    }
}

/// The text of a value where it can be had without decoding.
fn plain_text(json: &str, slice: Option<Slice>) -> Option<&str> {
    match (json.as_bytes().first()?, slice) {
        (b'"', _) if !json.contains('\\') => Some(slice.map_or(unquoted(json), |slice| slice.of(unquoted(json)))),
        (b'"' | b'{' | b'[' | b'n', _) | (_, Some(_)) => None,
        (_, None) => Some(json),
    }
}

impl std::fmt::Debug for Jq {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Jq").field(&self.text).finish()
    }
}

fn compile(text: &str) -> Result<Filter<Native<JustLut<Val>>>, Error> {
    let invalid = |reason: &str| Error::Query { reason: reason.to_owned() };
    let loader = Loader::new(jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()));
    let arena = Arena::default();
    let modules = loader.load(&arena, File { code: text, path: () }).map_err(|_| invalid("syntax error"))?;
    let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    Compiler::default().with_funs(funs).compile(modules).map_err(|_| invalid("undefined function or variable"))
}

fn evaluate(filter: &Filter<Native<JustLut<Val>>>, record: &[u8]) -> Result<Vec<(String, String)>, Error> {
    let mut scanner = Scanner::from_bytes(record)?;
    let (_, depth) = scanner.skip_measured()?;
    scanner.end()?;
    if depth > MAX_DEPTH {
        return Err(Error::Evaluation { reason: "record is nested too deeply" });
    }
    let input = jaq_json::read::parse_single(record).map_err(|_| Error::Json { at: 0 })?;
    let context = Ctx::<JustLut<Val>>::new(&filter.lut, Vars::new([]));
    let mut outputs = filter.id.run((context, input)).map(unwrap_valr);
    let output = match outputs.next() {
        Some(Ok(output)) => output,
        Some(Err(_)) => return Err(Error::Evaluation { reason: "a step does not apply to its value" }),
        None => return Err(Error::Evaluation { reason: "no output" }),
    };
    if outputs.next().is_some() {
        return Err(Error::Evaluation { reason: "more than one output" });
    }
    let Val::Obj(object) = output else { return Err(Error::Evaluation { reason: "output is not an object" }) };
    if object.len() > MAX_KEYS {
        return Err(Error::Evaluation { reason: "more than 50 keys" });
    }
    object.iter().map(|(key, value)| pair(key, value)).collect()
}

fn pair(key: &Val, value: &Val) -> Result<(String, String), Error> {
    let Val::TStr(key) = key else { return Err(Error::Evaluation { reason: "a key is not a string" }) };
    let key = String::from_utf8_lossy(key).into_owned();
    let refuse = |reason| Err(Error::Key { key: key.clone(), reason });
    let text = match value {
        Val::TStr(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Val::Bool(flag) => flag.to_string(),
        Val::Num(_) => value.to_string(),
        Val::Null => return refuse("missing or null"),
        _ => return refuse("not a string, number or boolean"),
    };
    bounded(&key, text).map(|text| (key, text))
}

/// The text of a value given as JSON, for a key.
fn json_text(key: &str, json: Option<&str>, slice: Option<Slice>) -> Result<String, Error> {
    let refuse = |reason| Err(Error::Key { key: key.to_owned(), reason });
    match (json.map(|json| (json, json.as_bytes().first())), slice) {
        (None | Some((_, None | Some(b'n'))), None) => refuse("missing or null"),
        (Some((json, Some(b'"'))), None) => bounded(key, scan::unescape(unquoted(json)).into_owned()),
        (Some((json, Some(b'"'))), Some(slice)) => bounded(key, slice.of(&scan::unescape(unquoted(json))).to_owned()),
        (Some((_, Some(b'['))), _) | (Some((_, Some(b'{'))), None) => refuse("not a string, number or boolean"),
        (Some((json, _)), None) => bounded(key, json.to_owned()),
        (_, Some(_)) => Err(Error::Evaluation { reason: "a step does not apply to its value" }),
    }
}

fn unquoted(json: &str) -> &str {
    json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(json)
}

fn bounded(key: &str, text: String) -> Result<String, Error> {
    let reason = match text.len() {
        0 => "empty",
        1..=MAX_VALUE_BYTES => return Ok(text),
        _ => "longer than 1024 bytes",
    };
    Err(Error::Key { key: key.to_owned(), reason })
}

#[cfg(test)]
mod tests;
