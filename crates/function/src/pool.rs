//! Which workers wait for work, and how many invocations may run.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::functions::Inner;
use crate::worker::Worker;
use crate::{Error, Functions};

/// Processes that may initialise at once: more would only make each of them slower, up to their limit.
const STARTS_MAX: usize = 16;
/// A worker that is older is not used again: its credentials last two days.
const WORKER_AGE_MAX: Duration = Duration::from_secs(86_400);
/// Bounds of how often idle workers are looked at.
const REAP_EVERY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

/// What a worker runs: one state of one version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub name: String,
    pub version: String,
    pub revision: String,
}

pub(crate) struct Pool {
    state: Mutex<State>,
    starts: Semaphore,
    idle_max: usize,
}

#[derive(Default)]
struct State {
    /// The last that worked is the first to work again, so that the others can go.
    idle: HashMap<Key, Vec<(Instant, Worker)>>,
    running: HashMap<String, u32>,
    unreserved: u32,
}

/// One invocation that counts against the limits until it is dropped.
pub(crate) struct Permit {
    engine: Arc<Inner>,
    name: String,
    is_reserved: bool,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.engine.pool.state();
        if let Some(running) = state.running.get_mut(&self.name) {
            *running = running.saturating_sub(1);
            if *running == 0 {
                state.running.remove(&self.name);
            }
        }
        if !self.is_reserved {
            state.unreserved = state.unreserved.saturating_sub(1);
        }
    }
}

impl Pool {
    pub fn new(idle_max: usize) -> Pool {
        Pool { state: Mutex::default(), starts: Semaphore::new(STARTS_MAX), idle_max }
    }

    /// Counts one more invocation of a function.
    ///
    /// # Errors
    /// `Throttled` at the function's or the account's limit.
    pub fn admit(&self, engine: &Arc<Inner>, name: &str, reserved: Option<u32>) -> Result<Permit, Error> {
        let mut state = self.state();
        let throttled = |reason| Err(Error::Throttled { reason, message: "Rate Exceeded.".into() });
        let running = state.running.get(name).copied().unwrap_or(0);
        match reserved {
            Some(reserved) if running >= reserved => {
                return throttled("ReservedFunctionConcurrentInvocationLimitExceeded");
            }
            Some(_) => {}
            None => {
                let left = engine.settings.concurrency.saturating_sub(engine.reserved.load(Ordering::Relaxed));
                if state.unreserved >= left {
                    return throttled("ConcurrentInvocationLimitExceeded");
                }
                state.unreserved += 1;
            }
        }
        *state.running.entry(name.to_owned()).or_default() += 1;
        Ok(Permit { engine: engine.clone(), name: name.to_owned(), is_reserved: reserved.is_some() })
    }

    /// Room to start a process.
    pub async fn starting(&self) -> Result<SemaphorePermit<'_>, Error> {
        self.starts.acquire().await.map_err(|_| Error::Host("the server is stopping".into()))
    }

    /// A worker that waits for work.
    pub fn take(&self, key: &Key) -> Option<Worker> {
        let mut state = self.state();
        let waiting = state.idle.get_mut(key)?;
        let mut found = None;
        while let Some((_, worker)) = waiting.pop() {
            if !worker.has_ended() {
                found = Some(worker);
                break;
            }
        }
        if waiting.is_empty() {
            state.idle.remove(key);
        }
        found
    }

    /// Keeps a worker; the one that waited longest goes when there are too many.
    pub fn put(&self, key: Key, worker: Worker) {
        if worker.born.elapsed() > WORKER_AGE_MAX {
            return;
        }
        let mut state = self.state();
        state.idle.entry(key).or_default().push((Instant::now(), worker));
        if state.idle.values().map(Vec::len).sum::<usize>() <= self.idle_max {
            return;
        }
        let first = |waiting: &Vec<(Instant, Worker)>| waiting.first().map(|(since, _)| *since);
        let oldest = state.idle.iter().min_by_key(|(_, waiting)| first(waiting)).map(|(key, _)| key.clone());
        if let Some(waiting) = oldest.and_then(|key| state.idle.get_mut(&key)) {
            waiting.remove(0);
        }
        state.idle.retain(|_, waiting| !waiting.is_empty());
    }

    /// Ends idle workers that are not wanted any more.
    pub fn retain(&self, keep: impl Fn(&Key) -> bool, idle_time: Duration) {
        self.state().idle.retain(|key, waiting| {
            waiting.retain(|(since, worker)| keep(key) && since.elapsed() < idle_time && !worker.has_ended());
            !waiting.is_empty()
        });
    }

    /// Ends all idle workers.
    pub fn clear(&self) {
        self.state().idle.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Functions {
    /// Whether a worker's function, version and configuration are still what would be run.
    pub(crate) fn is_current(&self, key: &Key) -> bool {
        let Ok(function) = self.function(&key.name) else { return false };
        function.version(&key.version).is_some_and(|version| version.revision_id == key.revision)
    }
}

/// Ends workers that waited long enough, as long as the engine is there.
pub(crate) async fn reap(engine: Weak<Inner>) {
    loop {
        let Some(inner) = engine.upgrade() else { return };
        let idle_time = inner.settings.idle_time;
        let functions = Functions { inner };
        functions.inner.pool.retain(|key| functions.is_current(key), idle_time);
        drop(functions);
        tokio::time::sleep((idle_time / 4).clamp(REAP_EVERY.0, REAP_EVERY.1)).await;
    }
}
