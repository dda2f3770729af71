//! One signed request to one of the server's own paths, without an HTTP library.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;

/// Posts JSON and answers status and body.
pub(crate) fn post(
    port: u16,
    path: &str,
    body: &serde_json::Value,
    id: &str,
    secret: &str,
) -> anyhow::Result<(u16, String)> {
    let (host, body) = (format!("127.0.0.1:{port}"), body.to_string());
    let identity = aws_credential_types::Credentials::new(id, secret, None, None, "testkit").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("watershed")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()?;
    let uri = format!("http://{host}{path}");
    let headers = [("host", host.as_str())];
    let signable = SignableRequest::new("POST", &uri, headers.into_iter(), SignableBody::Bytes(body.as_bytes()))?;
    let (instructions, _) = sign(signable, &params.into())?.into_parts();
    let mut text =
        format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in instructions.headers() {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut stream = TcpStream::connect(&host)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(format!("{text}\r\n{body}").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no body")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("the answer has no status")?;
    Ok((status, body.to_owned()))
}
