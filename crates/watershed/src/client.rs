//! Signed requests of the client commands to a running server.

use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as Http;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::data::{self, Credentials};

/// How client commands find the server.
#[derive(clap::Args, Clone, Debug)]
pub struct Find {
    /// The server, such as http://127.0.0.1:4566; without it, the one running on --data
    #[arg(long, env = "AWS_ENDPOINT_URL")]
    pub endpoint: Option<String>,
    /// The server's data directory
    #[arg(long, default_value = "./watershed-data")]
    pub data: PathBuf,
}

/// A server and the key to call it with.
pub struct Client {
    endpoint: String,
    /// The server was found by its announcement, which a killed one leaves behind.
    is_announced: bool,
    region: String,
    credentials: Credentials,
}

impl Client {
    /// Finds the server and its key: with an endpoint, the key of the environment comes first.
    ///
    /// # Errors
    /// When no server runs on the data directory, or there is no key.
    pub fn find(find: &Find) -> anyhow::Result<Client> {
        let running = data::running(&find.data);
        let environment = || {
            let access_key_id = std::env::var("AWS_ACCESS_KEY_ID").ok()?;
            Some(Credentials { access_key_id, secret_access_key: std::env::var("AWS_SECRET_ACCESS_KEY").ok()? })
        };
        let (endpoint, credentials) = match (&find.endpoint, &running) {
            (Some(endpoint), _) => (endpoint.clone(), environment().map_or_else(|| data::credentials(&find.data), Ok)?),
            (None, Some(running)) => (running.endpoint.clone(), data::credentials(&find.data)?),
            (None, None) => bail!(
                "no server runs on {}; start one with `watershed serve`, or name it with --endpoint",
                find.data.display()
            ),
        };
        let region = running.map_or_else(|| "us-east-1".to_owned(), |r| r.region);
        let is_announced = find.endpoint.is_none();
        Ok(Client { is_announced, endpoint: endpoint.trim_end_matches('/').to_owned(), region, credentials })
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// `GET` or `POST` on one of the server's own paths; the answer's bytes.
    ///
    /// # Errors
    /// When the server cannot be reached or answers an error, with its message.
    pub async fn own(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Bytes> {
        let body = if method == "GET" { Bytes::new() } else { Bytes::from(body.to_string()) };
        self.send("watershed", method, path, &[("content-type", "application/json")], body).await
    }

    /// An operation of a service that speaks JSON 1.1: `target` is `PREFIX.OPERATION`.
    ///
    /// # Errors
    /// As [`Client::own`].
    pub async fn json(&self, service: &str, target: &str, input: &Value) -> anyhow::Result<Value> {
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
        let answer = self.send(service, "POST", "/", &headers, Bytes::from(input.to_string())).await?;
        serde_json::from_slice(&answer).context("the server's answer is not JSON")
    }

    /// An operation of a query service (CloudFormation, STS): a form in, XML out.
    ///
    /// # Errors
    /// As [`Client::own`].
    pub async fn query(&self, service: &str, form: &[(String, String)]) -> anyhow::Result<String> {
        let encode = |t: &str| {
            t.bytes().fold(String::new(), |mut out, b| {
                match b {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(b)),
                    b => out.push_str(&format!("%{b:02X}")),
                }
                out
            })
        };
        let body = form.iter().map(|(n, v)| format!("{}={}", encode(n), encode(v))).collect::<Vec<_>>().join("&");
        let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        let answer = self.send(service, "POST", "/", &headers, body.into()).await?;
        Ok(String::from_utf8(answer.into())?)
    }

    async fn send(
        &self,
        service: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> anyhow::Result<Bytes> {
        let uri = format!("{}{path}", self.endpoint);
        let mut request = http::Request::builder().method(method).uri(&uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Full::new(body.clone())).context("not a valid endpoint")?;
        let Credentials { access_key_id, secret_access_key } = &self.credentials;
        let identity =
            aws_credential_types::Credentials::new(access_key_id, secret_access_key, None, None, "watershed").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?;
        let signable = SignableRequest::new(method, &uri, headers.iter().copied(), SignableBody::Bytes(&body))?;
        let (instructions, _) = sign(signable, &params.into())?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        let http: Http<_, Full<Bytes>> = Http::builder(TokioExecutor::new()).build_http();
        let response = http.request(request).await;
        let hint = if self.is_announced { "; if it was killed, start it again with `watershed serve`" } else { "" };
        let response = response.with_context(|| format!("cannot reach the server at {}{hint}", self.endpoint))?;
        let status = response.status();
        let answer = response.into_body().collect().await.context("the answer ended early")?.to_bytes();
        if !status.is_success() {
            bail!("{}", failure(status.as_u16(), &answer));
        }
        Ok(answer)
    }
}

/// The code and message of an error answer, JSON or XML.
fn failure(status: u16, answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let json: Value = serde_json::from_slice(answer).unwrap_or_default();
    let between = |name: &str| element(&text, name);
    let part = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
    let code = part("__type").or_else(|| between("Code")).unwrap_or_else(|| format!("status {status}"));
    match part("message").or_else(|| between("Message")) {
        Some(message) => format!("{code}: {message}"),
        None => code,
    }
}

/// The text of the first element of this name in an answer of a query service.
pub fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    // What the server escapes; the ampersand last, which stands in all of them.
    let escapes = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#13;", "\r"), ("&amp;", "&")];
    Some(escapes.iter().fold(text.to_owned(), |text, (escape, plain)| text.replace(escape, plain)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_element_reads_as_it_was_written() {
        let xml = "<A><B>&amp;lt; &lt;x&gt; &quot;&apos;</B></A>";
        assert_eq!(super::element(xml, "B").as_deref(), Some("&lt; <x> \"'"));
        assert_eq!(super::element(xml, "C"), None);
    }
}
