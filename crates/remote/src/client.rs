//! SDK clients for one endpoint and one key.

use std::fmt;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

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
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .endpoint_url(url)
        .credentials_provider(credentials)
        .http_client(http)
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}
