//! FIFO queues: groups, deduplication, attempts.

use messaging::queue::{Code, NewMessage, Receive, Sent};

use super::{World, code, now, plain};

const FIFO: &[(&str, &str)] = &[("FifoQueue", "true"), ("VisibilityTimeout", "10")];

fn grouped(group: &str, body: &str, deduplication: &str) -> NewMessage {
    NewMessage { group: Some(group.into()), deduplication: Some(deduplication.into()), ..plain(body) }
}

async fn send(world: &World, group: &str, body: &str) -> Sent {
    world.queues.send("q.fifo", grouped(group, body, body)).await.unwrap()
}

#[tokio::test]
async fn a_group_waits_while_one_of_its_messages_is_hidden() {
    let world = World::new();
    world.create("q.fifo", FIFO).await;
    let first = send(&world, "a", "a1").await;
    let second = send(&world, "a", "a2").await;
    assert!(first.sequence_number < second.sequence_number);
    send(&world, "b", "b1").await;
    send(&world, "a", "a3").await;
    let both = world.receive("q.fifo", 2).await;
    assert_eq!(both.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), ["a1", "a2"]);
    assert_eq!(world.bodies("q.fifo", 10).await, ["b1"]);
    // The first is done, the second is still hidden.
    world.delete("q.fifo", &both[0]).await.unwrap();
    assert!(world.receive("q.fifo", 10).await.is_empty());
    world.hide("q.fifo", &both[1], 0).await.unwrap();
    assert_eq!(world.bodies("q.fifo", 10).await, ["a2", "a3"]);
    world.clock.advance_ms(10_000);
    let late = world.receive("q.fifo", 1).await.remove(0);
    world.clock.advance_ms(10_000);
    assert_eq!(code(world.delete("q.fifo", &late).await), Code::InvalidParameterValue);
    assert_eq!(world.bodies("q.fifo", 1).await, ["b1"]);
}

#[tokio::test]
async fn a_repeat_within_five_minutes_is_not_taken() {
    let world = World::new();
    world.create("q.fifo", FIFO).await;
    let first = send(&world, "a", "x").await;
    let again = send(&world, "b", "x").await;
    assert_eq!((&first.message_id, &first.sequence_number), (&again.message_id, &again.sequence_number));
    // Also when the first is gone.
    let message = world.receive("q.fifo", 10).await.remove(0);
    world.delete("q.fifo", &message).await.unwrap();
    send(&world, "a", "x").await;
    assert_eq!(world.counts("q.fifo").await, (0, 0, 0));
    world.clock.advance_ms(300_000);
    assert_eq!(world.queues.sweep().await.unwrap(), 1);
    send(&world, "a", "x").await;
    assert_eq!(world.counts("q.fifo").await, (1, 0, 0));
}

#[tokio::test]
async fn ids_may_come_from_the_content_and_count_by_group() {
    let world = World::new();
    let by_group = [FIFO, &[("ContentBasedDeduplication", "true"), ("DeduplicationScope", "messageGroup")]].concat();
    world.create("q.fifo", &by_group).await;
    for group in ["a", "a", "b"] {
        world.queues.send("q.fifo", NewMessage { group: Some(group.into()), ..plain("same") }).await.unwrap();
    }
    assert_eq!(world.counts("q.fifo").await, (2, 0, 0));
    assert_eq!(code(world.queues.send("q.fifo", plain("x")).await), Code::MissingParameter);
    world.create("r.fifo", FIFO).await;
    let no_id = NewMessage { group: Some("a".into()), ..plain("x") };
    assert_eq!(code(world.queues.send("r.fifo", no_id).await), Code::InvalidParameterValue);
    let delayed = NewMessage { delay_s: Some(1), ..grouped("a", "x", "x") };
    assert_eq!(code(world.queues.send("r.fifo", delayed).await), Code::InvalidParameterValue);
}

#[tokio::test]
async fn a_repeated_attempt_gets_the_same_messages_until_one_is_touched() {
    let world = World::new();
    world.create("q.fifo", FIFO).await;
    send(&world, "a", "1").await;
    send(&world, "b", "2").await;
    let attempt = async || {
        let ask = Receive { attempt: Some("try".into()), ..now(10) };
        world.queues.receive("q.fifo", ask).await.unwrap()
    };
    let first = attempt().await;
    assert_eq!(first.len(), 2);
    world.clock.advance_ms(9_000);
    assert!(attempt().await == first);
    world.clock.advance_ms(9_000);
    // Hidden anew by the repeat.
    assert!(world.receive("q.fifo", 10).await.is_empty());
    world.delete("q.fifo", &first[0]).await.unwrap();
    assert!(attempt().await.is_empty());
}
