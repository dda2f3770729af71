//! What is kept for subscribers: everything accepted since, in order, until it is taken or too old.

use std::sync::Arc;

use event::{Cursor, Kind, Sequence, Source, Start};
use messaging::bus::{self, CreateEventBus, DEFAULT};
use serde_json::{Value, json};

use super::{World, entry};

const DAY_MS: i64 = 86_400_000;
const SHARD: &str = "events";

async fn subscribe(world: &World, subscriber: &str) -> Arc<dyn Source> {
    bus::open_feed(&world.buses, DEFAULT, &json!({"source": ["test"]})).subscribe(subscriber).await.unwrap()
}

/// The numbers in the events behind a start, read in pages of two, and their last sequence.
async fn read(source: &dyn Source, start: Start) -> (Vec<i64>, Sequence) {
    let mut cursor = source.open(SHARD, start).await.unwrap();
    let (mut numbers, mut last) = (Vec::new(), Sequence::ZERO);
    loop {
        let page = source.read(&cursor, 2).await.unwrap();
        for record in &page.records {
            let event: Value = serde_json::from_slice(&record.data).unwrap();
            assert_eq!(event["id"].as_str(), Some(&*record.id));
            assert!(record.sequence > last, "in order");
            last = record.sequence;
            numbers.push(event["detail"]["n"].as_i64().unwrap());
        }
        if page.records.is_empty() {
            return (numbers, last);
        }
        cursor = page.next.unwrap();
    }
}

async fn advance(world: &World, subscriber: &'static str, to: Sequence, state: &state::State) {
    state.write(move |tx| state::positions::advance(tx, subscriber, SHARD, &to.padded())).await.unwrap();
    // Long enough for the next trim.
    world.advance(60_000).await;
}

#[tokio::test]
async fn each_subscriber_has_what_came_since_in_order_and_over_a_restart() {
    let world = World::new();
    world.put(json!({"n": 0})).await;
    let first = subscribe(&world, "a").await;
    world.put(json!({"n": 1})).await;
    let second = subscribe(&world, "b").await;
    for n in 2..7 {
        world.put(json!({"n": n})).await;
    }
    let mut other = entry(json!({"n": 99}));
    other.source = Some("other".into());
    world.buses.put(vec![other]).await.unwrap();
    let (numbers, last) = read(&*first, Start::TrimHorizon).await;
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    assert_eq!(read(&*second, Start::After(Sequence::ZERO)).await.0, [2, 3, 4, 5, 6]);
    assert_eq!(first.shards().await.unwrap().len(), 1);
    let world = world.reopened(0);
    world.put(json!({"n": 7})).await;
    // A second subscription of the same name goes on.
    assert_eq!(read(&*subscribe(&world, "a").await, Start::After(last)).await.0, [7]);
}

#[tokio::test]
async fn what_was_taken_goes_and_numbers_go_on() {
    let world = World::started().await;
    let source = subscribe(&world, "a").await;
    for n in 0..3 {
        world.put(json!({"n": n})).await;
    }
    let (_, last) = read(&*source, Start::TrimHorizon).await;
    advance(&world, "a", last, world.state()).await;
    assert_eq!(read(&*source, Start::TrimHorizon).await.0, [0; 0]);
    let world = world.reopened(0);
    let source = subscribe(&world, "a").await;
    world.put(json!({"n": 3})).await;
    assert_eq!(read(&*source, Start::After(last)).await.0, [3], "nothing is numbered as what was taken");
}

#[tokio::test]
async fn what_nobody_takes_in_14_days_is_told_as_trimmed() {
    let world = World::started().await;
    let source = subscribe(&world, "a").await;
    world.put(json!({"n": 0})).await;
    world.advance(13 * DAY_MS).await;
    world.put(json!({"n": 1})).await;
    let cursor = source.open(SHARD, Start::TrimHorizon).await.unwrap();
    world.advance(2 * DAY_MS).await;
    for result in [source.open(SHARD, Start::After(Sequence::ZERO)).await.err(), source.read(&cursor, 10).await.err()] {
        assert_eq!(result.unwrap().kind(), Kind::Trimmed);
    }
    assert_eq!(read(&*source, Start::TrimHorizon).await.0, [1]);
}

#[tokio::test]
async fn an_ended_subscription_leaves_nothing_behind() {
    let world = World::new();
    let feed = bus::open_feed(&world.buses, DEFAULT, &json!({"source": ["test"]}));
    let source = feed.subscribe("a").await.unwrap();
    world.put(json!({"n": 0})).await;
    feed.unsubscribe("a").await.unwrap();
    feed.unsubscribe("a").await.unwrap();
    world.put(json!({"n": 1})).await;
    let rows = world.state().read(|tx| tx.first("SELECT COUNT(*) FROM event_kept", &[], |row| row.int(0))).await;
    assert_eq!(rows.unwrap(), Some(0));
    for error in [source.shards().await.err(), source.read(&Cursor("0".into()), 1).await.err()] {
        assert_eq!(error.unwrap().kind(), Kind::NotFound);
    }
    assert_eq!(read(&*subscribe(&world, "a").await, Start::TrimHorizon).await.0, [0; 0], "it begins anew");
}

#[tokio::test]
async fn a_bus_that_is_missing_or_gone_is_not_found() {
    let world = World::new();
    let feed = bus::open_feed(&world.buses, "other", &json!({"source": ["test"]}));
    assert_eq!(feed.subscribe("a").await.err().unwrap().kind(), Kind::NotFound);
    let input: CreateEventBus = serde_json::from_value(json!({"Name": "other"})).unwrap();
    world.buses.create_bus(input).await.unwrap();
    let source = feed.subscribe("a").await.unwrap();
    world.buses.delete_bus("other").await.unwrap();
    assert_eq!(source.shards().await.unwrap_err().kind(), Kind::NotFound);
}
