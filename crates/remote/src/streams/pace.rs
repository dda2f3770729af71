//! How often an empty shard is asked: soon after records came, once a second when nothing does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A shard may be read five times a second, by all its readers.
const WAIT_MS_MIN: u64 = 250;
const WAIT_MS_MAX: u64 = 1000;

/// The next wait, shared by the shards of one stream.
pub(super) struct Pace(AtomicU64);

impl Default for Pace {
    fn default() -> Pace {
        Pace(AtomicU64::new(WAIT_MS_MIN))
    }
}

impl Pace {
    /// After a read: where records are, more follow. A page that is not empty is followed by the next without a wait.
    pub fn seen(&self, records: usize) {
        if records > 0 {
            self.0.store(WAIT_MS_MIN, Ordering::Relaxed);
        }
    }

    pub async fn wait(&self) {
        tokio::time::sleep(self.next()).await;
    }

    /// Each wait is half as long again as the one before.
    fn next(&self) -> Duration {
        let wait = self.0.load(Ordering::Relaxed);
        self.0.store((wait + wait / 2).min(WAIT_MS_MAX), Ordering::Relaxed);
        Duration::from_millis(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_second_and_begin_again_when_records_come() {
        let pace = Pace::default();
        let waits: Vec<u128> = (0..6).map(|_| pace.next().as_millis()).collect();
        assert_eq!(waits, [250, 375, 562, 843, 1000, 1000]);
        pace.seen(0);
        assert_eq!(pace.next().as_millis(), 1000);
        pace.seen(3);
        assert_eq!(pace.next().as_millis(), 250);
    }
}
