//! Queues: what is taken, hidden, shown again, moved and counted.

mod dead_letters;
mod fifo;
mod order;
mod source;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use event::ManualClock;
use messaging::Error;
use messaging::queue::{Attribute, Attributes, Code, Counts, NewMessage, Payload, Queues, Receive, Received};
use state::{Settings, State};

const NOW: i64 = 1_800_000_000_000;

struct World {
    queues: Queues,
    clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let queues = open(&folder, &clock);
        World { queues, clock, folder }
    }

    /// As after a crash: nothing in memory is left.
    fn reopen(&mut self) {
        self.queues = open(&self.folder, &self.clock);
    }

    async fn create(&self, name: &str, attributes: &[(&str, &str)]) {
        self.queues.create(name, map(attributes), BTreeMap::new()).await.unwrap();
    }

    async fn send(&self, name: &str, body: &str) {
        self.queues.send(name, plain(body)).await.unwrap();
    }

    async fn receive(&self, name: &str, max: usize) -> Vec<Received> {
        self.queues.receive(name, now(max)).await.unwrap()
    }

    async fn bodies(&self, name: &str, max: usize) -> Vec<String> {
        self.receive(name, max).await.into_iter().map(|message| message.body).collect()
    }

    async fn delete(&self, name: &str, message: &Received) -> Result<(), Error> {
        self.queues.delete(name, vec![message.receipt.clone()]).await.unwrap().pop().unwrap()
    }

    async fn hide(&self, name: &str, message: &Received, seconds: i64) -> Result<(), Error> {
        self.queues.change_visibility(name, vec![(message.receipt.clone(), seconds)]).await.unwrap().pop().unwrap()
    }

    async fn counts(&self, name: &str) -> (i64, i64, i64) {
        let Counts { visible, in_flight, delayed } = self.queues.describe(name, true).await.unwrap().counts;
        (visible, in_flight, delayed)
    }
}

fn open(folder: &tempfile::TempDir, clock: &Arc<ManualClock>) -> Queues {
    let state = State::open(&Settings::new(folder.path().join("state.db").to_str().unwrap())).unwrap();
    Queues::open(state, clock.clone(), "us-east-1", "000000000000").unwrap()
}

fn map(attributes: &[(&str, &str)]) -> BTreeMap<String, String> {
    attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn plain(body: &str) -> NewMessage {
    NewMessage { body: body.into(), ..NewMessage::default() }
}

fn now(max: usize) -> Receive {
    Receive { wait: Some(Duration::ZERO), ..Receive::new(max) }
}

fn code<T>(outcome: Result<T, Error>) -> Code {
    match outcome {
        Err(Error::Queue { code, .. }) => code,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was taken"),
    }
}

#[tokio::test]
async fn a_message_comes_back_as_sent_and_is_hidden_until_its_time_is_over() {
    let world = World::new();
    world.create("q", &[]).await;
    let text = Attribute { data_type: "String.note".into(), value: Payload::Text("x".into()) };
    let binary = Attribute { data_type: "Binary".into(), value: Payload::Binary(vec![0, 1]) };
    let attributes = Attributes::from([("a".to_owned(), text), ("b".to_owned(), binary)]);
    let message = NewMessage { attributes: attributes.clone(), trace: Some("Root=1".into()), ..plain("hello") };
    let sent = world.queues.send("q", message).await.unwrap();
    assert_eq!(sent.body_md5, "5d41402abc4b2a76b9719d911017c592");
    let received = world.receive("q", 10).await;
    let [first] = received.as_slice() else { panic!("one message") };
    assert_eq!((&first.message_id, &first.attributes_md5), (&sent.message_id, &sent.attributes_md5));
    assert!(first.attributes == attributes && first.trace.as_deref() == Some("Root=1"));
    assert_eq!((first.receives, first.sent_ms, first.first_received_ms), (1, NOW, NOW));
    assert_eq!(world.counts("q").await, (0, 1, 0));
    world.clock.advance_ms(29_999);
    assert!(world.receive("q", 10).await.is_empty());
    world.clock.advance_ms(1);
    let again = world.receive("q", 10).await.remove(0);
    assert_eq!((again.receives, again.first_received_ms), (2, NOW));
    // The earlier handle deletes nothing any more.
    world.delete("q", first).await.unwrap();
    assert_eq!(world.counts("q").await, (0, 1, 0));
    world.delete("q", &again).await.unwrap();
    world.delete("q", &again).await.unwrap();
    assert_eq!(world.counts("q").await, (0, 0, 0));
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash_and_so_does_hiding() {
    let mut world = World::new();
    world.create("q", &[]).await;
    world.send("q", "a").await;
    world.send("q", "b").await;
    let first = world.receive("q", 1).await.remove(0);
    world.reopen();
    assert_eq!(world.bodies("q", 10).await, ["b"]);
    world.delete("q", &first).await.unwrap();
    world.reopen();
    assert_eq!(world.counts("q").await, (0, 1, 0));
    world.send("q", "c").await;
    world.clock.advance_ms(30_000);
    assert_eq!(world.bodies("q", 10).await, ["c", "b"]);
}

#[tokio::test]
async fn visibility_can_be_changed_while_it_lasts() {
    let world = World::new();
    world.create("q", &[("VisibilityTimeout", "10")]).await;
    world.send("q", "a").await;
    let message = world.receive("q", 1).await.remove(0);
    world.hide("q", &message, 60).await.unwrap();
    world.clock.advance_ms(59_000);
    assert!(world.receive("q", 1).await.is_empty());
    assert_eq!(code(world.hide("q", &message, 43_200).await), Code::InvalidParameterValue);
    world.hide("q", &message, 0).await.unwrap();
    assert_eq!(code(world.hide("q", &message, 5).await), Code::MessageNotInflight);
    let message = world.receive("q", 1).await.remove(0);
    world.delete("q", &message).await.unwrap();
    assert_eq!(code(world.hide("q", &message, 5).await), Code::InvalidParameterValue);
    let wrong = world.queues.delete("q", vec!["nonsense".into()]).await.unwrap().remove(0);
    assert_eq!(code(wrong), Code::ReceiptHandleIsInvalid);
}

#[tokio::test]
async fn delays_and_retention_are_kept_and_counted() {
    let world = World::new();
    world.create("q", &[("DelaySeconds", "5"), ("MessageRetentionPeriod", "60")]).await;
    world.send("q", "a").await;
    world.queues.send("q", NewMessage { delay_s: Some(0), ..plain("b") }).await.unwrap();
    assert_eq!(world.counts("q").await, (1, 0, 1));
    assert_eq!(world.bodies("q", 10).await, ["b"]);
    world.clock.advance_ms(5_000);
    assert_eq!(world.counts("q").await, (1, 1, 0));
    world.clock.advance_ms(55_000);
    assert_eq!(world.counts("q").await, (0, 0, 0));
    assert!(world.receive("q", 10).await.is_empty());
    world.send("q", "c").await;
    world.clock.advance_ms(60_000);
    assert_eq!(world.queues.sweep().await.unwrap(), 1);
    assert_eq!(world.queues.sweep().await.unwrap(), 0);
}

#[tokio::test]
async fn purge_and_delete_leave_nothing() {
    let world = World::new();
    world.create("q", &[]).await;
    for n in 0..3 {
        world.send("q", &n.to_string()).await;
    }
    let message = world.receive("q", 1).await.remove(0);
    world.queues.purge("q").await.unwrap();
    assert_eq!(code(world.queues.purge("q").await), Code::PurgeQueueInProgress);
    assert_eq!(world.counts("q").await, (0, 0, 0));
    world.delete("q", &message).await.unwrap();
    world.send("q", "new").await;
    // Three messages of two rows, and the room.
    assert_eq!(world.queues.sweep().await.unwrap(), 7);
    assert_eq!(world.bodies("q", 10).await, ["new"]);
    world.queues.delete_queue("q").await.unwrap();
    assert_eq!(code(world.queues.exists("q").await), Code::QueueDoesNotExist);
    assert_eq!(code(world.queues.receive("q", now(1)).await), Code::QueueDoesNotExist);
    world.create("q", &[]).await;
    assert_eq!(world.counts("q").await, (0, 0, 0));
    assert_eq!(code(world.delete("q", &message).await), Code::ReceiptHandleIsInvalid);
}

#[tokio::test]
async fn queues_are_created_once_listed_and_changed() {
    let world = World::new();
    let create = async |name: &str, attributes: &[(&str, &str)]| {
        world.queues.create(name, map(attributes), map(&[("team", "lake")])).await
    };
    create("a", &[("DelaySeconds", "1")]).await.unwrap();
    create("a", &[("DelaySeconds", "1")]).await.unwrap();
    create("a", &[]).await.unwrap();
    assert_eq!(code(create("a", &[("DelaySeconds", "2")]).await), Code::QueueNameExists);
    assert_eq!(code(create("a.fifo", &[]).await), Code::InvalidParameterValue);
    assert_eq!(code(create("b", &[("FifoQueue", "true")]).await), Code::InvalidParameterValue);
    assert_eq!(code(create("b", &[("Nothing", "1")]).await), Code::InvalidAttributeName);
    create("b.fifo", &[("FifoQueue", "true")]).await.unwrap();
    create("ab", &[]).await.unwrap();
    let page = world.queues.list("a", "", 1).await.unwrap();
    assert_eq!((page.names, page.more), (vec!["a".to_owned()], true));
    assert_eq!(world.queues.list("a", "a", 10).await.unwrap().names, ["ab"]);
    world.queues.set_attributes("a", map(&[("VisibilityTimeout", "7")])).await.unwrap();
    assert_eq!(world.queues.describe("a", false).await.unwrap().settings.visibility_s, 7);
    let changes = BTreeMap::from([("team".to_owned(), None), ("x".to_owned(), Some("y".to_owned()))]);
    world.queues.tag("a", changes).await.unwrap();
    assert_eq!(world.queues.tags("a").await.unwrap(), map(&[("x", "y")]));
}

#[tokio::test]
async fn whoever_waits_is_woken_by_what_arrives() {
    let world = World::new();
    world.create("q", &[]).await;
    let waiting = |queues: Queues| {
        tokio::spawn(async move {
            let ask = Receive { wait: Some(Duration::from_secs(20)), ..Receive::new(1) };
            queues.receive("q", ask).await.unwrap().remove(0).body
        })
    };
    let all: Vec<_> = (0..5).map(|_| waiting(world.queues.clone())).collect();
    // One batch wakes one, who wakes the next.
    let batch = (0..5).map(|n| plain(&n.to_string())).collect();
    world.queues.send_batch("q", batch).await.unwrap();
    let mut bodies = Vec::new();
    for one in all {
        bodies.push(tokio::time::timeout(Duration::from_secs(15), one).await.unwrap().unwrap());
    }
    bodies.sort();
    assert_eq!(bodies, ["0", "1", "2", "3", "4"]);
    // Somebody else's transaction arrives as well.
    let one = waiting(world.queues.clone());
    world.queues.set_attributes("q", map(&[("VisibilityTimeout", "1")])).await.unwrap();
    world.send("q", "late").await;
    assert_eq!(tokio::time::timeout(Duration::from_secs(15), one).await.unwrap().unwrap(), "late");
}

#[tokio::test]
async fn a_stop_ends_all_waiting() {
    let world = World::new();
    world.create("q", &[("ReceiveMessageWaitTimeSeconds", "20")]).await;
    let queues = world.queues.clone();
    let waiting = tokio::spawn(async move { queues.receive("q", Receive::new(1)).await.unwrap().len() });
    world.queues.shutdown();
    assert_eq!(tokio::time::timeout(Duration::from_secs(15), waiting).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn messages_that_no_queue_takes_are_refused_by_themselves() {
    let world = World::new();
    world.create("q", &[("MaximumMessageSize", "1024")]).await;
    let many: Attributes = (0..11)
        .map(|n| (n.to_string(), Attribute { data_type: "String".into(), value: Payload::Text("x".into()) }))
        .collect();
    let messages = vec![
        plain("fine"),
        plain(""),
        plain("\u{1}"),
        plain(&"x".repeat(1025)),
        NewMessage { delay_s: Some(901), ..plain("x") },
        NewMessage { deduplication: Some("x".into()), ..plain("x") },
        NewMessage { attributes: many, ..plain("x") },
    ];
    let mut outcomes = world.queues.send_batch("q", messages).await.unwrap().into_iter();
    assert!(outcomes.next().unwrap().is_ok());
    let codes: Vec<Code> = outcomes.map(code).collect();
    let invalid = Code::InvalidParameterValue;
    assert_eq!(codes, [Code::MissingParameter, Code::InvalidMessageContents, invalid, invalid, invalid, invalid]);
    assert_eq!(world.counts("q").await, (1, 0, 0));
}

#[tokio::test]
async fn no_more_than_the_limit_is_in_flight() {
    let world = World::new();
    world.create("q", &[]).await;
    for _ in 0..13 {
        let batch = (0..10_000).map(|_| plain("x")).collect();
        world.queues.send_batch("q", batch).await.unwrap();
    }
    let mut received = 0;
    let refused = loop {
        match world.queues.receive("q", now(10_000)).await {
            Ok(messages) => received += messages.len(),
            Err(error) => break code(Err::<(), _>(error)),
        }
    };
    assert_eq!((refused, received), (Code::OverLimit, 120_000));
    world.clock.advance_ms(30_000);
    assert_eq!(world.receive("q", 10).await.len(), 10);
}
