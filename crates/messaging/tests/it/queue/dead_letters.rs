//! Dead letters: who goes there, what they take along, and how they come back.

use std::time::{Duration, Instant};

use messaging::queue::{Code, MoveTask, NewMessage, StartMove};

use super::{World, code, map, plain};

fn policy(arn: &str, receives_max: u32) -> String {
    format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"{receives_max}"}}"#)
}

async fn world(suffix: &str, attributes: &[(&str, &str)]) -> World {
    let world = World::new();
    world.create(&format!("dead{suffix}"), attributes).await;
    let redrive = policy(&world.queues.arn(&format!("dead{suffix}")), 2);
    world.create(&format!("q{suffix}"), &[attributes, &[("RedrivePolicy", &redrive)]].concat()).await;
    world
}

#[tokio::test]
async fn a_message_received_too_often_is_moved_with_its_history() {
    let world = world("", &[]).await;
    world.send("q", "bad").await;
    for _ in 0..2 {
        assert_eq!(world.receive("q", 10).await[0].body, "bad");
        world.clock.advance_ms(30_000);
    }
    world.send("q", "good").await;
    assert_eq!(world.bodies("q", 10).await, ["good"]);
    let dead = world.receive("dead", 10).await.remove(0);
    assert_eq!((dead.body.as_str(), dead.receives, dead.sent_ms), ("bad", 3, super::NOW));
    assert_eq!(dead.came_from, Some(world.queues.arn("q")));
    assert_eq!(world.counts("q").await, (0, 1, 0));
    assert_eq!(world.queues.sources_of("dead", "", 10).await.unwrap().names, ["q"]);
}

#[tokio::test]
async fn the_next_of_a_group_follows_a_dead_letter() {
    let world = world(".fifo", &[("FifoQueue", "true"), ("VisibilityTimeout", "10")]).await;
    for body in ["1", "2"] {
        let message = NewMessage { group: Some("g".into()), deduplication: Some(body.into()), ..plain(body) };
        world.queues.send("q.fifo", message).await.unwrap();
    }
    for _ in 0..2 {
        assert_eq!(world.bodies("q.fifo", 1).await, ["1"]);
        world.clock.advance_ms(10_000);
    }
    assert_eq!(world.bodies("q.fifo", 1).await, ["2"]);
    assert_eq!(world.bodies("dead.fifo", 1).await, ["1"]);
}

#[tokio::test]
async fn a_policy_names_a_queue_that_allows_it() {
    let world = world("", &[]).await;
    world.create("other.fifo", &[("FifoQueue", "true")]).await;
    let arns = [world.queues.arn("nothing"), world.queues.arn("other.fifo"), "arn:aws:sqs:eu-north-1:1:q".into()];
    for arn in &arns {
        let refused = world.queues.set_attributes("q", map(&[("RedrivePolicy", &policy(arn, 1))])).await;
        assert_eq!(code(refused), Code::InvalidParameterValue, "{arn}");
    }
    world.create("closed", &[("RedriveAllowPolicy", r#"{"redrivePermission":"denyAll"}"#)]).await;
    let closed = policy(&world.queues.arn("closed"), 1);
    let refused = world.queues.set_attributes("q", map(&[("RedrivePolicy", &closed)])).await;
    assert_eq!(code(refused), Code::InvalidParameterValue);
}

/// The newest task once it has ended.
async fn ended(world: &World) -> MoveTask {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let task = world.queues.moves(&world.queues.arn("dead"), 1).await.unwrap().remove(0);
        if task.status != "RUNNING" {
            return task;
        }
        assert!(Instant::now() < deadline, "the task does not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn kill_all(world: &World, count: usize) {
    for _ in 0..2 {
        assert_eq!(world.receive("q", count).await.len(), count);
        world.clock.advance_ms(30_000);
    }
    assert!(world.receive("q", count).await.is_empty());
}

#[tokio::test]
async fn a_move_task_brings_them_back_as_new_messages() {
    let world = world("", &[]).await;
    for n in 0..250 {
        world.send("q", &n.to_string()).await;
    }
    kill_all(&world, 250).await;
    let start = StartMove { source: world.queues.arn("dead"), ..StartMove::default() };
    world.queues.start_move(start.clone()).await.unwrap();
    let task = ended(&world).await;
    assert_eq!((task.status.as_str(), task.moved, task.to_move), ("COMPLETED", 250, 250));
    let message = world.receive("q", 1).await.remove(0);
    assert_eq!((message.body.as_str(), message.receives, message.came_from), ("0", 1, None));
    assert_eq!(world.counts("dead").await, (0, 0, 0));

    world.send("dead", "sent here").await;
    world.queues.start_move(start).await.unwrap();
    let task = ended(&world).await;
    assert_eq!((task.status.as_str(), task.failure.as_deref()), ("FAILED", Some("CouldNotDetermineMessageSource")));
    world.create("other", &[]).await;
    let to_other = StartMove {
        source: world.queues.arn("dead"),
        destination: Some(world.queues.arn("other")),
        per_second: Some(500),
    };
    world.queues.start_move(to_other).await.unwrap();
    assert_eq!(ended(&world).await.moved, 1);
    assert_eq!(world.bodies("other", 10).await, ["sent here"]);
}

#[tokio::test]
async fn a_task_is_refused_cancelled_and_goes_on_after_a_restart() {
    let mut world = world("", &[]).await;
    for n in 0..3 {
        world.send("q", &n.to_string()).await;
    }
    kill_all(&world, 3).await;
    let dead = world.queues.arn("dead");
    let start = |source: &str| StartMove { source: source.to_owned(), destination: None, per_second: Some(1) };
    assert_eq!(code(world.queues.start_move(start(&world.queues.arn("none"))).await), Code::ResourceNotFound);
    assert_eq!(code(world.queues.start_move(start(&world.queues.arn("q"))).await), Code::InvalidParameterValue);
    let handle = world.queues.start_move(start(&dead)).await.unwrap();
    assert_eq!(code(world.queues.start_move(start(&dead)).await), Code::UnsupportedOperation);
    // One a second: it runs when the program stops.
    world.queues.shutdown();
    world.reopen();
    world.queues.resume().await.unwrap();
    assert!(world.queues.cancel_move(&handle).await.unwrap() < 3);
    assert_eq!(ended(&world).await.status, "CANCELLED");
    assert_eq!(code(world.queues.cancel_move(&handle).await), Code::UnsupportedOperation);
    assert_eq!(code(world.queues.cancel_move("none").await), Code::ResourceNotFound);
}

#[tokio::test]
async fn letters_are_looked_at_without_a_receive_taken_by_number_and_put_back_alone() {
    for (suffix, attributes) in
        [("", &[][..]), (".fifo", &[("FifoQueue", "true"), ("ContentBasedDeduplication", "true")])]
    {
        let world = world(suffix, attributes).await;
        let (dead, queue) = (format!("dead{suffix}"), format!("q{suffix}"));
        let pairs = world.queues.dead_letter_queues().await.unwrap();
        assert_eq!(pairs, [(world.queues.arn(&dead), world.queues.arn(&queue))]);
        for body in ["a", "b"] {
            let group = (!suffix.is_empty()).then(|| body.to_owned());
            world.queues.send(&queue, NewMessage { group, ..plain(body) }).await.unwrap();
        }
        for _ in 0..3 {
            world.receive(&queue, 10).await;
            world.clock.advance_ms(30_000);
        }
        let letters = world.queues.look(&dead, 0, 10).await.unwrap();
        let seen: Vec<_> = letters.iter().map(|l| (l.message.body.as_str(), l.message.receives, l.hidden)).collect();
        assert_eq!(seen, [("a", 2, false), ("b", 2, false)]);
        let numbers: Vec<i64> = letters.iter().map(|letter| letter.message.number).collect();
        assert_eq!(world.queues.look(&dead, numbers[0], 10).await.unwrap().len(), 1);
        assert!(numbers[1] < world.queues.newest());

        let taken = world.queues.take(&dead, numbers[0], 60).await.unwrap().unwrap();
        assert!(world.queues.take(&dead, numbers[0], 60).await.unwrap().is_none(), "it is hidden");
        assert!(!world.queues.move_back(&dead, numbers[0]).await.unwrap(), "it is hidden");
        assert!(world.queues.look(&dead, 0, 1).await.unwrap()[0].hidden);
        world.delete(&dead, &taken).await.unwrap();
        assert!(world.queues.move_back(&dead, numbers[1]).await.unwrap());
        assert_eq!(world.counts(&dead).await, (0, 0, 0));
        assert_eq!(world.bodies(&queue, 10).await, ["b"]);
        assert!(world.queues.look("none", 0, 1).await.is_err());
    }
}
