//! The machine's clock: the only place that reads it.

use chrono::Utc;

/// Tells the machine's time.
pub struct SystemClock;

impl event::Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        Utc::now().timestamp_millis()
    }
}
