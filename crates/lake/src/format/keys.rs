//! How columns find their keys in a record (OpenX JSON SerDe).

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// The options of the SerDe.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// Keys must be spelled as the column is; else case does not matter.
    pub case_sensitive: bool,
    /// Column name to key.
    pub mappings: HashMap<String, String>,
    /// A dot in a key stands for an underscore in the column's name.
    pub dots_to_underscores: bool,
}

impl Keys {
    pub(super) fn fold(&self, key: &str) -> String {
        let key = if self.dots_to_underscores { key.replace('.', "_") } else { key.to_owned() };
        if self.case_sensitive { key } else { key.to_lowercase() }
    }

    /// The key of a column, before any folding.
    pub(super) fn of<'k>(&'k self, column: &'k str) -> &'k str {
        self.mappings.get(column).map_or(column, String::as_str)
    }
}

/// How well a key of the record names a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    Exact,
    /// Only once both are folded.
    Folded,
}

/// The keys of the columns of one object, compiled.
pub(super) struct Lookup {
    keys: Keys,
    /// Key and folded key of each column.
    names: Vec<(String, String)>,
    folds: bool,
    /// No key can name two columns.
    distinct: bool,
}

impl Lookup {
    pub(super) fn new<'c>(keys: &Keys, columns: impl Iterator<Item = &'c str>) -> Lookup {
        let name = |column| (keys.of(column).to_owned(), keys.fold(keys.of(column)));
        let names: Vec<(String, String)> = columns.map(name).collect();
        let distinct = names.iter().map(|(_, folded)| folded).collect::<HashSet<_>>().len() == names.len();
        let folds = !keys.case_sensitive || keys.dots_to_underscores;
        Lookup { keys: keys.clone(), names, folds, distinct }
    }

    /// Calls `each` with the columns that a key names. Columns are tried from `next` on, where the key is expected.
    pub(super) fn columns(&self, key: &str, next: usize, mut each: impl FnMut(usize, Match)) {
        let plain = key.is_ascii() && !(self.keys.dots_to_underscores && key.contains('.'));
        let folded = if plain || !self.folds { Cow::Borrowed(key) } else { Cow::Owned(self.keys.fold(key)) };
        let count = self.names.len();
        for index in (next..count).chain(0..next.min(count)) {
            let Some((exact, own)) = self.names.get(index) else { continue };
            let equal = match (self.folds, plain && !self.keys.case_sensitive) {
                (false, _) => false,
                (true, false) => *own == folded,
                (true, true) => own.eq_ignore_ascii_case(&folded),
            };
            if exact == key {
                each(index, Match::Exact);
            } else if equal {
                each(index, Match::Folded);
            } else {
                continue;
            }
            if self.distinct {
                return;
            }
        }
    }
}
