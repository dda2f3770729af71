//! What errors say that `s3s` makes without a text, in the words of the S3 API reference ("Error responses").
//!
//! Errors of this crate have their own.

use bytes::Bytes;
use http::Response;

use crate::endpoint::Body;

const TEXTS: &[(&str, &str)] = &[
    ("IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header."),
    ("InvalidBucketName", "The specified bucket is not valid."),
    ("InvalidRange", "The requested range cannot be satisfied."),
    ("InvalidURI", "The specified URI couldn't be parsed."),
    ("KeyTooLongError", "Your key is too long."),
    ("MalformedXML", "The XML that you provided was not well formed or did not validate against our published schema."),
    ("MethodNotAllowed", "The specified method is not allowed against this resource."),
    ("MissingRequestBodyError", "Request body is empty."),
    ("NotImplemented", "A header that you provided implies functionality that is not implemented."),
    (
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    ),
];

/// Gives an error that has none its text.
pub(crate) fn complete(mut response: Response<Body>) -> Response<Body> {
    if response.status().is_client_error() || response.status().is_server_error() {
        let text = response.body().bytes().and_then(|body| completed(&body));
        if let Some(text) = text {
            *response.body_mut() = Body::from(Bytes::from(text));
        }
    }
    response
}

fn completed(body: &[u8]) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    if body.contains("<Message>") {
        return None;
    }
    let (head, tail) = body.split_once("</Code>")?;
    let (_, code) = head.rsplit_once("<Code>")?;
    let (_, text) = TEXTS.iter().find(|(known, _)| *known == code)?;
    Some(format!("{head}</Code><Message>{text}</Message>{tail}"))
}
