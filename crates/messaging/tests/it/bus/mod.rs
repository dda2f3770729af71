//! Buses and schedules on a real database, with real queues and log groups as targets.

mod archives;
mod delivery;
mod resources;
mod schedules;
mod subscriptions;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use event::{Arn, Clock, Factory, Failure, ManualClock, Receipt, Registry};
use messaging::bus::{Buses, Entry, PutRule, Target};
use messaging::queue::{Queues, Receive, Received};
use messaging::schedule::Schedules;
use serde_json::Value;
use state::{Settings, State};

/// 2027-01-15T08:00:00Z
pub const NOW: i64 = 1_800_000_000_000;
/// How long anything may take on a loaded machine.
const WAIT_MAX: Duration = Duration::from_secs(30);

pub struct World {
    dir: tempfile::TempDir,
    state: State,
    pub clock: Arc<ManualClock>,
    pub buses: Buses,
    pub queues: Queues,
    pub schedules: Schedules,
    pub flaky: Arc<Flaky>,
}

/// A target that fails as often as it is told.
#[derive(Default)]
pub struct Flaky {
    pub failures: AtomicUsize,
    pub calls: AtomicUsize,
}

#[async_trait]
impl event::Target for Flaky {
    fn batch_records_max(&self) -> usize {
        10
    }

    async fn deliver(&self, batch: event::Batch) -> Result<Receipt, event::Error> {
        self.calls.fetch_add(batch.records.len(), Ordering::SeqCst);
        let fails = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        let failure = |index| Failure { index, code: "Busy".into(), message: "busy".into(), retryable: true };
        Ok(Receipt::Delivered(if fails { (0..batch.records.len()).map(failure).collect() } else { Vec::new() }))
    }
}

struct FlakyFactory(Arc<Flaky>);

#[async_trait]
impl Factory<dyn event::Target> for FlakyFactory {
    fn accepts(&self, arn: &Arn) -> bool {
        arn.service == "flaky"
    }

    async fn open(&self, _arn: &Arn, _parameters: &Value) -> Result<Arc<dyn event::Target>, event::Error> {
        Ok(self.0.clone())
    }
}

/// The log groups of the program as targets.
struct LogGroups(logs::Logs);

#[async_trait]
impl Factory<dyn event::Target> for LogGroups {
    fn accepts(&self, arn: &Arn) -> bool {
        logs::target::group_of(arn).is_some()
    }

    async fn open(&self, arn: &Arn, parameters: &Value) -> Result<Arc<dyn event::Target>, event::Error> {
        logs::target::open(&self.0, arn, parameters).await
    }
}

impl World {
    /// A new state; nothing is delivered before [`World::start`].
    pub fn new() -> World {
        World::on(tempfile::tempdir().unwrap(), Arc::new(ManualClock::at(NOW)))
    }

    pub async fn started() -> World {
        let world = World::new();
        world.start().await;
        world
    }

    fn on(dir: tempfile::TempDir, clock: Arc<ManualClock>) -> World {
        let state = State::open(&Settings::new(dir.path().join("state.db").to_str().unwrap())).unwrap();
        let buses = Buses::open(state.clone(), clock.clone(), "us-east-1", "000000000000").unwrap();
        let queues = Queues::open(state.clone(), clock.clone(), "us-east-1", "000000000000").unwrap();
        let schedules = Schedules::open(buses.clone()).unwrap();
        World { dir, state, clock, buses, queues, schedules, flaky: Arc::default() }
    }

    /// The same state after a time in which nothing ran.
    pub fn reopened(self, after_ms: i64) -> World {
        let World { dir, clock, .. } = self;
        clock.advance_ms(after_ms);
        World::on(dir, clock)
    }

    pub async fn start(&self) {
        let state = State::open(&Settings::new(self.dir.path().join("logs.db").to_str().unwrap())).unwrap();
        let logs = logs::Logs::open(state, self.clock.clone(), "us-east-1", "000000000000").unwrap();
        let registry = Registry::default().target(FlakyFactory(self.flaky.clone())).target(LogGroups(logs));
        self.buses.start(registry, Some(self.queues.clone()), None).await.unwrap();
    }

    /// Moves the clock and starts what is due then.
    pub async fn advance(&self, by_ms: i64) {
        self.clock.advance_ms(by_ms);
        self.buses.tick().await.unwrap();
    }

    pub async fn queue(&self, name: &str) -> String {
        self.queues.create(name, BTreeMap::new(), BTreeMap::new()).await.unwrap();
        self.queues.arn(name)
    }

    /// Puts a rule with one target.
    pub async fn rule(&self, name: &str, pattern: Value, target: Value) {
        let rule = PutRule { name: name.into(), event_pattern: Some(pattern.to_string()), ..PutRule::default() };
        self.buses.put_rule(rule).await.unwrap();
        self.target(None, name, target).await;
    }

    pub async fn target(&self, bus: Option<&str>, rule: &str, target: Value) {
        self.buses.put_targets(bus, rule, vec![target_of(target)]).await.unwrap();
    }

    pub async fn put(&self, detail: Value) -> String {
        let accepted = self.buses.put(vec![entry(detail)]).await.unwrap();
        accepted.into_iter().next().unwrap().unwrap()
    }

    /// Takes messages for good until there are `count`, and answers all there were then.
    pub async fn take(&self, queue: &str, count: usize) -> Vec<Received> {
        let deadline = Instant::now() + WAIT_MAX;
        let mut taken = Vec::new();
        while taken.len() < count {
            assert!(Instant::now() < deadline, "{} of {count} messages in {queue}", taken.len());
            let wait = Receive { wait: Some(Duration::from_secs(1)), ..Receive::new(10) };
            taken.extend(self.queues.receive(queue, wait).await.unwrap());
        }
        let receipts = taken.iter().map(|message| message.receipt.clone()).collect();
        self.queues.delete(queue, receipts).await.unwrap();
        taken
    }

    /// Waits for a message and leaves it visible.
    pub async fn take_and_release(&self, queue: &str) -> Received {
        let ask = Receive { wait: Some(Duration::from_secs(20)), visibility_s: Some(0), ..Receive::new(1) };
        self.queues.receive(queue, ask).await.unwrap().remove(0)
    }

    pub async fn bodies(&self, queue: &str, count: usize) -> Vec<String> {
        self.take(queue, count).await.into_iter().map(|message| message.body).collect()
    }

    /// Moves the clock on until something holds.
    pub async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + WAIT_MAX;
        while !holds() {
            assert!(Instant::now() < deadline, "waited in vain: {what}");
            self.advance(1000).await;
            // So that what is due runs before the clock has raced past the age of events.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub async fn is_empty(&self, queue: &str) -> bool {
        self.queues.receive(queue, Receive::new(10)).await.unwrap().is_empty()
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }
}

pub fn entry(detail: Value) -> Entry {
    Entry {
        source: Some("test".into()),
        detail_type: Some("Tested".into()),
        detail: Some(detail.to_string()),
        ..Entry::default()
    }
}

pub fn target_of(target: Value) -> Target {
    serde_json::from_value(target).unwrap()
}

pub fn record_of(message: &Received) -> Value {
    serde_json::from_str(&message.body).unwrap()
}
