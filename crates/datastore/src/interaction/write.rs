//! create, update and delete, with their conditions (hl7.org/fhir/R4/http.html#create).

use bytes::Bytes;
use fhir::definitions::TypeNumber;
use fhir::json::Document;
use fhir::outcome::Issue;

use super::read::not_found;
use crate::access::denied;
use crate::incoming::Incoming;
use crate::transaction::{Found, Transaction};
use crate::{Caller, Error, Kind, Permission, Store, Version};

/// What must hold of the current version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Match {
    #[default]
    Anything,
    /// `If-Match: W/"n"`.
    Version(i64),
    /// `If-None-Match: *`: there must be none.
    Nothing,
}

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Created,
    Updated,
    Deleted,
    /// Nothing was written: it was there already, or was not there to be deleted.
    Unchanged,
}

/// A write that is on disk.
#[derive(Debug)]
pub struct Written {
    pub outcome: Outcome,
    /// `None` when there was nothing to delete.
    pub version: Option<Version>,
}

impl Written {
    pub(crate) fn of(version: Version) -> Written {
        let outcome = if version.operation == crate::Operation::Create { Outcome::Created } else { Outcome::Updated };
        Written { outcome, version: Some(version) }
    }
}

impl Store {
    /// Creates a resource under an id of the store's.
    ///
    /// # Errors
    /// `Invalid` and `Unprocessable` by what is wrong with the body; `Denied`.
    pub async fn create(&self, caller: &Caller, kind: TypeNumber, body: Bytes) -> Result<Written, Error> {
        let incoming = self.ready(caller, body, Some(kind)).await?;
        let id = uuid::Uuid::new_v4().to_string();
        self.allowed(caller, &incoming, &id, Permission::Create)?;
        self.commit(move |transaction| transaction.put(&id, &incoming).map(Written::of)).await
    }

    /// Updates a resource, or creates it under the caller's id.
    ///
    /// # Errors
    /// As [`Store::create`]; `Precondition` when the current version is another; `Invalid` when the body has another id.
    pub async fn update(
        &self,
        caller: &Caller,
        kind: TypeNumber,
        id: &str,
        body: Bytes,
        condition: Match,
    ) -> Result<Written, Error> {
        let incoming = self.ready(caller, body, Some(kind)).await?;
        same_id(&incoming, id)?;
        let (store, caller, id) = (self.clone(), caller.clone(), id.to_owned());
        self.commit(move |transaction| store.put_checked(transaction, &caller, &id, &incoming, condition)).await
    }

    /// Deletes a resource; one that is not there stays so.
    ///
    /// # Errors
    /// `Precondition` when the current version is another; `Denied`.
    pub async fn delete(
        &self,
        caller: &Caller,
        kind: TypeNumber,
        id: &str,
        condition: Match,
    ) -> Result<Written, Error> {
        let (store, caller, id) = (self.clone(), caller.clone(), id.to_owned());
        self.commit(move |transaction| store.delete_checked(transaction, &caller, kind, &id, condition)).await
    }

    /// Runs writes in one transaction and tells those who wait for changes.
    pub(crate) async fn commit<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut Transaction<'_, '_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let store = self.clone();
        let result = self.shared.state.write(move |tx| {
            let mut transaction = Transaction::begin(tx, &store)?;
            let result = run(&mut transaction)?;
            Ok::<_, Error>((result, transaction.finish()?))
        });
        let (result, is_noted) = result.await?;
        if let Some(asking) = self.asking.as_ref().filter(|_| is_noted) {
            asking.noted();
            self.audit().schedule();
        }
        self.shared.changed.notify_waiters();
        Ok(result)
    }

    /// An update with its conditions, within a transaction.
    pub(crate) fn put_checked(
        &self,
        transaction: &mut Transaction<'_, '_>,
        caller: &Caller,
        id: &str,
        incoming: &Incoming,
        condition: Match,
    ) -> Result<Written, Error> {
        let found = transaction.find(incoming.kind, id)?;
        let permission = match found.as_ref().filter(|found| found.is_live()) {
            // Hidden or not there: who may not create is told the same.
            Some(found)
                if !self.covers_current(transaction, caller, incoming.kind, id, found, Permission::Update)? =>
            {
                return Err(denied());
            }
            Some(_) => Permission::Update,
            None => Permission::Create,
        };
        self.allowed(caller, incoming, id, permission)?;
        // Only now: a condition tells of the current version.
        holds(condition, found.as_ref())?;
        transaction.put(id, incoming).map(Written::of)
    }

    /// A deletion with its conditions, within a transaction.
    pub(crate) fn delete_checked(
        &self,
        transaction: &mut Transaction<'_, '_>,
        caller: &Caller,
        kind: TypeNumber,
        id: &str,
        condition: Match,
    ) -> Result<Written, Error> {
        caller.access.demand(kind, Permission::Delete)?;
        let found = transaction.find(kind, id)?;
        let is_whole = caller.access.is_whole(kind, Permission::Delete);
        let Some(found) = found.as_ref().filter(|found| found.is_live()) else {
            // What is not there answers as what is hidden does.
            return if is_whole {
                holds(condition, found.as_ref())?;
                Ok(Written { outcome: Outcome::Unchanged, version: None })
            } else {
                Err(not_found())
            };
        };
        if !self.covers_current(transaction, caller, kind, id, found, Permission::Delete)? {
            return Err(not_found());
        }
        holds(condition, Some(found))?;
        let version = transaction.delete(kind, id, found)?;
        Ok(Written { outcome: Outcome::Deleted, version: Some(version) })
    }

    /// Whether a caller may do this to the current version.
    pub(crate) fn covers_current(
        &self,
        transaction: &Transaction<'_, '_>,
        caller: &Caller,
        kind: TypeNumber,
        id: &str,
        found: &Found,
        permission: Permission,
    ) -> Result<bool, Error> {
        if caller.access.is_whole(kind, permission) {
            return Ok(true);
        }
        let body = transaction.body(found)?.unwrap_or_default();
        self.may_see(caller, kind, id, &Bytes::from(body), permission)
    }

    /// Whether a caller may write this resource.
    pub(crate) fn allowed(
        &self,
        caller: &Caller,
        incoming: &Incoming,
        id: &str,
        permission: Permission,
    ) -> Result<(), Error> {
        let allowed = match caller.access.restriction(incoming.kind, permission) {
            crate::access::Restriction::Everything => true,
            crate::access::Restriction::Nothing => false,
            crate::access::Restriction::Where(_) => {
                let document = Document::parse(incoming.stripped.clone())?;
                caller.access.covers(incoming.kind, permission, id, &document, self.now())
            }
        };
        if allowed { Ok(()) } else { Err(denied()) }
    }
}

/// The body of an update names the resource it is for.
pub(crate) fn same_id(incoming: &Incoming, id: &str) -> Result<(), Error> {
    if !fhir::reference::is_id(id) {
        let issue = Issue::error("value", "an id is 1 to 64 letters, digits, `-` and `.`");
        return Err(Error::with_issues(Kind::Invalid, vec![issue]));
    }
    match &incoming.id {
        Some(told) if told == id => Ok(()),
        Some(_) => {
            Err(Error::with_issues(Kind::Invalid, vec![Issue::at("invalid", "id", "the body's id is not the URL's")]))
        }
        None => {
            Err(Error::with_issues(Kind::Invalid, vec![Issue::at("required", "id", "the body of an update has an id")]))
        }
    }
}

pub(crate) fn holds(condition: Match, found: Option<&Found>) -> Result<(), Error> {
    let holds = match condition {
        Match::Anything => true,
        Match::Version(version) => found.is_some_and(|found| found.change > 0 && found.version == version),
        Match::Nothing => !found.is_some_and(Found::is_live),
    };
    if holds { Ok(()) } else { Err(Error::new(Kind::Precondition, "the resource's current version is another")) }
}
