//! What is asked: path, parameters and headers, read once.

use bytes::Bytes;
use datastore::{Caller, Error, Kind, Match};
use fhir::json::Document;
use fhir::patch::Patch;
use fhir::search::query::{Summary, Unknown};
use http::request::Parts;
use http::{HeaderMap, Method, header};
use percent_encoding::percent_decode_str;

use super::BODY_BYTES_MAX;

/// What a write answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Return {
    Minimal,
    Representation,
    Outcome,
}

/// A request to a datastore.
pub(super) struct Request {
    pub method: Method,
    pub datastore: String,
    /// Segments behind `/datastore/ID/r4`, decoded.
    pub path: Vec<String>,
    /// Decoded pairs in their order, without those that only say how to answer.
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub caller: Caller,
    /// `http://HOST/datastore/ID/r4`.
    pub base: String,
    pub is_pretty: bool,
    pub summary: Summary,
    pub elements: Vec<String>,
}

impl Request {
    /// Reads a request.
    pub fn read(head: &Parts, body: Bytes, caller: Caller) -> Result<Request, Error> {
        let (datastore, path) = split(head.uri.path())?;
        let body = unpacked(&head.headers, body)?;
        let mut pairs = pairs(head.uri.query().unwrap_or_default())?;
        if path.last().is_some_and(|last| last == "_search") && head.method == Method::POST {
            let text = std::str::from_utf8(&body).map_err(|_| invalid("the form is not UTF-8"))?;
            pairs.extend(self::pairs(text)?);
        }
        let mut request = Request {
            method: head.method.clone(),
            base: format!("{}/datastore/{datastore}/r4", origin(&head.headers)),
            datastore,
            path,
            query: Vec::new(),
            headers: head.headers.clone(),
            body,
            caller,
            is_pretty: false,
            summary: Summary::False,
            elements: Vec::new(),
        };
        for (name, value) in pairs {
            request.take(name, value)?;
        }
        request.acceptable()?;
        Ok(request)
    }

    /// Sorts out what only says how to answer.
    fn take(&mut self, name: String, value: String) -> Result<(), Error> {
        match name.as_str() {
            "_format" => return format_is_json(&value),
            "_pretty" => self.is_pretty = value == "true",
            // The parameters of a signature in the URL.
            name if name.starts_with("X-Amz-") => {}
            _ => {
                if name == "_summary" {
                    self.summary = summary(&value);
                }
                if name == "_elements" {
                    self.elements.extend(value.split(',').filter(|element| !element.is_empty()).map(str::to_owned));
                }
                self.query.push((name, value));
            }
        }
        Ok(())
    }

    fn acceptable(&self) -> Result<(), Error> {
        let accept = self.text(header::ACCEPT).unwrap_or("*/*");
        let asked = self.query.iter().any(|(name, _)| name == "_format");
        let is_json = |part: &str| part.contains('*') || part.contains("json");
        if asked || accept.is_empty() || accept.split(',').any(is_json) {
            return Ok(());
        }
        Err(Error::new(Kind::NotSupported, "only JSON is served: application/fhir+json"))
    }

    pub fn text(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The parts of `Prefer`.
    fn preference(&self, name: &str) -> Option<&str> {
        let values = self.headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
        let mut parts = values.flat_map(|value| value.split([',', ';'])).filter_map(|part| part.trim().split_once('='));
        parts.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    pub fn wanted(&self) -> Return {
        match self.preference("return") {
            Some("minimal") => Return::Minimal,
            Some("OperationOutcome") => Return::Outcome,
            _ => Return::Representation,
        }
    }

    pub fn handling(&self) -> Unknown {
        if self.preference("handling") == Some("strict") { Unknown::Refused } else { Unknown::Ignored }
    }

    /// The condition on the current version.
    pub fn condition(&self) -> Result<Match, Error> {
        if let Some(tag) = self.text(header::IF_MATCH) {
            return version(tag).map(Match::Version).ok_or_else(|| invalid("If-Match is W/\"VERSION\""));
        }
        Ok(if self.text(header::IF_NONE_MATCH) == Some("*") { Match::Nothing } else { Match::Anything })
    }

    /// The same caller's request for a URL below the base.
    pub fn get(&self, url: &str) -> Result<Request, Error> {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let path = path.strip_prefix(&self.base).unwrap_or(path).trim_matches('/');
        let mut request = Request {
            method: Method::GET,
            datastore: self.datastore.clone(),
            path: path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            caller: self.caller.clone(),
            base: self.base.clone(),
            is_pretty: false,
            summary: Summary::False,
            elements: Vec::new(),
        };
        for (name, value) in pairs(query)? {
            request.take(name, value)?;
        }
        Ok(request)
    }

    /// The pairs of a query in a header, such as `If-None-Exist`.
    pub fn condition_pairs(&self, query: &str) -> Result<Vec<(String, String)>, Error> {
        pairs(query.split_once('?').map_or(query, |(_, query)| query))
    }

    /// The body as a patch.
    pub fn patch(&self) -> Result<Patch, Error> {
        let refused = |issue| Error::with_issues(Kind::Invalid, vec![issue]);
        let kind = self.text(header::CONTENT_TYPE).unwrap_or_default();
        if kind.starts_with("application/json-patch+json") {
            return Patch::from_json(&self.body).map_err(refused);
        }
        if !kind.contains("json") {
            return Err(Error::new(
                Kind::NotSupported,
                "a patch is application/json-patch+json or application/fhir+json",
            ));
        }
        Patch::from_resource(&Document::parse(self.body.clone())?).map_err(refused)
    }

    /// The content type is JSON, or none is told.
    pub fn json_body(&self) -> Result<&Bytes, Error> {
        let kind = self.text(header::CONTENT_TYPE).unwrap_or("application/fhir+json");
        if kind.contains("json") {
            Ok(&self.body)
        } else {
            Err(Error::new(Kind::NotSupported, "a body is application/fhir+json"))
        }
    }

    /// The path and parameters as asked, without the place of the page: the link of the answer to itself.
    pub fn link(&self, without: &[&str]) -> String {
        let mut link = format!("{}/{}", self.base, self.path.join("/"));
        let kept = self.query.iter().filter(|(name, _)| !without.contains(&name.as_str()));
        for (at, (name, value)) in kept.enumerate() {
            link.push(if at == 0 { '?' } else { '&' });
            link.push_str(&encoded(name));
            link.push('=');
            link.push_str(&encoded(value));
        }
        link
    }
}

/// The version in `W/"3"`.
pub(super) fn version(tag: &str) -> Option<i64> {
    tag.trim().trim_start_matches("W/").trim_matches('"').parse().ok()
}

fn invalid(message: &str) -> Error {
    Error::new(Kind::Invalid, message)
}

fn summary(value: &str) -> Summary {
    match value {
        "true" => Summary::True,
        "text" => Summary::Text,
        "data" => Summary::Data,
        "count" => Summary::Count,
        _ => Summary::False,
    }
}

fn format_is_json(value: &str) -> Result<(), Error> {
    let is_json = value.contains("json");
    if is_json { Ok(()) } else { Err(Error::new(Kind::NotSupported, "only JSON is served: _format=json")) }
}

fn origin(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let scheme = text("x-forwarded-proto").filter(|scheme| matches!(*scheme, "http" | "https")).unwrap_or("http");
    format!("{scheme}://{}", text("host").unwrap_or("localhost"))
}

/// The datastore and the segments behind `r4`.
fn split(path: &str) -> Result<(String, Vec<String>), Error> {
    let not_found = || Error::new(Kind::NotFound, "the path is not /datastore/ID/r4/…");
    let rest = path.strip_prefix("/datastore/").ok_or_else(not_found)?;
    let mut segments = rest.trim_end_matches('/').split('/');
    let id = segments.next().filter(|id| !id.is_empty()).ok_or_else(not_found)?;
    if segments.next() != Some("r4") {
        return Err(not_found());
    }
    let decoded = |segment: &str| percent_decode_str(segment).decode_utf8().map(|text| text.into_owned());
    let path = segments.map(decoded).collect::<Result<Vec<_>, _>>().map_err(|_| invalid("the path is not UTF-8"))?;
    Ok((id.to_owned(), path))
}

fn pairs(query: &str) -> Result<Vec<(String, String)>, Error> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text)
            .decode_utf8()
            .map(|text| text.into_owned())
            .map_err(|_| invalid("a parameter is not UTF-8"))
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| Ok((decoded(name)?, decoded(value)?)))
        .collect()
}

fn encoded(text: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~')
        .remove(b':')
        .remove(b'/')
        .remove(b',')
        .remove(b'|');
    percent_encoding::utf8_percent_encode(text, KEPT).to_string()
}

/// The body, unpacked when it is gzip.
fn unpacked(headers: &HeaderMap, body: Bytes) -> Result<Bytes, Error> {
    use std::io::Read as _;
    match headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok()) {
        None | Some("identity") => Ok(body),
        Some("gzip") => {
            let mut out = Vec::new();
            let mut reader = flate2::read::MultiGzDecoder::new(&body[..]).take(BODY_BYTES_MAX as u64 + 1);
            reader.read_to_end(&mut out).map_err(|_| invalid("the body is not gzip"))?;
            if out.len() > BODY_BYTES_MAX {
                return Err(Error::new(Kind::TooLarge, format!("the body is too large. bytes_max={BODY_BYTES_MAX}")));
            }
            Ok(Bytes::from(out))
        }
        Some(_) => Err(Error::new(Kind::NotSupported, "the body's encoding is gzip or none")),
    }
}
