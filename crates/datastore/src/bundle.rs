//! Batches and transactions (hl7.org/fhir/R4/http.html#transaction).
//!
//! A transaction is made ready outside of the state: conditions are searched, ids given, references inside the bundle replaced, resources
//! packed on several threads. Then everything is written in one commit, in the order the specification sets: deletions,
//! creations, updates. Conditions are searched again there; when one finds another resource meanwhile, all begins anew.
//! What is only read (`GET`) is left to the caller, after the writes.

mod entry;
mod ready;
mod resolve;

use std::collections::HashSet;

use fhir::json::Document;
use fhir::outcome::Issue;

use crate::interaction::conditional::matched_id;
use crate::transaction::Transaction;
use crate::{Caller, Error, Kind, Outcome, Permission, Store, Written};
use entry::{Action, Entry};
use ready::Ready;

/// Entries worked on at once in a batch.
const BATCH_AT_ONCE: usize = 64;
/// How often a transaction begins anew when its conditions find other resources meanwhile.
const ATTEMPTS: usize = 5;

/// What became of an entry.
#[derive(Debug)]
pub enum Answer {
    Written(Written),
    /// To be read after all writes: its URL below the base.
    Get(String),
    /// In a batch only: others are not affected.
    Failed(Error),
}

impl Store {
    /// Runs a batch or transaction; one answer for each entry, in their order.
    ///
    /// # Errors
    /// `Invalid` by what is wrong with the bundle or, in a transaction, any of its entries: then nothing was written.
    pub async fn bundle(&self, caller: &Caller, document: Document) -> Result<Vec<Answer>, Error> {
        let root = document.root();
        let kind = root.get("resourceType").and_then(|kind| kind.as_str());
        if kind.as_deref() != Some("Bundle") {
            return Err(Error::with_issues(
                Kind::Invalid,
                vec![Issue::at("invalid", "resourceType", "the body is no Bundle")],
            ));
        }
        let kind = root.get("type").and_then(|kind| kind.as_str()).unwrap_or_default().into_owned();
        let is_transaction = match kind.as_str() {
            "transaction" => true,
            "batch" => false,
            _ => {
                return Err(Error::with_issues(
                    Kind::Invalid,
                    vec![Issue::at("value", "Bundle.type", "is batch or transaction")],
                ));
            }
        };
        if let Some(asking) = &self.asking {
            asking.is_bundle(if is_transaction { "transaction" } else { "batch" });
        }
        let entries = entry::read(&document);
        if is_transaction { self.transaction(caller, entries).await } else { Ok(self.batch(caller, entries).await) }
    }

    async fn transaction(&self, caller: &Caller, entries: Vec<Result<Entry, Error>>) -> Result<Vec<Answer>, Error> {
        let entries = entries.into_iter().collect::<Result<Vec<_>, _>>()?;
        let entries = std::sync::Arc::new(entries);
        for _ in 0..ATTEMPTS {
            let found = self.resolve(caller, entries.clone()).await?;
            let ready = std::sync::Arc::new(self.ready_entries(entries.clone(), found, caller.validation).await?);
            let (store, caller, entries) = (self.clone(), caller.clone(), entries.clone());
            let answers = self.commit(move |transaction| store.write_all(transaction, &caller, &entries, &ready)).await;
            match answers {
                // Its conditions found others than those it was made ready for.
                Err(error)
                    if error.kind() == Kind::Unavailable
                        && error.issues.iter().any(|issue| issue.code == "lock-error") => {}
                other => return other,
            }
        }
        Err(Error::new(Kind::Conflict, "the resources that conditions find keep changing"))
    }

    fn write_all(
        &self,
        transaction: &mut Transaction<'_, '_>,
        caller: &Caller,
        entries: &[Entry],
        ready: &[Ready],
    ) -> Result<Vec<Answer>, Error> {
        for (entry, ready) in entries.iter().zip(ready) {
            if let Some(criteria) = entry.action.criteria()
                && criteria.find(transaction.tx, self, caller).map_err(|error| at(entry.number, error))? != ready.found
            {
                let issue = Issue::error("lock-error", "a condition finds another resource meanwhile");
                return Err(Error::with_issues(Kind::Unavailable, vec![issue]));
            }
        }
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_by_key(|at| entries.get(*at).map(|entry| entry.action.phase()));
        let mut answers: Vec<Option<Answer>> = entries.iter().map(|_| None).collect();
        let mut written = HashSet::new();
        for number in order {
            let (Some(entry), Some(ready)) = (entries.get(number), ready.get(number)) else { continue };
            let answer = self.write_one(transaction, caller, entry, ready).map_err(|error| at(entry.number, error))?;
            if let Answer::Written(Written { version: Some(version), outcome }) = &answer
                && *outcome != Outcome::Unchanged
                && !written.insert(version.reference())
            {
                let issue = Issue::at("duplicate", place(entry.number), "two entries write the same resource");
                return Err(Error::with_issues(Kind::Invalid, vec![issue]));
            }
            if let Some(slot) = answers.get_mut(number) {
                *slot = Some(answer);
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }

    /// Writes an entry that was made ready.
    fn write_one(
        &self,
        transaction: &mut Transaction<'_, '_>,
        caller: &Caller,
        entry: &Entry,
        ready: &Ready,
    ) -> Result<Answer, Error> {
        let missing = || Error::new(Kind::Invalid, "the entry has no resource");
        let id = || ready.id.as_deref().ok_or_else(|| Error::new(Kind::Invalid, "the entry's URL names no resource"));
        let written = match &entry.action {
            Action::Get(url) => return Ok(Answer::Get(url.clone())),
            Action::Delete { kind, .. } => match &ready.id {
                Some(id) => self.delete_checked(transaction, caller, *kind, id, entry.condition)?,
                None => Written { outcome: Outcome::Unchanged, version: None },
            },
            Action::Create { kind, .. } => match &ready.found {
                Some(found) => self.existing(transaction, *kind, found)?,
                None => {
                    let incoming = ready.incoming.as_ref().ok_or_else(missing)?;
                    self.allowed(caller, incoming, id()?, Permission::Create)?;
                    transaction.put(id()?, incoming).map(Written::of)?
                }
            },
            Action::Update { criteria, .. } => {
                let incoming = ready.incoming.as_ref().ok_or_else(missing)?;
                if let Some(criteria) = criteria {
                    matched_id(criteria, transaction, self, caller, incoming)?;
                }
                self.put_checked(transaction, caller, id()?, incoming, entry.condition)?
            }
            Action::Patch { kind, patch, .. } => {
                self.patch_checked(transaction, caller, *kind, id()?, patch, entry.condition)?
            }
        };
        Ok(Answer::Written(written))
    }

    /// Each entry for itself, in the phases of a transaction.
    async fn batch(&self, caller: &Caller, entries: Vec<Result<Entry, Error>>) -> Vec<Answer> {
        use futures::StreamExt as _;
        let mut answers: Vec<Option<Answer>> = entries.iter().map(|_| None).collect();
        let mut phases: std::collections::BTreeMap<u8, Vec<(usize, Entry)>> = std::collections::BTreeMap::new();
        for (number, entry) in entries.into_iter().enumerate() {
            match entry {
                Ok(entry) => phases.entry(entry.action.phase()).or_default().push((number, entry)),
                Err(error) => answers.extend_at(number, Answer::Failed(error)),
            }
        }
        for entries in phases.into_values() {
            let run = |(number, entry)| async move {
                let answer = self.transaction(caller, vec![Ok(entry)]).await;
                let answer = answer.and_then(|mut answers| {
                    answers.pop().ok_or_else(|| Error::new(Kind::Corrupt, "an entry has no answer"))
                });
                (number, answer.unwrap_or_else(Answer::Failed))
            };
            let mut done = futures::stream::iter(entries).map(run).buffer_unordered(BATCH_AT_ONCE);
            while let Some((number, answer)) = done.next().await {
                answers.extend_at(number, answer);
            }
        }
        answers.into_iter().flatten().collect()
    }
}

/// Puts an answer in its place.
trait ExtendAt {
    fn extend_at(&mut self, number: usize, answer: Answer);
}

impl ExtendAt for Vec<Option<Answer>> {
    fn extend_at(&mut self, number: usize, answer: Answer) {
        if let Some(slot) = self.get_mut(number) {
            *slot = Some(answer);
        }
    }
}

fn place(number: usize) -> String {
    format!("Bundle.entry[{number}]")
}

/// An error of an entry names it.
fn at(number: usize, mut error: Error) -> Error {
    for issue in &mut error.issues {
        let inner = issue.expression.take();
        issue.expression = Some(match inner {
            Some(inner) if inner.starts_with("Bundle.") => inner,
            Some(inner) => format!("{}.resource.{inner}", place(number)),
            None => place(number),
        });
    }
    error
}
