//! Conditional requests (RFC 9110, section 13, as S3 has it).

use std::time::{Duration, UNIX_EPOCH};

use s3s::dto::{ETag, ETagCondition, Timestamp};
use s3s::{S3Error, S3Result, s3_error};

use crate::store::Found;

/// The conditions of a read or of a copy's source.
#[derive(Default)]
pub(crate) struct Conditions {
    pub(crate) matches: Option<ETagCondition>,
    pub(crate) none_match: Option<ETagCondition>,
    pub(crate) modified_since: Option<Timestamp>,
    pub(crate) unmodified_since: Option<Timestamp>,
}

impl Conditions {
    /// # Errors
    /// `PreconditionFailed`, or `NotModified` where the caller has what there is.
    pub(crate) fn check(&self, found: &Found) -> S3Result<()> {
        let modified = timestamp(found.object.modified_ms / 1000 * 1000);
        match (&self.matches, &self.unmodified_since) {
            (Some(condition), _) if !holds(condition, found) => return Err(failed()),
            (None, Some(since)) if modified > *since => return Err(failed()),
            _ => {}
        }
        match (&self.none_match, &self.modified_since) {
            (Some(condition), _) if holds(condition, found) => Err(s3_error!(NotModified)),
            (None, Some(since)) if modified <= *since => Err(s3_error!(NotModified)),
            _ => Ok(()),
        }
    }
}

/// The conditions of a write, on what it would replace.
#[derive(Clone, Default)]
pub(crate) struct Replaces {
    pub(crate) matches: Option<ETagCondition>,
    pub(crate) none_match: Option<ETagCondition>,
}

impl Replaces {
    pub(crate) fn is_empty(&self) -> bool {
        self.matches.is_none() && self.none_match.is_none()
    }

    /// # Errors
    /// `PreconditionFailed`; `NoSuchKey` where something to replace is asked for and there is nothing.
    pub(crate) fn check(&self, found: Option<&Found>) -> S3Result<()> {
        if let Some(condition) = &self.matches {
            let found = found.ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist."))?;
            if !holds(condition, found) {
                return Err(failed());
            }
        }
        if let (Some(condition), Some(found)) = (&self.none_match, found)
            && holds(condition, found)
        {
            return Err(failed());
        }
        Ok(())
    }
}

fn holds(condition: &ETagCondition, found: &Found) -> bool {
    condition.as_etag().is_none_or(|etag| etag.weak_cmp(&ETag::Strong(found.attributes.etag.clone())))
}

pub(crate) fn failed() -> S3Error {
    s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
}

/// Milliseconds since 1970 as S3 writes times.
pub(crate) fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from(UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or_default()))
}
