//! What an object is beside its bytes: ETag, HTTP headers, user metadata, tags, checksums.

use std::collections::BTreeMap;

use s3s::dto::{StorageClass, Timestamp};
use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};

use crate::checksum::Sums;
use crate::error::with;

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
    /// `STANDARD` without it. Told, not acted on, as are those of encryption.
    pub(crate) storage_class: Option<String>,
    pub(crate) server_side_encryption: Option<String>,
    pub(crate) kms_key: Option<String>,
    pub(crate) bucket_key: Option<bool>,
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
            storage_class: $input.storage_class.take().map(|class| class.as_str().to_owned()),
            server_side_encryption: $input.server_side_encryption.take().map(|kind| kind.as_str().to_owned()),
            kms_key: $input.ssekms_key_id.take(),
            bucket_key: $input.bucket_key_enabled.take(),
            metadata: $input.metadata.take().unwrap_or_default().into_iter().collect(),
        }
    };
}
pub(crate) use headers;

/// Tells an answer how the object is encrypted, as its writer asked for.
macro_rules! encryption {
    ($output:expr, $headers:expr) => {
        $output.server_side_encryption = $headers.server_side_encryption.map(s3s::dto::ServerSideEncryption::from);
        $output.ssekms_key_id = $headers.kms_key;
        $output.bucket_key_enabled = $headers.bucket_key;
    };
}
pub(crate) use encryption;

/// Bytes of all names and values of the user's metadata.
const METADATA_BYTES_MAX: usize = 2048;
pub(crate) const STANDARD: &str = "STANDARD";
const STORAGE_CLASSES: [&str; 10] = [
    STANDARD,
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "OUTPOSTS",
    "GLACIER_IR",
    "EXPRESS_ONEZONE",
];

impl Headers {
    /// # Errors
    /// `MetadataTooLarge`, `InvalidStorageClass`.
    pub(crate) fn check(&self) -> S3Result<()> {
        if self.metadata.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > METADATA_BYTES_MAX {
            return Err(s3_error!(MetadataTooLarge, "Your metadata headers exceed the maximum allowed metadata size"));
        }
        match &self.storage_class {
            Some(class) if !STORAGE_CLASSES.contains(&class.as_str()) => {
                let error = s3_error!(InvalidStorageClass, "The storage class you specified is not valid");
                Err(with(error, &[("StorageClassRequested", class)]))
            }
            _ => Ok(()),
        }
    }

    /// The storage class as lists tell it.
    pub(crate) fn class(&self) -> String {
        self.storage_class.clone().unwrap_or_else(|| STANDARD.into())
    }

    /// The storage class as reads tell it: not the standard one.
    pub(crate) fn other_class(&self) -> Option<StorageClass> {
        self.storage_class.clone().filter(|class| class != STANDARD).map(StorageClass::from)
    }
}
