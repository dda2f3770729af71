//! Pending deliveries of rules and schedules: rows that end in the transaction of their effect, or are tried again until their
//! retry policy gives up and the dead-letter queue takes them.
//!
//! Deliveries of one target of one rule form a lane: they are begun in order, one batch at a time; a failed one waits for its
//! retry and does not hold up those behind it. Lanes run side by side up to a bound.

mod attempt;
mod dead_letter;
mod lane;
mod redrive;
mod retry;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use event::Registry;
use serde_json::Value;
use state::{State, Write, params};
use tokio::sync::Semaphore;

pub use self::redrive::DeadLetters;
pub use self::retry::RetryPolicy;
use crate::Error;
use crate::bus::Buses;
use crate::queue::Queues;

/// Lanes that are delivered at once.
const LANES_MAX: usize = 32;
/// Lanes whose retries are started together.
const RETRY_LANES_MAX: usize = 1000;
/// How long a lane rests after the state failed.
const REST_MS: i64 = 1000;

/// Calls operations of this program for universal targets (`arn:aws:scheduler:::aws-sdk:SERVICE:operation`).
#[async_trait]
pub trait Invoke: Send + Sync {
    /// `service` as in the ARN, `operation` as the API spells it, such as `SendMessage`.
    ///
    /// # Errors
    /// By kind, as [`event::Target::send`].
    async fn invoke(&self, service: &str, operation: &str, input: Value) -> Result<(), event::Error>;
}

/// What a transaction gave to deliver; to be handed to [`Buses::wake`] when it is committed.
#[derive(Clone, Debug, Default)]
#[must_use = "without a wake the deliveries wait for the next start"]
pub struct Lanes {
    due: BTreeSet<String>,
    /// Whether events were kept for subscribers.
    pub(crate) kept: bool,
}

/// A delivery to be written.
pub(crate) struct Pending<'a> {
    /// Deliveries of one lane are begun in order.
    pub(crate) lane: &'a str,
    /// The ARN of the rule or schedule.
    pub(crate) origin: &'a str,
    /// The target's definition, as JSON.
    pub(crate) target: &'a str,
    /// The event, or the input of a schedule.
    pub(crate) body: &'a str,
    /// Buses it came through.
    pub(crate) hops: i64,
    pub(crate) at_ms: i64,
}

/// What deliveries go to.
pub(crate) struct Outside {
    registry: Registry,
    /// Local queues take a delivery in the transaction that ends it.
    queues: Option<Queues>,
    invoke: Option<Arc<dyn Invoke>>,
}

pub(crate) struct Deliveries {
    numbers: AtomicI64,
    /// Lanes that run; true when something was added meanwhile.
    running: Mutex<HashMap<String, bool>>,
    permits: Arc<Semaphore>,
    /// No retry is due before this.
    retry_ms: AtomicI64,
    outside: OnceLock<Outside>,
}

impl Deliveries {
    pub(crate) fn open(state: &State) -> Result<Deliveries, Error> {
        let next = state.read_blocking(|tx| {
            let sql = "SELECT COALESCE(MAX(number), 0) FROM event_delivery";
            let delivery = tx.first(sql, &[], |row| row.int(0))?.unwrap_or_default();
            let sql = "SELECT COALESCE(MAX(number), 0) FROM event_archived";
            let archived = tx.first(sql, &[], |row| row.int(0))?.unwrap_or_default();
            Ok::<_, Error>(delivery.max(archived) + 1)
        })?;
        Ok(Deliveries {
            numbers: AtomicI64::new(next),
            running: Mutex::default(),
            permits: Arc::new(Semaphore::new(LANES_MAX)),
            retry_ms: AtomicI64::new(i64::MIN),
            outside: OnceLock::new(),
        })
    }

    pub(crate) fn bind(&self, registry: Registry, queues: Option<Queues>, invoke: Option<Arc<dyn Invoke>>) {
        // A second start changes nothing.
        let _ = self.outside.set(Outside { registry, queues, invoke });
    }

    /// Greater than all before it.
    pub(crate) fn number(&self) -> i64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn add(&self, tx: &Write<'_>, pending: &Pending<'_>, lanes: &mut Lanes) -> Result<(), Error> {
        let Pending { lane, origin, target, body, hops, at_ms } = *pending;
        tx.execute(
            "INSERT INTO event_delivery (number, lane, origin, target, body, hops, at_ms, due_ms, attempts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 0)",
            params![self.number(), lane, origin, target, body, hops, at_ms],
        )?;
        if !lanes.due.contains(lane) {
            lanes.due.insert(lane.to_owned());
        }
        Ok(())
    }

    /// Marks a lane as running. `false` when it runs already and will look again.
    fn begin(&self, lane: &str) -> bool {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match running.get_mut(lane) {
            Some(again) => {
                *again = true;
                false
            }
            None => {
                running.insert(lane.to_owned(), false);
                true
            }
        }
    }

    /// Whether a lane that found nothing more may end.
    fn end(&self, lane: &str) -> bool {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match running.get_mut(lane) {
            Some(again) if *again => {
                *again = false;
                false
            }
            _ => {
                running.remove(lane);
                true
            }
        }
    }

    fn retry_at(&self, due_ms: i64) {
        self.retry_ms.fetch_min(due_ms, Ordering::SeqCst);
    }
}

/// Begins to deliver lanes, and wakes subscribers.
pub(crate) fn kick(buses: &Buses, lanes: Lanes) {
    if lanes.kept {
        buses.inner.kept.send_replace(());
    }
    // Before the start nothing is delivered; the start finds what is there.
    if buses.inner.deliveries.outside.get().is_none() {
        return;
    }
    for lane in lanes.due {
        if buses.inner.deliveries.begin(&lane) {
            tokio::spawn(run(buses.clone(), lane));
        }
    }
}

async fn run(buses: Buses, lane: String) {
    let deliveries = &buses.inner.deliveries;
    loop {
        // A closed semaphore does not happen: it lives as long as the buses.
        let permit = deliveries.permits.clone().acquire_owned().await;
        let delivered = lane::step(&buses, &lane).await;
        drop(permit);
        match delivered {
            Ok(true) => {}
            Ok(false) if deliveries.end(&lane) => return,
            Ok(false) => {}
            Err(error) => {
                tracing::error!(%error, lane, "deliveries wait for the state");
                tokio::time::sleep(std::time::Duration::from_millis(REST_MS as u64)).await;
            }
        }
    }
}

/// Begins with what an earlier run left.
pub(crate) async fn resume(buses: &Buses) -> Result<(), Error> {
    let lanes = buses
        .inner
        .state
        .read(|tx| {
            let mut lanes = Lanes::default();
            // One step a lane along the index, however many deliveries it holds.
            let sql = "SELECT lane FROM event_delivery WHERE lane > ?1 ORDER BY lane LIMIT 1";
            let mut last = String::new();
            while let Some(lane) = tx.first(sql, params![&last], |row| Ok::<_, Error>(row.text(0)?.to_owned()))? {
                last.clone_from(&lane);
                lanes.due.insert(lane);
            }
            Ok::<_, Error>(lanes)
        })
        .await?;
    kick(buses, lanes);
    Ok(())
}

/// Begins with the retries that are due.
pub(crate) async fn retry(buses: &Buses, now_ms: i64) -> Result<(), Error> {
    let deliveries = &buses.inner.deliveries;
    if deliveries.retry_ms.load(Ordering::SeqCst) > now_ms {
        return Ok(());
    }
    // Whoever fails from here on lowers it again.
    deliveries.retry_ms.store(i64::MAX, Ordering::SeqCst);
    let found = buses
        .inner
        .state
        .read(move |tx| {
            let sql = "SELECT DISTINCT lane FROM event_delivery WHERE attempts > 0 AND due_ms <= ?1 LIMIT ?2";
            let limit = RETRY_LANES_MAX as i64;
            let lanes = tx.all(sql, params![now_ms, limit], |row| Ok::<_, Error>(row.text(0)?.to_owned()))?;
            let sql = "SELECT due_ms FROM event_delivery WHERE attempts > 0 AND due_ms > ?1 ORDER BY due_ms LIMIT 1";
            Ok::<_, Error>((lanes, tx.first(sql, params![now_ms], |row| row.int(0))?))
        })
        .await;
    let (lanes, next_ms) = found.inspect_err(|_| deliveries.retry_at(now_ms))?;
    let more = lanes.len() == RETRY_LANES_MAX;
    deliveries.retry_at(if more { now_ms } else { next_ms.unwrap_or(i64::MAX) });
    kick(buses, Lanes { due: lanes.into_iter().collect(), kept: false });
    Ok(())
}
