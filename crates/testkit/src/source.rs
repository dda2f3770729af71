//! The conformance suite of [`event::Source`], run by every implementation over a world that can be written to, rotated and
//! moved in time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use event::{Cursor, Kind, Page, Record, Sequence, Shard, Source, Start};
use serde_json::Value;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// A table with a stream of new images, as a test writes it. Nobody else writes to it.
#[async_trait]
pub trait SourceWorld: Send + Sync {
    /// The source under test, on this world's stream.
    fn source(&self) -> Arc<dyn Source>;
    /// Puts the item `{"id": {"S": key}, "v": {"N": value}}`.
    async fn put(&self, key: &str, value: u64);
    /// Closes every open shard and opens one child of each, or two.
    async fn rotate(&self, split: bool);
    /// Moves time forward and removes what is too old then.
    async fn advance_ms(&self, by_ms: i64);
}

/// Runs the whole suite, each part on a new world.
///
/// # Panics
/// When the source breaks its contract.
pub async fn check<W: SourceWorld>(make: impl AsyncFn() -> W) {
    every_change_comes_once_in_order_per_key(&make().await).await;
    each_start_begins_where_it_says(&make().await).await;
    only_a_closed_shard_ends(&make().await).await;
    cursors_expire_and_records_age_out(&make().await).await;
}

async fn every_change_comes_once_in_order_per_key<W: SourceWorld>(world: &W) {
    const KEYS: u64 = 12;
    for round in 0..4 {
        for key in 0..KEYS {
            world.put(&format!("key {key}"), round).await;
        }
        match round {
            0 => world.rotate(false).await,
            1 => world.rotate(true).await,
            _ => {}
        }
    }
    let source = world.source();
    let shards = drain(&*source).await;
    let mut values: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut hashes: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for (shard, records) in &shards {
        assert!(records.is_sorted_by(|a, b| a.sequence < b.sequence), "{}: in order of sequence", shard.id);
        for record in records {
            let (key, value) = change(record);
            hashes.entry(key.clone()).or_default().insert(record.key_hash);
            values.entry(key).or_default().push(value);
            assert!(ids.insert(record.id.clone()), "ids are unique");
        }
    }
    assert_eq!(values.len() as u64, KEYS);
    assert!(values.values().all(|values| *values == [0, 1, 2, 3]), "each once, in order: {values:?}");
    assert!(hashes.values().all(|hashes| hashes.len() == 1), "equal keys have equal hashes");
    let again = drain(&*world.source()).await;
    for ((shard, first), (_, second)) in shards.iter().zip(&again) {
        let facts = |records: &[Record]| -> Vec<_> {
            records.iter().map(|r| (r.id.clone(), r.sequence, r.at_ms, r.key_hash, r.data.clone())).collect()
        };
        assert!(facts(first) == facts(second), "{}: another read gives the same", shard.id);
    }
}

async fn each_start_begins_where_it_says<W: SourceWorld>(world: &W) {
    for value in 0..3 {
        world.put("key", value).await;
        world.advance_ms(10_000).await;
    }
    let source = world.source();
    let (shard, records) = shard_of("key", &*source).await;
    let check = async |start: Start, expected: &[u64]| {
        let cursor = source.open(&shard, start).await.unwrap_or_else(|error| panic!("{start:?}: {error}"));
        let mut found = Vec::new();
        let mut cursor = Some(cursor);
        while let Some(at) = cursor {
            // Two at a time, so that a start is also followed over pages.
            let page = read(&*source, &at, 2).await;
            assert!(page.records.len() <= 2, "at most as many as asked for");
            found.extend(page.records.iter().map(|record| change(record).1));
            cursor = page.next.filter(|_| !page.records.is_empty());
        }
        assert_eq!(found, expected, "{start:?}");
    };
    let last = records.last().map(|record| record.sequence).unwrap_or_default();
    check(Start::TrimHorizon, &[0, 1, 2]).await;
    check(Start::After(Sequence::ZERO), &[0, 1, 2]).await;
    check(Start::After(records[0].sequence), &[1, 2]).await;
    check(Start::After(last), &[]).await;
    check(Start::AtTimestamp(records[1].at_ms), &[1, 2]).await;
    check(Start::AtTimestamp(1), &[0, 1, 2]).await;
    check(Start::Latest, &[]).await;
    let latest = source.open(&shard, Start::Latest).await.expect("opens");
    world.put("key", 3).await;
    let page = read(&*source, &latest, 10).await;
    assert_eq!(page.records.iter().map(|record| change(record).1).collect::<Vec<_>>(), [3], "behind LATEST");
    let future = records[2].at_ms + HOUR_MS;
    assert!(source.open(&shard, Start::AtTimestamp(future)).await.is_err(), "an instant that is still to come");
    let unknown = source.open(&format!("{shard}0"), Start::TrimHorizon).await;
    assert_eq!(unknown.expect_err("no such shard").kind(), Kind::NotFound);
}

async fn only_a_closed_shard_ends<W: SourceWorld>(world: &W) {
    world.put("key", 1).await;
    let source = world.source();
    let (shard, _) = shard_of("key", &*source).await;
    let cursor = source.open(&shard, Start::TrimHorizon).await.expect("opens");
    let page = read(&*source, &cursor, 10).await;
    let behind = page.next.expect("an open shard goes on");
    let empty = read(&*source, &behind, 10).await;
    assert!(empty.records.is_empty());
    let behind = empty.next.expect("an empty page is not the end");
    world.put("key", 2).await;
    world.rotate(false).await;
    let page = read(&*source, &behind, 10).await;
    assert_eq!(page.records.iter().map(|record| change(record).1).collect::<Vec<_>>(), [2]);
    let mut next = page.next;
    while let Some(at) = next {
        let page = read(&*source, &at, 10).await;
        assert!(page.records.is_empty(), "nothing is written to a closed shard");
        next = page.next;
    }
    let shards = source.shards().await.expect("lists");
    let children = shards.iter().filter(|other| other.parent.as_deref() == Some(&*shard)).count();
    assert_eq!(children, 1, "its child is listed when its end is seen");
}

async fn cursors_expire_and_records_age_out<W: SourceWorld>(world: &W) {
    for value in 0..3 {
        world.put("key", value).await;
    }
    let source = world.source();
    let (shard, records) = shard_of("key", &*source).await;
    let cursor = source.open(&shard, Start::TrimHorizon).await.expect("opens");
    world.advance_ms(14 * MINUTE_MS).await;
    read(&*source, &cursor, 10).await;
    world.advance_ms(2 * MINUTE_MS).await;
    let expired = source.read(&cursor, 10).await.expect_err("16 minutes old");
    assert_eq!(expired.kind(), Kind::Expired);
    world.advance_ms(24 * HOUR_MS).await;
    for start in [Start::After(records[0].sequence), Start::After(Sequence::ZERO)] {
        let opened = source.open(&shard, start).await;
        assert_eq!(opened.map_err(|error| error.kind()).err(), Some(Kind::Trimmed), "{start:?}");
    }
    for start in [Start::TrimHorizon, Start::After(records[2].sequence), Start::AtTimestamp(1)] {
        let cursor = source.open(&shard, start).await.expect("what is kept can be read");
        assert!(read(&*source, &cursor, 10).await.records.is_empty(), "{start:?}");
    }
}

/// Reads everything there is, a shard only behind its parent.
async fn drain(source: &dyn Source) -> Vec<(Shard, Vec<Record>)> {
    let mut drained: Vec<(Shard, Vec<Record>)> = Vec::new();
    let mut ended: BTreeSet<Arc<str>> = BTreeSet::new();
    loop {
        let listed = source.shards().await.expect("lists");
        for (index, shard) in listed.iter().enumerate() {
            let later = listed.iter().skip(index + 1);
            assert!(!later.clone().any(|other| Some(&other.id) == shard.parent.as_ref()), "parents come first");
        }
        let fresh = listed.into_iter().find(|shard| {
            let is_done = |parent: &Arc<str>| ended.contains(parent);
            !drained.iter().any(|(seen, _)| seen.id == shard.id) && shard.parent.as_ref().is_none_or(is_done)
        });
        let Some(shard) = fresh else { return drained };
        let mut cursor = Some(source.open(&shard.id, Start::TrimHorizon).await.expect("opens"));
        let mut records = Vec::new();
        while let Some(at) = cursor.take() {
            let page = read(source, &at, 5).await;
            let is_empty = page.records.is_empty();
            records.extend(page.records);
            match page.next {
                None => drop(ended.insert(shard.id.clone())),
                Some(_) if is_empty => {}
                next => cursor = next,
            }
        }
        drained.push((shard, records));
    }
}

/// The shard that holds the changes of the only key, and these.
async fn shard_of(key: &str, source: &dyn Source) -> (Arc<str>, Vec<Record>) {
    let holds = |records: &[Record]| records.iter().any(|record| change(record).0 == key);
    let found = drain(source).await.into_iter().find(|(_, records)| holds(records));
    let (shard, records) = found.expect("the key is in a shard");
    (shard.id, records)
}

async fn read(source: &dyn Source, cursor: &Cursor, limit: usize) -> Page {
    source.read(cursor, limit).await.expect("reads")
}

/// Key and value of a change; checks what every record says of itself.
fn change(record: &Record) -> (String, u64) {
    let data: Value = serde_json::from_slice(&record.data).expect("JSON");
    let text = |path: &str| data.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    assert_eq!(text("/eventID"), &*record.id);
    assert_eq!(text("/dynamodb/SequenceNumber"), record.sequence.to_string());
    assert!(text("/eventSourceARN").contains(":table/"), "the stream's ARN");
    let seconds = data.pointer("/dynamodb/ApproximateCreationDateTime").and_then(Value::as_i64);
    assert_eq!(seconds, Some(record.at_ms / 1000));
    (text("/dynamodb/Keys/id/S"), text("/dynamodb/NewImage/v/N").parse().expect("a number"))
}
