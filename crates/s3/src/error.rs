//! How failures of the parts below become S3's errors. What only we can mend goes to the log, not to the caller.

use std::fmt::Write as _;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use s3s::{Body, S3Error, S3ErrorCode, s3_error};

/// Where further elements of an error travel from [`with`] to [`put_details`]: `s3s` writes code and message only.
const DETAILS: HeaderName = HeaderName::from_static("x-details");
/// Of a value that is told again.
const DETAIL_CHARS_MAX: usize = 1024;
const XML: HeaderValue = HeaderValue::from_static("application/xml");

/// What can go wrong when an [`Endpoint`](crate::Endpoint) is opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("state failed")]
    State(#[from] state::Error),
    #[error("object store failed")]
    Objects(#[from] objects::Error),
}

/// `InternalError`, with the cause in the log.
pub(crate) fn internal(error: impl std::error::Error) -> S3Error {
    let mut causes = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        causes = format!("{causes}: {cause}");
        source = cause.source();
    }
    tracing::error!(error = causes, "an S3 request failed");
    s3_error!(InternalError, "We encountered an internal error. Please try again.")
}

pub(crate) fn of_objects(error: objects::Error) -> S3Error {
    match error {
        objects::Error::NoBucket(bucket) => no_bucket(&bucket),
        objects::Error::NoObject { key, .. } => no_key(&key),
        objects::Error::NotEmpty(bucket) => {
            with(s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty"), &[("BucketName", &bucket)])
        }
        objects::Error::BucketName(bucket) => {
            with(s3_error!(InvalidBucketName, "The specified bucket is not valid."), &[("BucketName", &bucket)])
        }
        objects::Error::Key { reason, .. } => s3_error!(InvalidArgument, "The key cannot be kept: {reason}."),
        error => internal(error),
    }
}

pub(crate) fn no_bucket(bucket: &str) -> S3Error {
    with(s3_error!(NoSuchBucket, "The specified bucket does not exist"), &[("BucketName", bucket)])
}

pub(crate) fn no_key(key: &str) -> S3Error {
    with(s3_error!(NoSuchKey, "The specified key does not exist."), &[("Key", key)])
}

/// `InvalidArgument`: which one, and what was given.
pub(crate) fn argument(name: &str, value: &str, message: impl std::fmt::Display) -> S3Error {
    with(s3_error!(InvalidArgument, "{message}"), &[("ArgumentName", name), ("ArgumentValue", value)])
}

/// Adds elements to an error's body, such as `Key`.
pub(crate) fn with(mut error: S3Error, details: &[(&str, &str)]) -> S3Error {
    let mut text = String::new();
    for (name, value) in details {
        let _ = write!(text, "<{name}>");
        for character in value.chars().take(DETAIL_CHARS_MAX) {
            let _ = match character {
                '&' => text.write_str("&amp;"),
                '<' => text.write_str("&lt;"),
                '>' => text.write_str("&gt;"),
                '\0'..=' ' | '\x7f' if character != ' ' => write!(text, "&#x{:X};", u32::from(character)),
                _ => text.write_char(character),
            };
        }
        let _ = write!(text, "</{name}>");
    }
    if let Ok(details) = HeaderValue::from_bytes(text.as_bytes()) {
        // These replace the headers that `s3s` sets.
        error.set_headers(HeaderMap::from_iter([(CONTENT_TYPE, XML), (DETAILS, details)]));
    }
    error
}

/// Moves what [`with`] added into the body.
pub(crate) fn put_details(response: &mut Response<Body>) {
    let Some(details) = response.headers_mut().remove(DETAILS) else { return };
    let Some(body) = response.body_mut().take_bytes() else { return };
    let (body, details) = (String::from_utf8_lossy(&body), String::from_utf8_lossy(details.as_bytes()));
    let whole = match body.rsplit_once("</Error>") {
        Some((before, after)) => format!("{before}{details}</Error>{after}"),
        None => body.into_owned(),
    };
    *response.body_mut() = Body::from(bytes::Bytes::from(whole));
}

/// A body that did not arrive as it was signed. `s3s` keeps the types of these errors to itself, so their text tells them apart.
pub(crate) fn of_body(error: &(dyn std::error::Error + Send + Sync)) -> S3Error {
    let text = error.to_string();
    if text.contains("SignatureMismatch") {
        return s3_error!(SignatureDoesNotMatch, "The signature of a chunk does not match its content.");
    }
    if text.contains("Sha256Mismatch") {
        let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        return unlisted("XAmzContentSHA256Mismatch", http::StatusCode::BAD_REQUEST, message);
    }
    s3_error!(IncompleteBody, "The request body terminated unexpectedly")
}

/// An error under a code that `s3s` has no status for.
pub(crate) fn unlisted(code: &'static str, status: http::StatusCode, message: &'static str) -> S3Error {
    let code = S3ErrorCode::from_bytes(code.as_bytes()).unwrap_or(S3ErrorCode::Custom(code.into()));
    let mut error = S3Error::with_message(code, message);
    error.set_status_code(status);
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_stand_in_the_body_as_xml() {
        let error = with(s3_error!(NoSuchKey, "m"), &[("Key", "a b<&>\nü"), ("Other", "")]);
        let details = error.headers().unwrap().get(DETAILS).unwrap().clone();
        let mut response = Response::new(Body::from(bytes::Bytes::from_static(b"<Error><Code>c</Code></Error>")));
        response.headers_mut().insert(DETAILS, details);
        put_details(&mut response);
        assert!(response.headers().is_empty());
        let body = response.body_mut().take_bytes().unwrap();
        let expected = "<Error><Code>c</Code><Key>a b&lt;&amp;&gt;&#xA;ü</Key><Other></Other></Error>";
        assert_eq!(std::str::from_utf8(&body).unwrap(), expected);
    }
}
