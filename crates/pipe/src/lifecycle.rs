//! The Pipes API over the state and the workers: create, describe, update, delete, list, start, stop, tags.
//!
//! A change is written as an intention (`CREATING`, `STOPPING`, ...) and answered; a task of its own carries it out and
//! writes the result. After a crash [`Pipes::resume`] brings every intention to its end.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use event::{Clock, Kind, Registry};
use serde_json::{Map, Value};
use state::State;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::runtime::{self, Outcome, Transform, Work};
use crate::store::{self, CurrentState, Gap, Pipe};
use crate::{Counters, Definition, DesiredState, Error, GapPolicy, Snapshot, Update};

/// How long a worker may finish its deliveries before it is cut off, which costs nothing but a repeat.
const STOP_GRACE: Duration = Duration::from_secs(10);
/// Tries to open a source or target before the pipe fails.
const OPEN_TRIES: u32 = 5;
const LIST_MAX: usize = 100;

/// How pipes run.
#[derive(Clone, Debug)]
pub struct Settings {
    pub region: String,
    pub account: String,
    /// What to do when records were trimmed before they were read.
    pub gap_policy: GapPolicy,
    /// The shortest wait before a failed delivery is repeated; 100 ms.
    pub retry_min: Duration,
    /// The longest; 30 s.
    pub retry_max: Duration,
}

impl Settings {
    pub fn new(region: impl Into<String>, account: impl Into<String>) -> Self {
        Settings {
            region: region.into(),
            account: account.into(),
            gap_policy: GapPolicy::default(),
            retry_min: Duration::from_millis(100),
            retry_max: Duration::from_secs(30),
        }
    }
}

/// Which pipes to list, and how many at a time.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub name_prefix: Option<String>,
    pub source_prefix: Option<String>,
    pub target_prefix: Option<String>,
    pub desired: Option<DesiredState>,
    /// The wire name of a state, such as `RUNNING`.
    pub current: Option<String>,
    /// 1 to 100; 100.
    pub limit: Option<usize>,
    pub next_token: Option<String>,
}

/// A page of pipes.
#[derive(Clone, Debug)]
pub struct Listing {
    pub pipes: Vec<Pipe>,
    pub next_token: Option<String>,
}

/// What `watershed status` shows of one pipe.
#[derive(Clone, Debug)]
pub struct Status {
    pub pipe: Pipe,
    pub counters: Snapshot,
    pub gaps: Vec<Gap>,
}

/// All pipes of this program. Cheap to clone.
#[derive(Clone)]
pub struct Pipes {
    inner: Arc<Inner>,
}

struct Inner {
    state: State,
    registry: Registry,
    clock: Arc<dyn Clock>,
    settings: Settings,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

/// The place of one pipe's worker, by name.
#[derive(Default)]
struct Slot {
    worker: tokio::sync::Mutex<Option<Worker>>,
    counters: Arc<Counters>,
}

struct Worker {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Pipes {
    /// Brings the tables up to date. Nothing runs until [`Pipes::resume`].
    ///
    /// # Errors
    /// When the state fails.
    pub fn open(state: State, registry: Registry, clock: Arc<dyn Clock>, settings: Settings) -> Result<Pipes, Error> {
        state.migrate("pipe", store::MIGRATIONS)?;
        Ok(Pipes { inner: Arc::new(Inner { state, registry, clock, settings, slots: Mutex::default() }) })
    }

    /// Starts what should run and ends what was on its way when the process stopped. Call it once, at start.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn resume(&self) -> Result<(), Error> {
        for pipe in self.inner.state.read(|tx| store::list(tx, "")).await? {
            match (pipe.current, pipe.definition.desired_state) {
                (CurrentState::Deleting, _) => self.finish_delete(pipe),
                (CurrentState::CreateFailed, _) => {}
                (_, DesiredState::Running) => self.begin(pipe, CurrentState::StartFailed),
                (current, DesiredState::Stopped) if current.is_moving() => {
                    self.inner.set_state(&pipe, CurrentState::Stopped, None).await?;
                }
                (_, DesiredState::Stopped) => {}
            }
        }
        Ok(())
    }

    /// CreatePipe; `input` holds its members. The pipe is `CREATING` until its worker runs.
    ///
    /// # Errors
    /// `Invalid`, `Conflict` when the name is taken.
    pub async fn create(&self, input: &Value) -> Result<Pipe, Error> {
        let definition = Definition::parse(input)?;
        self.inner.check(&definition)?;
        let now_ms = self.inner.clock.now_ms();
        let pipe = self.inner.state.write(move |tx| store::insert(tx, &definition, now_ms)).await?;
        match pipe.definition.desired_state {
            DesiredState::Running => self.begin(pipe.clone(), CurrentState::CreateFailed),
            DesiredState::Stopped => self.inner.set_state(&pipe, CurrentState::Stopped, None).await?,
        }
        Ok(pipe)
    }

    /// # Errors
    /// `NotFound`.
    pub async fn describe(&self, name: &str) -> Result<Pipe, Error> {
        let name = name.to_owned();
        self.inner.state.read(move |tx| store::get(tx, &name)).await
    }

    /// UpdatePipe: what is absent in `update` stays. A running pipe goes on with the new definition from where it was.
    ///
    /// # Errors
    /// `NotFound`, `Invalid`, `Conflict` while another change is on its way.
    pub async fn update(&self, name: &str, update: Update) -> Result<Pipe, Error> {
        let (inner, name, now_ms) = (self.inner.clone(), name.to_owned(), self.inner.clock.now_ms());
        let pipe = self
            .inner
            .state
            .write(move |tx| {
                let mut pipe = settled(store::get(tx, &name)?)?;
                pipe.definition = pipe.definition.updated(update)?;
                inner.check(&pipe.definition)?;
                (pipe.current, pipe.reason, pipe.modified_ms) = (CurrentState::Updating, None, now_ms);
                store::save(tx, &pipe)?;
                Ok::<_, Error>(pipe)
            })
            .await?;
        match pipe.definition.desired_state {
            DesiredState::Running => self.begin(pipe.clone(), CurrentState::UpdateFailed),
            DesiredState::Stopped => self.finish_stop(pipe.clone()),
        }
        Ok(pipe)
    }

    /// StartPipe.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` while another change is on its way.
    pub async fn start(&self, name: &str) -> Result<Pipe, Error> {
        let pipe = self.intend(name, CurrentState::Starting, Some(DesiredState::Running)).await?;
        self.begin(pipe.clone(), CurrentState::StartFailed);
        Ok(pipe)
    }

    /// StopPipe: deliveries under way are finished first.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` while another change is on its way.
    pub async fn stop(&self, name: &str) -> Result<Pipe, Error> {
        let pipe = self.intend(name, CurrentState::Stopping, Some(DesiredState::Stopped)).await?;
        self.finish_stop(pipe.clone());
        Ok(pipe)
    }

    /// DeletePipe. Its positions go with it; recorded gaps stay.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` while another change is on its way.
    pub async fn delete(&self, name: &str) -> Result<Pipe, Error> {
        let pipe = self.intend(name, CurrentState::Deleting, None).await?;
        self.finish_delete(pipe.clone());
        Ok(pipe)
    }

    /// ListPipes, by name.
    ///
    /// # Errors
    /// `Invalid` for a limit out of range.
    pub async fn list(&self, filter: Filter) -> Result<Listing, Error> {
        let limit = filter.limit.unwrap_or(LIST_MAX);
        if limit == 0 || limit > LIST_MAX {
            return Err(Error::Invalid(format!("limit must be between 1 and {LIST_MAX}")));
        }
        let after = filter.next_token.clone().unwrap_or_default();
        let all = self.inner.state.read(move |tx| store::list(tx, &after)).await?;
        let mut pipes: Vec<Pipe> = all.into_iter().filter(|pipe| filter.matches(pipe)).take(limit + 1).collect();
        let more = pipes.len() > limit;
        pipes.truncate(limit);
        let next_token = pipes.last().filter(|_| more).map(|pipe| pipe.definition.name.clone());
        Ok(Listing { pipes, next_token })
    }

    /// Adds tags (`Some`) and removes tags (`None`) by key; answers what is there then.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` for too many.
    pub async fn tag(
        &self,
        name: &str,
        changes: BTreeMap<String, Option<String>>,
    ) -> Result<BTreeMap<String, String>, Error> {
        let name = name.to_owned();
        self.inner
            .state
            .write(move |tx| {
                let mut pipe = store::get(tx, &name)?;
                for (key, value) in changes {
                    match value {
                        Some(value) => pipe.definition.tags.insert(key, value),
                        None => pipe.definition.tags.remove(&key),
                    };
                }
                if pipe.definition.tags.len() > 50 {
                    return Err(Error::Invalid("a pipe can have at most 50 tags".into()));
                }
                store::save(tx, &pipe)?;
                Ok(pipe.definition.tags)
            })
            .await
    }

    /// All pipes with their counters and gaps.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn status(&self) -> Result<Vec<Status>, Error> {
        let pipes = self
            .inner
            .state
            .read(|tx| {
                let pipes = store::list(tx, "")?.into_iter();
                pipes.map(|pipe| Ok((store::gaps(tx, &pipe.consumer())?, pipe))).collect::<Result<Vec<_>, Error>>()
            })
            .await?;
        let slots = self.inner.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let counters = |name: &str| slots.get(name).map(|slot| slot.counters.snapshot()).unwrap_or_default();
        Ok(pipes
            .into_iter()
            .map(|(gaps, pipe)| Status { counters: counters(&pipe.definition.name), pipe, gaps })
            .collect())
    }

    /// The ARN of a pipe.
    pub fn arn(&self, name: &str) -> String {
        self.inner.arn(name)
    }

    /// Stops all workers; what pipes want to be stays, so the next start resumes them.
    pub async fn shutdown(&self) {
        let slots: Vec<Arc<Slot>> =
            self.inner.slots.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        futures::future::join_all(slots.iter().map(|slot| async { end(&mut *slot.worker.lock().await).await })).await;
    }

    async fn intend(&self, name: &str, current: CurrentState, desired: Option<DesiredState>) -> Result<Pipe, Error> {
        let (name, now_ms) = (name.to_owned(), self.inner.clock.now_ms());
        self.inner
            .state
            .write(move |tx| {
                let mut pipe = settled(store::get(tx, &name)?)?;
                pipe.definition.desired_state = desired.unwrap_or(pipe.definition.desired_state);
                (pipe.current, pipe.reason, pipe.modified_ms) = (current, None, now_ms);
                store::save(tx, &pipe)?;
                Ok(pipe)
            })
            .await
    }

    /// Starts the worker in place of one that may run, in a task of its own.
    fn begin(&self, pipe: Pipe, failed: CurrentState) {
        let inner = self.inner.clone();
        tokio::spawn(async move {
            let slot = inner.slot(&pipe.definition.name);
            let mut place = slot.worker.lock().await;
            end(&mut place).await;
            let wanted = match inner.open(&pipe, slot.counters.clone()).await {
                Ok(work) => {
                    *place = Some(inner.spawn(&pipe, work));
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

    fn finish_stop(&self, pipe: Pipe) {
        let inner = self.inner.clone();
        tokio::spawn(async move {
            end(&mut *inner.slot(&pipe.definition.name).worker.lock().await).await;
            report(&pipe, inner.set_state(&pipe, CurrentState::Stopped, None).await);
        });
    }

    fn finish_delete(&self, pipe: Pipe) {
        let inner = self.inner.clone();
        tokio::spawn(async move {
            let slot = inner.slot(&pipe.definition.name);
            let mut place = slot.worker.lock().await;
            end(&mut place).await;
            inner.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(&pipe.definition.name);
            let (name, creation) = (pipe.definition.name.clone(), pipe.creation.clone());
            let removed = inner.state.write(move |tx| store::remove(tx, &name, &creation)).await;
            report(&pipe, removed);
        });
    }
}

impl Inner {
    fn arn(&self, name: &str) -> String {
        event::Arn::new("pipes", &self.settings.region, &self.settings.account, format!("pipe/{name}")).to_string()
    }

    fn slot(&self, name: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.entry(name.to_owned()).or_default().clone()
    }

    /// What can be known without opening anything.
    fn check(&self, definition: &Definition) -> Result<(), Error> {
        let parameters = definition.parameters()?;
        Transform::new(definition, &parameters)?;
        let (source, target) = (definition.source_arn()?, definition.target_arn()?);
        if !self.registry.reads(&source) {
            return Err(Error::Invalid(format!("source {source} is not supported")));
        }
        for target in std::iter::once(&target).chain(&parameters.dead_letter) {
            if !self.registry.writes(target) {
                return Err(Error::Invalid(format!("target {target} is not supported")));
            }
        }
        Ok(())
    }

    async fn open(&self, pipe: &Pipe, counters: Arc<Counters>) -> Result<Work, Error> {
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

    async fn try_open(&self, pipe: &Pipe, counters: Arc<Counters>) -> Result<Work, Error> {
        let definition = &pipe.definition;
        let parameters = definition.parameters()?;
        let nothing = Value::Object(Map::new());
        let source = self.registry.open_source(&definition.source_arn()?, &definition.source_parameters).await?;
        let target = self.registry.open_target(&definition.target_arn()?, &definition.target_parameters).await?;
        let dead_letter = match &parameters.dead_letter {
            Some(arn) => Some(self.registry.open_target(arn, &nothing).await?),
            None => None,
        };
        // The stored pipe tells whether an earlier worker has recorded the first start.
        let name = definition.name.clone();
        let started = self.state.read(move |tx| store::get(tx, &name)).await?.started;
        Ok(Work {
            name: definition.name.clone(),
            arn: self.arn(&definition.name),
            creation: pipe.creation.clone(),
            consumer: pipe.consumer().into(),
            created_ms: pipe.created_ms,
            started,
            transform: Transform::new(definition, &parameters)?,
            parameters,
            source,
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

    fn spawn(self: &Arc<Self>, pipe: &Pipe, work: Work) -> Worker {
        let (stop, stopped) = watch::channel(false);
        let (inner, pipe) = (Arc::downgrade(self), pipe.clone());
        let task = tokio::spawn(async move {
            let counters = work.counters.clone();
            if let Outcome::Halted(reason) = runtime::run(Arc::new(work), stopped).await {
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

    async fn set_state(&self, pipe: &Pipe, current: CurrentState, reason: Option<&str>) -> Result<(), Error> {
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

impl Filter {
    fn matches(&self, pipe: &Pipe) -> bool {
        let starts =
            |prefix: &Option<String>, text: &str| prefix.as_ref().is_none_or(|prefix| text.starts_with(prefix));
        starts(&self.name_prefix, &pipe.definition.name)
            && starts(&self.source_prefix, &pipe.definition.source)
            && starts(&self.target_prefix, &pipe.definition.target)
            && self.desired.is_none_or(|desired| desired == pipe.definition.desired_state)
            && self.current.as_ref().is_none_or(|current| current == pipe.current.as_str())
    }
}

fn settled(pipe: Pipe) -> Result<Pipe, Error> {
    if pipe.current.is_moving() {
        let (name, current) = (&pipe.definition.name, pipe.current.as_str());
        return Err(Error::Conflict(format!("Pipe {name} is in state {current} and cannot be changed now.")));
    }
    Ok(pipe)
}

/// Stops a worker and waits for it, for a bounded time.
async fn end(place: &mut Option<Worker>) {
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
