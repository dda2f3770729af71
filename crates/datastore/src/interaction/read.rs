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
    /// `NotFound`, also of what the caller may not see; `Gone` when it is deleted.
    pub async fn read(&self, caller: &Caller, kind: TypeNumber, id: &str) -> Result<Version, Error> {
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
        let (key, wanted) = (kind_key(self.number, kind), id.to_owned());
        let found = self.shared.state.read(move |tx| {
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
            None if !self.sees_everything(caller, version.kind) => Err(not_found()),
            None => Err(Error::new(Kind::Gone, "the resource is deleted")),
        }
    }

    /// Whether nothing of a type is hidden from a caller: deletions are shown to no one else, since nothing tells whose they were.
    pub(crate) fn sees_everything(&self, caller: &Caller, kind: TypeNumber) -> bool {
        caller.access.restriction(kind, Permission::Read) == crate::access::Restriction::Everything
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
