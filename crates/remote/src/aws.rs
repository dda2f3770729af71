//! Where resources that are not ours are served, and as whom to call.

use std::sync::Arc;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::config::Region;
use event::{Arn, Error, Kind};

use crate::client::{http, streams_client};
use crate::endpoints::Endpoints;
use crate::streams::StreamSource;

/// Attached AWS as one program sees it. Cheap to clone.
#[derive(Clone)]
pub struct Aws {
    region: String,
    account: String,
    endpoints: Arc<Endpoints>,
    credentials: SharedCredentialsProvider,
}

impl Aws {
    /// For a program whose own resources have this region and account. The credentials are those of AWS's standard chain
    /// (environment, profile, container, instance), looked up at the first call: only the binary may use this.
    pub async fn from_environment(region: &str, account: &str, endpoints: Endpoints) -> Aws {
        // The region of a call comes from its ARN; this one only keeps the chain from asking the instance for it.
        let chain = DefaultCredentialsChain::builder()
            .region(Region::new(region.to_owned()))
            .configure(ProviderConfig::without_region().with_http_client(http()))
            .build()
            .await;
        Aws::new(region, account, endpoints, SharedCredentialsProvider::new(chain))
    }

    /// As [`Aws::from_environment`], with one fixed key.
    pub fn with_key(region: &str, account: &str, endpoints: Endpoints, id: &str, secret: &str) -> Aws {
        let key = Credentials::new(id, secret, None, None, "watershed");
        Aws::new(region, account, endpoints, SharedCredentialsProvider::new(key))
    }

    fn new(region: &str, account: &str, endpoints: Endpoints, credentials: SharedCredentialsProvider) -> Aws {
        Aws { region: region.into(), account: account.into(), endpoints: Arc::new(endpoints), credentials }
    }

    /// Whether a resource is elsewhere: its region or account is not ours, or an endpoint is set for its ARN.
    pub fn serves(&self, arn: &Arn) -> bool {
        arn.region != self.region || arn.account != self.account || self.endpoints.names(arn)
    }

    /// The stream of a table that is elsewhere.
    ///
    /// # Errors
    /// `Invalid` when the ARN is not that of a stream in a region.
    pub fn stream(&self, arn: &Arn) -> Result<StreamSource, Error> {
        if arn.service != "dynamodb" || arn.region.is_empty() || !arn.resource.contains("/stream/") {
            return Err(Error::new(Kind::Invalid, format!("not the ARN of a stream. arn=`{arn}`")));
        }
        let client = streams_client(&arn.region, self.endpoints.url(arn), self.credentials.clone());
        Ok(StreamSource::new(client, arn))
    }
}
