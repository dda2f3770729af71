//! patch (hl7.org/fhir/R4/http.html#patch): the change is made to the version that is current in the transaction.

use fhir::definitions::TypeNumber;
use fhir::json::Document;
use fhir::patch::Patch;

use super::conditional::Criteria;
use super::read::not_found;
use super::write::{holds, same_id};
use crate::transaction::{Found, Transaction};
use crate::{Caller, Error, Kind, Match, Permission, Store, Written};

impl Store {
    /// Changes a resource.
    ///
    /// # Errors
    /// `NotFound`; `Unprocessable` when an operation cannot be done; else as [`Store::update`].
    pub async fn patch(
        &self,
        caller: &Caller,
        kind: TypeNumber,
        id: &str,
        patch: Patch,
        condition: Match,
    ) -> Result<Written, Error> {
        let (store, caller, id) = (self.clone(), caller.clone(), id.to_owned());
        self.commit(move |transaction| store.patch_checked(transaction, &caller, kind, &id, &patch, condition)).await
    }

    /// Changes the one resource that matches.
    ///
    /// # Errors
    /// As [`Store::patch`]; `Precondition` when more than one matches.
    pub async fn patch_matching(
        &self,
        caller: &Caller,
        kind: TypeNumber,
        pairs: &[(String, String)],
        patch: Patch,
        condition: Match,
    ) -> Result<Written, Error> {
        let criteria = Criteria::parse(kind, pairs)?;
        let (store, caller) = (self.clone(), caller.clone());
        self.commit(move |transaction| {
            let id = criteria.find(transaction.tx, &store, &caller)?.ok_or_else(not_found)?;
            store.patch_checked(transaction, &caller, kind, &id, &patch, condition)
        })
        .await
    }

    /// A patch with its conditions, within a transaction.
    pub(crate) fn patch_checked(
        &self,
        transaction: &mut Transaction<'_, '_>,
        caller: &Caller,
        kind: TypeNumber,
        id: &str,
        patch: &Patch,
        condition: Match,
    ) -> Result<Written, Error> {
        // What becomes of a patch tells what it was made to.
        let permissions = [Permission::Read, Permission::Update];
        permissions.iter().try_for_each(|permission| caller.access.demand(kind, *permission))?;
        let found = transaction.find(kind, id)?.filter(Found::is_live).ok_or_else(not_found)?;
        for permission in permissions {
            if !self.covers_current(transaction, caller, kind, id, &found, permission)? {
                return Err(not_found());
            }
        }
        holds(condition, Some(&found))?;
        let version = self.current(transaction.tx, kind, id)?;
        let document = Document::parse(version.body.unwrap_or_default())?;
        let refused = |issue| Error::with_issues(Kind::Unprocessable, vec![issue]);
        let changed = Document::parse(patch.apply(&document).map_err(refused)?)?;
        if crate::incoming::kind_of(&changed)? != kind {
            return Err(Error::new(Kind::Unprocessable, "a patch cannot change the type"));
        }
        let incoming = self.numbered(&changed, kind, caller.validation, |text| transaction.number(text))?;
        same_id(&incoming, id)?;
        self.put_checked(transaction, caller, id, &incoming, condition)
    }
}
