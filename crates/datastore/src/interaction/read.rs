//! read and vread (hl7.org/fhir/R4/http.html#read).

use bytes::Bytes;
use fhir::definitions::TypeNumber;
use fhir::json::Document;
use state::{Row, params};

use crate::schema::{kind_key, sequence_in};
use crate::{Caller, Error, Kind, Operation, Permission, Store, Version, body};

pub(crate) const COLUMNS: &str = "c.version, c.at_ms, c.operation, c.change, c.first, c.body";

/// The version in a row of [`COLUMNS`].
pub(crate) fn version(row: &Row<'_>, kind: TypeNumber, id: &str) -> Result<Version, Error> {
    let body = row.blob_opt(5)?.map(body::unpack).transpose()?;
    let version = Version {
        kind,
        id: id.to_owned(),
        version: row.int(0)?,
        at_ms: row.int(1)?,
        operation: Operation::from_stored(row.int(2)?),
        sequence: sequence_in(row.int(3)?),
        transaction: row.int(4)?,
        body: None,
    };
    Ok(version.stamped(body.as_deref()))
}

pub(crate) fn not_found() -> Error {
    Error::new(Kind::NotFound, "no such resource")
}

impl Store {
    /// The current version.
    ///
    /// # Errors
    /// `NotFound`, also of what the caller may not see; `Denied` when they may see none of the type; `Gone` when it is deleted.
    pub async fn read(&self, caller: &Caller, kind: TypeNumber, id: &str) -> Result<Version, Error> {
        caller.access.demand(kind, Permission::Read)?;
        let (store, wanted) = (self.clone(), id.to_owned());
        let found = self.shared.state.read(move |tx| store.current(tx, kind, &wanted)).await?;
        self.shown(caller, found)
    }

    /// The current version, a deletion too, whoever asks.
    pub(crate) fn current(&self, tx: &state::Read<'_>, kind: TypeNumber, id: &str) -> Result<Version, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM fhir_resource r JOIN fhir_change c ON c.change = r.change WHERE r.kind = ?1 AND r.id = ?2"
        );
        one(tx.first(&sql, params![kind_key(self.number, kind), id], |row| Ok::<_, Error>(version(row, kind, id)))?)
    }

    /// A certain version.
    ///
    /// # Errors
    /// As [`Store::read`]; `Gone` when the version is a deletion.
    pub async fn vread(&self, caller: &Caller, kind: TypeNumber, id: &str, number: i64) -> Result<Version, Error> {
        caller.access.demand(kind, Permission::Read)?;
        let (key, wanted) = (kind_key(self.number, kind), id.to_owned());
        let (store, asking) = (self.clone(), caller.clone());
        let found = self.shared.state.read(move |tx| {
            if !store.sees_newest(tx, &asking, kind, &wanted)? {
                return Err(not_found());
            }
            let sql = format!(
                "SELECT {COLUMNS} FROM fhir_resource r JOIN fhir_change c ON c.rid = r.rid
                 WHERE r.kind = ?1 AND r.id = ?2 AND c.version = ?3"
            );
            one(tx.first(&sql, params![key, &wanted, number], |row| Ok::<_, Error>(version(row, kind, &wanted)))?)
        });
        self.shown(caller, found.await?)
    }

    fn shown(&self, caller: &Caller, version: Version) -> Result<Version, Error> {
        match &version.body {
            Some(body) if !self.may_see(caller, version.kind, &version.id, body, Permission::Read)? => Err(not_found()),
            Some(_) => Ok(version),
            // Nothing tells whose a deleted resource was.
            None if !caller.access.is_whole(version.kind, Permission::Read) => Err(not_found()),
            None => Err(Error::new(Kind::Gone, "the resource is deleted")),
        }
    }

    /// Whether a caller may see the newest content of a resource. Who may not sees nothing of what it was before: it may have been
    /// moved to the patient it was about all along.
    pub(crate) fn sees_newest(
        &self,
        tx: &state::Read<'_>,
        caller: &Caller,
        kind: TypeNumber,
        id: &str,
    ) -> Result<bool, Error> {
        if caller.access.is_whole(kind, Permission::Read) {
            return Ok(true);
        }
        let sql = "SELECT c.body FROM fhir_resource r JOIN fhir_change c ON c.rid = r.rid
                   WHERE r.kind = ?1 AND r.id = ?2 AND c.body IS NOT NULL ORDER BY c.version DESC LIMIT 1";
        let key = kind_key(self.number, kind);
        let newest = tx.first(sql, params![key, id], |row| Ok::<_, Error>(row.blob_opt(0)?.map(body::unpack)))?;
        match newest.flatten() {
            Some(newest) => self.may_see(caller, kind, id, &Bytes::from(newest?), Permission::Read),
            None => Ok(false),
        }
    }

    /// Whether a caller may see a version.
    pub(crate) fn may_see(
        &self,
        caller: &Caller,
        kind: TypeNumber,
        id: &str,
        body: &Bytes,
        permission: Permission,
    ) -> Result<bool, Error> {
        match caller.access.restriction(kind, permission) {
            crate::access::Restriction::Everything => Ok(true),
            crate::access::Restriction::Nothing => Ok(false),
            crate::access::Restriction::Where(_) => {
                let document = Document::parse(body.clone())?;
                Ok(caller.access.covers(kind, permission, id, &document, self.now()))
            }
        }
    }
}

fn one(found: Option<Result<Version, Error>>) -> Result<Version, Error> {
    found.unwrap_or_else(|| Err(not_found()))
}
