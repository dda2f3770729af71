//! How often one destination may be called.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// Spreads calls evenly: one every `1/rate` seconds, and up to a second's worth at once after a pause.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    /// The earliest time of the next call, were there no burst.
    next: Mutex<Option<Instant>>,
}

impl Rate {
    /// Waits until one more call fits into `per_second`.
    pub async fn wait(&self, per_second: u32) {
        let step = Duration::from_secs(1) / per_second.max(1);
        let at = {
            let mut next = self.next.lock().await;
            let now = Instant::now();
            let earliest = now.checked_sub(Duration::from_secs(1).saturating_sub(step)).unwrap_or(now);
            let at = next.unwrap_or(earliest).max(earliest);
            *next = Some(at + step);
            at
        };
        tokio::time::sleep_until(at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_holds_no_more_than_allowed_after_the_first_burst() {
        let rate = Rate::default();
        let start = Instant::now();
        for _ in 0..30 {
            rate.wait(10).await;
        }
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(1900) && took <= Duration::from_millis(2200), "{took:?}");
    }
}
