//! What a signed request says about itself: who, when, for which service, over which headers.

use chrono::NaiveDateTime;
use http::request::Parts;

use crate::AwsError;
use crate::protocol::form;

/// A presigned URL lives seven days at most.
const EXPIRES_SECONDS_MAX: i64 = 7 * 24 * 3600;

/// Where the signature was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The `Authorization` header.
    Header,
    /// The query of a presigned URL.
    Query { expires_seconds: i64 },
}

/// The parsed, not yet verified signature of a request.
#[derive(Debug)]
pub struct Claim {
    pub access_key: String,
    /// `YYYYMMDD` of the scope.
    pub date: String,
    pub region: String,
    pub service: String,
    /// In the order of the request, which is sorted.
    pub signed_headers: Vec<String>,
    /// Lower-case hexadecimal.
    pub signature: String,
    /// `YYYYMMDDTHHMMSSZ`.
    pub timestamp: String,
    pub at_ms: i64,
    pub place: Place,
}

impl Claim {
    /// Reads the `Authorization` header or the `X-Amz-...` query parameters.
    ///
    /// # Errors
    /// `MissingAuthenticationTokenException` without any; `IncompleteSignatureException` when parts are missing.
    pub fn of(head: &Parts) -> Result<Claim, AwsError> {
        if let Some(value) = head.headers.get(http::header::AUTHORIZATION) {
            let text = value.to_str().map_err(|_| incomplete("the Authorization header is not ASCII"))?;
            return from_header(head, text);
        }
        let query = form::pairs(head.uri.query().unwrap_or_default(), false)?;
        if query.iter().any(|(name, _)| name == "X-Amz-Algorithm" || name == "X-Amz-Signature") {
            return from_query(&query);
        }
        Err(AwsError::new(403, "MissingAuthenticationTokenException", "Request is missing Authentication Token"))
    }
}

fn from_header(head: &Parts, text: &str) -> Result<Claim, AwsError> {
    let Some(fields) = text.strip_prefix("AWS4-HMAC-SHA256") else {
        return Err(incomplete("Unsupported AWS 'algorithm': only AWS4-HMAC-SHA256 is known."));
    };
    let field = |name: &str| -> Result<&str, AwsError> {
        let found = fields.split(',').find_map(|f| f.trim().strip_prefix(name)?.strip_prefix('='));
        found.ok_or_else(|| incomplete(&format!("Authorization header requires '{name}' parameter.")))
    };
    let (credential, signed, signature) = (field("Credential")?, field("SignedHeaders")?, field("Signature")?);
    let timestamp = head.headers.get("x-amz-date").and_then(|v| v.to_str().ok());
    let timestamp = timestamp.ok_or_else(|| incomplete("Authorization header requires existence of 'X-Amz-Date'."))?;
    build(credential, signed, signature, timestamp, Place::Header)
}

fn from_query(query: &[(String, String)]) -> Result<Claim, AwsError> {
    let field = |name: &str| -> Result<&str, AwsError> {
        let found = query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        found.ok_or_else(|| incomplete(&format!("AWS query-string parameters must include '{name}'.")))
    };
    if field("X-Amz-Algorithm")? != "AWS4-HMAC-SHA256" {
        return Err(incomplete("Unsupported AWS 'algorithm': only AWS4-HMAC-SHA256 is known."));
    }
    let expires_seconds: i64 = field("X-Amz-Expires")?
        .parse()
        .ok()
        .filter(|s| (1..=EXPIRES_SECONDS_MAX).contains(s))
        .ok_or_else(|| incomplete("X-Amz-Expires must be between 1 and 604800 seconds."))?;
    let (credential, signed) = (field("X-Amz-Credential")?, field("X-Amz-SignedHeaders")?);
    let place = Place::Query { expires_seconds };
    build(credential, signed, field("X-Amz-Signature")?, field("X-Amz-Date")?, place)
}

fn build(credential: &str, signed: &str, signature: &str, timestamp: &str, place: Place) -> Result<Claim, AwsError> {
    let parts: Vec<&str> = credential.split('/').collect();
    let [access_key, date, region, service, "aws4_request"] = parts.as_slice() else {
        return Err(incomplete("Credential must have 5 slash-delimited elements and end with aws4_request."));
    };
    let at = NaiveDateTime::parse_from_str(timestamp, "%Y%m%dT%H%M%SZ")
        .map_err(|_| incomplete("Date must be in ISO-8601 'basic format'."))?;
    let signed_headers: Vec<String> = signed.split(';').map(str::to_owned).collect();
    if !signed_headers.iter().any(|h| h == "host") {
        return Err(incomplete("'Host' must be a signed header."));
    }
    Ok(Claim {
        access_key: (*access_key).into(),
        date: (*date).into(),
        region: (*region).into(),
        service: (*service).into(),
        signed_headers,
        signature: signature.into(),
        timestamp: timestamp.into(),
        at_ms: at.and_utc().timestamp_millis(),
        place,
    })
}

fn incomplete(message: &str) -> AwsError {
    AwsError::new(403, "IncompleteSignatureException", message)
}
