//! Apps in a browser, of another origin (fetch.spec.whatwg.org, "CORS protocol"), which SMART asks servers to let in.
//!
//! Any origin may ask: a browser adds no key and no token of its own, so nothing is answered that its page could not ask for elsewhere.

use axum::body::Body;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const HEADERS: &str = "authorization, content-type, accept, if-match, if-none-match, if-modified-since, if-none-exist, prefer, \
    x-amzn-healthlake-fhir-validation-level";
const EXPOSED: &str = "etag, last-modified, location, content-location, www-authenticate, x-amzn-requestid";
/// Seconds that a browser need not ask again.
const AGE: &str = "600";

/// What a browser asks before it sends a request; neither signed nor with a token.
pub(crate) fn preflight(head: &Parts) -> Option<Response> {
    let asks = head.method == Method::OPTIONS && head.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if !asks {
        return None;
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(AGE));
    Some(response)
}

/// Lets the page of another origin read an answer.
pub(crate) fn allow(asked: &HeaderMap, answered: &mut HeaderMap) {
    if asked.contains_key(header::ORIGIN) {
        answered.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        answered.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}
