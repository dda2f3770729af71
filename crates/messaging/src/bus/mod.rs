//! Event buses (EventBridge, API version 2015-10-07): rules, targets, archives, replays, connections and API destinations.
//!
//! [`Buses::put`] matches events against the rules of their bus and writes, in one transaction, a pending delivery for each target
//! and a row for each archive; a crash loses nothing that was acknowledged. [`Buses::start`] begins to deliver.

mod archives;
mod buses;
mod connections;
mod destinations;
mod envelope;
mod index;
pub(crate) mod input;
mod permissions;
mod put;
mod replays;
mod rules;
mod subscriptions;
mod tags;
mod target;
mod targets;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use event::{Arn, Clock, Registry};
use state::State;
use tokio::sync::watch;

pub use self::archives::{Archive, CreateArchive, UpdateArchive};
pub use self::buses::{Bus, CreateEventBus, UpdateEventBus};
pub use self::connections::{Connection, CreateConnection, UpdateConnection};
pub use self::destinations::{ApiDestination, CreateApiDestination, Resolved, UpdateApiDestination};
pub(crate) use self::envelope::{Envelope, forwarded, timestamp};
use self::index::Indexes;
pub(crate) use self::index::{Listener, listener};
pub use self::permissions::PutPermission;
pub use self::put::{Accepted, Entry};
pub(crate) use self::put::{Audience, HOPS_MAX};
pub use self::replays::{Destination, Replay, StartReplay};
pub use self::rules::{PutRule, Rule};
pub use self::subscriptions::open as open_feed;
pub use self::target::open as open_target;
pub(crate) use self::targets::check as check_target;
pub use self::targets::{DeadLetterConfig, EventBridgeParameters, Failed, InputTransformer, Target};
use crate::Error;
use crate::delivery::{self, Deliveries, Invoke};
use crate::queue::Queues;
use crate::schedule;

/// The bus that is always there.
pub const DEFAULT: &str = "default";

/// How often due schedules and retries are looked for. Nothing is read while nothing is due.
const TICK_EVERY: Duration = Duration::from_millis(100);

/// How often archives lose what they keep no longer.
const SWEEP_EVERY_MS: i64 = 3_600_000;

/// How often subscriptions lose what their subscribers have taken.
const TRIM_EVERY_MS: i64 = 5_000;

const MIGRATIONS: &[&str] = &["CREATE TABLE event_resource (
        kind TEXT NOT NULL, parent TEXT NOT NULL, name TEXT NOT NULL, definition TEXT NOT NULL,
        PRIMARY KEY (kind, parent, name));
    CREATE TABLE event_delivery (
        number BIGINT NOT NULL PRIMARY KEY, lane TEXT NOT NULL, origin TEXT NOT NULL, target TEXT NOT NULL,
        body TEXT NOT NULL, hops BIGINT NOT NULL, at_ms BIGINT NOT NULL, due_ms BIGINT NOT NULL, attempts BIGINT NOT NULL);
    CREATE INDEX event_delivery_lane ON event_delivery (lane, due_ms, number);
    CREATE INDEX event_delivery_retry ON event_delivery (due_ms) WHERE attempts > 0;
    CREATE TABLE event_archived (
        archive TEXT NOT NULL, at_ms BIGINT NOT NULL, number BIGINT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (archive, at_ms, number));
    CREATE TABLE event_due (
        kind TEXT NOT NULL, parent TEXT NOT NULL, name TEXT NOT NULL, due_ms BIGINT NOT NULL,
        PRIMARY KEY (kind, parent, name));
    CREATE INDEX event_due_at ON event_due (due_ms);",
    "CREATE TABLE event_subscription (
        subscriber TEXT NOT NULL PRIMARY KEY, bus TEXT NOT NULL, pattern TEXT NOT NULL, last BIGINT NOT NULL,
        trimmed BIGINT NOT NULL);
    CREATE TABLE event_kept (
        subscriber TEXT NOT NULL, number BIGINT NOT NULL, at_ms BIGINT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (subscriber, number)) WITHOUT ROWID;"];

/// All event buses of this program. Cheap to clone.
#[derive(Clone)]
pub struct Buses {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) state: State,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) deliveries: Deliveries,
    indexes: Indexes,
    /// Nothing scheduled is due before this, milliseconds since 1970.
    pub(crate) due_ms: AtomicI64,
    /// When archives were last swept.
    swept_ms: AtomicI64,
    /// When subscriptions were last trimmed.
    trimmed_ms: AtomicI64,
    /// Told when events were kept for subscribers.
    pub(crate) kept: watch::Sender<()>,
    ticker: OnceLock<tokio::task::AbortHandle>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(ticker) = self.ticker.get() {
            ticker.abort();
        }
    }
}

impl Buses {
    /// Brings the tables up to date. Nothing is delivered before [`Buses::start`].
    ///
    /// # Errors
    /// When the state fails.
    pub fn open(
        state: State,
        clock: Arc<dyn Clock>,
        region: impl Into<String>,
        account: impl Into<String>,
    ) -> Result<Buses, Error> {
        state.migrate("bus", MIGRATIONS)?;
        let deliveries = Deliveries::open(&state)?;
        let inner = Inner {
            state,
            clock,
            region: region.into(),
            account: account.into(),
            deliveries,
            indexes: Indexes::default(),
            due_ms: AtomicI64::new(i64::MIN),
            swept_ms: AtomicI64::new(i64::MIN),
            trimmed_ms: AtomicI64::new(i64::MIN),
            kept: watch::Sender::new(()),
            ticker: OnceLock::new(),
        };
        let buses = Buses { inner: Arc::new(inner) };
        buses.create_default()?;
        Ok(buses)
    }

    /// Begins to deliver, to fire schedules and to replay, with what an earlier run left first. `queues` take their deliveries
    /// exactly once; `invoke` calls the operations that universal targets of schedules name.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn start(
        &self,
        registry: Registry,
        queues: Option<Queues>,
        invoke: Option<Arc<dyn Invoke>>,
    ) -> Result<(), Error> {
        self.inner.deliveries.bind(registry, queues, invoke);
        delivery::resume(self).await?;
        self.resume_replays().await?;
        let weak = Arc::downgrade(&self.inner);
        let ticker = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(TICK_EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(inner) = weak.upgrade() else { return };
                if let Err(error) = (Buses { inner }).tick().await {
                    tracing::error!(%error, "due schedules or retries were not started");
                }
            }
        });
        // Only the first start counts: a second ticker would do no harm, but no good either.
        if let Err(second) = self.inner.ticker.set(ticker.abort_handle()) {
            second.abort();
        }
        Ok(())
    }

    /// Starts what is due: schedules and retries. Called all the time once [`Buses::start`] was.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn tick(&self) -> Result<(), Error> {
        let now_ms = self.inner.clock.now_ms();
        if self.inner.due_ms.load(Ordering::SeqCst) <= now_ms {
            schedule::timer::fire(self, now_ms).await?;
        }
        if self.inner.swept_ms.load(Ordering::SeqCst) <= now_ms - SWEEP_EVERY_MS {
            self.inner.swept_ms.store(now_ms, Ordering::SeqCst);
            self.inner.state.write(move |tx| archives::sweep(tx, now_ms)).await?;
        }
        if self.inner.trimmed_ms.load(Ordering::SeqCst) <= now_ms - TRIM_EVERY_MS {
            self.inner.trimmed_ms.store(now_ms, Ordering::SeqCst);
            self.inner.state.write(move |tx| subscriptions::trim(tx, now_ms)).await?;
        }
        delivery::retry(self, now_ms).await
    }

    /// The ARN of a bus.
    pub fn arn(&self, bus: &str) -> String {
        self.arn_of(format!("event-bus/{bus}"))
    }

    /// The ARN of a rule.
    pub fn rule_arn(&self, bus: &str, rule: &str) -> String {
        match bus {
            DEFAULT => self.arn_of(format!("rule/{rule}")),
            bus => self.arn_of(format!("rule/{bus}/{rule}")),
        }
    }

    pub(crate) fn arn_of(&self, resource: String) -> String {
        Arn::new("events", &self.inner.region, &self.inner.account, resource).to_string()
    }
}

/// The name of a bus that is given by name, by ARN or not at all.
pub fn bus_name(name_or_arn: Option<&str>) -> &str {
    match name_or_arn {
        None | Some("") => DEFAULT,
        Some(name) => name.split_once(":event-bus/").map_or(name, |(_, name)| name),
    }
}
