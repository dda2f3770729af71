//! Writes within one transaction of the state: versions, change records and index rows together.

use std::collections::HashMap;

use fhir::definitions::{Definitions, TypeNumber};
use fhir::json::Document;
use state::{Read, Write, params};

use crate::audit::Entity;
use crate::incoming::Incoming;
use crate::row::{Change, Owner, ReferenceTarget, Row, rows};
use crate::schema::{change_key, kind_key, outside_key, sequence_in};
use crate::{Error, Kind, Operation, Store, Version, body};

/// A resource as the state has it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub rid: i64,
    /// 0: only referred to so far.
    pub change: i64,
    pub version: i64,
    pub is_deleted: bool,
}

impl Found {
    /// Whether it is there now.
    pub fn is_live(&self) -> bool {
        self.change > 0 && !self.is_deleted
    }
}

/// What a version brings with it.
#[derive(Clone, Copy)]
struct Told {
    version: Option<i64>,
    at_ms: i64,
}

/// Looks a resource up.
pub(crate) fn find(tx: &Read<'_>, kind: i64, id: &str) -> Result<Option<Found>, state::Error> {
    let sql = "SELECT rid, change, version, deleted FROM fhir_resource WHERE kind = ?1 AND id = ?2";
    tx.first(sql, params![kind, id], |row| {
        Ok(Found { rid: row.int(0)?, change: row.int(1)?, version: row.int(2)?, is_deleted: row.int(3)? != 0 })
    })
}

/// One transaction on a datastore. [`Transaction::finish`] must end it.
pub(crate) struct Transaction<'a, 'b> {
    pub tx: &'a Write<'b>,
    store: Store,
    sequence: i64,
    first: i64,
    at_ms: i64,
    /// Resources that were looked up for references.
    targets: HashMap<ReferenceTarget, i64>,
    /// What was written, for the audit log.
    written: Vec<Entity>,
}

impl<'a, 'b> Transaction<'a, 'b> {
    /// Begins. `NotFound` when the datastore was deleted meanwhile.
    pub fn begin(tx: &'a Write<'b>, store: &Store) -> Result<Self, Error> {
        let now_ms = store.now().ms;
        let sql = "SELECT seq, at_ms FROM fhir_datastore WHERE number = ?1 AND status = 'ACTIVE'";
        let found = tx.first(sql, params![store.number], |row| Ok::<_, state::Error>((row.int(0)?, row.int(1)?)))?;
        let (sequence, at_ms) = found.ok_or_else(|| Error::new(Kind::NotFound, "the datastore is deleted"))?;
        // Time never falls as the sequence rises, whatever the machine's clock does.
        let at_ms = at_ms.max(now_ms);
        let (targets, written) = (HashMap::new(), Vec::new());
        Ok(Transaction { tx, store: store.clone(), sequence, first: sequence + 1, at_ms, targets, written })
    }

    /// Keeps the sequence that was reached, and notes what was written; whether there was anything to note.
    pub fn finish(self) -> Result<bool, Error> {
        if self.sequence >= self.first {
            let sql = "UPDATE fhir_datastore SET seq = ?2, at_ms = ?3 WHERE number = ?1";
            self.tx.execute(sql, params![self.store.number, self.sequence, self.at_ms])?;
        }
        if let Some(asking) = self.store.asking.filter(|_| !self.written.is_empty()) {
            asking.note(self.tx, self.at_ms, self.written)?;
            return Ok(true);
        }
        Ok(false)
    }

    pub fn find(&self, kind: TypeNumber, id: &str) -> Result<Option<Found>, Error> {
        Ok(find(self.tx, kind_key(self.store.number, kind), id)?)
    }

    /// The body of a resource that is there, without id and version.
    pub fn body(&self, found: &Found) -> Result<Option<String>, Error> {
        let sql = "SELECT body FROM fhir_change WHERE change = ?1";
        let packed: Option<Option<Vec<u8>>> = self
            .tx
            .first(sql, params![found.change], |row| Ok::<_, state::Error>(row.blob_opt(0)?.map(<[u8]>::to_vec)))?;
        packed.flatten().map(|packed| body::unpack(&packed)).transpose()
    }

    /// Writes a version.
    pub fn put(&mut self, id: &str, incoming: &Incoming) -> Result<Version, Error> {
        self.put_as(id, incoming, Told { version: None, at_ms: self.at_ms })
    }

    /// Writes a version that brings its number and time with it. One that is there already stays; one older than the current is
    /// only history.
    ///
    /// Answers nothing when there was nothing to write.
    pub fn put_told(
        &mut self,
        id: &str,
        incoming: &Incoming,
        version: Option<i64>,
        at_ms: Option<i64>,
    ) -> Result<Option<Version>, Error> {
        let told = Told { version, at_ms: at_ms.unwrap_or(self.at_ms) };
        let found = self.find(incoming.kind, id)?;
        if let (Some(version), Some(found)) = (version, &found) {
            let sql = "SELECT 1 FROM fhir_change WHERE rid = ?1 AND version = ?2";
            if self.tx.first(sql, params![found.rid, version], |row| row.int(0))?.is_some() {
                return Ok(None);
            }
            if version < found.version {
                let change = self.append(found.rid, version, Operation::Update, told.at_ms, Some(&incoming.packed))?;
                let version = self.version(incoming.kind, id, version, Operation::Update, change, told.at_ms);
                return Ok(Some(version.stamped(Some(&incoming.stripped))));
            }
        }
        self.put_as(id, incoming, told).map(Some)
    }

    fn put_as(&mut self, id: &str, incoming: &Incoming, told: Told) -> Result<Version, Error> {
        let kind = kind_key(self.store.number, incoming.kind);
        let found = find(self.tx, kind, id)?;
        let operation = if found.as_ref().is_some_and(Found::is_live) { Operation::Update } else { Operation::Create };
        let (rid, version) = match &found {
            Some(found) => {
                self.remove_rows(incoming.kind, found)?;
                (found.rid, told.version.unwrap_or(found.version + 1))
            }
            None => (self.insert(kind, id)?, told.version.unwrap_or(1)),
        };
        let owner = Owner { datastore: self.store.number, kind: incoming.kind, rid };
        self.apply(owner, &incoming.rows, Change::Put)?;
        let change = self.record(rid, version, operation, told.at_ms, Some(&incoming.packed))?;
        let version = self.version(incoming.kind, id, version, operation, change, told.at_ms);
        Ok(version.stamped(Some(&incoming.stripped)))
    }

    /// Writes a deletion of a resource that is there.
    pub fn delete(&mut self, kind: TypeNumber, id: &str, found: &Found) -> Result<Version, Error> {
        self.remove_rows(kind, found)?;
        let version = found.version + 1;
        let change = self.record(found.rid, version, Operation::Delete, self.at_ms, None)?;
        Ok(self.version(kind, id, version, Operation::Delete, change, self.at_ms))
    }

    fn version(
        &mut self,
        kind: TypeNumber,
        id: &str,
        version: i64,
        operation: Operation,
        change: i64,
        at_ms: i64,
    ) -> Version {
        let (sequence, transaction) = (sequence_in(change), self.first);
        if self.store.asking.is_some() {
            let reference = format!("{}/{id}/_history/{version}", Definitions::r4().name(kind));
            self.written.push(Entity { reference, operation: Some(operation) });
        }
        Version { kind, id: id.into(), version, at_ms, operation, sequence, transaction, body: None }
    }

    /// A change record, and the resource's row that points to it.
    fn record(
        &mut self,
        rid: i64,
        version: i64,
        operation: Operation,
        at_ms: i64,
        body: Option<&Vec<u8>>,
    ) -> Result<i64, Error> {
        let change = self.append(rid, version, operation, at_ms, body)?;
        self.tx.execute(
            "UPDATE fhir_resource SET change = ?2, version = ?3, deleted = ?4, updated_ms = ?5 WHERE rid = ?1",
            params![rid, change, version, operation == Operation::Delete, at_ms],
        )?;
        Ok(change)
    }

    /// A change record.
    fn append(
        &mut self,
        rid: i64,
        version: i64,
        operation: Operation,
        at_ms: i64,
        body: Option<&Vec<u8>>,
    ) -> Result<i64, Error> {
        self.sequence += 1;
        let change = change_key(self.store.number, self.sequence);
        self.tx.execute(
            "INSERT INTO fhir_change (change, rid, version, at_ms, operation, first, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![change, rid, version, at_ms, operation.stored(), self.first, body],
        )?;
        Ok(change)
    }

    fn insert(&self, kind: i64, id: &str) -> Result<i64, Error> {
        let sql = "INSERT INTO fhir_resource (kind, id, change, version, deleted, updated_ms) VALUES (?1, ?2, 0, 0, 0, 0) RETURNING rid";
        let rid = self.tx.first(sql, params![kind, id], |row| row.int(0))?;
        rid.ok_or_else(|| Error::new(Kind::Corrupt, "a resource that was written is not there"))
    }

    /// Removes the rows of the current version.
    fn remove_rows(&mut self, kind: TypeNumber, found: &Found) -> Result<(), Error> {
        if !found.is_live() {
            return Ok(());
        }
        let Some(body) = self.body(found)? else { return Ok(()) };
        let document = Document::parse(body)?;
        let number = |text: &str| {
            let sql = "SELECT id FROM fhir_text WHERE text = ?1";
            let known = self.store.known_text(text).ok();
            let number =
                known.map_or_else(|| self.tx.first(sql, params![text], |row| row.int(0)), |number| Ok(Some(number)))?;
            number.ok_or_else(|| Error::new(Kind::Corrupt, "a text has no number"))
        };
        let rows = rows(&document, kind, &self.store.base(), number)?;
        self.apply(Owner { datastore: self.store.number, kind, rid: found.rid }, &rows, Change::Remove)
    }

    /// The number of a text. A new one counts only if this transaction does, so it is not remembered.
    pub fn number(&self, text: &str) -> Result<i64, Error> {
        if let Ok(known) = self.store.known_text(text) {
            return Ok(known);
        }
        self.tx.execute("INSERT INTO fhir_text (text) VALUES (?1) ON CONFLICT DO NOTHING", params![text])?;
        let number = self.tx.first("SELECT id FROM fhir_text WHERE text = ?1", params![text], |row| row.int(0))?;
        number.ok_or_else(|| Error::new(Kind::Corrupt, "a text has no number"))
    }

    fn apply(&mut self, owner: Owner, rows: &[Row], change: Change) -> Result<(), Error> {
        for row in rows {
            let target = match row {
                Row::Reference { target, .. } => self.target(target)?,
                _ => 0,
            };
            row.apply(self.tx, owner, target, change)?;
        }
        Ok(())
    }

    /// The number of what a reference leads to, which may not be there yet.
    fn target(&mut self, target: &ReferenceTarget) -> Result<i64, Error> {
        if let Some(rid) = self.targets.get(target) {
            return Ok(*rid);
        }
        let (kind, id) = match target {
            ReferenceTarget::Inside(kind, id) => (kind_key(self.store.number, *kind), id),
            ReferenceTarget::Outside(url) => (outside_key(self.store.number), url),
            ReferenceTarget::Named => return Ok(0),
        };
        let rid = match find(self.tx, kind, id)? {
            Some(found) => found.rid,
            None => self.insert(kind, id)?,
        };
        self.targets.insert(target.clone(), rid);
        Ok(rid)
    }
}
