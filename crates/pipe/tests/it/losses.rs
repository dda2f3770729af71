//! What happens to records that cannot be had or cannot be delivered: each is counted and recorded, none blocks the rest.

use event::Sequence;
use pipe::{GapPolicy, Pipes};
use serde_json::json;

use crate::fixture::{World, input, per_key, until};

/// The recorded gaps as (shard, from, to).
async fn gaps(pipes: &Pipes) -> Vec<(String, u64, Option<u64>)> {
    let number = |sequence: Sequence| sequence.to_string().parse::<u64>().unwrap();
    let gaps = pipes.status().await.unwrap().remove(0).gaps;
    gaps.into_iter().map(|gap| (gap.shard, number(gap.from), gap.to.map(number))).collect()
}

#[tokio::test]
async fn a_new_pipe_begins_with_the_oldest_record_kept_which_is_no_gap() {
    let world = World::new(false);
    world.stream.shard("a", None);
    (1..=5).for_each(|n| world.stream.put("a", 0, n, 0));
    world.stream.trim("a", 3);
    let pipes = world.pipes().await;
    pipes.create(&input(json!({}))).await.unwrap();
    assert_eq!(per_key(&world.sink.wait_for(2).await)[&0], [4, 5]);
    assert_eq!(gaps(&pipes).await, []);
    pipes.shutdown().await;
}

#[tokio::test]
async fn a_later_shard_whose_beginning_was_trimmed_is_a_gap() {
    for policy in [GapPolicy::Resume, GapPolicy::Halt] {
        let mut world = World::new(false);
        world.gap_policy = policy;
        world.stream.shard("a", None);
        world.stream.put("a", 0, 1, 0);
        let pipes = world.pipes().await;
        pipes.create(&input(json!({}))).await.unwrap();
        world.sink.wait_for(1).await;
        pipes.stop("p").await.unwrap();
        until(&pipes, "STOPPED").await;
        world.stream.close("a");
        world.stream.shard("b", Some("a"));
        (2..=6).for_each(|n| world.stream.put("b", 0, n, 0));
        world.stream.trim("b", 4);
        pipes.start("p").await.unwrap();
        if policy == GapPolicy::Resume {
            assert_eq!(per_key(&world.sink.wait_for(3).await)[&0], [1, 5, 6]);
            assert_eq!(gaps(&pipes).await, [("b".to_owned(), 0, Some(5))]);
        } else {
            assert!(until(&pipes, "STOPPED").await.reason.unwrap().contains("trimmed"));
            assert_eq!(gaps(&pipes).await, [("b".to_owned(), 0, None)]);
        }
        pipes.shutdown().await;
    }
}

#[tokio::test]
async fn a_shard_that_aged_out_is_a_gap_and_its_children_go_on() {
    let world = World::new(false);
    world.stream.shard("a", None);
    world.stream.put("a", 0, 1, 0);
    let pipes = world.pipes().await;
    pipes.create(&input(json!({}))).await.unwrap();
    world.sink.wait_for(1).await;
    pipes.stop("p").await.unwrap();
    until(&pipes, "STOPPED").await;
    *world.stream.aged_out.lock().unwrap() = Some("a".into());
    world.stream.shard("b", Some("a"));
    world.stream.put("b", 0, 2, 0);
    pipes.start("p").await.unwrap();
    assert_eq!(per_key(&world.sink.wait_for(2).await)[&0], [1, 2]);
    assert_eq!(gaps(&pipes).await, [("a".to_owned(), 1, None)]);
    pipes.shutdown().await;
}

#[tokio::test]
async fn shards_that_came_and_went_while_the_pipe_was_down_are_gaps() {
    let world = World::new(false);
    world.stream.shard("a", None);
    world.stream.shard("x", None);
    (1..=2).for_each(|n| world.stream.put("a", 0, n, 0));
    world.stream.put("x", 1, 1, 0);
    let pipes = world.pipes().await;
    pipes.create(&input(json!({}))).await.unwrap();
    world.sink.wait_for(3).await;
    world.stream.close("x");
    world.stream.shard("y", Some("x"));
    world.stream.put("y", 1, 2, 0);
    world.sink.wait_for(4).await;
    pipes.stop("p").await.unwrap();
    until(&pipes, "STOPPED").await;
    // Of a the end was not read; b, its child, came and went; x was read to its end.
    world.stream.shards.lock().unwrap().retain(|shard| shard.id == "y");
    world.stream.shard("c", Some("b"));
    world.stream.put("c", 0, 9, 0);
    for _ in 0..2 {
        pipes.start("p").await.unwrap();
        until(&pipes, "RUNNING").await;
        assert_eq!(per_key(&world.sink.wait_for(5).await)[&0], [1, 2, 9]);
        assert_eq!(gaps(&pipes).await, [("a".to_owned(), 2, None), ("b".to_owned(), 0, None)]);
        assert!(pipes.status().await.unwrap().remove(0).counters.gaps <= 2, "each is told once");
        pipes.stop("p").await.unwrap();
        until(&pipes, "STOPPED").await;
    }
    pipes.shutdown().await;
}

#[tokio::test]
async fn what_was_trimmed_before_a_first_record_was_read_is_a_gap() {
    let world = World::new(false);
    world.stream.shard("a", None);
    world.stream.shard("b", None);
    world.stream.put("b", 1, 1, 0);
    let pipes = world.pipes().await;
    pipes.create(&input(json!({}))).await.unwrap();
    world.sink.wait_for(1).await;
    pipes.stop("p").await.unwrap();
    until(&pipes, "STOPPED").await;
    (1..=3).for_each(|n| world.stream.put("a", 0, n, 0));
    world.stream.trim("a", 2);
    pipes.start("p").await.unwrap();
    assert_eq!(per_key(&world.sink.wait_for(2).await)[&0], [3]);
    assert_eq!(gaps(&pipes).await, [("a".to_owned(), 0, Some(3))]);
    pipes.shutdown().await;
}

#[tokio::test]
async fn a_batch_that_had_its_tries_is_given_up_whole_unless_it_is_bisected() {
    for (bisect, delivered, failed) in [(false, [4, 5, 6], 3), (true, [1, 3, 4], 1)] {
        let world = World::new(false);
        world.stream.shard("a", None);
        *world.sink.poison.lock().unwrap() = Some((2, true));
        (1..=6).for_each(|n| world.stream.put("a", 0, n, 0));
        let mut parameters = json!({"BatchSize": 3, "MaximumRetryAttempts": 1});
        if bisect {
            parameters["OnPartialBatchItemFailure"] = json!("AUTOMATIC_BISECT");
        }
        let pipes = world.pipes().await;
        pipes.create(&input(parameters)).await.unwrap();
        let got = per_key(&world.sink.wait_for(6 - failed).await).remove(&0).unwrap();
        assert_eq!(got[..3], delivered, "bisect={bisect}");
        let counters = pipes.status().await.unwrap().remove(0).counters;
        assert_eq!((counters.failed as usize, counters.dead_lettered), (failed, 0), "bisect={bisect}");
        pipes.shutdown().await;
    }
}

#[tokio::test]
async fn without_a_limit_a_batch_is_tried_until_it_is_taken() {
    let world = World::new(false);
    world.stream.shard("a", None);
    world.stream.put("a", 0, 1, 0);
    world.sink.fail_calls.store(20, std::sync::atomic::Ordering::SeqCst);
    let pipes = world.pipes().await;
    pipes.create(&input(json!({"MaximumRetryAttempts": -1}))).await.unwrap();
    assert_eq!(per_key(&world.sink.wait_for(1).await)[&0], [1]);
    assert_eq!(pipes.status().await.unwrap().remove(0).counters.retries, 20);
    pipes.shutdown().await;
}

#[tokio::test]
async fn a_window_holds_a_batch_back_until_it_is_full() {
    let world = World::new(false);
    world.stream.shard("a", None);
    (1..=7).for_each(|n| world.stream.put("a", 0, n, 0));
    let pipes = world.pipes().await;
    pipes.create(&input(json!({"BatchSize": 3, "MaximumBatchingWindowInSeconds": 300}))).await.unwrap();
    world.sink.wait_for(6).await;
    (8..=9).for_each(|n| world.stream.put("a", 0, n, 0));
    world.sink.wait_for(9).await;
    assert_eq!(world.sink.calls.load(std::sync::atomic::Ordering::SeqCst), 3, "three full batches");
    pipes.shutdown().await;
}
