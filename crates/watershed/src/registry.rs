//! The one list where pipe sources and targets meet.

use std::sync::Arc;

use async_trait::async_trait;
use datastore::Datastores;
use destination::{Destinations, Directory, Endpoint};
use event::{Arn, Enrichment, Error, Factory, Feed, Kind, Registry, Source, Target};
use function::Functions;
use lake::DeliveryStreams;
use lake::target::DeliveryTarget;
use logs::Logs;
use messaging::bus::{self, Buses};
use messaging::queue::{self, Queues};
use remote::Aws;
use serde_json::{Value, json};
use table::Tables;
use table::source::StreamSource;

use crate::object_events;

/// What there is to read and write in this process.
pub struct Parts {
    pub aws: Aws,
    pub tables: Tables,
    pub datastores: Datastores,
    pub delivery: DeliveryStreams,
    pub logs: Logs,
    pub queues: Queues,
    pub buses: Buses,
    pub functions: Functions,
    pub destinations: Destinations,
}

/// Everything a pipe can read or write in this process.
pub fn registry(parts: Parts) -> Registry {
    let Parts { aws, tables, datastores, delivery, logs, queues, buses, functions, destinations } = parts;
    Registry::default()
        .source(RemoteStreams(aws))
        .source(TableStreams(tables.clone()))
        .source(FhirChanges(datastores.clone()))
        .queue(LocalQueues(queues.clone()))
        .feed(EventBuses(buses.clone()))
        .feed(BucketEvents(buses.clone()))
        .target(Deliveries(delivery))
        .target(LogGroups(logs))
        .target(TableItems(tables))
        .target(FhirResources(datastores))
        .target(LocalQueues(queues))
        .target(EventBuses(buses))
        .enrichment(destinations.clone())
        .target(destinations)
        .enrichment(Lambdas(functions.clone()))
        .target(Mappings(functions.clone()))
        .target(Lambdas(functions))
}

/// API destinations as EventBridge has them.
pub struct ApiDestinations(pub Buses);

#[async_trait]
impl Directory for ApiDestinations {
    async fn endpoint(&self, arn: &Arn) -> Result<Endpoint, Error> {
        let found = self.0.resolve(&arn.to_string()).await?;
        Ok(Endpoint {
            url: found.endpoint,
            method: found.method,
            authorization_type: found.authorization_type,
            auth_parameters: found.auth_parameters,
            rate_max: found.rate_max.try_into().unwrap_or(1),
        })
    }
}

/// `arn:aws:lambda:REGION:ACCOUNT:event-source-mapping:UUID`: the function of a mapping.
struct Mappings(Functions);

#[async_trait]
impl Factory<dyn Target> for Mappings {
    fn accepts(&self, arn: &Arn) -> bool {
        function::target::mapping_of(arn).is_some()
    }

    async fn open(&self, arn: &Arn, _parameters: &Value) -> Result<Arc<dyn Target>, Error> {
        function::target::open_mapping(&self.0, arn)
    }
}

/// A stream as below of another account or region, or one that `--endpoint-for` names: the first to be asked.
struct RemoteStreams(Aws);

#[async_trait]
impl Factory<dyn Source> for RemoteStreams {
    fn accepts(&self, arn: &Arn) -> bool {
        is_stream(arn) && self.0.serves(arn)
    }

    async fn open(&self, arn: &Arn, _parameters: &Value) -> Result<Arc<dyn Source>, Error> {
        let source = self.0.stream(arn)?;
        match source.shards().await {
            Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Denied | Kind::Invalid) => Err(error),
            // An endpoint that does not answer now is asked again by the running pipe.
            _ => Ok(Arc::new(source)),
        }
    }
}

fn is_stream(arn: &Arn) -> bool {
    arn.service == "dynamodb" && arn.resource.contains("/stream/")
}

/// `arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/LABEL`.
struct TableStreams(Tables);

#[async_trait]
impl Factory<dyn Source> for TableStreams {
    fn accepts(&self, arn: &Arn) -> bool {
        is_stream(arn)
    }

    async fn open(&self, arn: &Arn, _parameters: &Value) -> Result<Arc<dyn Source>, Error> {
        let source = StreamSource::new(self.0.clone(), arn.to_string());
        // So that a pipe on a stream that does not exist fails when it is created.
        source.shards().await?;
        Ok(Arc::new(source))
    }
}

/// `arn:aws:healthlake:REGION:ACCOUNT:datastore/fhir/ID/changes`, with `/images` for resources before and after.
struct FhirChanges(Datastores);

#[async_trait]
impl Factory<dyn Source> for FhirChanges {
    fn accepts(&self, arn: &Arn) -> bool {
        datastore::source::log_of(arn).is_some()
    }

    async fn open(&self, arn: &Arn, _parameters: &Value) -> Result<Arc<dyn Source>, Error> {
        datastore::source::open(&self.0, arn).await
    }
}

/// `arn:aws:healthlake:REGION:ACCOUNT:datastore/fhir/ID`.
struct FhirResources(Datastores);

#[async_trait]
impl Factory<dyn Target> for FhirResources {
    fn accepts(&self, arn: &Arn) -> bool {
        datastore::source::log_of(arn).is_some()
    }

    async fn open(&self, arn: &Arn, _parameters: &Value) -> Result<Arc<dyn Target>, Error> {
        datastore::target::open(&self.0, arn).await
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

/// `arn:aws:dynamodb:REGION:ACCOUNT:table/NAME`.
struct TableItems(Tables);

#[async_trait]
impl Factory<dyn Target> for TableItems {
    fn accepts(&self, arn: &Arn) -> bool {
        table::target::table_of(arn).is_some_and(|name| self.0.arn(name) == arn.to_string())
    }

    async fn open(&self, arn: &Arn, parameters: &Value) -> Result<Arc<dyn Target>, Error> {
        table::target::open(&self.0, arn, parameters).await
    }
}

/// `arn:aws:sqs:REGION:ACCOUNT:NAME`.
struct LocalQueues(Queues);

#[async_trait]
impl Factory<dyn event::Queue> for LocalQueues {
    fn accepts(&self, arn: &Arn) -> bool {
        self.0.name_of(arn).is_some()
    }

    async fn open(&self, arn: &Arn, _parameters: &Value) -> Result<Arc<dyn event::Queue>, Error> {
        queue::source::open(&self.0, arn).await
    }
}

#[async_trait]
impl Factory<dyn Target> for LocalQueues {
    fn accepts(&self, arn: &Arn) -> bool {
        self.0.name_of(arn).is_some()
    }

    async fn open(&self, arn: &Arn, parameters: &Value) -> Result<Arc<dyn Target>, Error> {
        queue::target::open(&self.0, arn, parameters).await
    }
}

/// `arn:aws:events:REGION:ACCOUNT:event-bus/NAME`.
struct EventBuses(Buses);

#[async_trait]
impl Factory<dyn Feed> for EventBuses {
    fn accepts(&self, arn: &Arn) -> bool {
        arn.resource_name("event-bus/").is_some_and(|name| self.0.arn(name) == arn.to_string())
    }

    async fn open(&self, arn: &Arn, _parameters: &Value) -> Result<Arc<dyn Feed>, Error> {
        Ok(bus::open_feed(&self.0, &arn.to_string(), &json!({"source": [{"exists": true}]})))
    }
}

/// `arn:aws:s3:::BUCKET`: what happens to its objects, which the default bus tells.
struct BucketEvents(Buses);

#[async_trait]
impl Factory<dyn Feed> for BucketEvents {
    fn accepts(&self, arn: &Arn) -> bool {
        arn.service == "s3" && arn.region.is_empty() && arn.account.is_empty() && !arn.resource.contains('/')
    }

    async fn open(&self, arn: &Arn, _parameters: &Value) -> Result<Arc<dyn Feed>, Error> {
        Ok(bus::open_feed(&self.0, bus::DEFAULT, &object_events::pattern(&arn.resource)))
    }
}

#[async_trait]
impl Factory<dyn Target> for EventBuses {
    fn accepts(&self, arn: &Arn) -> bool {
        arn.service == "events" && arn.resource_name("event-bus/").is_some()
    }

    async fn open(&self, arn: &Arn, parameters: &Value) -> Result<Arc<dyn Target>, Error> {
        bus::open_target(&self.0, arn, parameters).await
    }
}

/// `arn:aws:lambda:REGION:ACCOUNT:function:NAME`, with or without a qualifier.
struct Lambdas(Functions);

fn is_function(arn: &Arn) -> bool {
    arn.service == "lambda" && arn.resource_name("function:").is_some()
}

#[async_trait]
impl Factory<dyn Enrichment> for Lambdas {
    fn accepts(&self, arn: &Arn) -> bool {
        is_function(arn)
    }

    async fn open(&self, arn: &Arn, _parameters: &Value) -> Result<Arc<dyn Enrichment>, Error> {
        function::enrichment::open(&self.0, arn)
    }
}

#[async_trait]
impl Factory<dyn Target> for Lambdas {
    fn accepts(&self, arn: &Arn) -> bool {
        is_function(arn)
    }

    async fn open(&self, arn: &Arn, parameters: &Value) -> Result<Arc<dyn Target>, Error> {
        function::target::open(&self.0, arn, parameters)
    }
}
