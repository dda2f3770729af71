//! When a failed delivery is tried again, and when not any more.

use serde::{Deserialize, Serialize};

use crate::{Error, constraint};

const ATTEMPTS_DEFAULT: i64 = 185;
const AGE_S_DEFAULT: i64 = 86_400;
const DELAY_MS_MIN: i64 = 1000;
const DELAY_MS_MAX: i64 = 600_000;

/// `RetryPolicy`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RetryPolicy {
    /// 0 to 185.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_retry_attempts: Option<i64>,
    /// 60 to 86,400.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_event_age_in_seconds: Option<i64>,
}

/// What a failed delivery does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Again at this time, milliseconds since 1970.
    Retry(i64),
    /// Not again; the condition is `EXHAUSTED_RETRY_CONDITION`.
    GiveUp(&'static str),
}

impl RetryPolicy {
    /// # Errors
    /// `Invalid` for numbers out of range.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if let Some(attempts) = self.maximum_retry_attempts {
            constraint::range("retryPolicy.maximumRetryAttempts", attempts, 0, ATTEMPTS_DEFAULT)?;
        }
        if let Some(age) = self.maximum_event_age_in_seconds {
            constraint::range("retryPolicy.maximumEventAgeInSeconds", age, 60, AGE_S_DEFAULT)?;
        }
        Ok(())
    }

    /// After `retries` retries of what was written at `at_ms`. `spread` tells deliveries apart, so that they do not all come back
    /// at once.
    pub(super) fn next(&self, retries: i64, at_ms: i64, now_ms: i64, spread: i64) -> Next {
        if retries >= self.maximum_retry_attempts.unwrap_or(ATTEMPTS_DEFAULT) {
            return Next::GiveUp("MaximumRetryAttempts");
        }
        let dies_ms = at_ms + self.maximum_event_age_in_seconds.unwrap_or(AGE_S_DEFAULT) * 1000;
        if now_ms >= dies_ms {
            return Next::GiveUp("MaximumEventAgeInSeconds");
        }
        let delay_ms =
            DELAY_MS_MIN.checked_shl(u32::try_from(retries).unwrap_or(u32::MAX).min(20)).unwrap_or(DELAY_MS_MAX);
        let delay_ms = delay_ms.min(DELAY_MS_MAX);
        // From half of the delay to all of it.
        let jitter = spread.wrapping_mul(0x9E37_79B9).rem_euclid(delay_ms / 2 + 1);
        Next::Retry((now_ms + delay_ms - jitter).min(dies_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_up_to_a_bound_and_end() {
        let policy = RetryPolicy::default();
        for retries in 0..185 {
            let Next::Retry(at_ms) = policy.next(retries, 0, 1000, retries * 7) else { panic!("gave up at {retries}") };
            let delay_ms = (1000 << retries.min(10)).min(DELAY_MS_MAX);
            assert!((1000 + delay_ms / 2..=1000 + delay_ms).contains(&at_ms), "{retries} {at_ms}");
        }
        assert_eq!(policy.next(185, 0, 1000, 0), Next::GiveUp("MaximumRetryAttempts"));
        assert_eq!(policy.next(1, 0, 86_400_000, 0), Next::GiveUp("MaximumEventAgeInSeconds"));
        let short = RetryPolicy { maximum_retry_attempts: Some(0), maximum_event_age_in_seconds: Some(60) };
        assert_eq!(short.next(0, 0, 0, 0), Next::GiveUp("MaximumRetryAttempts"));
        assert_eq!(RetryPolicy { maximum_retry_attempts: None, ..short }.next(9, 0, 59_900, 1), Next::Retry(60_000));
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let policy =
            |attempts, age| RetryPolicy { maximum_retry_attempts: attempts, maximum_event_age_in_seconds: age };
        assert!(policy(Some(185), Some(60)).check().is_ok());
        for bad in [policy(Some(186), None), policy(Some(-1), None), policy(None, Some(59)), policy(None, Some(86_401))]
        {
            assert!(bad.check().is_err());
        }
    }
}
