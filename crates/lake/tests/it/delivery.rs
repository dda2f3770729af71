//! What a user of delivery streams sees: ages, direct puts, versions, refusals.

use bytes::Bytes;
use event::{Kind, Sequence};
use lake::delivery::definition::Definition;
use lake::{Error, Settings};
use serde_json::json;

use crate::world::{CONSUMER, World, batch, definition, record};

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
