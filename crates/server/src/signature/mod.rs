//! AWS Signature Version 4 (IAM User Guide, "Create a signed AWS API request"), checked for headers and presigned URLs.
//!
//! Two steps, so that an error can be told in the protocol of the service: [`Claim::of`] reads what the request
//! says about itself, [`verify`] checks it against the known keys, the clock and the body.

mod canonical;
mod claim;

use hmac::{Hmac, Mac};
use identity::Identities;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub use claim::{Claim, Place};

use crate::AwsError;

/// How far the signer's clock may be from ours.
const SKEW_MINUTES: i64 = 5;
const SKEW_MS: i64 = SKEW_MINUTES * 60 * 1000;

/// The access keys that may call: the server's own, and those of sessions.
#[derive(Clone)]
pub struct Keys {
    root: (String, String),
    sessions: Identities,
}

impl Keys {
    /// The server's own access key id with its secret, and where sessions are kept.
    pub fn new(access_key: impl Into<String>, secret: impl Into<String>, sessions: Identities) -> Self {
        Keys { root: (access_key.into(), secret.into()), sessions }
    }

    pub(crate) async fn lookup(&self, access_key: &str) -> Result<Option<s3::Key>, AwsError> {
        let (own, secret) = &self.root;
        if own == access_key {
            return Ok(Some(s3::Key { secret: secret.clone(), session_token: None, is_expired: false }));
        }
        let session = self.sessions.session(access_key).await?;
        Ok(session.map(|session| s3::Key {
            secret: session.secret_access_key,
            session_token: Some(session.token),
            is_expired: session.is_expired,
        }))
    }
}

/// S3 requests are verified by their own endpoint, with the same keys.
#[async_trait::async_trait]
impl s3::Keys for Keys {
    async fn find(&self, access_key: &str) -> Option<s3::Key> {
        self.lookup(access_key).await.ok().flatten()
    }
}

/// Checks a claim against its key, the clock and the body.
///
/// # Errors
/// `UnrecognizedClientException` (no such key, or not its token), `ExpiredTokenException`, `InvalidSignatureException`
/// (clock, expiry, wrong signature).
pub fn verify(
    claim: &Claim,
    key: Option<s3::Key>,
    now_ms: i64,
    head: &http::request::Parts,
    body: &[u8],
) -> Result<(), AwsError> {
    let unknown = || {
        let message = "The security token included in the request is invalid.";
        AwsError::new(403, "UnrecognizedClientException", message)
    };
    let s3::Key { secret, session_token, is_expired } = key.ok_or_else(unknown)?;
    if session_token.is_some_and(|expected| token(head).is_none_or(|token| !same(&token, &expected))) {
        return Err(unknown());
    }
    if is_expired {
        let message = "The security token included in the request is expired";
        return Err(AwsError::new(403, "ExpiredTokenException", message));
    }
    fresh(claim, now_ms)?;
    let scope = format!("{}/{}/{}/aws4_request", claim.date, claim.region, claim.service);
    let mut key = mac(format!("AWS4{secret}").as_bytes(), &claim.date);
    for part in [claim.region.as_str(), claim.service.as_str(), "aws4_request"] {
        key = mac(&key, part);
    }
    for query in canonical::queries(head)? {
        let request = canonical::request(claim, head, body, &query)?;
        let digest = hex::encode(Sha256::digest(request.as_bytes()));
        let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{digest}", claim.timestamp);
        if same(&hex::encode(mac(&key, &to_sign)), &claim.signature) {
            return Ok(());
        }
    }
    Err(invalid(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details.",
    ))
}

fn same(one: &str, other: &str) -> bool {
    bool::from(one.as_bytes().ct_eq(other.as_bytes()))
}

/// The token of a session: a header, or a parameter of a presigned URL.
fn token(head: &http::request::Parts) -> Option<String> {
    if let Some(header) = head.headers.get("x-amz-security-token") {
        return header.to_str().ok().map(str::to_owned);
    }
    let query = crate::protocol::form::pairs(head.uri.query().unwrap_or_default(), false).ok()?;
    query.into_iter().find(|(name, _)| name == "X-Amz-Security-Token").map(|(_, token)| token)
}

fn fresh(claim: &Claim, now_ms: i64) -> Result<(), AwsError> {
    let at_ms = claim.at_ms;
    if !claim.timestamp.starts_with(&claim.date) {
        return Err(invalid("Date in Credential scope does not match the date of the request."));
    }
    // Clients look for these words to set their clocks right.
    let (signed, now) = (&claim.timestamp, timestamp(now_ms));
    if at_ms > now_ms.saturating_add(SKEW_MS) {
        let limit = timestamp(now_ms.saturating_add(SKEW_MS));
        return Err(invalid(&format!(
            "Signature not yet current: {signed} is still later than {limit} ({now} + {SKEW_MINUTES} min.)"
        )));
    }
    let (lifetime_ms, shown) = match claim.place {
        Place::Header => (SKEW_MS, format!("{SKEW_MINUTES} min.")),
        Place::Query { expires_seconds } => (expires_seconds.saturating_mul(1000), format!("{expires_seconds} s.")),
    };
    if now_ms > at_ms.saturating_add(lifetime_ms) {
        let limit = timestamp(now_ms.saturating_sub(lifetime_ms));
        return Err(invalid(&format!("Signature expired: {signed} is now earlier than {limit} ({now} - {shown})")));
    }
    Ok(())
}

/// Milliseconds since the epoch as `YYYYMMDDTHHMMSSZ`.
fn timestamp(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms).unwrap_or_default().format("%Y%m%dT%H%M%SZ").to_string()
}

fn invalid(message: &str) -> AwsError {
    AwsError::new(403, "InvalidSignatureException", message)
}

fn mac(key: &[u8], message: &str) -> [u8; 32] {
    // HMAC takes keys of any length.
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("an HMAC key may have any length");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().into()
}
