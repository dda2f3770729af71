//! Waits between repeats.

use std::time::Duration;

use super::Work;

/// Waits that double, each drawn from its upper half so that shards do not repeat in step.
#[derive(Default)]
pub(crate) struct Backoff {
    tries: u32,
}

impl Backoff {
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    pub fn next(&mut self, work: &Work) -> Duration {
        let ceiling = work.retry_min.saturating_mul(1 << self.tries.min(16)).min(work.retry_max);
        self.tries = self.tries.saturating_add(1);
        ceiling.mul_f64(0.5 + 0.5 * fraction())
    }
}

/// A number in [0, 1) that differs per call; it need not be unpredictable.
fn fraction() -> f64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let bits = RandomState::new().build_hasher().finish() >> 11;
    bits as f64 / (1u64 << 53) as f64
}
