//! Random sends, receives, deletes, changes and crashes on a FIFO and a standard queue: order in each group, nothing handed
//! out inside its visibility time, nothing lost, exact counts.

use std::collections::{BTreeMap, BTreeSet};

use messaging::queue::{NewMessage, Received};
use proptest::prelude::*;

use super::{World, plain};

const VISIBLE_AFTER_MS: i64 = 10_000;

#[derive(Clone, Debug)]
enum Step {
    Send {
        group: u8,
    },
    Receive {
        max: usize,
    },
    /// The n-th of those in hand, counted round.
    Delete {
        which: usize,
    },
    Hide {
        which: usize,
        seconds: i64,
    },
    Wait {
        ms: i64,
    },
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..3).prop_map(|group| Step::Send { group }),
        5 => (1usize..6).prop_map(|max| Step::Receive { max }),
        4 => (0usize..8).prop_map(|which| Step::Delete { which }),
        2 => (0usize..8, 0i64..20).prop_map(|(which, seconds)| Step::Hide { which, seconds }),
        3 => (1i64..12_000).prop_map(|ms| Step::Wait { ms }),
        1 => Just(Step::Crash),
    ]
}

/// What the queue must hold: number of each message and when it is visible.
struct Model {
    fifo: bool,
    now_ms: i64,
    sent: u32,
    /// (group, message) -> hidden until.
    held: BTreeMap<(u8, u32), i64>,
    in_hand: Vec<(Received, (u8, u32))>,
    /// How often each was received: only its newest receipt counts, even when that one is no longer in hand.
    receives: BTreeMap<(u8, u32), i64>,
}

impl Model {
    fn visible(&self) -> i64 {
        self.held.values().filter(|until_ms| **until_ms <= self.now_ms).count() as i64
    }

    fn receive(&mut self, messages: Vec<Received>, max: usize) {
        assert!(messages.len() <= max);
        let mut seen = BTreeSet::new();
        let blocked: BTreeSet<u8> =
            self.held.iter().filter(|(_, until_ms)| **until_ms > self.now_ms).map(|((group, _), _)| *group).collect();
        for message in messages {
            let (group, number) = message.body.split_once(' ').unwrap();
            let key = (group.parse().unwrap(), number.parse().unwrap());
            assert!(seen.insert(key), "twice in one answer");
            assert!(self.held[&key] <= self.now_ms, "inside its visibility time");
            if self.fifo {
                assert!(!blocked.contains(&key.0), "the group is blocked");
                let earlier = self.held.keys().filter(|held| held.0 == key.0 && held.1 < key.1);
                assert!(earlier.into_iter().all(|held| seen.contains(held)), "out of order");
            }
            self.receives.insert(key, message.receives);
            self.in_hand.push((message, key));
        }
        let due = self
            .held
            .iter()
            .filter(|((group, _), until_ms)| **until_ms <= self.now_ms && !(self.fifo && blocked.contains(group)));
        assert_eq!(seen.len(), due.count().min(max), "as many as there are");
        for key in seen {
            self.held.insert(key, self.now_ms + VISIBLE_AFTER_MS);
        }
    }
}

async fn run(fifo: bool, steps: Vec<Step>) {
    let name = if fifo { "q.fifo" } else { "q" };
    let mut world = World::new();
    let kind: &[(&str, &str)] = if fifo { &[("FifoQueue", "true")] } else { &[] };
    world.create(name, &[kind, &[("VisibilityTimeout", "10")]].concat()).await;
    let mut model = Model {
        fifo,
        now_ms: super::NOW,
        sent: 0,
        held: BTreeMap::new(),
        in_hand: Vec::new(),
        receives: BTreeMap::new(),
    };
    for step in steps {
        apply(&mut world, name, &mut model, step).await;
        let (visible, in_flight, delayed) = world.counts(name).await;
        assert_eq!((visible, visible + in_flight, delayed), (model.visible(), model.held.len() as i64, 0));
    }
}

async fn apply(world: &mut World, name: &str, model: &mut Model, step: Step) {
    match step {
        Step::Send { group } => {
            let id = |text: String| model.fifo.then_some(text);
            let (body, number) = (format!("{group} {}", model.sent), model.sent);
            let message =
                NewMessage { group: id(group.to_string()), deduplication: id(number.to_string()), ..plain(&body) };
            world.queues.send(name, message).await.unwrap();
            model.held.insert((group, number), model.now_ms);
            model.sent += 1;
        }
        Step::Receive { max } => model.receive(world.receive(name, max).await, max),
        Step::Delete { which } if !model.in_hand.is_empty() => {
            let (message, key) = model.in_hand.remove(which % model.in_hand.len());
            let newest = model.receives.get(&key) == Some(&(message.receives));
            let hidden = model.held.get(&key).is_some_and(|until_ms| *until_ms > model.now_ms);
            let outcome = world.delete(name, &message).await;
            if newest && model.held.contains_key(&key) {
                assert_eq!(outcome.is_ok(), hidden || !model.fifo);
                if outcome.is_ok() {
                    model.held.remove(&key);
                }
            } else {
                outcome.unwrap();
            }
        }
        Step::Hide { which, seconds } if !model.in_hand.is_empty() => {
            let (message, key) = &model.in_hand[which % model.in_hand.len()];
            if world.hide(name, message, seconds).await.is_ok() {
                assert!(model.held[key] > model.now_ms, "only what is hidden can be hidden longer");
                model.held.insert(*key, model.now_ms + seconds * 1000);
            }
        }
        Step::Delete { .. } | Step::Hide { .. } => {}
        Step::Wait { ms } => {
            world.clock.advance_ms(ms);
            model.now_ms += ms;
        }
        Step::Crash => world.reopen(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_course_of_events_keeps_the_promises(fifo in any::<bool>(), steps in prop::collection::vec(step(), 1..60)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run(fifo, steps));
    }
}
