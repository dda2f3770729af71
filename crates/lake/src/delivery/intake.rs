//! Records on their way into buffers: what came before is dropped, the rest partitioned, memory bounded.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use event::{Batch, Record, Sequence};

use super::buffer::{Buffer, Partition};
use super::consumer::{Consumer, Shard};
use super::engine::Inner;
use super::processors::Placement;
use super::store;
use super::stream::{Compiled, Live, Stream};
use crate::Error;

/// A run of consecutive records on their way in.
struct Run<'a> {
    batch: &'a Batch,
    records: &'a [Record],
    /// Everything up to here is in this run or an earlier one.
    through: Sequence,
    opened: u64,
}

impl Inner {
    /// Takes a batch into buffers. On an error what is left of it was not taken, and what was is dropped when the
    /// batch comes again.
    pub async fn intake(&self, stream: &Arc<Stream>, batch: Batch, opened: u64) -> Result<(), Error> {
        self.wait_for_room().await?;
        let _intake = stream.intake.lock().await;
        stream.live().check_opened(&batch.consumer, opened)?;
        self.load(stream, &batch.consumer, &batch.shard).await?;
        let (compiled, received) = {
            let live = stream.live();
            let shard = live.consumers.get(&*batch.consumer).and_then(|consumer| consumer.shards.get(&*batch.shard));
            (live.compiled.clone(), shard.map_or(Sequence::ZERO, |shard| shard.received))
        };
        let known = batch.records.partition_point(|record| record.sequence <= received);
        let mut rest = batch.records.get(known..).unwrap_or_default();
        loop {
            let before = rest;
            let pieces = compiled.chain.unpack(&mut rest);
            let records = before.get(..before.len() - rest.len()).unwrap_or_default();
            let last = records.last().map_or(received, |record| record.sequence);
            let placed = compiled.chain.place(records, pieces).await?;
            let through = if rest.is_empty() { batch.through } else { last };
            let run = Run { batch: &batch, records, through, opened };
            self.buffer(&mut stream.live(), &run, &placed)?;
            self.kick(stream);
            if rest.is_empty() {
                return Ok(());
            }
            self.wait_for_room().await?;
        }
    }

    fn buffer(&self, live: &mut Live, run: &Run<'_>, placed: &[Placement]) -> Result<(), Error> {
        if live.deleted {
            return Err(Error::NotFound(format!(
                "delivery stream not found. name=`{}`",
                live.stored.definition.delivery_stream_name
            )));
        }
        let (compiled, batch) = (live.compiled.clone(), run.batch);
        live.check_opened(&batch.consumer, run.opened)?;
        let table = compiled.main.destination.data_format_conversion_configuration.as_ref();
        let table = table.and_then(|conversion| conversion.get("SchemaConfiguration"));
        let consumer = live.consumers.entry(batch.consumer.to_string()).or_default();
        // Every file is opened before a record is taken, for opening may fail.
        for Placement { place, .. } in placed {
            if consumer.slots.get(&place.id).is_none_or(|slot| slot.open.is_none()) {
                let buffer = self.open_buffer(&place.partition, &compiled)?;
                consumer.slots.entry(place.id.clone()).or_default().open = Some(buffer);
            }
        }
        let shard = consumer.shards.entry(batch.shard.to_string()).or_default();
        let number = shard.next_batch();
        let (mut pending, mut grown, mut shrunk) = (0, 0, 0);
        for piece in placed {
            let Some(record) = run.records.get(piece.source) else { continue };
            if shard.ahead.get(&piece.place.id).is_some_and(|through| record.sequence <= *through) {
                continue;
            }
            let Some(slot) = consumer.slots.get_mut(&piece.place.id) else { continue };
            let repeated = slot.repeated.as_mut().filter(|buffer| buffer.takes(&batch.shard, record.sequence));
            let Some(buffer) = repeated.or(slot.open.as_mut()) else { continue };
            shrunk += buffer.memory();
            buffer.push(&batch.shard, number, record, piece, table);
            grown += buffer.memory();
            pending += 1;
        }
        shard.take_in(run.through, pending);
        consumer.mark_complete();
        self.memory.fetch_add(grown, Ordering::SeqCst);
        self.memory.fetch_sub(shrunk, Ordering::SeqCst);
        Ok(())
    }

    fn open_buffer(&self, partition: &Partition, compiled: &Compiled) -> Result<Buffer, Error> {
        let encoder = match partition {
            Partition::Data(_) | Partition::Backup => {
                Some(self.encoders.open(&compiled.output(partition).destination)?)
            }
            Partition::Failed(_) => None,
        };
        let buffer = Buffer::new(self.unique(), partition.clone(), encoder, self.clock.now_ms());
        self.memory.fetch_add(buffer.memory(), Ordering::SeqCst);
        Ok(buffer)
    }

    /// Reads what is durable of a consumer when it is first seen.
    async fn load(&self, stream: &Arc<Stream>, consumer: &str, shard: &str) -> Result<(), Error> {
        if stream.live().consumers.get(consumer).is_some_and(|known| known.shards.contains_key(shard)) {
            return Ok(());
        }
        self.wait_for_failed(stream, consumer).await?;
        let name = consumer.to_owned();
        let (positions, throughs, plans) = self
            .state
            .read::<_, Error>(move |tx| {
                let plans = store::plans(tx)?.into_iter().filter(|(owner, ..)| *owner == name).collect::<Vec<_>>();
                Ok((state::positions::load(tx, &name)?, store::throughs(tx, &name)?, plans))
            })
            .await?;
        let mut live = stream.live();
        let compiled = live.compiled.clone();
        if !live.consumers.contains_key(consumer) {
            let mut loaded = Consumer::default();
            for (_, part, _, plan) in plans {
                let Some(partition) = Partition::from_id(&part) else { continue };
                let mut buffer = self.open_buffer(&partition, &compiled)?;
                buffer.repeats = Some(plan);
                loaded.slots.entry(part).or_default().repeated = Some(buffer);
            }
            live.consumers.insert(consumer.into(), loaded);
        }
        let position = positions.iter().find(|(name, _)| name == shard).and_then(|(_, text)| text.parse().ok());
        let mut loaded = Shard::at(position.unwrap_or_default());
        for (_, part, sequence) in throughs.iter().filter(|(name, ..)| name == shard) {
            if let Ok(sequence) = sequence.parse() {
                loaded.ahead.insert(part.clone(), sequence);
            }
        }
        if let Some(known) = live.consumers.get_mut(consumer) {
            known.shards.insert(shard.into(), loaded);
        }
        Ok(())
    }

    /// Files of a consumer that failed may still be on their way; their commits are awaited before it is loaded again.
    async fn wait_for_failed(&self, stream: &Arc<Stream>, consumer: &str) -> Result<(), Error> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.is_stopped() {
                return Err(Error::Stopped);
            }
            if !stream.live().consumers.get(consumer).is_some_and(|known| known.failed) {
                return Ok(());
            }
            changed.await;
        }
    }

    /// Waits while the buffers hold too much, flushing the largest first.
    async fn wait_for_room(&self) -> Result<(), Error> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.is_stopped() {
                return Err(Error::Stopped);
            }
            let held = self.memory.load(Ordering::SeqCst);
            if held <= self.settings.buffer_bytes_max {
                return Ok(());
            }
            // What is on its way out already needs no others to go with it: files would get ever smaller.
            let open = held.saturating_sub(self.leaving.load(Ordering::SeqCst));
            self.mark_largest(open.saturating_sub(self.settings.buffer_bytes_max / 2));
            for stream in self.all() {
                self.kick(&stream);
            }
            changed.await;
        }
    }

    /// Marks the largest buffers as due until they hold `bytes` together.
    fn mark_largest(&self, bytes: usize) {
        let streams = self.all();
        let mut sizes = Vec::new();
        for (index, stream) in streams.iter().enumerate() {
            for slot in stream.live().consumers.values().flat_map(|consumer| consumer.slots.values()) {
                sizes.extend(slot.repeated.iter().chain(&slot.open).map(|b| (b.memory(), index, b.id)));
            }
        }
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let mut marked = 0;
        for (size, index, id) in sizes {
            if marked >= bytes {
                break;
            }
            marked += size;
            let Some(stream) = streams.get(index) else { continue };
            for slot in stream.live().consumers.values_mut().flat_map(|consumer| consumer.slots.values_mut()) {
                for buffer in slot.repeated.iter_mut().chain(&mut slot.open).filter(|buffer| buffer.id == id) {
                    buffer.due = true;
                }
            }
        }
    }
}
