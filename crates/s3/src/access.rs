//! Who may call, and which bucket a host names.

use std::sync::Arc;

use async_trait::async_trait;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::host::{S3Host, VirtualHost};
use s3s::{S3Result, s3_error};

/// An access key that may call.
#[derive(Clone)]
pub struct Key {
    pub secret: String,
    /// Must come with requests of temporary credentials.
    pub session_token: Option<String>,
    pub is_expired: bool,
}

/// Where access keys are looked up.
#[async_trait]
pub trait Keys: Send + Sync + 'static {
    /// `None` for a key that is not known.
    async fn find(&self, access_key: &str) -> Option<Key>;
}

/// Lets every known key do everything, as the whole server does.
#[derive(Clone)]
pub(crate) struct Access(pub(crate) Arc<dyn Keys>);

#[async_trait]
impl S3Auth for Access {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        match self.0.find(access_key).await {
            Some(key) if key.is_expired => Err(s3_error!(ExpiredToken, "The provided token has expired.")),
            Some(key) => Ok(SecretKey::from(key.secret)),
            None => {
                Err(s3_error!(InvalidAccessKeyId, "The AWS Access Key Id you provided does not exist in our records."))
            }
        }
    }
}

#[async_trait]
impl S3Access for Access {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let key = match context.credentials() {
            Some(credentials) => self.0.find(&credentials.access_key).await,
            None => None,
        };
        let Some(key) = key else { return Err(s3_error!(AccessDenied, "Access Denied")) };
        let Some(expected) = &key.session_token else { return Ok(()) };
        let header = context.headers().get("x-amz-security-token").and_then(|token| token.to_str().ok());
        let query = context.uri().query().unwrap_or_default().split('&').find_map(|part| {
            // Presigned URLs of Signature Version 2 write it in lower case.
            let (name, value) = part.split_once('=')?;
            if !name.eq_ignore_ascii_case("X-Amz-Security-Token") {
                return None;
            }
            percent_encoding::percent_decode_str(value).decode_utf8().ok()
        });
        if header == Some(expected) || query.as_deref() == Some(expected) {
            return Ok(());
        }
        Err(s3_error!(InvalidToken, "The provided token is malformed or otherwise invalid."))
    }
}

/// Virtual-host style: `BUCKET.s3.REGION.amazonaws.com`, `BUCKET.s3.localhost` and the like, `BUCKET.localhost`.
pub(crate) struct Hosts;

impl S3Host for Hosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        Ok(match bucket_of_host(host) {
            Some(bucket) => VirtualHost::new(host).with_bucket(bucket),
            None => VirtualHost::new(host),
        })
    }
}

/// The bucket a host names, if it names one.
pub fn bucket_of_host(host: &str) -> Option<&str> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let bucket = match (name.rfind(".s3."), name.rfind(".s3-")) {
        (Some(at), _) | (None, Some(at)) => &name[..at],
        (None, None) => name.strip_suffix(".localhost")?,
    };
    (!bucket.is_empty() && bucket != "s3").then_some(bucket)
}

#[cfg(test)]
mod tests {
    #[test]
    fn hosts_name_buckets() {
        for (host, bucket) in [
            ("lake.s3.eu-north-1.amazonaws.com", Some("lake")),
            ("my.lake.s3.localhost:4566", Some("my.lake")),
            ("lake.localhost:4566", Some("lake")),
            ("s3.localhost", None),
            ("s3.amazonaws.com", None),
            ("localhost:4566", None),
            ("127.0.0.1:4566", None),
            ("example.com", None),
        ] {
            assert_eq!(super::bucket_of_host(host), bucket, "{host}");
        }
    }
}
