//! AWS Signature Version 4 (IAM User Guide, "Create a signed AWS API request"), checked for headers and presigned URLs.
//!
//! Two steps, so that an error can be told in the protocol of the service: [`Claim::of`] reads what the request
//! says about itself, [`verify`] checks it against the known keys, the clock and the body.

mod canonical;
mod claim;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub use claim::{Claim, Place};

use crate::AwsError;

/// How far the signer's clock may be from ours.
const SKEW_MINUTES: i64 = 5;
const SKEW_MS: i64 = SKEW_MINUTES * 60 * 1000;

/// The access keys that may call.
#[derive(Clone, Default)]
pub struct Keys(Vec<(String, String)>);

impl Keys {
    /// One access key id and its secret.
    pub fn single(access_key: impl Into<String>, secret: impl Into<String>) -> Self {
        Keys(vec![(access_key.into(), secret.into())])
    }

    pub(crate) fn secret(&self, access_key: &str) -> Option<&str> {
        self.0.iter().find(|(id, _)| id == access_key).map(|(_, secret)| secret.as_str())
    }
}

/// S3 requests are verified by their own endpoint, with the same keys.
#[async_trait::async_trait]
impl s3::Keys for Keys {
    async fn find(&self, access_key: &str) -> Option<s3::Key> {
        let secret = self.secret(access_key)?.to_owned();
        Some(s3::Key { secret, session_token: None, is_expired: false })
    }
}

/// Checks a claim against keys, clock and body.
///
/// # Errors
/// `UnrecognizedClientException` (no such key), `InvalidSignatureException` (clock, expiry, wrong signature).
pub fn verify(
    claim: &Claim,
    keys: &Keys,
    now_ms: i64,
    head: &http::request::Parts,
    body: &[u8],
) -> Result<(), AwsError> {
    let Some(secret) = keys.secret(&claim.access_key) else {
        return Err(AwsError::new(
            403,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ));
    };
    fresh(claim, now_ms)?;
    let request = canonical::request(claim, head, body)?;
    let scope = format!("{}/{}/{}/aws4_request", claim.date, claim.region, claim.service);
    let digest = hex::encode(Sha256::digest(request.as_bytes()));
    let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{digest}", claim.timestamp);
    let mut key = mac(format!("AWS4{secret}").as_bytes(), &claim.date);
    for part in [claim.region.as_str(), claim.service.as_str(), "aws4_request", to_sign.as_str()] {
        key = mac(&key, part);
    }
    let expected = hex::encode(key);
    if bool::from(expected.as_bytes().ct_eq(claim.signature.as_bytes())) {
        return Ok(());
    }
    Err(invalid(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details.",
    ))
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
