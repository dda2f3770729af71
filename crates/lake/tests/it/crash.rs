//! The engine dies between any two steps, its records come again in other cuts: each is in one file, once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use event::Sequence;
use lake::{Settings, Step};
use proptest::prelude::*;
use serde_json::Value;

use crate::world::{START_MS, World, aggregated_definition, aggregated_record, batch, definition, record};

const SHARDS: [&str; 2] = ["s", "shard-2"];

/// One life of the engine: how its batches are cut, and at which step (of all its flushes) it dies.
#[derive(Clone, Debug)]
struct Life {
    cuts: Vec<u8>,
    flush_every: u8,
    dies_at: u64,
}

fn settings(dies_at: u64) -> Settings {
    let steps = AtomicU64::new(0);
    Settings {
        observer: Some(Arc::new(move |_: Step, _: &str| steps.fetch_add(1, Ordering::SeqCst) + 1 != dies_at)),
        ..Settings::default()
    }
}

/// What flows: records as they are, or records within records with a backup.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flow {
    Plain,
    Aggregated,
}

impl Flow {
    fn definition(self) -> lake::delivery::definition::Definition {
        if self == Flow::Plain { definition() } else { aggregated_definition() }
    }

    fn record(self, shard: &str, sequence: u64, partitions: u64) -> event::Record {
        let make = if self == Flow::Plain { record } else { aggregated_record };
        make(shard, sequence, partitions)
    }

    /// The ids of the records within a source record.
    fn ids(self, shard: &str, sequence: u64) -> Vec<String> {
        match self {
            Flow::Plain => vec![format!("{shard}/{sequence}")],
            Flow::Aggregated => (0..=sequence % 3).map(|part| format!("{shard}/{sequence}/{part}")).collect(),
        }
    }
}

/// Reads both shards from their durable positions, as a pipe does; answers true when all is delivered.
async fn live(world: &World, flow: Flow, life: &Life, records: u64, partitions: u64) -> bool {
    let engine = world.engine(settings(life.dies_at)).await;
    let _ = engine.create(flow.definition()).await;
    let mut cuts = life.cuts.iter().cycle();
    let mut next = BTreeMap::new();
    for shard in SHARDS {
        let position = world.position(shard).await;
        next.insert(shard, (1..=records).find(|n| Sequence::from(*n) > position).unwrap_or(records + 1));
    }
    let mut batches = 0u64;
    while next.values().any(|from| *from <= records) {
        for shard in SHARDS {
            let from = next[shard];
            if from > records {
                continue;
            }
            let to = (from + u64::from(*cuts.next().unwrap()) % 40).min(records);
            let cut = (from..=to).map(|sequence| flow.record(shard, sequence, partitions)).collect();
            if engine.deliver("analytics", batch(shard, cut, to)).await.is_err() {
                return false;
            }
            next.insert(shard, to + 1);
            batches += 1;
            if batches.is_multiple_of(u64::from(life.flush_every.max(1))) && engine.flush(None).await.is_err() {
                return false;
            }
        }
    }
    engine.flush(None).await.is_ok()
}

async fn check(flow: Flow, lives: Vec<Life>, records: u64, partitions: u64) {
    let world = World::new();
    let calm = Life { cuts: vec![17], flush_every: 3, dies_at: 0 };
    let mut complete = false;
    for life in lives.iter().chain([&calm]) {
        complete = live(&world, flow, life, records, partitions).await;
    }
    assert!(complete, "the last life ends");

    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for (key, lines) in world.lines("data/").await {
        for line in lines {
            let site = line["site"].as_str().unwrap();
            assert!(key.starts_with(&format!("data/site={site}/")), "{key} holds {line}");
            *seen.entry(line["id"].as_str().unwrap().into()).or_default() += 1;
        }
    }
    for line in world.lines("errors/processing-failed/").await.into_values().flatten() {
        let raw = base64::engine::general_purpose::STANDARD.decode(line["rawData"].as_str().unwrap()).unwrap();
        let record: Value = serde_json::from_slice(&raw).unwrap();
        assert!(line["arrivalTimestamp"].as_i64().unwrap() > START_MS);
        *seen.entry(record["id"].as_str().unwrap().into()).or_default() += 1;
    }
    let expected: BTreeMap<String, u64> =
        SHARDS.iter().flat_map(|shard| (1..=records).flat_map(move |n| flow.ids(shard, n))).map(|id| (id, 1)).collect();
    assert_eq!(seen, expected);
    if flow == Flow::Aggregated {
        let mut kept: BTreeMap<String, u64> = BTreeMap::new();
        for line in world.lines("backup/2026/03/05/07/").await.into_values().flatten() {
            *kept.entry(line["id"].as_str().unwrap().into()).or_default() += 1;
        }
        assert_eq!(kept, expected, "the backup holds every source record once");
    }
    for shard in SHARDS {
        assert_eq!(world.position(shard).await, Sequence::from(records), "nothing is read again");
    }
}

fn run(flow: Flow, lives: Vec<Life>, records: u64, partitions: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(check(flow, lives, records, partitions));
}

#[test]
fn dying_at_every_step_of_the_first_flushes_loses_and_doubles_nothing() {
    for dies_at in 1..=12 {
        let life = |cut| Life { cuts: vec![cut], flush_every: 2, dies_at };
        run(Flow::Plain, vec![life(9), life(14)], 60, 3);
        run(Flow::Aggregated, vec![life(9), life(14)], 60, 3);
    }
}

#[test]
fn a_repeat_that_is_cut_short_counts_only_what_it_holds() {
    let first = Life { cuts: vec![204], flush_every: 5, dies_at: 21 };
    let second = Life { cuts: vec![187, 101, 254, 120, 207, 121], flush_every: 1, dies_at: 2 };
    run(Flow::Plain, vec![first, second], 148, 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_cuts_and_any_crashes_give_each_record_once(
        lives in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 1..8), 1u8..8, 1u64..40)
                .prop_map(|(cuts, flush_every, dies_at)| Life { cuts, flush_every, dies_at }),
            0..5,
        ),
        records in 1u64..150,
        partitions in 1u64..6,
        flow in prop_oneof![Just(Flow::Plain), Just(Flow::Aggregated)],
    ) {
        run(flow, lives, records, partitions);
    }
}

/// What an enrichment made of one batch has one sequence; a position is behind all of it or before all of it.
#[tokio::test]
async fn records_of_one_sequence_are_taken_in_together() {
    let world = World::new();
    // More than one chunk of the intake, and more than the buffers may hold.
    let pad = "x".repeat(1 << 20);
    let records = || {
        let one = |n: u64| event::Record {
            data: serde_json::json!({"id": n.to_string(), "site": "1", "pad": pad}).to_string().into(),
            sequence: 5u64.into(),
            id: format!("s/{n}").into(),
            ..record("s", 5, 1)
        };
        (1..=8).map(one).collect()
    };
    for dies_at in 1..=12 {
        let engine = world.engine(Settings { buffer_bytes_max: 2 << 20, ..settings(dies_at) }).await;
        let _ = engine.create(definition()).await;
        let _ = engine.deliver("analytics", batch("s", records(), 5)).await;
        let _ = engine.flush(None).await;
    }
    let engine = world.engine(settings(0)).await;
    engine.deliver("analytics", batch("s", records(), 5)).await.unwrap();
    engine.flush(None).await.unwrap();
    let mut ids: Vec<String> = Vec::new();
    for line in world.lines("data/").await.into_values().flatten() {
        ids.push(line["id"].as_str().unwrap().into());
    }
    ids.sort_unstable();
    assert_eq!(ids, ["1", "2", "3", "4", "5", "6", "7", "8"]);
}
