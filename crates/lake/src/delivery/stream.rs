//! One running delivery stream: its compiled definition and its consumers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::buffer::Partition;
use super::consumer::Consumer;
use super::definition::{Definition, Destination, Stored};
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

    /// The buckets that files go to.
    pub fn buckets(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.main).chain(&self.backup).map(|output| output.destination.bucket())
    }
}

/// What changes while records flow. Never held over an await.
pub struct Live {
    pub stored: Stored,
    pub compiled: Arc<Compiled>,
    pub consumers: HashMap<String, Consumer>,
    pub deleted: bool,
}

pub struct Stream {
    pub id: String,
    pub name: String,
    /// Held while a batch is taken in, so that its order is kept.
    pub intake: tokio::sync::Mutex<()>,
    /// The last direct put that was taken in.
    pub pump: tokio::sync::Mutex<i64>,
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
            live: Mutex::new(Live { stored, compiled, consumers: HashMap::new(), deleted: false }),
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

    /// The ids of all buffers that hold records, written or not.
    pub fn buffer_ids(&self) -> Vec<u64> {
        let live = self.live();
        let mut ids = Vec::new();
        for slot in live.consumers.values().flat_map(|consumer| consumer.slots.values()) {
            ids.extend(slot.flushing);
            ids.extend(slot.repeated.iter().chain(&slot.open).filter(|b| b.records > 0).map(|buffer| buffer.id));
        }
        ids
    }

    /// Marks all buffers with records as due.
    pub fn mark_due(&self) {
        for slot in self.live().consumers.values_mut().flat_map(|consumer| consumer.slots.values_mut()) {
            for buffer in slot.repeated.iter_mut().chain(&mut slot.open) {
                buffer.due |= buffer.records > 0;
            }
        }
    }
}
