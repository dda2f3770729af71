//! The Pipes API over the state and the workers: create, describe, update, delete, list, start, stop, tags.
//!
//! A change is written as an intention (`CREATING`, `STOPPING`, ...) and answered; a task of its own carries it out and
//! writes the result. After a crash [`Pipes::resume`] brings every intention to its end.

mod listing;
mod worker;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use event::{Clock, Registry};
use serde_json::Value;
use state::State;

use crate::definition::{is_own, starting_position_missing};
use crate::runtime::{Transform, Work};
use crate::store::{self, CurrentState, Gap, Pipe};
use crate::{Definition, DesiredState, Error, GapPolicy, Snapshot, Update};
pub use listing::{Filter, Listing};
use worker::{Slot, end};

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
            if !matches!(pipe.current, CurrentState::Deleting | CurrentState::CreateFailed) {
                self.inner.subscribe(&pipe).await;
            }
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
        if is_own(&definition.name) {
            return Err(Error::Invalid("a pipe's name cannot have a slash".into()));
        }
        self.insert(definition).await
    }

    /// Sees to it that a pipe of this program's own is as `input` says, and nothing more when it is so already. Its name
    /// has a slash, so it is never listed and cannot be made by CreatePipe. Its source cannot change.
    ///
    /// # Errors
    /// `Invalid`, `Conflict` while another change is on its way.
    pub async fn keep(&self, input: &Value) -> Result<(), Error> {
        let wanted = Definition::parse(input)?;
        match self.describe(&wanted.name).await {
            Ok(pipe) if pipe.definition == wanted => Ok(()),
            Ok(_) => {
                let update = serde_json::from_value(input.clone())
                    .map_err(|error| Error::Invalid(format!("request is not valid: {error}")))?;
                self.update(&wanted.name, update).await.map(drop)
            }
            Err(Error::NotFound(_)) => self.insert(wanted).await.map(drop),
            Err(error) => Err(error),
        }
    }

    async fn insert(&self, definition: Definition) -> Result<Pipe, Error> {
        self.inner.check(&definition)?;
        let now_ms = self.inner.clock.now_ms();
        let pipe = self.inner.state.write(move |tx| store::insert(tx, &definition, now_ms)).await?;
        // Before the answer: what is sent from then on reaches the pipe, whether it runs yet or not.
        self.inner.subscribe(&pipe).await;
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

    /// What a pipe does with records, apart from its worker.
    pub(crate) async fn work_of(&self, name: &str) -> Result<Work, Error> {
        let pipe = self.describe(name).await?;
        self.inner.work(&pipe, self.inner.slot(name).counters.clone()).await
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.inner.clock.now_ms()
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
        Transform::new(definition, &parameters, &self.arn(&definition.name))?;
        let (source, target) = (definition.source_arn()?, definition.target_arn()?);
        if self.registry.reads(&source) {
            if parameters.starting_position.is_none() {
                return Err(starting_position_missing());
            }
        } else if !self.registry.takes(&source) && !self.registry.follows(&source) {
            return Err(Error::Invalid(format!("source {source} is not supported")));
        }
        if self.registry.follows(&source) && source == target {
            return Err(Error::Invalid(format!(
                "source {source} cannot be the target, too: its events would never end"
            )));
        }
        if let Some(arn) = definition.enrichment_arn()?.filter(|arn| !self.registry.enriches(arn)) {
            return Err(Error::Invalid(format!("enrichment {arn} is not supported")));
        }
        if !self.registry.writes(&target) {
            return Err(Error::Invalid(format!("target {target} is not supported")));
        }
        if let Some(target) = parameters.dead_letter.filter(|target| !self.registry.writes(target)) {
            let path = "SourceParameters.DynamoDBStreamParameters.DeadLetterConfig.Arn";
            return Err(Error::Invalid(format!("{path} {target} is not supported")));
        }
        Ok(())
    }
}

fn settled(pipe: Pipe) -> Result<Pipe, Error> {
    if pipe.current.is_moving() {
        let (name, current) = (&pipe.definition.name, pipe.current.as_str());
        return Err(Error::Conflict(format!("Pipe {name} is in state {current} and cannot be changed now.")));
    }
    Ok(pipe)
}
