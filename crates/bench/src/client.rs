//! An AWS client that costs little, so that a benchmark measures the server: kept connections, requests signed with
//! Signature Version 4, JSON in and out. It repeats nothing and ends at the first refusal.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac as _};
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const REGION: &str = "us-east-1";
/// How much of a refusal an error shows.
const SHOWN_BYTES_MAX: usize = 400;

/// A server's clients share connections; cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: Http<HttpConnector, Full<Bytes>>,
    host: Arc<str>,
    key: Arc<(String, String)>,
}

impl Client {
    /// `host`: `ADDRESS:PORT`. The key is that of `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
    ///
    /// # Errors
    /// When a variable is missing.
    pub fn new(host: &str) -> anyhow::Result<Client> {
        let variable = |name: &str| std::env::var(name).with_context(|| format!("no {name}"));
        let key = (variable("AWS_ACCESS_KEY_ID")?, variable("AWS_SECRET_ACCESS_KEY")?);
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = Http::builder(TokioExecutor::new()).build(connector);
        Ok(Client { http, host: host.into(), key: Arc::new(key) })
    }

    /// An operation of the AWS JSON protocols: `SERVICE`, `TARGET.Operation` and its input.
    ///
    /// # Errors
    /// Every answer but 200.
    pub async fn json(&self, service: &str, target: &str, input: &Value) -> anyhow::Result<Value> {
        let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target)];
        let answer = self.send(service, Method::POST, "/", &headers, input.to_string().into()).await;
        let answer = answer.with_context(|| target.to_owned())?;
        Ok(if answer.is_empty() { Value::Null } else { serde_json::from_slice(&answer)? })
    }

    /// An operation of the REST protocols; answers its body.
    ///
    /// # Errors
    /// Every answer but 2xx.
    pub async fn rest(&self, service: &str, method: Method, path: &str, body: Bytes) -> anyhow::Result<Bytes> {
        self.send(service, method, path, &[], body).await.with_context(|| path.to_owned())
    }

    async fn send(
        &self,
        service: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> anyhow::Result<Bytes> {
        let now = Utc::now();
        let time = now.format("%Y%m%dT%H%M%SZ").to_string();
        let authorization = self.authorization(service, &method, path, &time, now, &body);
        let request = Request::builder().method(method).uri(format!("http://{}{path}", self.host));
        let request = request.header("x-amz-date", time).header("authorization", authorization);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = self.http.request(request.body(Full::new(body))?).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            bail!("{status} {}", String::from_utf8_lossy(&body[..body.len().min(SHOWN_BYTES_MAX)]));
        }
        Ok(body)
    }

    /// Signs host, time and body; the path is plain and has no query.
    fn authorization(
        &self,
        service: &str,
        method: &Method,
        path: &str,
        time: &str,
        now: DateTime<Utc>,
        body: &[u8],
    ) -> String {
        let (day, (id, secret)) = (now.format("%Y%m%d").to_string(), &*self.key);
        let scope = format!("{day}/{REGION}/{service}/aws4_request");
        let digest = hex::encode(Sha256::digest(body));
        let canonical =
            format!("{method}\n{path}\n\nhost:{}\nx-amz-date:{time}\n\nhost;x-amz-date\n{digest}", self.host);
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
        let key = [&*day, REGION, service, "aws4_request"]
            .iter()
            .fold(format!("AWS4{secret}").into_bytes(), |key, part| authenticate(&key, part.as_bytes()));
        let signature = hex::encode(authenticate(&key, text.as_bytes()));
        format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders=host;x-amz-date, Signature={signature}")
    }
}

fn authenticate(key: &[u8], text: &[u8]) -> Vec<u8> {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}
