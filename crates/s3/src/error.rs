//! How failures of the parts below become S3's errors. What only we can mend goes to the log, not to the caller.

use s3s::{S3Error, S3ErrorCode, s3_error};

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
        objects::Error::NoBucket(_) => no_bucket(),
        objects::Error::NoObject { .. } => s3_error!(NoSuchKey, "The specified key does not exist."),
        objects::Error::NotEmpty(_) => s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty"),
        objects::Error::BucketName(_) => s3_error!(InvalidBucketName, "The specified bucket is not valid."),
        objects::Error::Key { reason, .. } => s3_error!(InvalidArgument, "The key cannot be kept: {reason}."),
        error => internal(error),
    }
}

pub(crate) fn no_bucket() -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist")
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
