//! Writes to what a search finds (hl7.org/fhir/R4/http.html#ccreate). The search runs within the transaction of the write.

use bytes::Bytes;
use fhir::definitions::TypeNumber;
use fhir::search::query::{Condition, Query, Unknown};

use crate::access::denied;
use crate::incoming::Incoming;
use crate::search::{Scope, matching};
use crate::transaction::{Found, Transaction};
use crate::{Caller, Error, Kind, Match, Outcome, Permission, Store, Written};

/// Which resource a condition names.
#[derive(Clone, Debug)]
pub(crate) struct Criteria {
    pub kind: TypeNumber,
    conditions: Vec<Condition>,
}

impl Criteria {
    /// Reads a condition's parameters; an unknown one is refused, since passing it over would match more.
    pub fn parse(kind: TypeNumber, pairs: &[(String, String)]) -> Result<Criteria, Error> {
        let query = Query::parse(kind, pairs, Unknown::Refused)?;
        if query.conditions.is_empty() {
            return Err(Error::new(Kind::Invalid, "a condition needs a search parameter"));
        }
        Ok(Criteria { kind, conditions: query.conditions })
    }

    /// The id of the one resource that matches; `None` when none does.
    ///
    /// # Errors
    /// `Precondition` when more than one does; `Denied` when the caller may search none of the type.
    pub fn find(&self, tx: &state::Read<'_>, store: &Store, caller: &Caller) -> Result<Option<String>, Error> {
        caller.access.demand(self.kind, Permission::Search)?;
        let scope = Scope { tx, store, caller, now: store.now() };
        let mut ids = matching(&scope, self.kind, &self.conditions, 2)?;
        if ids.len() > 1 {
            return Err(Error::new(Kind::Precondition, "more than one resource matches the condition"));
        }
        Ok(ids.pop())
    }
}

impl Store {
    /// Creates a resource unless one matches; that one is told instead.
    ///
    /// # Errors
    /// As [`Store::create`]; `Precondition` when more than one matches.
    pub async fn create_if_none(
        &self,
        caller: &Caller,
        kind: TypeNumber,
        body: Bytes,
        pairs: &[(String, String)],
    ) -> Result<Written, Error> {
        let criteria = Criteria::parse(kind, pairs)?;
        let incoming = self.ready(caller, body, Some(kind)).await?;
        let id = uuid::Uuid::new_v4().to_string();
        self.allowed(caller, &incoming, &id, Permission::Create)?;
        let (store, caller) = (self.clone(), caller.clone());
        self.commit(move |transaction| match criteria.find(transaction.tx, &store, &caller)? {
            Some(found) => store.existing(transaction, kind, &found),
            None => transaction.put(&id, &incoming).map(Written::of),
        })
        .await
    }

    /// A resource that is there already.
    pub(crate) fn existing(
        &self,
        transaction: &Transaction<'_, '_>,
        kind: TypeNumber,
        id: &str,
    ) -> Result<Written, Error> {
        let version = self.current(transaction.tx, kind, id)?;
        Ok(Written { outcome: Outcome::Unchanged, version: Some(version) })
    }

    /// Updates the one resource that matches, or creates one.
    ///
    /// # Errors
    /// As [`Store::update`]; `Precondition` when more than one matches; `Invalid` when the body has the id of another.
    pub async fn update_matching(
        &self,
        caller: &Caller,
        kind: TypeNumber,
        body: Bytes,
        pairs: &[(String, String)],
        condition: Match,
    ) -> Result<Written, Error> {
        let criteria = Criteria::parse(kind, pairs)?;
        let incoming = self.ready(caller, body, Some(kind)).await?;
        let fresh = uuid::Uuid::new_v4().to_string();
        let (store, caller) = (self.clone(), caller.clone());
        self.commit(move |transaction| {
            let id = matched_id(&criteria, transaction, &store, &caller, &incoming)?.unwrap_or(fresh);
            store.put_checked(transaction, &caller, &id, &incoming, condition)
        })
        .await
    }

    /// Deletes the one resource that matches, if any.
    ///
    /// # Errors
    /// `Precondition` when more than one matches; `Denied`.
    pub async fn delete_matching(
        &self,
        caller: &Caller,
        kind: TypeNumber,
        pairs: &[(String, String)],
    ) -> Result<Written, Error> {
        let criteria = Criteria::parse(kind, pairs)?;
        let (store, caller) = (self.clone(), caller.clone());
        self.commit(move |transaction| match criteria.find(transaction.tx, &store, &caller)? {
            Some(id) => store.delete_checked(transaction, &caller, kind, &id, Match::Anything),
            None => Ok(Written { outcome: Outcome::Unchanged, version: None }),
        })
        .await
    }
}

/// The id an update by condition writes to: that of the match, else the body's own; `None` asks for a new one.
pub(crate) fn matched_id(
    criteria: &Criteria,
    transaction: &Transaction<'_, '_>,
    store: &Store,
    caller: &Caller,
    incoming: &Incoming,
) -> Result<Option<String>, Error> {
    let found = criteria.find(transaction.tx, store, caller)?;
    match (found, &incoming.id) {
        (Some(found), Some(told)) if found != *told => {
            Err(Error::new(Kind::Invalid, "the body's id is not that of the resource that matches"))
        }
        (Some(found), _) => Ok(Some(found)),
        (None, Some(told)) => {
            // Under its own id it must be new, or the condition would have found it.
            let exists = transaction.find(criteria.kind, told)?.filter(Found::is_live);
            if let Some(found) = exists {
                if !store.covers_current(transaction, caller, criteria.kind, told, &found, Permission::Update)? {
                    return Err(denied());
                }
                return Err(Error::new(Kind::Conflict, "a resource with the body's id exists and does not match"));
            }
            Ok(Some(told.clone()))
        }
        (None, None) => Ok(None),
    }
}
