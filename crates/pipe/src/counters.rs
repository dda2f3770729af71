//! What a pipe has done since the process started, for `watershed status`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Live counters of one pipe, in records.
#[derive(Debug, Default)]
pub struct Counters {
    received: AtomicU64,
    filtered: AtomicU64,
    enriched: AtomicU64,
    delivered: AtomicU64,
    failed: AtomicU64,
    dead_lettered: AtomicU64,
    retries: AtomicU64,
    gaps: AtomicU64,
    lag_ms: AtomicU64,
    last_error: Mutex<Option<String>>,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Records read from the source.
    pub received: u64,
    /// Records that matched no filter pattern.
    pub filtered: u64,
    /// Records the enrichment answered.
    pub enriched: u64,
    /// Records the target took (for a target that moves the position itself: took over).
    pub delivered: u64,
    /// Records given up after retries or for age.
    pub failed: u64,
    /// Those of `failed` that are in the dead-letter place.
    pub dead_lettered: u64,
    /// Repeated deliveries.
    pub retries: u64,
    /// Trimmed stretches found.
    pub gaps: u64,
    /// How old the newest record was when the target took it, milliseconds.
    pub lag_ms: u64,
    /// The newest error, without record content.
    pub last_error: Option<String>,
}

impl Counters {
    pub(crate) fn received(&self, records: usize) {
        self.received.fetch_add(records as u64, Ordering::Relaxed);
    }

    pub(crate) fn filtered(&self, records: usize) {
        self.filtered.fetch_add(records as u64, Ordering::Relaxed);
    }

    pub(crate) fn enriched(&self, records: usize) {
        self.enriched.fetch_add(records as u64, Ordering::Relaxed);
    }

    pub(crate) fn lag(&self, ms: i64) {
        self.lag_ms.store(ms.try_into().unwrap_or(0), Ordering::Relaxed);
    }

    pub(crate) fn delivered(&self, records: usize) {
        self.delivered.fetch_add(records as u64, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self, records: usize) {
        self.failed.fetch_add(records as u64, Ordering::Relaxed);
    }

    pub(crate) fn dead_lettered(&self, records: usize) {
        self.dead_lettered.fetch_add(records as u64, Ordering::Relaxed);
    }

    pub(crate) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn gap(&self) {
        self.gaps.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn error(&self, message: String) {
        if let Ok(mut last) = self.last_error.lock() {
            *last = Some(message);
        }
    }

    /// The counters now.
    pub fn snapshot(&self) -> Snapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            received: read(&self.received),
            filtered: read(&self.filtered),
            enriched: read(&self.enriched),
            delivered: read(&self.delivered),
            failed: read(&self.failed),
            dead_lettered: read(&self.dead_lettered),
            retries: read(&self.retries),
            gaps: read(&self.gaps),
            lag_ms: read(&self.lag_ms),
            last_error: self.last_error.lock().ok().and_then(|last| last.clone()),
        }
    }
}
