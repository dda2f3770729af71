//! Every record once, in order per key: over lineage, expiry, trimming, failures and restarts.

use std::sync::atomic::Ordering;

use event::Sequence;
use pipe::GapPolicy;
use serde_json::json;

use crate::fixture::{DEAD, World, input, per_key, until};

/// All of `1..=count` once, in order for each key.
fn check(got: &[(String, String)], count: u64) {
    let keys = per_key(got);
    assert!(keys.values().all(|numbers| numbers.is_sorted()), "in order per key");
    let mut all: Vec<u64> = keys.into_values().flatten().collect();
    all.sort_unstable();
    assert_eq!(all, (1..=count).collect::<Vec<_>>(), "each once");
}

#[tokio::test]
async fn children_are_read_after_their_parent() {
    for owned in [false, true] {
        let world = World::new(owned);
        world.stream.shard("a", None);
        world.stream.shard("b", Some("a"));
        (1..=20).for_each(|n| world.stream.put("a", n % 3, n, 0));
        (21..=40).for_each(|n| world.stream.put("b", n % 3, n, 0));
        let pipes = world.pipes().await;
        pipes.create(&input(json!({}))).await.unwrap();
        let got = world.sink.wait_for(20).await;
        assert!(got.iter().all(|(shard, _)| shard == "a"), "the parent is open");
        world.stream.close("a");
        check(&world.sink.wait_for(40).await, 40);
        pipes.shutdown().await;
    }
}

#[tokio::test]
async fn restarts_neither_lose_nor_double_nor_reorder() {
    for (owned, lanes) in [(false, 1), (false, 4), (true, 1)] {
        let world = World::new(owned);
        world.stream.shard("a", None);
        let mut pipes = world.pipes().await;
        pipes.create(&input(json!({"ParallelizationFactor": lanes, "BatchSize": 5}))).await.unwrap();
        for round in 0..6u64 {
            (round * 30 + 1..=round * 30 + 30).for_each(|n| world.stream.put("a", n % 4, n, 0));
            world.stream.expire_next.store(true, Ordering::SeqCst);
            world.sink.fail_calls.store(2, Ordering::SeqCst);
            world.sink.wait_for(round as usize * 30 + 11).await;
            pipes.shutdown().await;
            pipes = world.pipes().await;
        }
        check(&world.sink.wait_for(180).await, 180);
        pipes.shutdown().await;
    }
}

#[tokio::test]
async fn latest_begins_at_creation_even_when_the_first_start_comes_late() {
    let world = World::new(false);
    world.stream.shard("a", None);
    (1..=5).for_each(|n| world.stream.put("a", 0, n, 999));
    let mut create = input(json!({"StartingPosition": "LATEST"}));
    let pipes = world.pipes().await;
    create["DesiredState"] = json!("STOPPED");
    pipes.create(&create).await.unwrap();
    (6..=9).for_each(|n| world.stream.put("a", 0, n, 1000));
    pipes.start("p").await.unwrap();
    let got = world.sink.wait_for(4).await;
    assert_eq!(per_key(&got)[&0], [6, 7, 8, 9]);
    // A shard that appears later is read from its start.
    world.stream.shard("b", Some("a"));
    world.stream.put("b", 0, 10, 0);
    world.stream.close("a");
    assert_eq!(per_key(&world.sink.wait_for(5).await)[&0], [6, 7, 8, 9, 10]);
    pipes.shutdown().await;
}

#[tokio::test]
async fn filtered_records_move_the_position_and_the_template_rewrites_the_rest() {
    let world = World::new(false);
    world.stream.shard("a", None);
    (1..=19).for_each(|n| world.stream.put("a", 0, n, 0));
    let mut create = input(json!({}));
    create["SourceParameters"]["FilterCriteria"] =
        json!({"Filters": [{"Pattern": " {\"eventName\": [\"REMOVE\"]}"}, {"Pattern": "{\"n\": [4]}"}]});
    create["TargetParameters"] = json!({"InputTemplate": "{\"n\": <$.n>, \"pipe\": \"<aws.pipes.pipe-name>\"}"});
    let pipes = world.pipes().await;
    let consumer = pipes.create(&create).await.unwrap().consumer();
    let got = world.sink.wait_for(3).await;
    let expected: Vec<String> = [4, 9, 19].iter().map(|n| format!("{{\"n\": {n}, \"pipe\": \"p\"}}")).collect();
    assert_eq!(got.into_iter().map(|(_, data)| data).collect::<Vec<_>>(), expected);
    pipes.stop("p").await.unwrap();
    until(&pipes, "STOPPED").await;
    let positions = world.state.read(move |tx| state::positions::load(tx, &consumer)).await.unwrap();
    assert_eq!(positions, [("a".to_owned(), Sequence::from(19u64).padded())]);
    let status = pipes.status().await.unwrap().remove(0);
    assert_eq!((status.counters.received, status.counters.filtered, status.counters.delivered), (19, 16, 3));
}

#[tokio::test]
async fn a_poison_record_goes_to_the_dead_letter_place_and_blocks_nothing() {
    for whole in [true, false] {
        let world = World::new(false);
        world.stream.shard("a", None);
        *world.sink.poison.lock().unwrap() = Some((4, whole));
        (1..=12).for_each(|n| world.stream.put("a", 0, n, 0));
        let create = input(json!({
            "BatchSize": 6, "MaximumRetryAttempts": 2, "OnPartialBatchItemFailure": "AUTOMATIC_BISECT",
            "DeadLetterConfig": {"Arn": DEAD},
        }));
        let pipes = world.pipes().await;
        pipes.create(&create).await.unwrap();
        let got = world.sink.wait_for(11).await;
        assert_eq!(per_key(&got)[&0], [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12], "whole={whole}");
        let dead = world.dead.wait_for(1).await;
        let letter: serde_json::Value = serde_json::from_str(&dead[0].1).unwrap();
        assert_eq!(
            (&letter["payload"]["n"], &letter["context"]["condition"]),
            (&json!(4), &json!("RetryAttemptsExhausted"))
        );
        let counters = pipes.status().await.unwrap().remove(0).counters;
        assert_eq!((counters.failed, counters.dead_lettered), (1, 1));
        pipes.shutdown().await;
    }
}

#[tokio::test]
async fn records_past_their_age_are_given_up() {
    let world = World::new(false);
    world.stream.shard("a", None);
    world.clock.advance_ms(100_000);
    world.stream.put("a", 0, 1, 1000);
    world.stream.put("a", 0, 2, 100_900);
    let pipes = world.pipes().await;
    let create = input(json!({"MaximumRecordAgeInSeconds": 60, "DeadLetterConfig": {"Arn": DEAD}}));
    pipes.create(&create).await.unwrap();
    assert_eq!(per_key(&world.sink.wait_for(1).await)[&0], [2]);
    assert_eq!(world.dead.wait_for(1).await.len(), 1);
    pipes.shutdown().await;
}

#[tokio::test]
async fn trimmed_records_are_a_recorded_gap() {
    for policy in [GapPolicy::Resume, GapPolicy::Halt] {
        let mut world = World::new(false);
        world.gap_policy = policy;
        world.stream.shard("a", None);
        (1..=3).for_each(|n| world.stream.put("a", 0, n, 0));
        let pipes = world.pipes().await;
        pipes.create(&input(json!({}))).await.unwrap();
        world.sink.wait_for(3).await;
        pipes.stop("p").await.unwrap();
        until(&pipes, "STOPPED").await;
        (4..=9).for_each(|n| world.stream.put("a", 0, n, 0));
        world.stream.trim("a", 7);
        pipes.start("p").await.unwrap();
        if policy == GapPolicy::Resume {
            assert_eq!(per_key(&world.sink.wait_for(5).await)[&0], [1, 2, 3, 8, 9]);
        } else {
            let stopped = until(&pipes, "STOPPED").await;
            assert!(stopped.reason.unwrap().contains("trimmed"));
        }
        let gaps = pipes.status().await.unwrap().remove(0).gaps;
        let to = (policy == GapPolicy::Resume).then(|| Sequence::from(8u64));
        assert_eq!(gaps.iter().map(|gap| (gap.from, gap.to)).collect::<Vec<_>>(), [(Sequence::from(3u64), to)]);
        pipes.shutdown().await;
    }
}

#[tokio::test]
async fn what_a_target_refuses_is_a_letter_at_once_and_a_letter_that_is_refused_is_not_counted_as_one() {
    for letters_too in [false, true] {
        let world = World::new(false);
        world.stream.shard("a", None);
        world.stream.put("a", 0, 1, 0);
        world.sink.refuse.store(true, Ordering::SeqCst);
        world.dead.refuse.store(letters_too, Ordering::SeqCst);
        let pipes = world.pipes().await;
        pipes.create(&input(json!({"DeadLetterConfig": {"Arn": DEAD}}))).await.unwrap();
        let counters = async || pipes.status().await.unwrap().remove(0).counters;
        let given_up = async {
            while counters().await.failed == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), given_up).await.unwrap();
        assert_eq!((counters().await.dead_lettered, counters().await.retries), (u64::from(!letters_too), 0));
        if !letters_too {
            let letter: serde_json::Value = serde_json::from_str(&world.dead.wait_for(1).await[0].1).unwrap();
            assert_eq!(letter["context"]["condition"], "RecordRefused");
            assert_eq!(
                (&letter["error"], &letter["attempts"], &letter["pipe"]),
                (&json!("TooLong"), &json!(1), &json!("p"))
            );
        }
        pipes.shutdown().await;
    }
}
