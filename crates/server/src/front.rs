//! The port's front: limits, routing, signature, protocol, reply.
//!
//! S3 goes its own way (crate `s3`). Routing of the rest: `X-Amz-Target` names a JSON service; otherwise the credential scope names the service; `/health` and our
//! own paths come first. A request is authenticated before its body is decoded.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::protocol::xml::Lists;
use crate::protocol::{form, json, rest, xml};
use crate::services::{self, Protocol, Service};
use crate::signature::{self, Claim};
use crate::{App, AwsError, Call, fhir, own};

/// Bounds on one request and on all at once.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a body; 16 MB is the largest any served operation needs.
    pub body_bytes_max: usize,
    /// Bytes of all header names and values.
    pub header_bytes_max: usize,
    /// Requests worked on at once; more wait.
    pub requests_max: usize,
    /// Connections at once; more wait to be accepted.
    pub connections_max: usize,
    /// How long a connection may take to send a request's head, and how long it may stay idle.
    pub head_time_max: Duration,
    /// How long a request's body may take to arrive.
    pub body_time_max: Duration,
    /// How long requests may take to end when the server stops.
    pub drain_time_max: Duration,
}

/// Bytes of a body that is too large which are read all the same, so that its sender reads the answer and not a reset; at least
/// twice what is allowed.
const DISCARDED_BYTES_MAX: usize = 64 << 20;

fn discarded_bytes_max(bytes_max: usize) -> usize {
    DISCARDED_BYTES_MAX.max(2 * bytes_max)
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            body_bytes_max: 16 << 20,
            header_bytes_max: 32 << 10,
            requests_max: 512,
            connections_max: 4096,
            head_time_max: Duration::from_secs(60),
            body_time_max: Duration::from_secs(60),
            drain_time_max: Duration::from_secs(10),
        }
    }
}

struct Front {
    app: Arc<App>,
    limits: Limits,
    permits: Semaphore,
}

/// The whole port as a router, to be served by [`serve`](crate::serve).
pub fn router(app: Arc<App>, limits: Limits) -> Router {
    let permits = Semaphore::new(limits.requests_max);
    Router::new().fallback(handle).with_state(Arc::new(Front { app, limits, permits }))
}

/// How errors and replies of one request are written.
#[derive(Clone, Copy)]
enum Shape {
    Json { version: &'static str, crc32: bool },
    Rest,
    Xml { xmlns: &'static str, lists: Lists },
}

impl Shape {
    fn of(service: &Service) -> Shape {
        match service.protocol {
            Protocol::Json { version, crc32, .. } => Shape::Json { version, crc32 },
            Protocol::Rest { .. } => Shape::Rest,
            Protocol::Query { xmlns, .. } => Shape::Xml { xmlns, lists: Lists::Members },
            Protocol::FlatQuery { xmlns, .. } => Shape::Xml { xmlns, lists: Lists::Flattened },
        }
    }
}

async fn handle(State(front): State<Arc<Front>>, request: axum::extract::Request) -> Response {
    let waits = request.headers().contains_key(header::EXPECT);
    let mut response = answer(&front, request).await;
    // Who waits to be told to go on leaves the body out when refused: what comes next on this connection cannot be told from it.
    if waits && !response.status().is_success() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn answer(front: &Front, request: axum::extract::Request) -> Response {
    let request_id = uuid::Uuid::new_v4().to_string();
    let (head, body) = request.into_parts();
    if head.uri.path() == "/health" {
        return finish(200, "application/json", br#"{"status":"ok"}"#.to_vec(), &request_id);
    }
    // A closed semaphore does not happen: it lives as long as the router.
    let _permit = front.permits.acquire().await;
    let (service, claim) = route(&head);
    if is_s3(&head, claim.as_ref().ok()) {
        return answer_s3(front, http::Request::from_parts(head, body), &request_id).await;
    }
    if fhir::is_path(head.uri.path()) {
        let mut response = match fhir::preflight(&head) {
            Some(response) => response,
            None => answer_fhir(front, &head, body, claim).await,
        };
        fhir::allow(&head.headers, response.headers_mut());
        return with_id(response, &request_id);
    }
    let shape = service.map_or_else(|| fallback_shape(&head), Shape::of);
    let outcome = run(front, &head, body, service, claim, shape, &request_id).await;
    match outcome {
        Ok(response) => with_id(response, &request_id),
        Err(error) => {
            if error.status >= 500 {
                tracing::warn!(request_id, code = error.code, message = error.message, "request failed");
            }
            write_error(shape, &error, &request_id)
        }
    }
}

/// The service a request is for, and its claim; both may be missing.
fn route(head: &Parts) -> (Option<&'static Service>, Result<Claim, AwsError>) {
    let claim = Claim::of(head);
    let service = match target(head) {
        Some(target) => target.rsplit_once('.').and_then(|(prefix, _)| services::by_target(prefix)),
        None => claim.as_ref().ok().and_then(|c| services::by_signing_name(&c.service)),
    };
    (service, claim)
}

/// S3 has its own protocol, signatures and bounds. Requests without a signature are told apart by a host that names a bucket.
fn is_s3(head: &Parts, claim: Option<&Claim>) -> bool {
    let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    match claim {
        Some(claim) => claim.service == s3::SIGNING_NAME,
        None => target(head).is_none() && (s3::bucket_of_host(host).is_some() || is_presigned_v2(head)),
    }
}

/// Presigned URLs of Signature Version 2, which the AWS CLI still makes; no other service has them.
fn is_presigned_v2(head: &Parts) -> bool {
    let has = |name: &str| head.uri.query().is_some_and(|query| query.split('&').any(|part| part.starts_with(name)));
    has("AWSAccessKeyId=") && has("Signature=")
}

async fn answer_s3(front: &Front, request: axum::extract::Request, request_id: &str) -> Response {
    let header_bytes: usize = request.headers().iter().map(|(n, v)| n.as_str().len() + v.len()).sum();
    if header_bytes > front.limits.header_bytes_max {
        return finish(431, "application/xml", Vec::new(), request_id);
    }
    with_id(front.app.s3.call(request, request_id).await.map(Body::new), request_id)
}

/// Data of FHIR datastores, with its own errors and a bound of its own on bodies.
async fn answer_fhir(front: &Front, head: &Parts, body: Body, claim: Result<Claim, AwsError>) -> Response {
    let app = &front.app;
    let limits = Limits { body_bytes_max: fhir::BODY_BYTES_MAX, ..front.limits.clone() };
    if fhir::is_discovery(head) {
        return fhir::discovery(app, head).await;
    }
    let authenticated = async {
        check_headers(head, &limits)?;
        if let Some(caller) = fhir::caller_without_signature(app, head).await? {
            return Ok((caller, read(head, body, &limits).await?));
        }
        let body = read(head, body, &limits).await?;
        let claim = claim?;
        let key = app.keys.lookup(&claim.access_key).await?;
        signature::verify(&claim, key, app.signature_clock.now_ms(), head, &body)?;
        if claim.service != fhir::SIGNING_NAME {
            let message = format!("Credential should be scoped to correct service: '{}'.", fhir::SIGNING_NAME);
            return Err(AwsError::new(403, "InvalidSignatureException", message));
        }
        let caller = datastore::Caller { name: claim.access_key.into(), ..datastore::Caller::default() };
        Ok((caller, body))
    };
    match authenticated.await {
        Ok((caller, body)) => fhir::answer(app, head, body, caller).await,
        Err(error) => fhir::refused(app, head, &error).await,
    }
}

fn check_headers(head: &Parts, limits: &Limits) -> Result<(), AwsError> {
    let header_bytes: usize = head.headers.iter().map(|(n, v)| n.as_str().len() + v.len()).sum();
    if header_bytes > limits.header_bytes_max {
        let message = format!("the request's headers are too large. bytes_max={}", limits.header_bytes_max);
        return Err(AwsError::new(431, "RequestHeaderFieldsTooLarge", message));
    }
    Ok(())
}

fn target(head: &Parts) -> Option<&str> {
    head.headers.get("x-amz-target").and_then(|v| v.to_str().ok())
}

fn fallback_shape(head: &Parts) -> Shape {
    let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let asks_by_query = head.uri.query().is_some_and(|query| query.split('&').any(|part| part.starts_with("Action=")));
    if asks_by_query || content_type.starts_with("application/x-www-form-urlencoded") {
        Shape::Xml { xmlns: "https://aws.amazon.com/", lists: Lists::Members }
    } else if content_type.starts_with("application/x-amz-json-1.1") {
        Shape::Json { version: "1.1", crc32: false }
    } else if target(head).is_some() || content_type.starts_with("application/x-amz-json") {
        Shape::Json { version: "1.0", crc32: false }
    } else {
        Shape::Rest
    }
}

async fn run(
    front: &Front,
    head: &Parts,
    body: Body,
    service: Option<&'static Service>,
    claim: Result<Claim, AwsError>,
    shape: Shape,
    request_id: &str,
) -> Result<Response, AwsError> {
    check_headers(head, &front.limits)?;
    let body = read(head, body, &front.limits).await?;
    let claim = claim?;
    let key = front.app.keys.lookup(&claim.access_key).await?;
    signature::verify(&claim, key, front.app.signature_clock.now_ms(), head, &body)?;
    if service.is_none() && claim.service == own::SIGNING_NAME {
        return own::call(&front.app, head, &body).await;
    }
    let Some(service) = service else {
        return Err(AwsError::unknown_operation(target(head).unwrap_or(head.uri.path())));
    };
    if claim.service != service.signing_name {
        let message = format!("Credential should be scoped to correct service: '{}'.", service.signing_name);
        return Err(AwsError::new(403, "InvalidSignatureException", message));
    }
    let (operation, input, payload) = decode(service, head, &body)?;
    let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let call = Call {
        operation: operation.clone(),
        input,
        payload,
        request_id: request_id.into(),
        access_key: claim.access_key,
        host: host.into(),
        path: head.uri.path().into(),
    };
    let reply = (service.call)(&front.app, call).await?;
    Ok(write_reply(shape, &operation, reply, request_id))
}

/// The whole body, within the limits.
async fn read(head: &Parts, body: Body, limits: &Limits) -> Result<Bytes, AwsError> {
    let bytes_max = limits.body_bytes_max;
    let too_large = || {
        let message = format!("the request body is too large. bytes_max={bytes_max}");
        AwsError::new(413, "RequestEntityTooLargeException", message)
    };
    let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let declared: usize = header(header::CONTENT_LENGTH).and_then(|length| length.parse().ok()).unwrap_or_default();
    let waits = header(header::EXPECT).is_some_and(|expect| expect.eq_ignore_ascii_case("100-continue"));
    // Who waits to be told to go on is told not to; who sends already is listened to, within reason.
    if declared > bytes_max && (waits || declared > discarded_bytes_max(bytes_max)) {
        return Err(too_large());
    }
    match tokio::time::timeout(limits.body_time_max, collect(body, bytes_max)).await {
        Ok(body) => body?.ok_or_else(too_large),
        Err(_) => {
            let message = format!("the request body did not arrive in time. time_max={:?}", limits.body_time_max);
            Err(AwsError::new(408, "RequestTimeoutException", message))
        }
    }
}

/// The bytes of a body; nothing when there are more than `bytes_max`.
async fn collect(mut body: Body, bytes_max: usize) -> Result<Option<Bytes>, AwsError> {
    let mut bytes = BytesMut::new();
    let mut discarded = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| AwsError::serialization("the request body ended early"))?;
        let Ok(data) = frame.into_data() else { continue };
        if discarded == 0 && bytes.len() + data.len() <= bytes_max {
            bytes.extend_from_slice(&data);
            continue;
        }
        bytes = BytesMut::new();
        discarded += data.len();
        if discarded > discarded_bytes_max(bytes_max) {
            break;
        }
    }
    Ok((discarded == 0).then(|| bytes.freeze()))
}

/// The operation, its input and its raw payload.
fn decode(service: &'static Service, head: &Parts, body: &Bytes) -> Result<(String, Value, Bytes), AwsError> {
    match &service.protocol {
        Protocol::Json { .. } => {
            let operation = target(head).and_then(|t| t.rsplit_once('.')).map_or("", |(_, operation)| operation);
            Ok((operation.to_owned(), json::decode(body)?, Bytes::new()))
        }
        Protocol::Rest { routes } => {
            let query = form::pairs(head.uri.query().unwrap_or_default(), false)?;
            let request = rest::Request { path: head.uri.path(), query: &query, headers: &head.headers, body };
            let (operation, input, payload) = rest::decode(routes, head.method.as_str(), &request)?;
            Ok((operation.to_owned(), input, payload))
        }
        Protocol::Query { version, .. } | Protocol::FlatQuery { version, .. } => {
            let text = std::str::from_utf8(body).map_err(|_| AwsError::serialization("the form is not UTF-8"))?;
            let mut pairs = form::pairs(text, true)?;
            if text.is_empty() {
                let query = form::pairs(head.uri.query().unwrap_or_default(), true)?;
                pairs = query.into_iter().filter(|(name, _)| !name.starts_with("X-Amz-")).collect();
            }
            let value = |name: &str| pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
            if value("Version").is_some_and(|v| v != *version) {
                return Err(AwsError::new(400, "InvalidAction", format!("unknown Version. expected=`{version}`")));
            }
            let action = value("Action").filter(|a| a.bytes().all(|b| b.is_ascii_alphanumeric()) && !a.is_empty());
            let action = action.ok_or_else(|| AwsError::new(400, "MissingAction", "the form has no Action"))?;
            Ok((action.to_owned(), form::decode(&pairs)?, Bytes::new()))
        }
    }
}

fn write_reply(shape: Shape, operation: &str, reply: crate::Reply, request_id: &str) -> Response {
    let mut response = match shape {
        _ if reply.payload.is_some() => {
            let body = reply.payload.unwrap_or_default();
            let is_empty = body.is_empty();
            let mut response = finish(reply.status, "application/json", body, request_id);
            if is_empty {
                response.headers_mut().remove(header::CONTENT_TYPE);
            }
            response
        }
        Shape::Json { version, crc32 } => {
            let body = reply.body.to_string().into_bytes();
            finish_json(reply.status, version, crc32, body, request_id)
        }
        Shape::Rest => finish(reply.status, "application/json", reply.body.to_string().into_bytes(), request_id),
        Shape::Xml { xmlns, lists } => {
            let body = xml::reply_body(operation, xmlns, &reply.body, lists, request_id);
            finish(reply.status, "text/xml", body, request_id)
        }
    };
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn write_error(shape: Shape, error: &AwsError, request_id: &str) -> Response {
    let mut response = match shape {
        // JSON services answer 400 where REST and query services answer 403.
        Shape::Json { version, crc32 } => {
            let status = if error.status == 403 { 400 } else { error.status };
            finish_json(status, version, crc32, json::error_body(error), request_id)
        }
        Shape::Rest => finish(error.status, "application/json", json::error_body(error), request_id),
        Shape::Xml { xmlns, .. } => {
            let code = error.query_code.unwrap_or_else(|| query_code(&error.code));
            let error = AwsError { code: code.into(), ..error.clone() };
            finish(error.status, "text/xml", xml::error_body(&error, xmlns, request_id), request_id)
        }
    };
    if let Ok(code) = HeaderValue::from_str(&error.code) {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    if let Some(code) = error.query_code {
        let fault = if error.status >= 500 { "Receiver" } else { "Sender" };
        if let Ok(value) = HeaderValue::from_str(&format!("{code};{fault}")) {
            response.headers_mut().insert("x-amzn-query-error", value);
        }
    }
    response
}

/// Query services have older names for the same failures.
fn query_code(code: &str) -> &str {
    match code {
        "InvalidSignatureException" => "SignatureDoesNotMatch",
        "UnrecognizedClientException" => "InvalidClientTokenId",
        "ExpiredTokenException" => "ExpiredToken",
        "MissingAuthenticationTokenException" => "MissingAuthenticationToken",
        "IncompleteSignatureException" => "IncompleteSignature",
        "UnknownOperationException" => "InvalidAction",
        "ValidationException" => "ValidationError",
        other => other,
    }
}

fn finish_json(status: u16, version: &str, crc32: bool, body: Vec<u8>, request_id: &str) -> Response {
    let checksum = crc32.then(|| crc32fast::hash(&body));
    let mut response = finish(status, &format!("application/x-amz-json-{version}"), body, request_id);
    if let Some(checksum) = checksum {
        response.headers_mut().insert("x-amz-crc32", HeaderValue::from(checksum));
    }
    response
}

fn finish(status: u16, content_type: &str, body: impl Into<Body>, request_id: &str) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(value) = HeaderValue::from_str(content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    with_id(response, request_id)
}

fn with_id(mut response: Response, request_id: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("x-amzn-requestid", value);
    }
    response
}
