//! The endpoint: HTTP in, HTTP out.

use std::sync::Arc;

use event::Clock;
use http::{Request, Response, StatusCode};
use objects::Objects;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};
use state::State;

use crate::access::{Access, Hosts, Keys};
use crate::error::put_details;
use crate::store::Store;
use crate::{Emit, Error, texts};

/// How far the signer's clock may be from ours.
const SKEW_SECONDS: u32 = 15 * 60;
/// Bytes of a request that is XML.
const XML_BYTES_MAX: usize = 4 << 20;

/// The body of an answer.
pub type Body = s3s::Body;

/// What the endpoint answers for.
pub struct Settings {
    pub region: String,
    pub account: String,
}

/// The id of a request, in its extensions.
#[derive(Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// The status of an answer where it is another than `s3s` gives, in the answer's extensions.
#[derive(Clone)]
pub(crate) struct Status(pub(crate) StatusCode);

/// The S3 endpoint. Cheap to clone.
#[derive(Clone)]
pub struct Endpoint(S3Service);

impl Endpoint {
    /// Brings the tables up to date and removes what a crash left of parts.
    ///
    /// # Errors
    /// When state or object store fail.
    pub async fn open(
        objects: Objects,
        state: State,
        clock: Arc<dyn Clock>,
        settings: Settings,
        keys: Arc<dyn Keys>,
        emit: Emit,
    ) -> Result<Endpoint, Error> {
        let store = Store::open(objects, state, clock, settings, emit).await?;
        let mut builder = S3ServiceBuilder::new(store);
        let access = Access(keys);
        builder.set_auth(access.clone());
        builder.set_access(access);
        builder.set_host(Hosts);
        let mut config = S3Config::default();
        config.presigned_url_max_skew_time_secs = SKEW_SECONDS;
        config.xml_max_body_size = XML_BYTES_MAX;
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        Ok(Endpoint(builder.build()))
    }

    /// Answers a request, its signature checked.
    pub async fn call<B>(&self, request: Request<B>, request_id: &str) -> Response<Body>
    where
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        Box<dyn std::error::Error + Send + Sync>: From<B::Error>,
    {
        let mut request = request.map(Body::http_body_unsync);
        let is_attributes = request.uri().query().is_some_and(|query| query.split('&').any(is_attributes));
        request.extensions_mut().insert(RequestId(request_id.to_owned()));
        let mut response = match self.0.call(request).await {
            Ok(response) => texts::complete(response),
            Err(error) => {
                tracing::error!(?error, "an S3 answer could not be written");
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        };
        put_details(&mut response);
        if let Some(Status(status)) = response.extensions_mut().remove() {
            *response.status_mut() = status;
        }
        if is_attributes && response.status() == StatusCode::OK {
            strip_etag(&mut response);
        }
        if let Ok(value) = http::HeaderValue::from_str(request_id) {
            response.headers_mut().insert("x-amz-request-id", value);
        }
        response
    }
}

/// Whether a part of a query asks for GetObjectAttributes.
fn is_attributes(part: &str) -> bool {
    part.split('=').next() == Some("attributes")
}

/// Takes the quotes from the ETag in an answer to GetObjectAttributes, which alone of all has it without.
fn strip_etag(response: &mut Response<Body>) {
    let Some(body) = response.body_mut().take_bytes() else { return };
    let text = String::from_utf8_lossy(&body);
    let stripped = text.split_once("<ETag>").and_then(|(before, rest)| {
        let (etag, after) = rest.split_once("</ETag>")?;
        Some(format!("{before}<ETag>{}</ETag>{after}", etag.replace("&quot;", "").replace('"', "")))
    });
    *response.body_mut() = match stripped {
        Some(text) => Body::from(bytes::Bytes::from(text)),
        None => Body::from(body),
    };
}
