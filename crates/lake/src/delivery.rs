//! Delivery streams by name: create, describe, update, delete, put, flush.
//!
//! # Exactly once
//! A buffer per consumer and partition. A flush 1) writes its plan (keys, ranges) in one transaction, 2) writes the
//! objects, whose names derive from consumer, partition and ranges, 3) in one transaction removes the plan, moves the
//! partition's *through* and, as far as no older record is still in a buffer, the consumer's position. A replay drops
//! what is behind the position or the partition's through. A plan found at start is committed when its objects
//! exist; otherwise the same records are put under the same names when they come again.

pub mod buffer;
mod commit;
mod consumer;
mod conversion;
pub mod date;
pub mod definition;
mod destination;
mod engine;
pub mod errors;
mod intake;
pub mod name;
pub mod partition;
pub mod plan;
pub mod prefix;
mod processing;
pub mod processors;
mod spool;
mod store;
mod stream;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use event::{Batch, Clock};
use objects::Objects;
use serde_json::{Map, Value};
use state::State;

use self::definition::{Definition, Stored, Tag};
use self::engine::Inner;
use self::processors::{NoFunctions, Processors};
use crate::Error;
use crate::encoder::Encoders;

/// Largest record of a direct put, bytes.
pub const RECORD_BYTES_MAX: usize = 1_024_000;
/// Most records of one direct put.
pub const BATCH_RECORDS_MAX: usize = 500;
/// Most bytes of one direct put.
pub const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Where a flush stands; for tests that stop it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Planned,
    Written,
    Committed,
}

/// Called after each step with the consumer; `false` stops the engine as if the process had died there.
pub type Observer = Arc<dyn Fn(Step, &str) -> bool + Send + Sync>;

/// How to run delivery.
#[derive(Clone)]
pub struct Settings {
    /// Memory in buffers over all streams, default 256 MB. Above it the largest are flushed first and callers wait.
    pub buffer_bytes_max: usize,
    /// Files written at the same time, default 16: their plans and commits share transactions.
    pub flushes_max: usize,
    /// What runs `Lambda` processors, default [`NoFunctions`].
    pub processors: Arc<dyn Processors>,
    pub observer: Option<Observer>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { buffer_bytes_max: 256 << 20, flushes_max: 16, processors: Arc::new(NoFunctions), observer: None }
    }
}

/// A delivery stream as it stands.
#[derive(Clone, Debug)]
pub struct Status {
    pub stored: Stored,
    pub buffered_bytes: u64,
    pub buffered_records: u64,
    pub delivered_records: u64,
    pub delivered_bytes: u64,
    pub delivered_files: u64,
}

/// All delivery streams. Cheap to clone; stops when the last clone is dropped.
#[derive(Clone)]
pub struct DeliveryStreams {
    inner: Arc<Inner>,
}

impl DeliveryStreams {
    /// Loads the definitions, finishes what a crash left planned, and starts the timer. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the state or the object store fails.
    pub async fn open(
        state: State,
        objects: Objects,
        clock: Arc<dyn Clock>,
        encoders: Arc<dyn Encoders>,
        settings: Settings,
    ) -> Result<Self, Error> {
        let migrated = state.clone();
        tokio::task::spawn_blocking(move || migrated.migrate("delivery", store::MIGRATIONS))
            .await
            .map_err(|_| Error::Stopped)??;
        let inner = Inner::open(state, objects, clock, encoders, settings).await?;
        inner.start();
        Ok(DeliveryStreams { inner })
    }

    /// Creates a stream, and its bucket if there is none.
    ///
    /// # Errors
    /// `Invalid` for a definition that cannot be run, `Conflict` when the name is taken.
    pub async fn create(&self, definition: Definition) -> Result<Stored, Error> {
        let inner = &self.inner;
        let name = definition.delivery_stream_name.clone();
        let now_ms = inner.clock.now_ms();
        let tags = definition.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        // The consumer of direct puts is named by the id, so it must not repeat for a re-created stream.
        let id = format!("{name}-{now_ms:x}-{}", inner.unique());
        let stored = Stored { id, definition, version: 1, created_ms: now_ms, updated_ms: None, tags };
        let stream = inner.build(stored.clone())?;
        let compiled = stream.live().compiled.clone();
        inner.admit(&compiled).await?;
        let row = stored.clone();
        inner
            .state
            .write(move |tx| {
                let taken = store::streams(tx)?
                    .iter()
                    .any(|other| other.definition.delivery_stream_name == row.definition.delivery_stream_name);
                if taken {
                    return Err(Error::Conflict(format!(
                        "delivery stream exists already. name=`{}`",
                        row.definition.delivery_stream_name
                    )));
                }
                store::save_stream(tx, &row)
            })
            .await?;
        inner.add(stream);
        Ok(stored)
    }

    /// A stream's definition and counters.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn describe(&self, name: &str) -> Result<Status, Error> {
        let stream = self.inner.find(name)?;
        let id = stream.id.clone();
        let (records, bytes, files) = self.inner.state.read(move |tx| store::totals(tx, &id)).await?;
        let (buffered_bytes, buffered_records) = stream.buffered();
        Ok(Status {
            stored: stream.stored(),
            buffered_bytes,
            buffered_records,
            delivered_records: records,
            delivered_bytes: bytes,
            delivered_files: files,
        })
    }

    /// The names of all streams, sorted.
    pub fn list(&self) -> Vec<String> {
        self.inner.names()
    }

    /// Changes the destination. What is in buffers is delivered first, under the old definition.
    ///
    /// # Errors
    /// `NotFound`; `Version` when `version` is not the current one; `Invalid`.
    pub async fn update_destination(
        &self,
        name: &str,
        version: &str,
        update: &Map<String, Value>,
    ) -> Result<Stored, Error> {
        let inner = &self.inner;
        let stream = inner.find(name)?;
        // No records are taken in until the new definition holds.
        let _intake = stream.intake.lock().await;
        let mut stored = stream.stored();
        if stored.version.to_string() != version {
            return Err(Error::Version(format!("the current version is {}. name=`{name}`", stored.version)));
        }
        stored.definition.destination = stored.definition.destination.updated(update)?;
        stored.version += 1;
        stored.updated_ms = Some(inner.clock.now_ms());
        let compiled = Arc::new(stream::Compiled::new(&stored, &*inner.settings.processors)?);
        inner.admit(&compiled).await?;
        inner.drain(&stream).await?;
        self.save(&stored).await?;
        stream.replace(stored.clone(), Some(compiled));
        Ok(stored)
    }

    async fn save(&self, stored: &Stored) -> Result<(), Error> {
        let row = stored.clone();
        self.inner.state.write(move |tx| store::save_stream(tx, &row)).await
    }

    /// Deletes a stream and what is in its buffers; delivered files stay.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete(&self, name: &str) -> Result<(), Error> {
        let stream = self.inner.remove(name)?;
        let _intake = stream.intake.lock().await;
        let (name, id) = (name.to_owned(), stream.id.clone());
        self.inner.state.write(move |tx| store::delete_stream(tx, &name, &id)).await
    }

    /// Takes records that are acknowledged once they are durable; answers their ids.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for too many or too large records.
    pub async fn put_records(&self, name: &str, records: Vec<Bytes>) -> Result<Vec<String>, Error> {
        let stream = self.inner.find(name)?;
        if records.is_empty() || records.len() > BATCH_RECORDS_MAX {
            return Err(Error::Invalid(format!("a batch must have 1 to {BATCH_RECORDS_MAX} records")));
        }
        if records.iter().any(|record| record.len() > RECORD_BYTES_MAX) {
            return Err(Error::Invalid(format!("a record must have at most {RECORD_BYTES_MAX} bytes")));
        }
        if records.iter().map(Bytes::len).sum::<usize>() > BATCH_BYTES_MAX {
            return Err(Error::Invalid("a batch must have at most 4 MiB".into()));
        }
        let (id, at_ms) = (stream.id.clone(), self.inner.clock.now_ms());
        let sequences = self.inner.state.write(move |tx| spool::append(tx, &id, at_ms, &records)).await?;
        // The records are safe: what goes wrong from here on is tried again by the timer.
        if let Err(error) = self.inner.pump(&stream).await {
            tracing::warn!(%error, stream = name, "direct puts wait in the spool");
        }
        Ok(sequences.into_iter().map(|sequence| format!("{}-{sequence:020}", stream.id)).collect())
    }

    /// Takes a batch of a consumer: see [`event::Target::deliver`].
    ///
    /// # Errors
    /// `NotFound`, or nothing was taken and it may be tried again.
    pub async fn deliver(&self, name: &str, batch: Batch) -> Result<(), Error> {
        self.deliver_since(self.opening(), name, batch).await
    }

    /// A number that grows, for a consumer that begins to deliver from its durable positions.
    pub fn opening(&self) -> u64 {
        self.inner.unique()
    }

    /// [`DeliveryStreams::deliver`] of a consumer that began at [`DeliveryStreams::opening`].
    ///
    /// # Errors
    /// As `deliver`; `Invalid` when records that the consumer handed in since could not be made into a file: it must
    /// begin again from its durable positions.
    pub async fn deliver_since(&self, opened: u64, name: &str, batch: Batch) -> Result<(), Error> {
        let stream = self.inner.find(name)?;
        self.inner.intake(&stream, batch, opened).await
    }

    /// Delivers what is in the buffers of a consumer that will not come back, and drops what is kept for it.
    ///
    /// # Errors
    /// `Stopped`, or the state failed.
    pub async fn forget(&self, name: &str, consumer: &str) -> Result<(), Error> {
        let Ok(stream) = self.inner.find(name) else { return Ok(()) };
        stream.give_up_repeats(consumer, &self.inner);
        self.inner.drain_consumer(&stream, Some(consumer)).await?;
        stream.forget(consumer, &self.inner);
        let consumer = consumer.to_owned();
        self.inner.state.write(move |tx| store::forget_consumer(tx, &consumer)).await
    }

    /// Delivers what is in the buffers of one stream (or all) and waits for it.
    ///
    /// # Errors
    /// `NotFound`, or `Stopped`.
    pub async fn flush(&self, name: Option<&str>) -> Result<(), Error> {
        let names = name.map_or_else(|| self.list(), |name| vec![name.to_owned()]);
        for name in names {
            let stream = self.inner.find(&name)?;
            self.inner.drain(&stream).await?;
        }
        Ok(())
    }

    /// Starts the flushes whose time has come. The timer calls it; tests with their own clock may.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn tick(&self) -> Result<(), Error> {
        self.inner.tick().await
    }

    /// The tags of a stream.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn tags(&self, name: &str) -> Result<BTreeMap<String, String>, Error> {
        Ok(self.inner.find(name)?.stored().tags)
    }

    /// Sets tags and removes others.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` above 50 tags.
    pub async fn tag(&self, name: &str, set: Vec<Tag>, remove: &[String]) -> Result<(), Error> {
        let stream = self.inner.find(name)?;
        let _intake = stream.intake.lock().await;
        let mut stored = stream.stored();
        stored.tags.extend(set.into_iter().map(|tag| (tag.key, tag.value)));
        stored.tags.retain(|key, _| !remove.contains(key));
        if stored.tags.len() > 50 {
            return Err(Error::Invalid("a delivery stream can have at most 50 tags".into()));
        }
        self.save(&stored).await?;
        stream.replace(stored, None);
        Ok(())
    }
}
