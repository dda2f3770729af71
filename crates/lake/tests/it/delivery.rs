//! What a user of delivery streams sees: ages, direct puts, versions, refusals.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use event::{Kind, Sequence, Target as _};
use lake::delivery::definition::{Definition, Destination};
use lake::encoder::{Encoder, Encoders, RecordError};
use lake::format::Formats;
use lake::target::DeliveryTarget;
use lake::{Error, Settings, Step};
use serde_json::json;

use crate::world::{CONSUMER, World, aggregated_definition, batch, definition, record};

#[tokio::test]
async fn a_buffer_waits_for_its_age_and_a_filtered_batch_moves_the_position() {
    let world = World::new();
    let engine = world.engine(Settings::default()).await;
    engine.create(definition()).await.unwrap();
    engine.deliver("analytics", batch("s", vec![record("s", 1, 1), record("s", 2, 1)], 2)).await.unwrap();
    engine.tick().await.unwrap();
    assert!(world.lines("").await.is_empty());
    assert_eq!(engine.describe("analytics").await.unwrap().buffered_records, 2);
    world.clock.advance_ms(60_000);
    engine.deliver("analytics", batch("s", vec![record("s", 1, 1)], 1)).await.unwrap();
    engine.flush(None).await.unwrap();
    assert_eq!(world.lines("data/site=0/analytics-1-2026-03-05-07-08-09-").await.len(), 1);
    engine.deliver("analytics", batch("s", Vec::new(), 9)).await.unwrap();
    engine.tick().await.unwrap();
    assert_eq!(world.position("s").await, Sequence::from(9u64));
    assert_eq!(engine.describe("analytics").await.unwrap().delivered_records, 2);
    let ahead = world
        .state
        .read(|tx| tx.all::<_, state::Error>("SELECT part FROM delivery_through", &[], |r| Ok(r.text(0)?.len())));
    assert!(ahead.await.unwrap().is_empty(), "consumer {CONSUMER} has nothing ahead");
}

#[tokio::test]
async fn acknowledged_puts_survive_a_restart() {
    let world = World::new();
    let put = |n: u64| vec![record("direct", n, 2).data];
    {
        let engine = world.engine(Settings::default()).await;
        engine.create(definition()).await.unwrap();
        engine.put_records("analytics", put(1)).await.unwrap();
        engine.put_records("analytics", put(2)).await.unwrap();
    }
    let engine = world.engine(Settings::default()).await;
    engine.put_records("analytics", put(3)).await.unwrap();
    engine.flush(Some("analytics")).await.unwrap();
    assert_eq!(world.lines("data/").await.into_values().map(|lines| lines.len()).sum::<usize>(), 3);
    let left =
        world.state.read(|tx| tx.all::<_, state::Error>("SELECT sequence FROM delivery_spool", &[], |r| r.int(0)));
    assert!(left.await.unwrap().is_empty());
    let large = vec![Bytes::from(vec![b'x'; 1_024_001])];
    assert!(matches!(engine.put_records("analytics", large).await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn little_memory_is_enough() {
    let world = World::new();
    let engine = world.engine(Settings { buffer_bytes_max: 2_000, ..Settings::default() }).await;
    engine.create(definition()).await.unwrap();
    for n in 1..=200 {
        engine.deliver("analytics", batch("s", vec![record("s", n, 5)], n)).await.unwrap();
    }
    engine.flush(None).await.unwrap();
    assert_eq!(engine.describe("analytics").await.unwrap().delivered_records, 200);
}

#[tokio::test]
async fn a_stream_deleted_while_a_file_cannot_be_written_gives_its_memory_back() {
    let world = World::new();
    let planned = Arc::new(tokio::sync::Notify::new());
    let told = planned.clone();
    let observer: lake::delivery::Observer = Arc::new(move |step, _| {
        if step == Step::Planned {
            told.notify_one();
        }
        true
    });
    let settings = Settings { buffer_bytes_max: 2_000, observer: Some(observer), ..Settings::default() };
    let engine = world.engine(settings).await;
    engine.create(definition()).await.unwrap();
    let bucket = world.lake().join("lake");
    std::fs::remove_dir_all(&bucket).unwrap();
    std::fs::write(&bucket, "in the way").unwrap();
    let records = (1..=200).map(|n| record("s", n, 1)).collect();
    engine.deliver("analytics", batch("s", records, 200)).await.unwrap();
    world.clock.advance_ms(60_000);
    engine.tick().await.unwrap();
    planned.notified().await;
    engine.delete("analytics").await.unwrap();
    std::fs::remove_file(&bucket).unwrap();
    engine.create(definition()).await.unwrap();
    let delivered = async {
        for n in 1..=50 {
            engine.deliver("analytics", batch("t", vec![record("t", n, 5)], n)).await.unwrap();
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), delivered).await.expect("there is room again");
}

#[tokio::test]
async fn an_update_needs_the_current_version_and_a_deleted_stream_is_gone() {
    let world = World::new();
    let engine = world.engine(Settings::default()).await;
    engine.create(definition()).await.unwrap();
    assert!(matches!(engine.create(definition()).await, Err(Error::Conflict(_))));
    let update = json!({"Prefix": "new/!{partitionKeyFromQuery:site}/"});
    let update = update.as_object().unwrap();
    assert!(matches!(engine.update_destination("analytics", "7", update).await, Err(Error::Version(_))));
    assert_eq!(engine.update_destination("analytics", "1", update).await.unwrap().version, 2);
    engine.deliver("analytics", batch("s", vec![record("s", 1, 1)], 1)).await.unwrap();
    engine.flush(None).await.unwrap();
    assert_eq!(world.lines("new/0/analytics-2-").await.len(), 1);
    engine.delete("analytics").await.unwrap();
    let error = engine.deliver("analytics", batch("s", Vec::new(), 1)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
}

#[test]
fn what_cannot_run_is_refused_by_name() {
    let base = || serde_json::to_value(definition()).unwrap();
    for (pointer, member, value, named) in [
        ("", "Color", json!(1), "Color"),
        ("/ExtendedS3DestinationConfiguration", "Shape", json!(1), "Shape"),
        ("/ExtendedS3DestinationConfiguration", "Prefix", json!("plain/"), "Prefix"),
        ("/ExtendedS3DestinationConfiguration", "BucketARN", json!("lake"), "BucketARN"),
        ("/ExtendedS3DestinationConfiguration/BufferingHints", "SizeInMBs", json!(0), "SizeInMBs"),
        ("/ExtendedS3DestinationConfiguration/ProcessingConfiguration/Processors/0", "Type", json!("Magic"), "Magic"),
    ] {
        let mut input = base();
        input.pointer_mut(pointer).unwrap()[member] = value;
        let error = Definition::from_json(input).unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[tokio::test]
async fn a_forgotten_consumer_is_delivered_and_leaves_nothing_behind() {
    let world = World::new();
    // The engine dies with a plan written, and the consumer never comes back to repeat it.
    let dies = Settings { observer: Some(Arc::new(|step, _: &str| step != Step::Planned)), ..Settings::default() };
    let engine = world.engine(dies).await;
    engine.create(definition()).await.unwrap();
    engine.deliver("analytics", batch("s", vec![record("s", 1, 1)], 1)).await.unwrap();
    assert!(engine.flush(None).await.is_err());
    drop(engine);
    assert_eq!(world.rows("delivery_plan").await, 1);

    let engine = world.engine(Settings::default()).await;
    engine.deliver("analytics", batch("shard-2", vec![record("shard-2", 1, 1)], 1)).await.unwrap();
    engine.forget("analytics", CONSUMER).await.unwrap();
    assert_eq!(world.lines("data/").await.len(), 1, "what was handed in is delivered");
    for table in ["delivery_plan", "delivery_through", "position"] {
        assert_eq!(world.rows(table).await, 0, "{table}");
    }
    assert_eq!(engine.describe("analytics").await.unwrap().buffered_records, 0);
    engine.forget("analytics", CONSUMER).await.unwrap();
}

/// Plain files, the first of which cannot be finished.
struct FailsOnce {
    inner: Formats,
    failed: AtomicBool,
}

struct Fails(Box<dyn Encoder>, bool);

impl Encoder for Fails {
    fn push(&mut self, record: &[u8]) -> Result<(), RecordError> {
        self.0.push(record)
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }

    fn finish(self: Box<Self>) -> Result<Bytes, Error> {
        if self.1 { Err(Error::Encode("a bug".into())) } else { self.0.finish() }
    }
}

impl Encoders for FailsOnce {
    fn check(&self, destination: &Destination) -> Result<(), Error> {
        self.inner.check(destination)
    }

    fn open(&self, destination: &Destination) -> Result<Box<dyn Encoder>, Error> {
        Ok(Box::new(Fails(self.inner.open(destination)?, !self.failed.swap(true, Ordering::SeqCst))))
    }

    fn extension(&self, _destination: &Destination) -> &'static str {
        ""
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_made_has_its_consumer_begin_again() {
    let world = World::new();
    let encoders = Arc::new(FailsOnce { inner: world.formats(), failed: AtomicBool::new(false) });
    let engine = world.engine_with(encoders, Settings::default()).await;
    engine.create(definition()).await.unwrap();
    let target = DeliveryTarget::new(engine.clone(), "analytics");
    let records = || (1..=6).map(|n| record("s", n, 3)).collect();
    target.deliver(batch("s", records(), 6)).await.unwrap();
    engine.flush(None).await.unwrap();
    assert_eq!(engine.describe("analytics").await.unwrap().buffered_records, 0, "nothing is held");
    let error = target.deliver(batch("s", vec![record("s", 7, 3)], 7)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid, "the pipe stops and tells why");

    let target = DeliveryTarget::new(engine.clone(), "analytics");
    assert_eq!(world.position("s").await, Sequence::ZERO);
    target.deliver(batch("s", records(), 6)).await.unwrap();
    engine.flush(None).await.unwrap();
    assert_eq!(world.lines("data/").await.into_values().map(|lines| lines.len()).sum::<usize>(), 6);
    assert_eq!(world.position("s").await, Sequence::from(6u64));
}

#[tokio::test]
async fn direct_puts_begin_again_by_themselves() {
    let world = World::new();
    let engine = world
        .engine_with(
            Arc::new(FailsOnce { inner: world.formats(), failed: AtomicBool::new(false) }),
            Settings::default(),
        )
        .await;
    engine.create(definition()).await.unwrap();
    engine.put_records("analytics", vec![record("direct", 1, 1).data, record("direct", 2, 1).data]).await.unwrap();
    engine.flush(None).await.unwrap();
    assert!(world.lines("data/").await.is_empty());
    // The first put tells that the earlier ones are gone, the second feeds all of them.
    for n in 3..=4 {
        engine.put_records("analytics", vec![record("direct", n, 1).data]).await.unwrap();
    }
    engine.flush(None).await.unwrap();
    assert_eq!(world.lines("data/").await.into_values().map(|lines| lines.len()).sum::<usize>(), 4);
    assert_eq!(world.rows("delivery_spool").await, 0);
}

#[tokio::test]
async fn a_backup_is_updated_but_never_switched_off() {
    let world = World::new();
    let engine = world.engine(Settings::default()).await;
    engine.create(aggregated_definition()).await.unwrap();
    let update = |value: serde_json::Value| value.as_object().unwrap().clone();
    let off = engine.update_destination("analytics", "1", &update(json!({"S3BackupMode": "Disabled"}))).await;
    assert!(off.unwrap_err().to_string().contains("S3BackupMode"));
    let moved = update(json!({"S3BackupUpdate": {"Prefix": "kept/", "CompressionFormat": "LZ4"}}));
    let Err(error) = engine.update_destination("analytics", "1", &moved).await else { panic!("no such compression") };
    assert!(error.to_string().contains("CompressionFormat"), "{error}");
    let moved = update(json!({"S3BackupUpdate": {"Prefix": "kept/!{timestamp:yyyy}/"}}));
    let error = engine.update_destination("analytics", "1", &moved).await.unwrap_err();
    assert!(error.to_string().contains("S3BackupConfiguration.ErrorOutputPrefix"), "{error}");
    let moved = update(json!({"S3BackupUpdate": {"Prefix": "kept/"}}));
    let stored = engine.update_destination("analytics", "1", &moved).await.unwrap();
    let backup = stored.definition.destination.s3_backup_configuration.unwrap();
    assert_eq!((backup.prefix.as_str(), backup.buffering_hints.interval_seconds), ("kept/", 90));
    engine.deliver("analytics", batch("s", vec![record("s", 1, 1)], 1)).await.unwrap();
    engine.flush(None).await.unwrap();
    assert_eq!(world.lines("kept/2026/03/05/07/analytics-2-").await.len(), 1);
}
