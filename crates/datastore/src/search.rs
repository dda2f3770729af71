//! Search on the index (hl7.org/fhir/R4/search.html).
//!
//! `compile` turns a condition into a `node::Node` over index tables; `plan` lets the part with the fewest candidates
//! drive and tests the others on each; `run` reads a page. What no index holds is checked on bodies by
//! [`fhir::search::check`].

mod candidates;
mod compile;
mod cursor;
mod include;
mod merge;
mod node;
mod operand;
mod order;
mod plan;
mod run;
mod sql;

use std::sync::Arc;

use fhir::definitions::TypeNumber;
use fhir::search::check::Now;
use fhir::search::query::{Condition, Query};

use crate::{Caller, Error, Store, Version};

pub use cursor::Cursor;

/// A search in resources of some types.
#[derive(Clone, Debug)]
pub struct Search {
    /// One type and what is asked of it; a search over several types has more.
    pub parts: Vec<(TypeNumber, Query)>,
    /// Only what is in this compartment: its type's name and its id.
    pub compartment: Option<(String, String)>,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// Also tell how it was done.
    pub explain: bool,
}

/// A page of matches.
#[derive(Debug, Default)]
pub struct Page {
    pub matches: Vec<Version>,
    pub included: Vec<Version>,
    /// How many match in all; `None` where that was not counted.
    pub total: Option<i64>,
    /// There are more.
    pub next: Option<Cursor>,
    /// Names that were passed over.
    pub ignored: Vec<String>,
    /// How it was done, a line each step.
    pub plan: Vec<String>,
}

/// What a search runs on.
pub(crate) struct Scope<'a> {
    pub tx: &'a state::Read<'a>,
    pub store: &'a Store,
    pub caller: &'a Caller,
    pub now: Now,
}

impl Store {
    /// A page of a search.
    ///
    /// # Errors
    /// `Invalid` and `NotSupported` by what is asked; `Denied` when the caller may search none of it.
    pub async fn search(&self, caller: &Caller, search: Search) -> Result<Page, Error> {
        let (store, caller, search) = (self.clone(), caller.clone(), Arc::new(search));
        let now = self.now();
        self.shared.state.read(move |tx| run::page(&Scope { tx, store: &store, caller: &caller, now }, &search)).await
    }
}

/// The ids of resources of a type that fit, as far as the caller may search; at most `limit`.
pub(crate) fn matching(
    scope: &Scope<'_>,
    kind: TypeNumber,
    conditions: &[Condition],
    limit: usize,
) -> Result<Vec<String>, Error> {
    run::ids(scope, kind, conditions, limit)
}
