//! Asynchronous invocations: a durable queue, two retries, a maximum age, destinations and a dead-letter target.
//!
//! An event is answered when it is in the state. It is removed when its result is settled; until then a crash makes
//! the function run again, as the service's at-least-once does.

mod configuration;
mod told;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use state::params;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::configuration::{AGE_SECONDS_MAX, RETRIES_MAX};
pub use self::configuration::{Destination, Destinations, EventInvokeConfig};
use self::told::{envelope, letter_parameters};
use crate::functions::{Function, Inner};
use crate::invoke::{EVENT_BYTES_MAX, Invocation, Outcome, check_payload};
use crate::name::{LATEST, Reference};
use crate::{Error, Functions};

/// Events worked on at once.
const FLIGHTS_MAX: usize = 256;
/// Events kept; more are refused.
const EVENTS_MAX: i64 = 1_000_000;
/// Bounds of the wait after an invocation that was throttled or could not be tried.
const BACKOFF_MS: (i64, i64) = (1_000, 300_000);
/// Longest sleep of the dispatcher.
const SLEEP_MS_MAX: i64 = 60_000;
/// How often a destination is tried, and the first pause between.
const DELIVERIES_MAX: u32 = 6;
const DELIVERY_PAUSE: Duration = Duration::from_millis(200);

/// A queued event.
struct Event {
    id: String,
    reference: Reference,
    payload: Bytes,
    context: Option<String>,
    accepted_ms: i64,
    attempts: i64,
}

/// Why an event is settled, in the words of the envelope.
#[derive(Clone, Copy)]
enum Condition {
    Success,
    RetriesExhausted,
    EventAgeExceeded,
}

impl Functions {
    /// Queues events for a function, all or none, and answers their request ids when they are durable.
    ///
    /// # Errors
    /// `NotFound`, `TooLarge`, `Content`, `Throttled` when too many wait.
    pub async fn submit(
        &self,
        name: &str,
        qualifier: Option<&str>,
        events: Vec<Invocation>,
    ) -> Result<Vec<String>, Error> {
        let reference = self.reference(name, qualifier)?;
        self.describe(name, qualifier)?;
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            let payload = check_payload(&event.payload, EVENT_BYTES_MAX)?;
            let id = event.request_id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
            rows.push((id, payload, event.client_context));
        }
        let ids = rows.iter().map(|(id, ..)| id.clone()).collect();
        let now_ms = self.now_ms();
        self.inner
            .state
            .write(move |tx| {
                let sql = "SELECT COUNT(*) FROM (SELECT 1 FROM function_event LIMIT ?1)";
                let waiting = tx.first(sql, params![EVENTS_MAX], |row| row.int(0))?.unwrap_or(0);
                if waiting.saturating_add(rows.len() as i64) > EVENTS_MAX {
                    let message = "too many asynchronous invocations are waiting".into();
                    return Err(Error::Throttled { reason: "CallerRateLimitExceeded", message });
                }
                for (id, payload, context) in &rows {
                    tx.execute(
                        "INSERT INTO function_event
                            (id, function, qualifier, payload, context, accepted_ms, attempts, next_ms)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?6)",
                        params![
                            id,
                            &reference.name,
                            reference.qualifier.as_deref(),
                            payload.as_ref(),
                            context.as_deref(),
                            now_ms
                        ],
                    )?;
                }
                Ok(())
            })
            .await?;
        self.inner.queued.notify_one();
        Ok(ids)
    }

    /// Ids of events whose time has come, less those in flight, and when to look again.
    async fn due(&self, flights: &BTreeSet<String>) -> Result<(Vec<String>, i64), Error> {
        let (now_ms, limit) = (self.now_ms(), (flights.len() + FLIGHTS_MAX) as i64);
        self.inner
            .state
            .read(move |tx| {
                let sql = "SELECT id FROM function_event WHERE next_ms <= ?1 ORDER BY next_ms LIMIT ?2";
                let ids = tx.all(sql, params![now_ms, limit], |row| Ok::<_, Error>(row.text(0)?.to_owned()))?;
                let sql = "SELECT MIN(next_ms) FROM function_event WHERE next_ms > ?1";
                let next = tx.first(sql, params![now_ms], |row| row.int_opt(0))?.flatten();
                Ok((ids, next.map_or(SLEEP_MS_MAX, |next| (next - now_ms).clamp(1, SLEEP_MS_MAX))))
            })
            .await
    }

    async fn attempt(&self, id: &str) -> Result<(), Error> {
        let Some(mut event) = self.event(id).await? else { return Ok(()) };
        let Ok(function) = self.function(&event.reference.name) else { return self.remove(id).await };
        let qualifier = event.reference.qualifier.as_deref().unwrap_or(LATEST);
        let config = function.event_invoke.get(qualifier).cloned().unwrap_or_default();
        let age_max_ms = config.maximum_event_age_in_seconds.unwrap_or(AGE_SECONDS_MAX) * 1000;
        let age_ms = self.now_ms() - event.accepted_ms;
        if age_ms > age_max_ms {
            return self.settle(&function, &config, &event, Condition::EventAgeExceeded, None).await;
        }
        let invocation = Invocation {
            payload: event.payload.clone(),
            client_context: event.context.clone(),
            tail: false,
            request_id: Some(event.id.clone()),
        };
        match self.run(&event.reference, invocation).await {
            Ok(outcome) if !outcome.is_error => {
                self.settle(&function, &config, &event, Condition::Success, Some(&outcome)).await
            }
            Ok(outcome) => {
                event.attempts += 1;
                if event.attempts > config.maximum_retry_attempts.unwrap_or(RETRIES_MAX) {
                    return self.settle(&function, &config, &event, Condition::RetriesExhausted, Some(&outcome)).await;
                }
                let delays = &self.inner.settings.retry_delays;
                let delay = delays.get(event.attempts as usize - 1).unwrap_or(&delays[1]);
                self.postpone(&event, i64::try_from(delay.as_millis()).unwrap_or(i64::MAX)).await
            }
            Err(Error::Throttled { .. } | Error::Host(_) | Error::State(_)) => {
                self.postpone(&event, (age_ms / 2).clamp(BACKOFF_MS.0, BACKOFF_MS.1)).await
            }
            Err(_) => self.settle(&function, &config, &event, Condition::RetriesExhausted, None).await,
        }
    }

    async fn event(&self, id: &str) -> Result<Option<Event>, Error> {
        let id = id.to_owned();
        self.inner
            .state
            .read(move |tx| {
                let sql = "SELECT function, qualifier, payload, context, accepted_ms, attempts FROM function_event WHERE id = ?1";
                tx.first(sql, params![&id], |row| {
                    Ok(Event {
                        id: id.clone(),
                        reference: Reference { name: row.text(0)?.to_owned(), qualifier: row.text_opt(1)?.map(str::to_owned) },
                        payload: Bytes::copy_from_slice(row.blob(2)?),
                        context: row.text_opt(3)?.map(str::to_owned),
                        accepted_ms: row.int(4)?,
                        attempts: row.int(5)?,
                    })
                })
            })
            .await
    }

    async fn postpone(&self, event: &Event, delay_ms: i64) -> Result<(), Error> {
        let (id, attempts, next_ms) = (event.id.clone(), event.attempts, self.now_ms().saturating_add(delay_ms));
        let sql = "UPDATE function_event SET attempts = ?2, next_ms = ?3 WHERE id = ?1";
        self.inner.state.write(move |tx| Ok(tx.execute(sql, params![&id, attempts, next_ms]).map(|_| ())?)).await
    }

    async fn remove(&self, id: &str) -> Result<(), Error> {
        let id = id.to_owned();
        let sql = "DELETE FROM function_event WHERE id = ?1";
        self.inner.state.write(move |tx| Ok(tx.execute(sql, params![&id]).map(|_| ())?)).await
    }

    /// Tells the destinations and forgets the event.
    async fn settle(
        &self,
        function: &Function,
        config: &EventInvokeConfig,
        event: &Event,
        condition: Condition,
        outcome: Option<&Outcome>,
    ) -> Result<(), Error> {
        let destinations = config.destination_config.clone().unwrap_or_default();
        let is_success = matches!(condition, Condition::Success);
        let destination = if is_success { destinations.on_success } else { destinations.on_failure };
        if let Some(arn) = destination.destination {
            let result = if is_success { "Success" } else { "Failure" };
            let parameters = json!({"EventBridgeEventBusParameters": {
                "Source": "lambda", "DetailType": format!("Lambda Function Invocation Result - {result}"),
            }});
            let target = self.arn(&event.reference.name, Some(event.reference.qualifier.as_deref().unwrap_or(LATEST)));
            let envelope = envelope(&target, event, condition, outcome, self.now_ms());
            self.deliver(&arn, &parameters, envelope, event).await;
        }
        let letters = function.latest.dead_letter_config.as_ref().and_then(|letter| letter.target_arn.as_deref());
        if let Some(arn) = letters.filter(|_| !is_success) {
            let parameters = letter_parameters(
                arn,
                &self.arn(&event.reference.name, event.reference.qualifier.as_deref()),
                event,
                outcome,
            );
            self.deliver(arn, &parameters, event.payload.clone(), event).await;
        }
        self.remove(&event.id).await
    }

    /// Sends one record, with a few tries.
    async fn deliver(&self, arn: &str, parameters: &Value, data: Bytes, event: &Event) {
        let mut pause = DELIVERY_PAUSE;
        for attempt in 1..=DELIVERIES_MAX {
            let error = match self.send(arn, parameters, data.clone(), event).await {
                Ok(()) => return,
                Err(error) => error,
            };
            if attempt == DELIVERIES_MAX || matches!(error.kind(), event::Kind::Invalid | event::Kind::NotFound) {
                tracing::error!(%error, arn, request_id = event.id, "a destination did not take an invocation's result");
                return;
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    async fn send(&self, arn: &str, parameters: &Value, data: Bytes, event: &Event) -> Result<(), event::Error> {
        let registry = self.inner.registry.get();
        let registry = registry.ok_or_else(|| event::Error::new(event::Kind::Unavailable, "not started yet"))?;
        let target = registry.open_target(&arn.parse()?, parameters).await?;
        let record = event::Record {
            data,
            sequence: event::Sequence::ZERO,
            at_ms: self.now_ms(),
            key_hash: 0,
            untemplated: None,
            id: Arc::from(event.id.as_str()),
        };
        match target.send(vec![record]).await?.into_iter().next() {
            None => Ok(()),
            Some(failure) => {
                Err(event::Error::new(event::Kind::Unavailable, format!("refused. code=`{}`", failure.code)))
            }
        }
    }
}

/// Runs events when their time has come, as long as the engine is there.
pub(crate) async fn dispatch(engine: Weak<Inner>) {
    let room = Arc::new(Semaphore::new(FLIGHTS_MAX));
    let flights: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    loop {
        let Some(inner) = engine.upgrade() else { return };
        let functions = Functions { inner };
        let flying = flights.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut sleep_ms = SLEEP_MS_MAX;
        match functions.due(&flying).await {
            Ok((ids, wait_ms)) => {
                sleep_ms = wait_ms;
                for id in ids.into_iter().filter(|id| !flying.contains(id)) {
                    let Ok(permit) = room.clone().acquire_owned().await else { return };
                    flights.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
                    tokio::spawn(fly(functions.clone(), id, flights.clone(), permit));
                }
            }
            Err(error) => {
                tracing::error!(%error, "waiting invocations were not read");
                sleep_ms = sleep_ms.min(BACKOFF_MS.0);
            }
        }
        let queued = functions.inner.queued.clone();
        drop(functions);
        let pause = Duration::from_millis(sleep_ms.unsigned_abs());
        let _ = tokio::time::timeout(pause, queued.notified()).await;
    }
}

async fn fly(functions: Functions, id: String, flights: Arc<Mutex<BTreeSet<String>>>, permit: OwnedSemaphorePermit) {
    if let Err(error) = functions.attempt(&id).await {
        tracing::error!(%error, request_id = id, "an asynchronous invocation was not settled");
        // It is still due: a state that fails must not be asked in a tight loop.
        tokio::time::sleep(Duration::from_millis(BACKOFF_MS.0.unsigned_abs())).await;
    }
    flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    drop(permit);
    // Its retry, or what had no room, may be next.
    functions.inner.queued.notify_one();
}
