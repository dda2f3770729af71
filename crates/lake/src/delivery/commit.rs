//! From a buffer to committed files: plan, write, commit. Failed steps are repeated until they succeed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use event::Sequence;

use super::buffer::{Buffer, Counts, Partition};
use super::consumer::Slot;
use super::engine::Inner;
use super::name::Identity;
use super::plan::{self, Plan, Ranges};
use super::prefix::Values;
use super::stream::{Live, Stream};
use super::{Step, store};
use crate::Error;

const RETRY: Duration = Duration::from_millis(500);

/// One flush on its way.
struct Flush {
    consumer: String,
    part: String,
    plan: Plan,
    objects: Vec<(String, Bytes)>,
    ranges: Ranges,
    counts: Counts,
    memory: usize,
}

impl Inner {
    /// Starts a flush for every buffer that is due and whose partition is not being flushed.
    pub fn kick(&self, stream: &Arc<Stream>) {
        let Some(this) = self.this() else { return };
        if self.is_stopped() {
            return;
        }
        let now_ms = self.clock.now_ms();
        let mut live = stream.live();
        let compiled = live.compiled.clone();
        for (name, consumer) in &mut live.consumers {
            for (part, slot) in consumer.slots.iter_mut().filter(|(_, slot)| slot.flushing.is_none()) {
                let next = if slot.repeated.is_some() { &mut slot.repeated } else { &mut slot.open };
                let due = |buffer: &Buffer| {
                    let output = compiled.output(&buffer.partition);
                    let old = now_ms - buffer.opened_ms >= output.interval_ms;
                    buffer.due || old || buffer.raw_bytes >= output.size_bytes
                };
                if !next.as_ref().is_some_and(due) {
                    continue;
                }
                let Some(buffer) = next.take() else { continue };
                slot.flushing = Some(buffer.id);
                self.leaving.fetch_add(buffer.memory(), Ordering::SeqCst);
                let task = this.clone().flush(stream.clone(), name.clone(), part.clone(), buffer);
                tokio::spawn(task);
            }
        }
    }

    async fn flush(self: Arc<Self>, stream: Arc<Stream>, consumer: String, part: String, buffer: Buffer) {
        let Ok(_permit) = self.permits.acquire().await else { return };
        let memory = buffer.memory();
        if buffer.records == 0 {
            // A planned flush whose records were trimmed meanwhile has nothing to repeat.
            if buffer.repeats.is_some() {
                let (consumer, part) = (consumer.clone(), part.clone());
                let _ = self.state.write(move |tx| store::forget_plan(tx, &consumer, &part)).await;
            }
            self.ended(&stream, &consumer, &part, memory, &Counts::new());
            return;
        }
        let mut flush = match self.prepare(&stream, consumer.clone(), part.clone(), buffer, memory).await {
            Ok(flush) => flush,
            Err(error) => {
                tracing::error!(%error, stream = stream.name, consumer, "a file could not be made; its consumer begins again");
                return self.failed(&stream, &consumer, &part, memory);
            }
        };
        while let Err(error) = self.attempt(&stream, &mut flush).await {
            if self.is_stopped() {
                return;
            }
            if stream.live().deleted {
                return self.ended(&stream, &flush.consumer, &flush.part, flush.memory, &Counts::new());
            }
            tracing::warn!(%error, stream = stream.name, records = flush.plan.records, "flush failed and is repeated");
            tokio::time::sleep(RETRY).await;
        }
        self.ended(&stream, &flush.consumer, &flush.part, flush.memory, &flush.counts);
        self.kick(&stream);
        if let Err(error) = self.settle(&stream).await {
            tracing::warn!(%error, stream = stream.name, "a position could not be moved yet");
        }
    }

    /// Encodes the buffer and names its objects.
    async fn prepare(
        &self,
        stream: &Stream,
        consumer: String,
        part: String,
        mut buffer: Buffer,
        memory: usize,
    ) -> Result<Flush, Error> {
        let encoder = buffer.take_encoder();
        let data = tokio::task::spawn_blocking(move || encoder.map(|encoder| encoder.finish()).transpose())
            .await
            .map_err(|_| Error::Stopped)??;
        let rejected = std::mem::take(&mut buffer.rejected);
        let live = stream.live();
        let mut plan = buffer.repeats.take().unwrap_or_else(|| Plan {
            bucket: live.compiled.output(&buffer.partition).destination.bucket().to_owned(),
            objects: Vec::new(),
            ranges: plan::stored(&buffer.ranges),
            held: None,
            records: 0,
            bytes: 0,
            version: live.stored.version,
            at_ms: buffer.oldest_ms,
        });
        // A repeat may be flushed before all its records have come again.
        plan.hold(&buffer.ranges);
        (plan.records, plan.bytes) = (buffer.records, buffer.raw_bytes);
        let mut objects = Vec::new();
        if let Some(data) = data.filter(|data| !data.is_empty()) {
            objects.push((self.data_key(&live, &consumer, &part, &buffer, &plan), data));
        }
        if !rejected.is_empty() {
            objects.push((error_key(&live, &consumer, &part, &buffer, &plan), rejected.into()));
        }
        plan.objects = objects.iter().map(|(key, data)| (key.clone(), data.len() as u64)).collect();
        Ok(Flush { consumer, part, plan, objects, ranges: buffer.ranges, counts: buffer.counts, memory })
    }

    fn data_key(&self, live: &Live, consumer: &str, part: &str, buffer: &Buffer, plan: &Plan) -> String {
        let identity = Identity::new(consumer, part, &plan.ranges());
        let keys = match &buffer.partition {
            Partition::Data(keys) => keys.as_slice(),
            Partition::Backup | Partition::Failed(_) => &[],
        };
        let random = identity.random();
        let values = Values { keys, at_ms: plan.at_ms, random: &random, error_type: "" };
        let output = live.compiled.output(&buffer.partition);
        let extension = output.destination.file_extension.as_deref().filter(|extension| !extension.is_empty());
        let extension = extension.unwrap_or_else(|| self.encoders.extension(&output.destination));
        let stream = &live.stored.definition.delivery_stream_name;
        let name = identity.object(stream, plan.version, plan.at_ms, extension);
        format!("{}{name}", output.data.render(&values))
    }

    /// One try of all steps; every step may be repeated.
    async fn attempt(&self, stream: &Stream, flush: &mut Flush) -> Result<(), Error> {
        let (id, consumer, part, plan) =
            (stream.id.clone(), flush.consumer.clone(), flush.part.clone(), flush.plan.clone());
        if self.is_stopped() || stream.live().deleted {
            return Err(Error::Stopped);
        }
        self.state.write(move |tx| store::save_plan(tx, &id, &consumer, &part, &plan)).await?;
        self.reached(Step::Planned, flush)?;
        for (key, data) in &flush.objects {
            let bucket = &flush.plan.bucket;
            match self.objects.put(bucket, key, data.clone()).await {
                Err(objects::Error::NoBucket(_)) => {
                    self.objects.create_bucket(bucket).await?;
                    self.objects.put(bucket, key, data.clone()).await?;
                }
                result => result?,
            }
        }
        self.reached(Step::Written, flush)?;
        let moved = watermarks(stream, flush);
        let (id, consumer, part, plan, ranges, to) = (
            stream.id.clone(),
            flush.consumer.clone(),
            flush.part.clone(),
            flush.plan.clone(),
            flush.ranges.clone(),
            moved.clone(),
        );
        self.state
            .write::<_, Error>(move |tx| {
                store::commit(tx, &id, &consumer, &part, &plan, &ranges)?;
                to.iter().try_for_each(|(shard, sequence)| store::advance(tx, &id, &consumer, shard, *sequence))
            })
            .await?;
        self.reached(Step::Committed, flush)?;
        record_positions(stream, &flush.consumer, &moved);
        Ok(())
    }

    fn reached(&self, step: Step, flush: &Flush) -> Result<(), Error> {
        if self.passed(step, &flush.consumer) { Ok(()) } else { Err(Error::Stopped) }
    }

    /// Drops what is held of a consumer. Its durable position stays before these records, so they come again.
    fn failed(&self, stream: &Stream, consumer: &str, part: &str, memory: usize) {
        {
            let mut live = stream.live();
            live.failed.insert(consumer.to_owned(), self.unique());
            if let Some(known) = live.consumers.get_mut(consumer) {
                let left = std::mem::take(known);
                let flushing = left.slots.iter().filter(|(_, slot)| slot.flushing.is_some());
                let only = |slot: &Slot| Slot { flushing: slot.flushing, ..Slot::default() };
                known.slots = flushing.map(|(part, slot)| (part.clone(), only(slot))).collect();
                known.failed = true;
                self.release(left);
            }
        }
        self.ended(stream, consumer, part, memory, &Counts::new());
    }

    fn ended(&self, stream: &Stream, consumer: &str, part: &str, memory: usize, counts: &Counts) {
        let mut live = stream.live();
        if let Some(known) = live.consumers.get_mut(consumer) {
            for (shard, batches) in counts {
                if let Some(shard) = known.shards.get_mut(shard) {
                    batches.iter().for_each(|(batch, count)| shard.done(*batch, *count));
                }
            }
            if let Some(slot) = known.slots.get_mut(part) {
                slot.flushing = None;
                if slot.open.is_none() && slot.repeated.is_none() {
                    known.slots.remove(part);
                }
            }
            if known.failed && known.slots.is_empty() {
                live.consumers.remove(consumer);
            }
        }
        drop(live);
        self.leaving.fetch_sub(memory, Ordering::SeqCst);
        self.memory.fetch_sub(memory, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// Moves the positions of shards that no buffer holds back any more (also when all records were filtered).
    pub async fn settle(&self, stream: &Stream) -> Result<(), Error> {
        let mut behind: Vec<(String, Vec<(String, Sequence)>)> = Vec::new();
        {
            let mut live = stream.live();
            if live.deleted || self.is_stopped() {
                return Ok(());
            }
            for (name, consumer) in &mut live.consumers {
                let mut moved = Vec::new();
                for (id, shard) in &mut consumer.shards {
                    let to = shard.watermark();
                    shard.ahead.retain(|_, through| *through > to);
                    if to > shard.position {
                        moved.push((id.clone(), to));
                    }
                }
                if !moved.is_empty() {
                    behind.push((name.clone(), moved));
                }
            }
        }
        for (consumer, moved) in behind {
            let (id, name, to) = (stream.id.clone(), consumer.clone(), moved.clone());
            self.state
                .write::<_, Error>(move |tx| {
                    to.iter().try_for_each(|(shard, sequence)| store::advance(tx, &id, &name, shard, *sequence))
                })
                .await?;
            record_positions(stream, &consumer, &moved);
        }
        Ok(())
    }
}

fn error_key(live: &Live, consumer: &str, part: &str, buffer: &Buffer, plan: &Plan) -> String {
    // The data of the same flush has the other identity.
    let identity = Identity::new(consumer, &format!("{part}!error"), &plan.ranges());
    let random = identity.random();
    let values = Values { keys: &[], at_ms: plan.at_ms, random: &random, error_type: buffer.error_type() };
    let name = identity.object(&live.stored.definition.delivery_stream_name, plan.version, plan.at_ms, "");
    format!("{}{name}", live.compiled.main.error.render(&values))
}

/// Where the shards of a flush will stand once it is committed.
fn watermarks(stream: &Stream, flush: &Flush) -> Vec<(String, Sequence)> {
    let live = stream.live();
    let Some(consumer) = live.consumers.get(&flush.consumer) else { return Vec::new() };
    let mut moved = Vec::new();
    for id in flush.ranges.keys() {
        let Some(shard) = consumer.shards.get(id) else { continue };
        let Some(counts) = flush.counts.get(id) else { continue };
        let to = shard.watermark_with(counts);
        if to > shard.position {
            moved.push((id.clone(), to));
        }
    }
    moved
}

fn record_positions(stream: &Stream, consumer: &str, moved: &[(String, Sequence)]) {
    let mut live = stream.live();
    let Some(consumer) = live.consumers.get_mut(consumer) else { return };
    for (id, to) in moved {
        if let Some(shard) = consumer.shards.get_mut(id) {
            shard.position = shard.position.max(*to);
        }
    }
}
