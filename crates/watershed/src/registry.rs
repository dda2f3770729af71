//! The one list where pipe sources and targets meet.

use std::sync::Arc;

use async_trait::async_trait;
use event::{Arn, Error, Factory, Registry, Source, Target};
use lake::DeliveryStreams;
use lake::target::DeliveryTarget;
use logs::Logs;
use serde_json::Value;
use table::Tables;
use table::source::StreamSource;

/// Everything a pipe can read or write in this process.
pub fn registry(tables: Tables, delivery: DeliveryStreams, logs: Logs) -> Registry {
    Registry::default().source(TableStreams(tables)).target(Deliveries(delivery)).target(LogGroups(logs))
}

/// `arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/LABEL`.
struct TableStreams(Tables);

#[async_trait]
impl Factory<dyn Source> for TableStreams {
    fn accepts(&self, arn: &Arn) -> bool {
        arn.service == "dynamodb" && arn.resource.contains("/stream/")
    }

    async fn open(&self, arn: &Arn, _parameters: &Value) -> Result<Arc<dyn Source>, Error> {
        let source = StreamSource::new(self.0.clone(), arn.to_string());
        // So that a pipe on a stream that does not exist fails when it is created.
        source.shards().await?;
        Ok(Arc::new(source))
    }
}

/// `arn:aws:firehose:REGION:ACCOUNT:deliverystream/NAME`.
struct Deliveries(DeliveryStreams);

#[async_trait]
impl Factory<dyn Target> for Deliveries {
    fn accepts(&self, arn: &Arn) -> bool {
        arn.service == "firehose" && arn.resource_name("deliverystream/").is_some()
    }

    async fn open(&self, arn: &Arn, _parameters: &Value) -> Result<Arc<dyn Target>, Error> {
        let name = arn.resource_name("deliverystream/").unwrap_or_default();
        self.0.describe(name).await?;
        Ok(Arc::new(DeliveryTarget::new(self.0.clone(), name)))
    }
}

/// `arn:aws:logs:REGION:ACCOUNT:log-group:NAME`, with or without `:*`.
struct LogGroups(Logs);

#[async_trait]
impl Factory<dyn Target> for LogGroups {
    fn accepts(&self, arn: &Arn) -> bool {
        logs::target::group_of(arn).is_some()
    }

    async fn open(&self, arn: &Arn, parameters: &Value) -> Result<Arc<dyn Target>, Error> {
        logs::target::open(&self.0, arn, parameters).await
    }
}
