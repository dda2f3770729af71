//! One worker per running pipe: opening what it needs, starting it, ending it, and what becomes of its pipe then.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use event::{Kind, Source};
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Inner, Pipes};
use crate::runtime::{self, Input, Outcome, Transform, Work};
use crate::store::{self, CurrentState, Pipe};
use crate::{Counters, Error};

/// How long a worker may finish its deliveries before it is cut off, which costs nothing but a repeat.
const STOP_GRACE: Duration = Duration::from_secs(10);
/// Tries to open a source or target before the pipe fails.
const OPEN_TRIES: u32 = 5;

/// The place of one pipe's worker, by name.
#[derive(Default)]
pub(super) struct Slot {
    pub worker: tokio::sync::Mutex<Option<Worker>>,
    pub counters: Arc<Counters>,
}

pub(super) struct Worker {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Pipes {
    /// Starts the worker in place of one that may run, in a task of its own.
    pub(super) fn begin(&self, pipe: Pipe, failed: CurrentState) {
        let inner = self.inner.clone();
        tokio::spawn(async move {
            let slot = inner.slot(&pipe.definition.name);
            let mut place = slot.worker.lock().await;
            end(&mut place).await;
            let wanted = match inner.open(&pipe, slot.counters.clone()).await {
                Ok((work, input)) => {
                    *place = Some(inner.spawn(&pipe, work, input));
                    inner.set_state(&pipe, CurrentState::Running, None).await
                }
                Err(error) => {
                    slot.counters.error(error.to_string());
                    inner.set_state(&pipe, failed, Some(&error.to_string())).await
                }
            };
            report(&pipe, wanted);
        });
    }

    pub(super) fn finish_stop(&self, pipe: Pipe) {
        let inner = self.inner.clone();
        tokio::spawn(async move {
            end(&mut *inner.slot(&pipe.definition.name).worker.lock().await).await;
            report(&pipe, inner.set_state(&pipe, CurrentState::Stopped, None).await);
        });
    }

    pub(super) fn finish_delete(&self, pipe: Pipe) {
        let inner = self.inner.clone();
        tokio::spawn(async move {
            let slot = inner.slot(&pipe.definition.name);
            let mut place = slot.worker.lock().await;
            end(&mut place).await;
            inner.forget(&pipe).await;
            if let Err(error) = inner.unsubscribe(&pipe).await {
                // The pipe stays as it is, DELETING, and the next start ends it.
                return report(&pipe, Err(error));
            }
            inner.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(&pipe.definition.name);
            let (name, creation) = (pipe.definition.name.clone(), pipe.creation.clone());
            let removed = inner.state.write(move |tx| store::remove(tx, &name, &creation)).await;
            report(&pipe, removed);
        });
    }
}

impl Inner {
    /// Has the targets finish what they hold of a pipe, before the pipe itself is gone: a crash in between repeats it.
    async fn forget(&self, pipe: &Pipe) {
        let definition = &pipe.definition;
        let target = definition.target_arn().ok();
        let target = target.map(|arn| (arn, pipe.consumer(), definition.target_parameters.clone()));
        let dead_letter = definition.parameters().ok().and_then(|parameters| parameters.dead_letter);
        let dead_letter =
            dead_letter.map(|arn| (arn, format!("{}/dead-letter", pipe.consumer()), Value::Object(Map::new())));
        for (arn, consumer, parameters) in target.into_iter().chain(dead_letter) {
            let forgotten = match self.registry.open_target(&arn, &parameters).await {
                Ok(target) => target.forget(&consumer).await,
                // A target that is gone holds nothing.
                Err(error) if error.kind() == Kind::NotFound => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = forgotten {
                tracing::warn!(pipe = definition.name, %error, "a target still holds records of a deleted pipe");
            }
        }
    }

    /// Has a feed keep what comes for the pipe from now on. One that cannot is told when the pipe is opened.
    pub(super) async fn subscribe(&self, pipe: &Pipe) {
        if let Err(error) = self.feed(pipe).await {
            tracing::warn!(pipe = pipe.definition.name, %error, "a pipe could not subscribe to its source");
        }
    }

    /// The pipe's subscription, if its source is a feed.
    async fn feed(&self, pipe: &Pipe) -> Result<Option<Arc<dyn Source>>, Error> {
        let source = pipe.definition.source_arn()?;
        if !self.registry.follows(&source) {
            return Ok(None);
        }
        let feed = self.registry.open_feed(&source, &pipe.definition.source_parameters).await?;
        Ok(Some(feed.subscribe(&pipe.consumer()).await?))
    }

    async fn unsubscribe(&self, pipe: &Pipe) -> Result<(), Error> {
        let source = pipe.definition.source_arn()?;
        if self.registry.follows(&source) {
            let feed = self.registry.open_feed(&source, &pipe.definition.source_parameters).await?;
            feed.unsubscribe(&pipe.consumer()).await?;
        }
        Ok(())
    }

    async fn open(&self, pipe: &Pipe, counters: Arc<Counters>) -> Result<(Work, Input), Error> {
        let mut wait = self.settings.retry_min;
        let mut tries = 1;
        loop {
            match self.try_open(pipe, counters.clone()).await {
                Err(error) if tries < OPEN_TRIES && matches!(error.kind(), Kind::Unavailable | Kind::Throttled) => {
                    tokio::time::sleep(wait).await;
                    (wait, tries) = ((wait * 2).min(self.settings.retry_max), tries + 1);
                }
                result => return result,
            }
        }
    }

    async fn try_open(&self, pipe: &Pipe, counters: Arc<Counters>) -> Result<(Work, Input), Error> {
        let definition = &pipe.definition;
        let source = definition.source_arn()?;
        let input = if let Some(subscription) = self.feed(pipe).await? {
            Input::Stream(subscription)
        } else if self.registry.reads(&source) {
            Input::Stream(self.registry.open_source(&source, &definition.source_parameters).await?)
        } else {
            Input::Queue(self.registry.open_queue(&source, &definition.source_parameters).await?)
        };
        Ok((self.work(pipe, counters).await?, input))
    }

    /// All of a worker but what it reads.
    pub(super) async fn work(&self, pipe: &Pipe, counters: Arc<Counters>) -> Result<Work, Error> {
        let definition = &pipe.definition;
        let parameters = definition.parameters()?;
        let nothing = Value::Object(Map::new());
        let enrichment = match definition.enrichment_arn()? {
            Some(arn) => Some(self.registry.open_enrichment(&arn, &definition.enrichment_parameters).await?),
            None => None,
        };
        let target = self.registry.open_target(&definition.target_arn()?, &definition.target_parameters).await?;
        let dead_letter = match &parameters.dead_letter {
            Some(arn) => Some(self.registry.open_target(arn, &nothing).await?),
            None => None,
        };
        // The stored pipe tells whether an earlier worker has recorded the first start.
        let name = definition.name.clone();
        let started = self.state.read(move |tx| store::get(tx, &name)).await?.started;
        let arn = self.arn(&definition.name);
        Ok(Work {
            name: definition.name.clone(),
            source_arn: definition.source.clone(),
            target_arn: definition.target.clone(),
            creation: pipe.creation.clone(),
            consumer: pipe.consumer().into(),
            created_ms: pipe.created_ms,
            started,
            transform: Transform::new(definition, &parameters, &arn)?,
            arn,
            parameters,
            enrichment,
            target,
            dead_letter,
            state: self.state.clone(),
            clock: self.clock.clone(),
            counters,
            gap_policy: self.settings.gap_policy,
            retry_min: self.settings.retry_min,
            retry_max: self.settings.retry_max,
        })
    }

    fn spawn(self: &Arc<Self>, pipe: &Pipe, work: Work, input: Input) -> Worker {
        let (stop, stopped) = watch::channel(false);
        let (inner, pipe) = (Arc::downgrade(self), pipe.clone());
        let task = tokio::spawn(async move {
            let counters = work.counters.clone();
            if let Outcome::Halted(reason) = runtime::run(Arc::new(work), input, stopped).await {
                tracing::error!(pipe = pipe.definition.name, reason, "pipe stopped by itself");
                counters.error(reason.clone());
                if let Some(inner) = inner.upgrade() {
                    // A task of its own: whoever holds the place may be waiting for this one to end.
                    tokio::spawn(async move { report(&pipe, inner.set_halted(&pipe, reason).await) });
                }
            }
        });
        Worker { stop, task }
    }

    pub(super) async fn set_state(
        &self,
        pipe: &Pipe,
        current: CurrentState,
        reason: Option<&str>,
    ) -> Result<(), Error> {
        let (name, creation) = (pipe.definition.name.clone(), pipe.creation.clone());
        let reason = reason.map(str::to_owned);
        self.state.write(move |tx| store::set_state(tx, &name, &creation, current, reason.as_deref())).await
    }

    /// A worker that cannot go on leaves the pipe stopped, unless another change has begun meanwhile.
    async fn set_halted(self: &Arc<Self>, pipe: &Pipe, reason: String) -> Result<(), Error> {
        // The lock is held until RUNNING is written, so this comes behind it.
        drop(self.slot(&pipe.definition.name).worker.lock().await);
        let (name, creation) = (pipe.definition.name.clone(), pipe.creation.clone());
        self.state
            .write(move |tx| match store::get(tx, &name) {
                Ok(pipe) if pipe.creation == creation && !pipe.current.is_moving() => {
                    store::set_state(tx, &name, &creation, CurrentState::Stopped, Some(&reason))
                }
                _ => Ok(()),
            })
            .await
    }
}

/// Stops a worker and waits for it, for a bounded time.
pub(super) async fn end(place: &mut Option<Worker>) {
    let Some(mut worker) = place.take() else { return };
    // The worker may have ended by itself.
    let _ = worker.stop.send(true);
    if tokio::time::timeout(STOP_GRACE, &mut worker.task).await.is_err() {
        worker.task.abort();
        let _ = worker.task.await;
    }
}

fn report(pipe: &Pipe, result: Result<(), Error>) {
    if let Err(error) = result {
        tracing::error!(pipe = pipe.definition.name, %error, "pipe state could not be saved");
    }
}
