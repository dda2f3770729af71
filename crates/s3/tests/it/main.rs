//! The endpoint on a real state and a real directory, without a server around it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use event::ManualClock;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use objects::{Objects, UNFINISHED};
use s3::{Endpoint, Key, Keys, Settings};
use state::State;

struct NoKeys;

#[async_trait]
impl Keys for NoKeys {
    async fn find(&self, _access_key: &str) -> Option<Key> {
        None
    }
}

async fn open(dir: &std::path::Path) -> (Endpoint, Objects) {
    let objects = Objects::open(dir.join("lake").to_str().unwrap()).unwrap();
    let state = State::open(&state::Settings::new(dir.join("state.db").to_str().unwrap())).unwrap();
    let settings = Settings { region: "us-east-1".into(), account: "000000000000".into() };
    let emit: s3::Emit = Arc::new(|_, _| Ok(Box::new(|| {})));
    let clock = Arc::new(ManualClock::at(0));
    (Endpoint::open(objects.clone(), state, clock, settings, Arc::new(NoKeys), emit).await.unwrap(), objects)
}

async fn ask(endpoint: &Endpoint, request: http::request::Builder) -> (StatusCode, String) {
    let answer = endpoint.call(request.body(Full::new(Bytes::new())).unwrap(), "the-id").await;
    assert_eq!(answer.headers()["x-amz-request-id"], "the-id");
    let (status, body) = (answer.status(), answer.into_body().collect().await.unwrap().to_bytes());
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn who_is_not_known_gets_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (endpoint, objects) = open(dir.path()).await;
    objects.create_bucket("lake").await.unwrap();
    objects.put("lake", "k", Bytes::from_static(b"v")).await.unwrap();
    for path in ["/", "/lake", "/lake/k", "/.unfinished/k"] {
        let (status, text) = ask(&endpoint, Request::get(path).header("host", "127.0.0.1")).await;
        assert!(status.is_client_error() && text.contains("<Code>"), "{path}: {status} {text}");
    }
    let authorization = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/s3/aws4_request, \
                         SignedHeaders=host;x-amz-date, Signature=00";
    let request = Request::get("/lake/k")
        .header("host", "127.0.0.1")
        .header("authorization", authorization)
        .header("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        .header("x-amz-date", "20260101T000000Z");
    let (status, text) = ask(&endpoint, request).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(text.contains("<Code>RequestTimeTooSkewed</Code>"), "{text}");
}

#[tokio::test]
async fn parts_without_a_row_are_removed_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let (_, objects) = open(dir.path()).await;
    objects.put(UNFINISHED, "upload/1-x", Bytes::from_static(b"half")).await.unwrap();
    drop(objects);
    let (_, objects) = open(dir.path()).await;
    assert!(objects.list(UNFINISHED, "", None, 10).await.unwrap().is_empty());
}
