//! Conditional requests (RFC 9110, section 13, as S3 has it).

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use s3s::dto::{ETag, ETagCondition, Timestamp, TimestampFormat};
use s3s::{S3Error, S3Result, s3_error};

use crate::error::{no_key, with};
use crate::store::Found;

const IF_MATCH: &str = "If-Match";
const IF_NONE_MATCH: &str = "If-None-Match";
const IF_MODIFIED_SINCE: &str = "If-Modified-Since";

/// The conditions of a read or of a copy's source.
#[derive(Default)]
pub(crate) struct Conditions {
    pub(crate) matches: Option<ETagCondition>,
    pub(crate) none_match: Option<ETagCondition>,
    pub(crate) modified_since: Option<Timestamp>,
    pub(crate) unmodified_since: Option<Timestamp>,
}

impl Conditions {
    /// The conditions of a read.
    ///
    /// # Errors
    /// `PreconditionFailed`, or `NotModified` where the caller has what there is.
    pub(crate) fn check(&self, found: &Found) -> S3Result<()> {
        match self.unmet(found) {
            None => Ok(()),
            Some(IF_NONE_MATCH | IF_MODIFIED_SINCE) => Err(not_modified(found)),
            Some(name) => Err(failed(name)),
        }
    }

    /// The conditions of a copy's source, for which there is no "not modified".
    ///
    /// # Errors
    /// `PreconditionFailed`.
    pub(crate) fn check_source(&self, found: &Found) -> S3Result<()> {
        self.unmet(found).map_or(Ok(()), |name| Err(failed(&format!("x-amz-copy-source-{name}"))))
    }

    /// The name of the condition that does not hold.
    fn unmet(&self, found: &Found) -> Option<&'static str> {
        let modified = timestamp(found.object.modified_ms / 1000 * 1000);
        match (&self.matches, &self.unmodified_since) {
            (Some(condition), _) if !holds(condition, found) => return Some(IF_MATCH),
            (None, Some(since)) if modified > *since => return Some("If-Unmodified-Since"),
            _ => {}
        }
        match (&self.none_match, &self.modified_since) {
            (Some(condition), _) if holds(condition, found) => Some(IF_NONE_MATCH),
            (None, Some(since)) if modified <= *since => Some(IF_MODIFIED_SINCE),
            _ => None,
        }
    }
}

/// `NotModified`, with what a cache is to know of what it has.
fn not_modified(found: &Found) -> S3Error {
    let mut error = s3_error!(NotModified);
    let date = |time: &Timestamp| {
        let mut text = Vec::new();
        time.format(TimestampFormat::HttpDate, &mut text).ok().map(|()| text)
    };
    let headers = &found.attributes.headers;
    let told: [(HeaderName, Option<Vec<u8>>); 4] = [
        (header::ETAG, Some(format!("\"{}\"", found.attributes.etag).into_bytes())),
        (header::LAST_MODIFIED, date(&timestamp(found.object.modified_ms))),
        (header::CACHE_CONTROL, headers.cache_control.clone().map(String::into_bytes)),
        (header::EXPIRES, headers.expires.as_ref().and_then(date)),
    ];
    let told = told.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::from_bytes(&value?).ok()?)));
    error.set_headers(HeaderMap::from_iter(told));
    error
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
    pub(crate) fn check(&self, key: &str, found: Option<&Found>) -> S3Result<()> {
        if let Some(condition) = &self.matches {
            let found = found.ok_or_else(|| no_key(key))?;
            if !holds(condition, found) {
                return Err(failed(IF_MATCH));
            }
        }
        if let (Some(condition), Some(found)) = (&self.none_match, found)
            && holds(condition, found)
        {
            return Err(failed(IF_NONE_MATCH));
        }
        Ok(())
    }
}

fn holds(condition: &ETagCondition, found: &Found) -> bool {
    condition.as_etag().is_none_or(|etag| etag.weak_cmp(&ETag::Strong(found.attributes.etag.clone())))
}

fn failed(condition: &str) -> S3Error {
    let error = s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold");
    with(error, &[("Condition", condition)])
}

/// Milliseconds since 1970 as S3 writes times.
pub(crate) fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from(UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or_default()))
}
