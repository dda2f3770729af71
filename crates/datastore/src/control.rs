//! Datastores as they are created, described and deleted (HealthLake control plane).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use event::Clock;
use state::{Row, State, Write, params};
use tokio::sync::Notify;

use crate::audit::Waiting;
use crate::{Error, Kind, Store, schema};

/// A datastore's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    /// It still answers being described.
    Deleted,
}

impl Status {
    /// As the HealthLake API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Active => "ACTIVE",
            Status::Deleted => "DELETED",
        }
    }
}

/// What is asked of a new datastore.
#[derive(Clone, Debug, Default)]
pub struct Create {
    pub name: Option<String>,
    /// JSON that the wire keeps: encryption, identity provider, preload.
    pub settings: String,
    /// A JSON object.
    pub tags: String,
    /// A repeat with the same token answers the same datastore.
    pub token: Option<String>,
}

/// A datastore's record.
#[derive(Clone, Debug, PartialEq)]
pub struct Datastore {
    pub(crate) number: i64,
    /// 32 hexadecimal digits.
    pub id: String,
    pub name: Option<String>,
    pub status: Status,
    pub created_ms: i64,
    pub settings: String,
    pub tags: String,
}

/// What all datastores of this program share.
pub(crate) struct Shared {
    pub state: State,
    pub clock: Arc<dyn Clock>,
    /// Told after every commit that changed a resource.
    pub changed: Notify,
    /// Numbers of systems and units that are in the state for good.
    pub texts: Mutex<HashMap<String, i64>>,
    pub audit: Arc<Waiting>,
}

/// All datastores of this program. Cheap to clone.
#[derive(Clone)]
pub struct Datastores {
    pub(crate) shared: Arc<Shared>,
}

impl Datastores {
    /// Brings the tables up to date.
    ///
    /// # Errors
    /// When the state fails.
    pub fn open(state: State, clock: Arc<dyn Clock>) -> Result<Datastores, Error> {
        state.migrate("datastore", schema::MIGRATIONS)?;
        let shared = Shared { state, clock, changed: Notify::new(), texts: Mutex::default(), audit: Arc::default() };
        Ok(Datastores { shared: Arc::new(shared) })
    }

    /// Creates a datastore; it is active at once.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn create(&self, create: Create) -> Result<Datastore, Error> {
        let now_ms = self.shared.clock.now_ms();
        let id = match &create.token {
            // The same token makes the same id.
            Some(token) => uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, token.as_bytes()),
            None => uuid::Uuid::new_v4(),
        };
        let id = id.simple().to_string();
        let created = move |tx: &Write<'_>| {
            if let Some(found) = find(tx, &id)? {
                return Ok(found);
            }
            tx.execute(
                "INSERT INTO fhir_datastore (id, name, status, created_ms, settings, tags, seq, at_ms)
                 VALUES (?1, ?2, 'ACTIVE', ?3, ?4, ?5, 0, 0)",
                params![&id, create.name.as_deref(), now_ms, &create.settings, &create.tags],
            )?;
            find(tx, &id)?.ok_or_else(|| Error::new(Kind::Corrupt, "a datastore that was written is not there"))
        };
        self.shared.state.write(created).await
    }

    /// A datastore by its id; also a deleted one.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn describe(&self, id: &str) -> Result<Datastore, Error> {
        let id = id.to_owned();
        let found = self.shared.state.read(move |tx| find(tx, &id).map_err(Error::from)).await?;
        found.ok_or_else(|| Error::new(Kind::NotFound, "no such datastore"))
    }

    /// All datastores, deleted ones too, oldest first.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn list(&self) -> Result<Vec<Datastore>, Error> {
        self.shared.state.read(|tx| tx.all(&format!("{SELECT} ORDER BY number"), &[], datastore)).await
    }

    /// Replaces tags or settings.
    ///
    /// # Errors
    /// `NotFound`; also of a deleted one.
    pub async fn change(
        &self,
        id: &str,
        change: impl FnOnce(&mut Datastore) + Send + 'static,
    ) -> Result<Datastore, Error> {
        let id = id.to_owned();
        let changed = move |tx: &Write<'_>| {
            let found = find(tx, &id)?.filter(|found| found.status == Status::Active);
            let mut found = found.ok_or_else(|| Error::new(Kind::NotFound, "no such datastore"))?;
            change(&mut found);
            tx.execute(
                "UPDATE fhir_datastore SET name = ?2, settings = ?3, tags = ?4 WHERE number = ?1",
                params![found.number, found.name.as_deref(), &found.settings, &found.tags],
            )?;
            Ok(found)
        };
        self.shared.state.write(changed).await
    }

    /// Deletes a datastore and everything in it.
    ///
    /// # Errors
    /// `NotFound`; also of a deleted one.
    pub async fn delete(&self, id: &str) -> Result<Datastore, Error> {
        let (id, now_ms) = (id.to_owned(), self.shared.clock.now_ms());
        let deleted = move |tx: &Write<'_>| {
            let found = find(tx, &id)?.filter(|found| found.status == Status::Active);
            let found = found.ok_or_else(|| Error::new(Kind::NotFound, "no such datastore"))?;
            tx.execute(
                "UPDATE fhir_datastore SET status = 'DELETED', ended_ms = ?2 WHERE number = ?1",
                params![found.number, now_ms],
            )?;
            schema::clear(tx, found.number)?;
            Ok(Datastore { status: Status::Deleted, ..found })
        };
        self.shared.state.write(deleted).await
    }

    /// The data of a datastore.
    ///
    /// # Errors
    /// `NotFound`; also of a deleted one.
    pub async fn store(&self, id: &str) -> Result<Store, Error> {
        let found = self.describe(id).await?;
        match found.status {
            Status::Active => {
                let (shared, number, id) = (self.shared.clone(), found.number, found.id.into());
                Ok(Store { shared, number, id, asking: None })
            }
            Status::Deleted => Err(Error::new(Kind::NotFound, "the datastore is deleted")),
        }
    }
}

const SELECT: &str = "SELECT number, id, name, status, created_ms, settings, tags FROM fhir_datastore";

fn find(tx: &state::Read<'_>, id: &str) -> Result<Option<Datastore>, state::Error> {
    tx.first(&format!("{SELECT} WHERE id = ?1"), params![id], datastore)
}

fn datastore<E: From<state::Error>>(row: &Row<'_>) -> Result<Datastore, E> {
    Ok(Datastore {
        number: row.int(0)?,
        id: row.text(1)?.to_owned(),
        name: row.text_opt(2)?.map(str::to_owned),
        status: if row.text(3)? == "ACTIVE" { Status::Active } else { Status::Deleted },
        created_ms: row.int(4)?,
        settings: row.text(5)?.to_owned(),
        tags: row.text(6)?.to_owned(),
    })
}
