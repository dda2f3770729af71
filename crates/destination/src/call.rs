//! One HTTP call: its URL, how long it may take, how much it may answer, what its status means.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use event::{Error, Kind};
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, RequestBuilder, StatusCode, redirect};
use url::Url;

/// How long one call may take, as the service has it.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 1_048_576;
/// The longest that `Retry-After` is followed before the caller's own backoff goes on.
const RETRY_AFTER_MAX: u64 = 60;

/// A client for all destinations.
///
/// # Errors
/// `Internal` when the TLS roots of this machine cannot be read.
pub(crate) fn client() -> Result<Client, Error> {
    Client::builder()
        .timeout(TIMEOUT)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("watershed/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Error::new(Kind::Internal, "no HTTP client").with_source(error.without_url()))
}

/// The endpoint's URL with its `*` filled in, each as one encoded segment, and the query added.
///
/// # Errors
/// `Invalid` when it is no HTTP URL or has another number of `*` than there are values.
pub(crate) fn url(endpoint: &str, path: &[String], query: &[(String, String)]) -> Result<Url, Error> {
    let invalid = |message: &str| Error::new(Kind::Invalid, message);
    let mut values = path.iter();
    let mut filled = String::with_capacity(endpoint.len());
    for (index, piece) in endpoint.split('*').enumerate() {
        if index > 0 {
            let value = values.next().ok_or_else(|| invalid("the endpoint has more `*` than PathParameterValues"))?;
            filled.extend(url::form_urlencoded::byte_serialize(value.as_bytes()).map(|part| part.replace('+', "%20")));
        }
        filled.push_str(piece);
    }
    if values.next().is_some() {
        return Err(invalid("the endpoint has fewer `*` than PathParameterValues"));
    }
    let mut url = Url::parse(&filled).map_err(|_| invalid("the endpoint is not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(invalid("the endpoint is not an HTTP URL"));
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    Ok(url)
}

/// Sends a request and reads the answer.
///
/// # Errors
/// `Throttled` for 429 and `Unavailable` for what another try may help; `Denied`, `NotFound` and `Conflict` for other 4xx.
pub(crate) async fn send(request: RequestBuilder) -> Result<Bytes, Error> {
    // The URL may hold secrets.
    let failed = |error: reqwest::Error| {
        if error.is_builder() {
            let message = "the request cannot be made of the event: a header's value is not valid";
            return Error::new(Kind::Conflict, message);
        }
        let message =
            if error.is_timeout() { "the endpoint did not answer in time" } else { "the endpoint was not reached" };
        Error::new(Kind::Unavailable, message).with_source(error.without_url())
    };
    let mut response = request.send().await.map_err(failed)?;
    let status = response.status();
    if !status.is_success() {
        let after = response.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse::<u64>().ok());
        if let Some(seconds) = after.filter(|_| is_temporary(status)) {
            tokio::time::sleep(Duration::from_secs(seconds.min(RETRY_AFTER_MAX))).await;
        }
        return Err(Error::new(kind_of(status), format!("the endpoint answered with status {}", status.as_u16())));
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Error::new(Kind::Conflict, format!("the answer is longer than {ANSWER_BYTES_MAX} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn is_temporary(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 401 | 407 | 409 | 429)
}

fn kind_of(status: StatusCode) -> Kind {
    match status.as_u16() {
        429 => Kind::Throttled,
        _ if is_temporary(status) => Kind::Unavailable,
        _ => Kind::Conflict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(endpoint: &str, path: &[&str], query: &[(&str, &str)], expected: Option<&str>) {
        let path: Vec<String> = path.iter().map(|&value| value.to_owned()).collect();
        let query: Vec<_> = query.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert_eq!(url(endpoint, &path, &query).ok().as_ref().map(Url::as_str), expected, "{endpoint}");
    }

    #[test]
    fn stars_become_segments_and_nothing_more() {
        check("https://h/p/*/v/*", &["1", "a/b c?"], &[], Some("https://h/p/1/v/a%2Fb%20c%3F"));
        check("https://h/p", &[], &[("q", "x&y")], Some("https://h/p?q=x%26y"));
        check("https://h/p?a=1", &[], &[("q", "2")], Some("https://h/p?a=1&q=2"));
        check("https://h/*", &[], &[], None);
        check("https://h/", &["1"], &[], None);
        check("file:///etc/passwd", &[], &[], None);
        check("no url", &[], &[], None);
    }
}
