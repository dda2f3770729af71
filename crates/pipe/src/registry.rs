//! Where sources and targets come from: factories chosen by ARN, filled in by the binary.

use std::sync::Arc;

use async_trait::async_trait;
use event::{Arn, Error, Kind, Source, Target};
use serde_json::Value;

/// Opens sources of one service.
#[async_trait]
pub trait SourceFactory: Send + Sync {
    /// Whether the ARN is of this factory's kind. Says nothing about whether it exists.
    fn accepts(&self, arn: &Arn) -> bool;

    /// Opens the source; `parameters` is the pipe's `SourceParameters`.
    ///
    /// # Errors
    /// `NotFound` or `Invalid` fail the pipe, others are tried again.
    async fn open(&self, arn: &Arn, parameters: &Value) -> Result<Arc<dyn Source>, Error>;
}

/// Opens targets of one service.
#[async_trait]
pub trait TargetFactory: Send + Sync {
    /// Whether the ARN is of this factory's kind. Says nothing about whether it exists.
    fn accepts(&self, arn: &Arn) -> bool;

    /// Opens the target; `parameters` is the pipe's `TargetParameters` (an empty object for a dead-letter target).
    ///
    /// # Errors
    /// `NotFound` or `Invalid` fail the pipe, others are tried again.
    async fn open(&self, arn: &Arn, parameters: &Value) -> Result<Arc<dyn Target>, Error>;
}

/// All factories of this program. The first that accepts an ARN opens it.
#[derive(Clone, Default)]
pub struct Registry {
    sources: Vec<Arc<dyn SourceFactory>>,
    targets: Vec<Arc<dyn TargetFactory>>,
}

impl Registry {
    /// Adds a source factory behind those already there.
    pub fn source(mut self, factory: impl SourceFactory + 'static) -> Self {
        self.sources.push(Arc::new(factory));
        self
    }

    /// Adds a target factory behind those already there.
    pub fn target(mut self, factory: impl TargetFactory + 'static) -> Self {
        self.targets.push(Arc::new(factory));
        self
    }

    /// Whether some factory reads this ARN.
    pub fn reads(&self, arn: &Arn) -> bool {
        self.sources.iter().any(|factory| factory.accepts(arn))
    }

    /// Whether some factory writes this ARN.
    pub fn writes(&self, arn: &Arn) -> bool {
        self.targets.iter().any(|factory| factory.accepts(arn))
    }

    /// # Errors
    /// `Invalid` when no factory accepts the ARN, or what the factory answers.
    pub async fn open_source(&self, arn: &Arn, parameters: &Value) -> Result<Arc<dyn Source>, Error> {
        match self.sources.iter().find(|factory| factory.accepts(arn)) {
            Some(factory) => factory.open(arn, parameters).await,
            None => Err(Error::new(Kind::Invalid, format!("source not supported. arn=`{arn}`"))),
        }
    }

    /// # Errors
    /// `Invalid` when no factory accepts the ARN, or what the factory answers.
    pub async fn open_target(&self, arn: &Arn, parameters: &Value) -> Result<Arc<dyn Target>, Error> {
        match self.targets.iter().find(|factory| factory.accepts(arn)) {
            Some(factory) => factory.open(arn, parameters).await,
            None => Err(Error::new(Kind::Invalid, format!("target not supported. arn=`{arn}`"))),
        }
    }
}
