//! Who waits for messages of which queue. Nobody asks again and again: a waiter sleeps until it is woken or something is due.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};

/// What is known of a queue in memory only; lost without harm.
pub(super) struct Live {
    /// One waiter for each arrival. A waiter that filled its answer wakes the next.
    pub arrived: Notify,
    /// At least as many messages are hidden as this says, at most this many: counted anew when it reaches the limit.
    in_flight_max: AtomicI64,
}

impl Live {
    /// `None`: not counted yet.
    pub fn in_flight_max(&self) -> Option<i64> {
        Some(self.in_flight_max.load(Ordering::Relaxed)).filter(|count| *count >= 0)
    }

    pub fn set_in_flight_max(&self, count: i64) {
        self.in_flight_max.store(count, Ordering::Relaxed);
    }
}

pub(super) struct Wake {
    queues: Mutex<HashMap<String, Arc<Live>>>,
    closed: watch::Sender<bool>,
}

impl Default for Wake {
    fn default() -> Self {
        Wake { queues: Mutex::default(), closed: watch::Sender::new(false) }
    }
}

impl Wake {
    /// The queue's state in memory, made when it is not there.
    pub fn live(&self, name: &str) -> Arc<Live> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(live) = queues.get(name) {
            return live.clone();
        }
        let live = Arc::new(Live { arrived: Notify::new(), in_flight_max: AtomicI64::new(-1) });
        queues.insert(name.to_owned(), live.clone());
        live
    }

    /// One message arrived, or a group is free again.
    pub fn one(&self, name: &str) {
        if let Some(live) = self.known(name) {
            live.arrived.notify_one();
        }
    }

    /// When something is due has changed: all that wait look again.
    pub fn all(&self, name: &str) {
        if let Some(live) = self.known(name) {
            live.arrived.notify_waiters();
        }
    }

    /// The queue is gone: all that wait find that out.
    pub fn forget(&self, name: &str) {
        let live = self.queues.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        if let Some(live) = live {
            live.arrived.notify_waiters();
        }
    }

    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Ends when nobody may wait any more.
    pub async fn closed(&self) {
        // The sender lives as long as this.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    fn known(&self, name: &str) -> Option<Arc<Live>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}
