//! How an answer is written.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use datastore::audit::Entity;
use datastore::{Error, Kind, Outcome, Version, Written};
use fhir::json::Document;
use fhir::outcome::{Issue, outcome};
use fhir::render::{Wanted, subset};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};

use super::request::{Request, Return};

/// Smaller answers are not packed.
const PACKED_BYTES_MIN: usize = 1024;

/// An answer; an empty body is none at all.
pub(super) struct Reply {
    status: u16,
    body: Bytes,
    headers: Vec<(header::HeaderName, String)>,
    /// Resources it shows, for the audit log.
    pub seen: Vec<Entity>,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Bytes>) -> Reply {
        Reply { status, body: body.into(), headers: Vec::new(), seen: Vec::new() }
    }

    /// With the headers of a version: ETag and Last-Modified.
    pub fn of(status: u16, version: &Version, body: impl Into<Bytes>) -> Reply {
        let mut reply = Reply::new(status, body);
        reply.headers.push((header::ETAG, etag(version)));
        reply.headers.push((header::LAST_MODIFIED, http_date(version.at_ms)));
        reply.showing([version])
    }

    /// Which versions it shows.
    #[must_use]
    pub fn showing<'a>(mut self, versions: impl IntoIterator<Item = &'a Version>) -> Reply {
        let entity = |version: &Version| Entity {
            reference: format!("{}/_history/{}", version.reference(), version.version),
            operation: None,
        };
        self.seen.extend(versions.into_iter().map(entity));
        self
    }

    pub fn status(&self) -> u16 {
        self.status
    }

    /// The body, if there is any.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.body).ok().filter(|text| !text.is_empty())
    }

    #[must_use]
    pub fn with(mut self, name: header::HeaderName, value: String) -> Reply {
        self.headers.push((name, value));
        self
    }

    /// Writes it, pretty and packed as asked.
    pub fn write(self, head: &Parts, is_pretty: bool) -> Response {
        let mut body = self.body;
        if is_pretty && let Ok(document) = Document::parse(body.clone()) {
            let mut text = String::new();
            fhir::json::write_pretty(&mut text, document.root());
            body = Bytes::from(text);
        }
        let has_body = !body.is_empty();
        let accepts = head.headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        let packs = body.len() >= PACKED_BYTES_MIN && accepts.is_some_and(|accepts| accepts.contains("gzip"));
        if packs {
            body = packed(&body);
        }
        let length = body.len();
        let shown = if head.method == Method::HEAD { Bytes::new() } else { body };
        let mut response = Response::new(Body::from(shown));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if has_body {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/fhir+json; charset=utf-8"));
        }
        if packs {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if head.method == Method::HEAD {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        response
    }
}

fn packed(body: &Bytes) -> Bytes {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let written = encoder.write_all(body).and_then(|()| encoder.finish());
    written.map_or_else(|_| body.clone(), Bytes::from)
}

/// `W/"3"`.
pub(super) fn etag(version: &Version) -> String {
    format!("W/\"{}\"", version.version)
}

/// As HTTP writes dates.
pub(super) fn http_date(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms).unwrap_or_default().format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The status of an error.
pub(super) fn status(kind: Kind) -> u16 {
    match kind {
        Kind::Invalid => 400,
        Kind::Unprocessable => 422,
        Kind::NotFound => 404,
        Kind::Gone => 410,
        Kind::Conflict => 409,
        Kind::Precondition => 412,
        Kind::NotSupported => 400,
        Kind::Denied => 403,
        Kind::TooLarge => 413,
        Kind::Unavailable => 503,
        Kind::Corrupt => 500,
    }
}

/// An error as an OperationOutcome.
pub(super) fn failure(error: &Error) -> Reply {
    Reply::new(status(error.kind()), outcome(&error.issues))
}

/// What a write answers.
pub(super) fn written(request: &Request, written: &Written) -> Reply {
    let Some(version) = &written.version else { return Reply::new(204, Bytes::new()) };
    let status = match written.outcome {
        Outcome::Created => 201,
        Outcome::Updated | Outcome::Unchanged => 200,
        Outcome::Deleted => return Reply::of(204, version, Bytes::new()),
    };
    let body = match request.wanted() {
        Return::Minimal => Bytes::new(),
        Return::Outcome => Bytes::from(outcome(&[Issue::information("written")])),
        Return::Representation => version.body.clone().unwrap_or_default(),
    };
    let location = format!("{}/{}/_history/{}", request.base, version.reference(), version.version);
    Reply::of(status, version, body).with(header::LOCATION, location)
}

/// A resource as asked: whole, or some of it.
pub(super) fn shown(request: &Request, version: &Version) -> Result<Bytes, Error> {
    let body = version.body.clone().unwrap_or_default();
    let wanted = Wanted { summary: request.summary, elements: &request.elements };
    if wanted.is_all() {
        return Ok(body);
    }
    Ok(Bytes::from(subset(&Document::parse(body)?, version.kind, wanted)))
}
