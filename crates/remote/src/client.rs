//! SDK clients for one endpoint and one key.

use std::fmt;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// Where to call and as whom.
#[derive(Clone)]
pub struct Endpoint {
    /// Such as `http://127.0.0.1:4566`.
    pub url: String,
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: String,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Endpoint { url, region, access_key_id, .. } = self;
        write!(f, "Endpoint {{ url: {url}, region: {region}, access_key_id: {access_key_id} }}")
    }
}

/// A DynamoDB client that talks to the endpoint and nowhere else.
pub fn dynamodb_client(endpoint: &Endpoint) -> aws_sdk_dynamodb::Client {
    let Endpoint { url, region, access_key_id, secret_access_key } = endpoint.clone();
    let credentials = Credentials::new(access_key_id, secret_access_key, None, None, "watershed");
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .endpoint_url(url)
        .credentials_provider(credentials)
        .http_client(http())
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}

/// A client for the streams of one region. Without a URL it calls AWS's own endpoint.
pub(crate) fn streams_client(
    region: &str,
    url: Option<&str>,
    credentials: SharedCredentialsProvider,
) -> aws_sdk_dynamodbstreams::Client {
    // A page is at most 1 MB; what takes longer than this is better asked for again.
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(20))
        .operation_timeout(Duration::from_secs(60))
        .build();
    let mut config = aws_sdk_dynamodbstreams::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(credentials)
        .timeout_config(timeouts)
        .http_client(http());
    config.set_endpoint_url(url.map(str::to_owned));
    aws_sdk_dynamodbstreams::Client::from_conf(config.build())
}

/// The HTTP client of every SDK client: rustls on ring.
pub(crate) fn http() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}
