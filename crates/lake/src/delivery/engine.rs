//! All streams of one process: the memory they share, the timer, and recovery at start.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use event::{Batch, Clock};
use objects::Objects;
use state::State;
use tokio::sync::{Notify, Semaphore};

use super::consumer::Consumer;
use super::definition::Stored;
use super::stream::{Compiled, Pump, Stream};
use super::{Settings, Step, spool, store};
use crate::Error;
use crate::encoder::Encoders;

/// How often buffers are looked at for their age.
const TICK: Duration = Duration::from_millis(200);

pub struct Inner {
    pub state: State,
    pub objects: Objects,
    pub clock: Arc<dyn Clock>,
    pub encoders: Arc<dyn Encoders>,
    pub settings: Settings,
    pub memory: AtomicUsize,
    /// The part of it that is on its way into files.
    pub leaving: AtomicUsize,
    pub permits: Semaphore,
    /// A flush ended.
    pub changed: Notify,
    stopped: AtomicBool,
    next: AtomicU64,
    streams: Mutex<BTreeMap<String, Arc<Stream>>>,
    this: Weak<Inner>,
}

impl Inner {
    pub async fn open(
        state: State,
        objects: Objects,
        clock: Arc<dyn Clock>,
        encoders: Arc<dyn Encoders>,
        settings: Settings,
    ) -> Result<Arc<Inner>, Error> {
        let permits = Semaphore::new(settings.flushes_max.max(1));
        let inner = Arc::new_cyclic(|this| Inner {
            state,
            objects,
            clock,
            encoders,
            settings,
            memory: AtomicUsize::new(0),
            leaving: AtomicUsize::new(0),
            permits,
            changed: Notify::new(),
            stopped: AtomicBool::new(false),
            next: AtomicU64::new(1),
            streams: Mutex::default(),
            this: this.clone(),
        });
        inner.recover().await?;
        for stored in inner.state.read(store::streams).await? {
            let stream = inner.build(stored)?;
            inner.add(stream);
        }
        Ok(inner)
    }

    /// Commits the plans whose objects were written. The others wait for their records to come again.
    async fn recover(&self) -> Result<(), Error> {
        for (consumer, part, stream, plan) in self.state.read(store::plans).await? {
            let mut complete = true;
            for (key, bytes) in &plan.objects {
                let found = self.objects.head(&plan.bucket, key).await?;
                complete &= found.is_some_and(|object| object.bytes == *bytes);
            }
            if complete {
                let ranges = plan.held();
                self.state.write(move |tx| store::commit(tx, &stream, &consumer, &part, &plan, &ranges)).await?;
            }
        }
        Ok(())
    }

    /// Starts the timer, which lives as long as the engine.
    pub fn start(&self) {
        let this = self.this.clone();
        tokio::spawn(async move {
            let mut interval = tokio::time::interval(TICK);
            interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                interval.tick().await;
                let Some(inner) = this.upgrade() else { return };
                if inner.is_stopped() {
                    return;
                }
                if let Err(error) = inner.tick().await {
                    tracing::warn!(%error, "delivery timer failed and goes on");
                }
            }
        });
    }

    pub async fn tick(&self) -> Result<(), Error> {
        for stream in self.all() {
            // Direct puts are fed here after a restart; otherwise there is nothing to read.
            if let Some(this) = self.this.upgrade() {
                let stream = stream.clone();
                tokio::spawn(async move { this.pump(&stream).await });
            }
            self.kick(&stream);
            self.settle(&stream).await?;
        }
        Ok(())
    }

    /// Takes in the direct puts that are spooled.
    pub async fn pump(&self, stream: &Arc<Stream>) -> Result<(), Error> {
        let mut pump = stream.pump.lock().await;
        loop {
            let (id, after) = (stream.id.clone(), pump.fed);
            let records = self.state.read(move |tx| spool::read(tx, &id, after, 500)).await?;
            let Some(last) = records.last() else { return Ok(()) };
            let through = last.sequence;
            let consumer: Arc<str> = spool::consumer(&stream.id).into();
            let batch = Batch { consumer, shard: spool::SHARD.into(), records, through };
            let taken = self.intake(stream, batch, pump.opened).await;
            if matches!(taken, Err(Error::Rewind(_))) {
                // What is in a file is no longer in the spool, so its beginning is the durable position.
                *pump = Pump { fed: 0, opened: self.unique() };
            }
            taken?;
            pump.fed = through.to_string().parse().unwrap_or(i64::MAX);
        }
    }

    /// Delivers what is in a stream's buffers now and waits for it.
    pub async fn drain(&self, stream: &Arc<Stream>) -> Result<(), Error> {
        self.drain_consumer(stream, None).await
    }

    /// [`Inner::drain`] for the buffers of one consumer, or of all.
    pub async fn drain_consumer(&self, stream: &Arc<Stream>, consumer: Option<&str>) -> Result<(), Error> {
        let wanted = stream.buffer_ids(consumer);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.is_stopped() {
                return Err(Error::Stopped);
            }
            let left = stream.buffer_ids(consumer);
            if !wanted.iter().any(|id| left.contains(id)) {
                return self.settle(stream).await;
            }
            stream.mark_due(consumer);
            self.kick(stream);
            changed.await;
        }
    }

    pub fn this(&self) -> Option<Arc<Inner>> {
        self.this.upgrade()
    }

    pub fn unique(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Tells the observer; answers false when the engine was stopped.
    pub fn passed(&self, step: Step, consumer: &str) -> bool {
        if self.settings.observer.as_ref().is_some_and(|observer| !observer(step, consumer)) {
            self.stopped.store(true, Ordering::SeqCst);
            self.changed.notify_waiters();
        }
        !self.is_stopped()
    }

    fn streams(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Stream>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn all(&self) -> Vec<Arc<Stream>> {
        self.streams().values().cloned().collect()
    }

    pub fn names(&self) -> Vec<String> {
        self.streams().keys().cloned().collect()
    }

    pub fn build(&self, stored: Stored) -> Result<Arc<Stream>, Error> {
        Ok(Arc::new(Stream::new(stored, &*self.settings.processors)?))
    }

    /// Refuses formats that cannot be written, then creates the buckets that are missing.
    pub async fn admit(&self, compiled: &Compiled) -> Result<(), Error> {
        for output in compiled.outputs() {
            self.encoders.check(&output.destination)?;
        }
        for output in compiled.outputs() {
            self.objects.create_bucket(output.destination.bucket()).await?;
        }
        Ok(())
    }

    pub fn add(&self, stream: Arc<Stream>) {
        self.streams().insert(stream.name.clone(), stream);
    }

    pub fn find(&self, name: &str) -> Result<Arc<Stream>, Error> {
        let found = self.streams().get(name).cloned();
        found.ok_or_else(|| Error::NotFound(format!("delivery stream not found. name=`{name}`")))
    }

    /// Takes a stream out; its buffers are dropped.
    pub fn remove(&self, name: &str) -> Result<Arc<Stream>, Error> {
        let stream = self.find(name)?;
        self.streams().remove(name);
        let mut live = stream.live();
        live.deleted = true;
        for (_, consumer) in live.consumers.drain() {
            self.release(consumer);
        }
        drop(live);
        self.changed.notify_waiters();
        Ok(stream)
    }

    /// Drops a consumer's buffers.
    pub fn release(&self, consumer: Consumer) {
        let buffers = consumer.slots.into_values().flat_map(|slot| slot.repeated.into_iter().chain(slot.open));
        self.free(buffers.map(|buffer| buffer.memory()).sum());
    }

    /// Memory of buffers that was given back.
    pub fn free(&self, bytes: usize) {
        self.memory.fetch_sub(bytes, Ordering::SeqCst);
    }
}
