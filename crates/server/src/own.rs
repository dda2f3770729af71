//! The server's own paths, signed for the service `watershed`: `POST /sql`, `GET /_watershed/status`,
//! `POST /_watershed/objects`, `POST /_watershed/functions`, `POST /_watershed/flush`, `POST /_watershed/pipes/test`,
//! `POST /_watershed/dlq/...` and, for tests, `POST /_watershed/test/...`.

mod dlq;
mod pipe_test;
mod test_controls;

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use futures::StreamExt as _;
use http::request::Parts;
use http::{HeaderValue, header};
use query::Format;
use serde_json::{Value, json};

use crate::protocol::json;
use crate::{App, AwsError, Codes};

/// The name in the credential scope.
pub(crate) const SIGNING_NAME: &str = "watershed";

/// Most objects of one listing.
const LISTING_MAX: usize = 100_000;

/// Answers one of our own paths.
///
/// # Errors
/// `UnknownOperationException` for other paths, `ValidationException` for a bad query.
pub(crate) async fn call(app: &Arc<App>, head: &Parts, body: &[u8]) -> Result<Response, AwsError> {
    match (head.method.as_str(), head.uri.path()) {
        ("POST", "/sql") => sql(app, &json::decode(body)?).await,
        ("GET", "/_watershed/status") => Ok(reply(&status(app).await?)),
        ("POST", "/_watershed/objects") => Ok(reply(&list(app, &json::decode(body)?).await?)),
        ("POST", "/_watershed/functions") => Ok(reply(&map_code(app, &json::decode(body)?).await?)),
        ("POST", "/_watershed/flush") => Ok(reply(&flush(app, &json::decode(body)?).await?)),
        ("POST", "/_watershed/pipes/test") => Ok(reply(&pipe_test::call(app, &json::decode(body)?).await?)),
        ("POST", path) if let Some(action) = path.strip_prefix("/_watershed/dlq/") => {
            Ok(reply(&dlq::call(app, action, &json::decode(body)?).await?))
        }
        ("POST", path) if let Some(control) = path.strip_prefix("/_watershed/test/") => {
            Ok(reply(&test_controls::call(app, control, &json::decode(body)?).await?))
        }
        (method, path) => Err(not_found(method, path)),
    }
}

fn not_found(method: &str, path: &str) -> AwsError {
    AwsError { status: 404, ..AwsError::unknown_operation(&format!("{method} {path}")) }
}

/// `{"sql": TEXT, "format": "json" | "arrow"}` answers rows as newline-delimited JSON or an Arrow IPC stream.
async fn sql(app: &Arc<App>, input: &Value) -> Result<Response, AwsError> {
    let text = input.get("sql").and_then(Value::as_str);
    let text = text.ok_or_else(|| AwsError::validation("`sql` must be a string"))?;
    let (format, content_type) = match input.get("format").and_then(Value::as_str).unwrap_or("json") {
        "json" => (Format::Json, "application/x-ndjson"),
        "arrow" => (Format::ArrowIpc, "application/vnd.apache.arrow.stream"),
        _ => return Err(AwsError::validation("`format` must be `json` or `arrow`")),
    };
    let mut rows = app.query.query(text).await?.bytes(format)?;
    // The first rows are awaited, so that a query that fails at its start answers an error and not half a reply.
    let first = rows.next().await.transpose()?.unwrap_or_default();
    let body = Body::from_stream(futures::stream::once(std::future::ready(Ok(first))).chain(rows));
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok(response)
}

async fn status(app: &Arc<App>) -> Result<Value, AwsError> {
    let mut pipes = Vec::new();
    for status in app.pipes.status().await? {
        let (pipe, counters) = (&status.pipe, &status.counters);
        pipes.push(json!({
            "name": pipe.definition.name,
            "state": pipe.current.as_str(),
            "reason": pipe.reason,
            "received": counters.received,
            "filtered": counters.filtered,
            "enriched": counters.enriched,
            "delivered": counters.delivered,
            "failed": counters.failed,
            "dead_lettered": counters.dead_lettered,
            "retries": counters.retries,
            "gaps": status.gaps.len(),
            "lag_ms": counters.lag_ms,
            "last_error": counters.last_error,
        }));
    }
    let mut streams = Vec::new();
    for name in app.delivery.list() {
        // A stream deleted meanwhile is no longer part of the status.
        let Ok(status) = app.delivery.describe(&name).await else { continue };
        streams.push(json!({
            "name": name,
            "buffered_records": status.buffered_records,
            "buffered_bytes": status.buffered_bytes,
            "delivered_records": status.delivered_records,
            "delivered_bytes": status.delivered_bytes,
            "delivered_files": status.delivered_files,
        }));
    }
    Ok(json!({
        "account": app.identity.account,
        "region": app.identity.region,
        "buckets": app.objects.buckets().await?,
        "pipes": pipes,
        "delivery_streams": streams,
    }))
}

/// `{"prefix": "BUCKET/PREFIX"}` answers `{"objects": [{"name", "bytes", "modified_ms"}]}`.
async fn list(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let prefix = input.get("prefix").and_then(Value::as_str).unwrap_or_default();
    let (bucket, prefix) = prefix.split_once('/').map_or((prefix, ""), |(bucket, prefix)| (bucket, prefix));
    let buckets = if bucket.is_empty() { app.objects.buckets().await? } else { vec![bucket.to_owned()] };
    let mut objects = Vec::new();
    for bucket in buckets {
        let mut after: Option<String> = None;
        loop {
            let page = app.objects.list(&bucket, prefix, after.as_deref(), 1000).await?;
            for object in &page {
                let name = format!("{bucket}/{}", object.key);
                objects.push(json!({"name": name, "bytes": object.bytes, "modified_ms": object.modified_ms}));
            }
            after = page.last().map(|object| object.key.clone());
            if page.len() < 1000 || objects.len() >= LISTING_MAX {
                break;
            }
        }
    }
    Ok(json!({"objects": objects}))
}

/// `{"stream": NAME | null}`: returns when what was buffered is delivered.
async fn flush(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let flushed = app.delivery.flush(input.get("stream").and_then(Value::as_str)).await;
    flushed.map_err(|error| AwsError::of(&Codes::FIREHOSE, error.kind(), error.to_string()))?;
    Ok(json!({}))
}

/// `{"name": NAME, "path": PATH}`: where the code of a function is that a template or a call names by an unknown asset.
async fn map_code(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let text = |member: &str| {
        let text = input.get(member).and_then(Value::as_str);
        text.ok_or_else(|| AwsError::validation(format!("`{member}` must be a string")))
    };
    app.functions.map_code(text("name")?, text("path")?).await?;
    Ok(json!({}))
}

fn reply(body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
