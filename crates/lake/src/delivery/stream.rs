//! One running delivery stream: its compiled definition and its consumers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::buffer::Partition;
use super::consumer::Consumer;
use super::definition::{Definition, Destination, Stored};
use super::engine::Inner;
use super::prefix::Prefix;
use super::processors::{Chain, Processors};
use crate::Error;

/// A definition ready to run.
pub struct Compiled {
    pub chain: Chain,
    pub main: Output,
    /// Where source records are backed up.
    pub backup: Option<Output>,
}

/// A place that files go to: when, where, and under which prefixes.
pub struct Output {
    pub destination: Destination,
    pub data: Prefix,
    pub error: Prefix,
    pub interval_ms: i64,
    pub size_bytes: u64,
}

impl Output {
    fn new(destination: Destination) -> Result<Output, Error> {
        let (data, error) = destination.prefixes()?;
        let interval_ms = i64::from(destination.buffering_hints.interval_seconds) * 1000;
        let size_bytes = u64::from(destination.buffering_hints.size_mb) << 20;
        Ok(Output { destination, data, error, interval_ms, size_bytes })
    }
}

impl Compiled {
    pub fn new(stored: &Stored, processors: &dyn Processors) -> Result<Compiled, Error> {
        let Definition { delivery_stream_name: name, destination, .. } = &stored.definition;
        let main = Output::new(destination.clone())?;
        let chain = Chain::new(name, destination, main.data.required(), processors)?;
        Ok(Compiled { chain, main, backup: destination.backup().map(Output::new).transpose()? })
    }

    /// Where the files of a partition go.
    pub fn output(&self, partition: &Partition) -> &Output {
        match (partition, &self.backup) {
            (Partition::Backup, Some(backup)) => backup,
            _ => &self.main,
        }
    }

    pub fn outputs(&self) -> impl Iterator<Item = &Output> {
        std::iter::once(&self.main).chain(&self.backup)
    }
}

/// What changes while records flow. Never held over an await.
pub struct Live {
    pub stored: Stored,
    pub compiled: Arc<Compiled>,
    pub consumers: HashMap<String, Consumer>,
    /// Consumers whose records were dropped because no file could be made of them, and when ([`Inner::unique`]): who
    /// opened before must begin again from its durable positions.
    pub failed: HashMap<String, u64>,
    pub deleted: bool,
}

impl Live {
    /// # Errors
    /// `Rewind` when the consumer's records were dropped after it had `opened`.
    pub fn check_opened(&self, consumer: &str, opened: u64) -> Result<(), Error> {
        if self.failed.get(consumer).is_none_or(|failed| *failed < opened) {
            return Ok(());
        }
        let name = &self.stored.definition.delivery_stream_name;
        Err(Error::Rewind(format!("records could not be made into a file; see the server's log. stream=`{name}`")))
    }
}

/// How far direct puts were taken in, and since when.
#[derive(Default)]
pub struct Pump {
    /// The last one.
    pub fed: i64,
    pub opened: u64,
}

pub struct Stream {
    pub id: String,
    pub name: String,
    /// Held while a batch is taken in, so that its order is kept.
    pub intake: tokio::sync::Mutex<()>,
    pub pump: tokio::sync::Mutex<Pump>,
    live: Mutex<Live>,
}

impl Stream {
    pub fn new(stored: Stored, processors: &dyn Processors) -> Result<Stream, Error> {
        let compiled = Arc::new(Compiled::new(&stored, processors)?);
        Ok(Stream {
            id: stored.id.clone(),
            name: stored.definition.delivery_stream_name.clone(),
            intake: tokio::sync::Mutex::default(),
            pump: tokio::sync::Mutex::default(),
            live: Mutex::new(Live {
                stored,
                compiled,
                consumers: HashMap::new(),
                failed: HashMap::new(),
                deleted: false,
            }),
        })
    }

    pub fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn stored(&self) -> Stored {
        self.live().stored.clone()
    }

    pub fn replace(&self, stored: Stored, compiled: Option<Arc<Compiled>>) {
        let mut live = self.live();
        live.stored = stored;
        if let Some(compiled) = compiled {
            live.compiled = compiled;
        }
    }

    /// Bytes and records in open buffers.
    pub fn buffered(&self) -> (u64, u64) {
        let live = self.live();
        let slots = live.consumers.values().flat_map(|consumer| consumer.slots.values());
        let buffers = slots.flat_map(|slot| slot.repeated.iter().chain(&slot.open));
        buffers.fold((0, 0), |(bytes, records), buffer| (bytes + buffer.raw_bytes, records + buffer.records))
    }

    /// Drops planned flushes of a consumer whose records will not come again.
    pub fn give_up_repeats(&self, consumer: &str, inner: &Inner) {
        let mut live = self.live();
        let Some(consumer) = live.consumers.get_mut(consumer) else { return };
        let waiting =
            consumer.slots.values_mut().filter_map(|slot| slot.repeated.take_if(|buffer| buffer.records == 0));
        inner.free(waiting.map(|buffer| buffer.memory()).sum());
    }

    /// Drops what is in memory of a consumer.
    pub fn forget(&self, consumer: &str, inner: &Inner) {
        let mut live = self.live();
        live.failed.remove(consumer);
        if let Some(consumer) = live.consumers.remove(consumer) {
            inner.release(consumer);
        }
    }

    /// The ids of the buffers that hold records, written or not: of one consumer, or of all.
    pub fn buffer_ids(&self, consumer: Option<&str>) -> Vec<u64> {
        let live = self.live();
        let mut ids = Vec::new();
        let consumers = live.consumers.iter().filter(|(name, _)| consumer.is_none_or(|consumer| *name == consumer));
        for slot in consumers.flat_map(|(_, consumer)| consumer.slots.values()) {
            ids.extend(slot.flushing);
            // Behind a planned flush whose records have not come again nothing can be delivered yet.
            if slot.repeated.as_ref().is_some_and(|buffer| buffer.records == 0) {
                continue;
            }
            ids.extend(slot.repeated.iter().chain(&slot.open).filter(|b| b.records > 0).map(|buffer| buffer.id));
        }
        ids
    }

    /// Marks buffers with records as due: of one consumer, or of all.
    pub fn mark_due(&self, consumer: Option<&str>) {
        let mut live = self.live();
        let consumers = live.consumers.iter_mut().filter(|(name, _)| consumer.is_none_or(|consumer| *name == consumer));
        for slot in consumers.flat_map(|(_, consumer)| consumer.slots.values_mut()) {
            for buffer in slot.repeated.iter_mut().chain(&mut slot.open) {
                buffer.due |= buffer.records > 0;
            }
        }
    }
}
