//! Where sources, queues, feeds, enrichments and targets come from: factories chosen by ARN, filled in by the binary.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::{Arn, Enrichment, Error, Feed, Kind, Queue, Source, Target};

/// Opens one kind of thing of one service: `Factory<dyn Source>`, `Factory<dyn Target>` and so on.
#[async_trait]
pub trait Factory<T: ?Sized>: Send + Sync {
    /// Whether the ARN is of this factory's kind. Says nothing about whether it exists.
    fn accepts(&self, arn: &Arn) -> bool;

    /// Opens it; `parameters` is what the caller says of this use in the words of EventBridge Pipes, such as a pipe's
    /// `TargetParameters`; an empty object for a dead-letter target.
    ///
    /// # Errors
    /// `NotFound` or `Invalid` fail the caller for good, others are tried again.
    async fn open(&self, arn: &Arn, parameters: &Value) -> Result<Arc<T>, Error>;
}

type Factories<T> = Vec<Arc<dyn Factory<T>>>;

/// All factories of this program. The first that accepts an ARN opens it.
#[derive(Clone, Default)]
pub struct Registry {
    sources: Factories<dyn Source>,
    queues: Factories<dyn Queue>,
    feeds: Factories<dyn Feed>,
    enrichments: Factories<dyn Enrichment>,
    targets: Factories<dyn Target>,
}

impl Registry {
    /// Adds a source factory behind those already there.
    pub fn source(mut self, factory: impl Factory<dyn Source> + 'static) -> Self {
        self.sources.push(Arc::new(factory));
        self
    }

    /// Adds a queue factory behind those already there.
    pub fn queue(mut self, factory: impl Factory<dyn Queue> + 'static) -> Self {
        self.queues.push(Arc::new(factory));
        self
    }

    /// Adds a feed factory behind those already there.
    pub fn feed(mut self, factory: impl Factory<dyn Feed> + 'static) -> Self {
        self.feeds.push(Arc::new(factory));
        self
    }

    /// Adds an enrichment factory behind those already there.
    pub fn enrichment(mut self, factory: impl Factory<dyn Enrichment> + 'static) -> Self {
        self.enrichments.push(Arc::new(factory));
        self
    }

    /// Adds a target factory behind those already there.
    pub fn target(mut self, factory: impl Factory<dyn Target> + 'static) -> Self {
        self.targets.push(Arc::new(factory));
        self
    }

    /// Whether some factory reads this ARN as a stream.
    pub fn reads(&self, arn: &Arn) -> bool {
        accepts(&self.sources, arn)
    }

    /// Whether some factory takes messages from this ARN.
    pub fn takes(&self, arn: &Arn) -> bool {
        accepts(&self.queues, arn)
    }

    /// Whether some factory follows this ARN.
    pub fn follows(&self, arn: &Arn) -> bool {
        accepts(&self.feeds, arn)
    }

    /// Whether some factory enriches by this ARN.
    pub fn enriches(&self, arn: &Arn) -> bool {
        accepts(&self.enrichments, arn)
    }

    /// Whether some factory writes this ARN.
    pub fn writes(&self, arn: &Arn) -> bool {
        accepts(&self.targets, arn)
    }

    /// # Errors
    /// `Invalid` when no factory accepts the ARN, or what the factory answers.
    pub async fn open_source(&self, arn: &Arn, parameters: &Value) -> Result<Arc<dyn Source>, Error> {
        open("source", &self.sources, arn, parameters).await
    }

    /// # Errors
    /// As [`Registry::open_source`].
    pub async fn open_queue(&self, arn: &Arn, parameters: &Value) -> Result<Arc<dyn Queue>, Error> {
        open("source", &self.queues, arn, parameters).await
    }

    /// # Errors
    /// As [`Registry::open_source`].
    pub async fn open_feed(&self, arn: &Arn, parameters: &Value) -> Result<Arc<dyn Feed>, Error> {
        open("source", &self.feeds, arn, parameters).await
    }

    /// # Errors
    /// As [`Registry::open_source`].
    pub async fn open_enrichment(&self, arn: &Arn, parameters: &Value) -> Result<Arc<dyn Enrichment>, Error> {
        open("enrichment", &self.enrichments, arn, parameters).await
    }

    /// # Errors
    /// As [`Registry::open_source`].
    pub async fn open_target(&self, arn: &Arn, parameters: &Value) -> Result<Arc<dyn Target>, Error> {
        open("target", &self.targets, arn, parameters).await
    }
}

fn accepts<T: ?Sized>(factories: &Factories<T>, arn: &Arn) -> bool {
    factories.iter().any(|factory| factory.accepts(arn))
}

async fn open<T: ?Sized>(what: &str, factories: &Factories<T>, arn: &Arn, parameters: &Value) -> Result<Arc<T>, Error> {
    match factories.iter().find(|factory| factory.accepts(arn)) {
        Some(factory) => factory.open(arn, parameters).await,
        None => Err(Error::new(Kind::Invalid, format!("{what} not supported. arn=`{arn}`"))),
    }
}
