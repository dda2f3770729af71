//! The canonical request: what both sides hash.

use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::{Claim, Place};
use crate::AwsError;
use crate::protocol::form;

/// Everything but the unreserved characters of RFC 3986.
const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const PATH: &AsciiSet = &STRICT.remove(b'/');

/// The text that is hashed and signed.
///
/// # Errors
/// `InvalidSignatureException` when a signed header is not there or not ASCII.
pub(super) fn request(claim: &Claim, head: &Parts, body: &[u8], query: &str) -> Result<String, AwsError> {
    let mut headers = String::new();
    for name in &claim.signed_headers {
        let mut values = Vec::new();
        for value in head.headers.get_all(name.as_str()) {
            let text = value.to_str().map_err(|_| super::invalid("A signed header is not ASCII."))?;
            values.push(text.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
        }
        if values.is_empty() {
            return Err(super::invalid("A signed header is missing in the request."));
        }
        headers.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    let path = if claim.service == "s3" { head.uri.path().to_owned() } else { path(head.uri.path()) };
    Ok(format!(
        "{}\n{path}\n{query}\n{headers}\n{}\n{}",
        head.method,
        claim.signed_headers.join(";"),
        payload(claim, head, body)
    ))
}

/// Outside S3 the path is normalised and encoded a second time.
fn path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let slash = if path.ends_with('/') && !parts.is_empty() { "/" } else { "" };
    utf8_percent_encode(&format!("/{}{slash}", parts.join("/")), PATH).to_string()
}

/// A query as the specification of signatures has it, and as it was sent where that differs: botocore signs what its caller wrote,
/// such as `code=http://loinc.org|8302-2`.
pub(super) fn queries(head: &Parts) -> Result<Vec<String>, AwsError> {
    let sent = head.uri.query().unwrap_or_default();
    let normal = query(sent)?;
    let pairs = sent.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("X-Amz-Signature="));
    let mut pairs: Vec<(&str, &str)> = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    pairs.sort_unstable();
    let sent = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    Ok(if sent == normal { vec![normal] } else { vec![normal, sent] })
}

fn query(query: &str) -> Result<String, AwsError> {
    let mut pairs: Vec<(String, String)> = form::pairs(query, false)?
        .into_iter()
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(n, v)| (utf8_percent_encode(&n, STRICT).to_string(), utf8_percent_encode(&v, STRICT).to_string()))
        .collect();
    pairs.sort();
    Ok(pairs.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("&"))
}

/// The hash of the body that arrived. S3 alone may leave the body unsigned.
fn payload(claim: &Claim, head: &Parts, body: &[u8]) -> String {
    const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
    let header = head.headers.get("x-amz-content-sha256").map(|v| v.as_bytes());
    if claim.service == "s3" && (claim.place != Place::Header || header == Some(UNSIGNED.as_bytes())) {
        return UNSIGNED.into();
    }
    hex::encode(Sha256::digest(body))
}

#[cfg(test)]
mod tests {
    #[test]
    fn paths_are_normalised_and_encoded_again() {
        for (path, expected) in [
            ("/", "/"),
            ("", "/"),
            ("/a//b/./c/../d", "/a/b/d"),
            ("/v1/pipes/", "/v1/pipes/"),
            ("/tags/arn%3Aaws", "/tags/arn%253Aaws"),
            ("/../..", "/"),
        ] {
            assert_eq!(super::path(path), expected, "{path}");
        }
    }

    #[test]
    fn a_query_may_be_signed_as_it_was_sent() {
        let queries = |uri: &str| {
            let (head, ()) = http::Request::get(uri).body(()).expect("a request").into_parts();
            super::queries(&head).expect("a query")
        };
        assert_eq!(queries("/a?b=2&a=x%7Cy"), ["a=x%7Cy&b=2"]);
        assert_eq!(queries("/a?b=u:1|2&a=x,y"), ["a=x%2Cy&b=u%3A1%7C2", "a=x,y&b=u:1|2"]);
    }

    #[test]
    fn queries_are_sorted_and_strictly_encoded() {
        assert_eq!(super::query("b=2&a=%7e&X-Amz-Signature=q&a=*&c").unwrap(), "a=%2A&a=~&b=2&c=");
    }
}
