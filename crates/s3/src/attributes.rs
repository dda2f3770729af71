//! What an object is beside its bytes: ETag, HTTP headers, user metadata, tags, checksums.

use std::collections::BTreeMap;

use s3s::dto::Timestamp;
use serde::{Deserialize, Serialize};

use crate::checksum::Sums;

/// Kept with an object as JSON. Metadata and tags are the caller's content, so this has no `Debug`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Attributes {
    /// Without quotes.
    pub(crate) etag: String,
    #[serde(flatten)]
    pub(crate) headers: Headers,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) sums: Sums,
    /// `FULL_OBJECT` or `COMPOSITE`.
    pub(crate) sum_type: Option<String>,
    /// Bytes of each part, if it was uploaded in parts.
    pub(crate) parts: Vec<u64>,
}

/// What the writer says about an object and its readers are told.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Headers {
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) website_redirect_location: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// The [`Headers`] of an input that has them.
macro_rules! headers {
    ($input:expr) => {
        $crate::attributes::Headers {
            content_type: $input.content_type.take(),
            content_encoding: $input.content_encoding.take(),
            content_disposition: $input.content_disposition.take(),
            content_language: $input.content_language.take(),
            cache_control: $input.cache_control.take(),
            expires: $input.expires.take(),
            website_redirect_location: $input.website_redirect_location.take(),
            metadata: $input.metadata.take().unwrap_or_default().into_iter().collect(),
        }
    };
}
pub(crate) use headers;
