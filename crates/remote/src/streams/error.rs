//! What a failed call means to a pipe.

use std::error::Error as _;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodbstreams::error::{ProvideErrorMetadata, SdkError};
use event::{Error, Kind};

/// The SDK's failure by what the caller should do. The text holds the service's code and message, never a body.
pub(super) fn failure<E>(operation: &str, error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    if let SdkError::ServiceError(context) = &error {
        let meta = context.err().meta();
        let code = meta.code().unwrap_or("unknown error");
        let message = meta.message().unwrap_or_default();
        return Error::new(kind(code), format!("{operation} failed: {code}: {message}"));
    }
    if let SdkError::ResponseError(_) = &error {
        // Its text may quote what it could not read.
        return Error::new(Kind::Unavailable, format!("{operation} failed: the answer cannot be read"));
    }
    let mut reasons = vec![error.to_string()];
    let mut kind = Kind::Unavailable;
    let mut cause = error.source();
    while let Some(reason) = cause {
        if let Some(CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_)) =
            reason.downcast_ref()
        {
            kind = Kind::Denied;
        }
        reasons.push(reason.to_string());
        cause = reason.source();
    }
    reasons.dedup();
    Error::new(kind, format!("{operation} failed: {}", reasons.join(": ")))
}

fn kind(code: &str) -> Kind {
    match code {
        "ResourceNotFoundException" => Kind::NotFound,
        "TrimmedDataAccessException" => Kind::Trimmed,
        "ExpiredIteratorException" => Kind::Expired,
        "LimitExceededException"
        | "ThrottlingException"
        | "Throttling"
        | "RequestLimitExceeded"
        | "ProvisionedThroughputExceededException" => Kind::Throttled,
        "AccessDeniedException"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "IncompleteSignatureException"
        | "MissingAuthenticationTokenException" => Kind::Denied,
        "ValidationException" | "SerializationException" | "UnknownOperationException" => Kind::Invalid,
        // Among them an expired session, which the credentials chain renews.
        _ => Kind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodbstreams::config::http::HttpResponse;
    use aws_sdk_dynamodbstreams::error::ErrorMetadata;
    use aws_sdk_dynamodbstreams::operation::get_records::GetRecordsError;

    use super::*;

    fn check(code: &str, expected: Kind) {
        let meta = ErrorMetadata::builder().code(code).message("told so").build();
        let response = HttpResponse::new(400u16.try_into().unwrap(), "".into());
        let found = failure("GetRecords", SdkError::service_error(GetRecordsError::generic(meta), response));
        assert_eq!(found.kind(), expected, "{code}");
        assert_eq!(found.to_string(), format!("GetRecords failed: {code}: told so"));
    }

    #[test]
    fn the_codes_of_the_service_become_kinds() {
        check("TrimmedDataAccessException", Kind::Trimmed);
        check("ExpiredIteratorException", Kind::Expired);
        check("ResourceNotFoundException", Kind::NotFound);
        check("LimitExceededException", Kind::Throttled);
        check("AccessDeniedException", Kind::Denied);
        check("ValidationException", Kind::Invalid);
        check("InternalServerError", Kind::Unavailable);
        check("ExpiredTokenException", Kind::Unavailable);
    }
}
