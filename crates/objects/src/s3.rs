//! `s3://ROOT/PREFIX[?OPTION=VALUE&...]`: which S3-compatible service, and how it is reached.
//!
//! Access comes from the environment as the AWS tools have it: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
//! `AWS_SESSION_TOKEN`, `AWS_REGION` or `AWS_DEFAULT_REGION`, `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`, and
//! `AWS_ALLOW_HTTP=true` for an endpoint without TLS. The options [`OPTIONS`] go before it. Secrets are no options,
//! for a URL is seen by everyone who lists processes.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use percent_encoding::percent_decode_str;

use crate::Error;

/// What may follow the question mark.
const OPTIONS: &[&str] = &["endpoint", "region", "allow_http", "virtual_hosted_style_request"];

/// The store behind a URL and the prefix in it. `rest` is what follows the scheme.
pub(crate) fn open(url: &str, rest: &str) -> Result<(Arc<dyn ObjectStore>, String), Error> {
    let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
    let (root, prefix) = place.split_once('/').unwrap_or((place, ""));
    if root.is_empty() {
        return Err(Error::Url(url.into()));
    }
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(root);
    for option in options.split('&').filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let key = name.parse::<AmazonS3ConfigKey>().ok().filter(|_| OPTIONS.contains(&name) && !value.is_empty());
        let key = key.ok_or_else(|| Error::Option(name.into()))?;
        builder = builder.with_config(key, percent_decode_str(value).decode_utf8_lossy());
    }
    Ok((Arc::new(builder.build()?), prefix.to_owned()))
}
