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
        self.between(work.retry_min, work.retry_max)
    }

    fn between(&mut self, min: Duration, max: Duration) -> Duration {
        let ceiling = min.saturating_mul(1 << self.tries.min(16)).min(max);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_a_ceiling_and_differ() {
        let (min, max) = (Duration::from_millis(100), Duration::from_secs(30));
        let waits = |backoff: &mut Backoff| (0..20).map(|_| backoff.between(min, max)).collect::<Vec<_>>();
        let mut backoff = Backoff::default();
        let first = waits(&mut backoff);
        for (tries, wait) in first.iter().enumerate() {
            let ceiling = min.saturating_mul(1 << tries.min(16)).min(max);
            assert!(*wait >= ceiling / 2 && *wait <= ceiling, "{tries}: {wait:?}");
        }
        backoff.reset();
        assert_ne!(first, waits(&mut backoff), "shards do not repeat in step");
    }
}
