//! What the conditions of a bundle find: of entries, and of references such as `Patient?identifier=…`.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use fhir::definitions::Definitions;
use fhir::outcome::Issue;
use fhir::reference::{Place, walk};

use super::at;
use super::entry::{Entry, pairs};
use crate::interaction::conditional::Criteria;
use crate::{Caller, Error, Kind, Store};

/// What was found.
pub(super) struct Found {
    /// For each entry, the id its condition finds.
    pub entries: Vec<Option<String>>,
    /// Conditional references and what they lead to.
    pub references: HashMap<String, String>,
}

impl Store {
    /// Searches for all conditions of a bundle on one snapshot.
    pub(super) async fn resolve(&self, caller: &Caller, entries: Arc<Vec<Entry>>) -> Result<Found, Error> {
        let conditional = conditional_references(&entries);
        let is_plain = conditional.is_empty() && entries.iter().all(|entry| entry.action.criteria().is_none());
        if is_plain {
            return Ok(Found { entries: entries.iter().map(|_| None).collect(), references: HashMap::new() });
        }
        let (store, caller) = (self.clone(), caller.clone());
        let found = move |tx: &state::Read<'_>| {
            let mut found = Found { entries: Vec::with_capacity(entries.len()), references: HashMap::new() };
            for entry in entries.iter() {
                let id = entry.action.criteria().map(|criteria| criteria.find(tx, &store, &caller));
                found.entries.push(id.transpose().map_err(|error| at(entry.number, error))?.flatten());
            }
            for (number, reference) in conditional {
                let (kind, query) = reference.split_once('?').unwrap_or_default();
                let Some(resource) = Definitions::r4().resource(kind) else { continue };
                let criteria = Criteria::parse(resource, &pairs(query)).map_err(|error| at(number, error))?;
                let id = criteria.find(tx, &store, &caller).map_err(|error| at(number, error))?;
                let missing = || {
                    let issue = Issue::error("not-found", format!("no {kind} matches a conditional reference"));
                    at(number, Error::with_issues(Kind::Precondition, vec![issue]))
                };
                found.references.insert(reference.clone(), format!("{kind}/{}", id.ok_or_else(missing)?));
            }
            Ok(found)
        };
        self.shared.state.read(found).await
    }
}

fn conditional_references(entries: &[Entry]) -> BTreeSet<(usize, String)> {
    let mut found = BTreeSet::new();
    for entry in entries {
        let Some((document, _)) = &entry.resource else { continue };
        walk(document, &mut |place, text| {
            let is_conditional =
                text.split_once('?').is_some_and(|(kind, _)| Definitions::r4().resource(kind).is_some());
            if place == Place::Reference && is_conditional {
                found.insert((entry.number, text.to_owned()));
            }
        });
    }
    found
}
