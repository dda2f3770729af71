//! Stacks over time: create, update, delete, change sets; what is asked for is recorded first, then carried out.
//!
//! Every step is a row before it is a call, so [`Engine::resume`] can go on after a restart where the last one stopped.

mod apply;
mod change_set;
mod known;
mod plan;
mod refuse;
mod remove;
mod request;
mod run;

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use event::Clock;
use state::State;

pub use request::{OnFailure, Request};
use request::{check_name, same};

use crate::store::{self, Event, Resource, Stack, Wanted};
use crate::{Api, Error};

/// Where everything lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Twelve digits.
    pub account: String,
    pub region: String,
}

/// Stacks in stacks: one that names itself must end.
const NESTING_MAX: usize = 10;

/// The stacks of one server. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    state: State,
    api: Arc<dyn Api>,
    clock: Arc<dyn Clock>,
    environment: Environment,
}

impl Engine {
    /// Prepares the tables. Interrupted operations wait for [`Engine::resume`].
    ///
    /// # Errors
    /// `State` when the schema cannot be brought up to date.
    pub fn new(
        state: State,
        api: Arc<dyn Api>,
        clock: Arc<dyn Clock>,
        environment: Environment,
    ) -> Result<Engine, Error> {
        state.migrate("stack", store::MIGRATIONS)?;
        Ok(Engine { inner: Arc::new(Inner { state, api, clock, environment }) })
    }

    /// Records a new stack and answers its id; [`Engine::run`] or [`Engine::start`] makes it.
    ///
    /// # Errors
    /// `Template` when it cannot be deployed (nothing is recorded), `Conflict` when the name is taken.
    pub async fn create(&self, request: Request) -> Result<String, Error> {
        check_name("stackName", &request.name)?;
        let (wanted, _) = self.deployable(&request)?;
        self.check_nesting(request.parent.as_deref()).await?;
        let stack = self.fresh(request, wanted, "CREATE_IN_PROGRESS");
        self.insert(stack).await
    }

    /// Records an update and answers the stack's id.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` when an operation is under way, `NoUpdates`, `Template`.
    pub async fn update(&self, request: Request) -> Result<String, Error> {
        let (wanted, template) = self.deployable(&request)?;
        let now = self.inner.clock.now_ms();
        self.inner
            .state
            .write(move |tx| {
                let mut stack = live(tx, &request.name)?;
                if !matches!(stack.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "UPDATE_ROLLBACK_COMPLETE")
                {
                    return Err(wrong_state(&stack, "updated"));
                }
                if same(&stack.wanted, &wanted, &template) {
                    return Err(Error::NoUpdates);
                }
                stack.previous = Some(std::mem::replace(&mut stack.wanted, wanted));
                stack.updated_ms = Some(now);
                enter(tx, &mut stack, "UPDATE_IN_PROGRESS", Some("User Initiated".into()), now)?;
                Ok(stack.id)
            })
            .await
    }

    /// Records a deletion and answers the stack's id, `None` when there is nothing to do: there is no such stack, or
    /// others use what it exports (its last event says so).
    ///
    /// # Errors
    /// `Template` when an operation is under way, the stack is protected, or `spared` ids are not left from a failed
    /// deletion.
    pub async fn delete(&self, name: &str, spared: BTreeSet<String>) -> Result<Option<String>, Error> {
        let (name, now) = (name.to_owned(), self.inner.clock.now_ms());
        self.inner
            .state
            .write(move |tx| {
                let Some(mut stack) = store::find(tx, &name)?.filter(|stack| stack.status != "DELETE_COMPLETE") else {
                    return Ok(None);
                };
                if stack.busy() {
                    return Err(wrong_state(&stack, "deleted"));
                }
                if stack.protected {
                    let message =
                        format!("Stack [{}] cannot be deleted while TerminationProtection is enabled", stack.name);
                    return Err(Error::template(message));
                }
                if !spared.is_empty() && stack.status != "DELETE_FAILED" {
                    let message = "Invalid operation on stack. RetainResources is for stacks in DELETE_FAILED state";
                    return Err(Error::template(message));
                }
                if let Some(store::InUse { name, users, .. }) = store::in_use(tx, &stack.id, &[])? {
                    let users = users.join(", ");
                    let reason = format!("Delete canceled. Cannot delete export {name} as it is in use by {users}.");
                    let status = stack.status.clone();
                    enter(tx, &mut stack, &status, Some(reason), now)?;
                    return Ok(None);
                }
                // From here on nobody can begin to use them.
                store::export(tx, &stack.id, &[])?;
                stack.spared = spared;
                enter(tx, &mut stack, "DELETE_IN_PROGRESS", Some("User Initiated".into()), now)?;
                Ok(Some(stack.id))
            })
            .await
    }

    /// Takes up again a rollback that could not be finished, and answers the stack's id.
    ///
    /// # Errors
    /// `NotFound`, `Template` when the stack is in another state.
    pub async fn continue_rollback(&self, name: &str) -> Result<String, Error> {
        let (name, now) = (name.to_owned(), self.inner.clock.now_ms());
        self.inner
            .state
            .write(move |tx| {
                let mut stack = live(tx, &name)?;
                if stack.status != "UPDATE_ROLLBACK_FAILED" {
                    return Err(wrong_state(&stack, "rolled back"));
                }
                enter(tx, &mut stack, "UPDATE_ROLLBACK_IN_PROGRESS", Some("User Initiated".into()), now)?;
                Ok(stack.id)
            })
            .await
    }

    /// Sets or takes back the protection from deletion and answers the stack's id.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn protect(&self, name: &str, protected: bool) -> Result<String, Error> {
        let name = name.to_owned();
        self.inner
            .state
            .write(move |tx| {
                let mut stack = live(tx, &name)?;
                stack.protected = protected;
                store::put(tx, &stack)?;
                Ok(stack.id)
            })
            .await
    }

    /// Carries out what was recorded, in the background.
    pub fn start(&self, id: String) {
        let engine = self.clone();
        tokio::spawn(async move {
            if let Err(error) = engine.run(&id).await {
                tracing::error!(%error, stack = %id, "stack operation stopped");
            }
        });
    }

    /// Starts again every operation that a restart interrupted. Call it once, when services answer.
    ///
    /// # Errors
    /// `State` when the stacks cannot be read.
    pub async fn resume(&self) -> Result<(), Error> {
        for stack in self.stacks().await?.into_iter().filter(Stack::busy) {
            tracing::info!(stack = %stack.id, status = %stack.status, "stack operation resumed");
            self.start(stack.id);
        }
        Ok(())
    }

    /// A stack by name or id.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn stack(&self, name: &str) -> Result<Stack, Error> {
        let name = name.to_owned();
        self.inner.state.read(move |tx| store::find(tx, &name)?.ok_or_else(|| missing(&name))).await
    }

    /// All stacks, deleted ones too, newest first.
    ///
    /// # Errors
    /// `State`.
    pub async fn stacks(&self) -> Result<Vec<Stack>, Error> {
        self.inner.state.read(store::all).await
    }

    /// The resources of a stack by logical id.
    ///
    /// # Errors
    /// `State`.
    pub async fn resources(&self, id: &str) -> Result<Vec<Resource>, Error> {
        let id = id.to_owned();
        self.inner.state.read(move |tx| store::resources(tx, &id)).await
    }

    /// The events of a stack with their numbers, oldest first.
    ///
    /// # Errors
    /// `State`.
    pub async fn events(&self, id: &str) -> Result<Vec<(i64, Event)>, Error> {
        let id = id.to_owned();
        self.inner.state.read(move |tx| store::events(tx, &id)).await
    }

    /// Exports of all stacks as (name, stack id, value).
    ///
    /// # Errors
    /// `State`.
    pub async fn exports(&self) -> Result<Vec<(String, String, String)>, Error> {
        self.inner.state.read(store::exports).await
    }

    /// Names of the stacks that import an export.
    ///
    /// # Errors
    /// `State`.
    pub async fn importers(&self, export: &str) -> Result<Vec<String>, Error> {
        let export = export.to_owned();
        self.inner.state.read(move |tx| store::importers(tx, &export)).await
    }

    async fn check_nesting(&self, parent: Option<&str>) -> Result<(), Error> {
        let mut next = parent.map(str::to_owned);
        for _ in 0..NESTING_MAX {
            let Some(id) = next else { return Ok(()) };
            next = self.stack(&id).await?.parent;
        }
        Err(Error::template(format!("Stacks are nested too deeply. limit={NESTING_MAX}")))
    }

    fn fresh(&self, request: Request, wanted: Wanted, status: &str) -> Stack {
        let Environment { account, region } = &self.inner.environment;
        let now = self.inner.clock.now_ms();
        let (high, low) = (digest(&(&request.name, now)), digest(&(now, &request.name, "low")));
        let unique = format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        );
        Stack {
            id: format!("arn:aws:cloudformation:{region}:{account}:stack/{}/{unique}", request.name),
            name: request.name,
            status: status.into(),
            reason: None,
            created_ms: now,
            updated_ms: None,
            deleted_ms: None,
            wanted,
            previous: None,
            outputs: Vec::new(),
            disable_rollback: request.on_failure == OnFailure::DoNothing,
            delete_on_failure: request.on_failure == OnFailure::Delete,
            protected: request.protected,
            parent: request.parent,
            spared: BTreeSet::new(),
            replaced: Vec::new(),
            made: 0,
        }
    }

    async fn insert(&self, mut stack: Stack) -> Result<String, Error> {
        let now = self.inner.clock.now_ms();
        self.inner
            .state
            .write(move |tx| {
                if store::find(tx, &stack.name)?.is_some_and(|found| found.status != "DELETE_COMPLETE") {
                    return Err(Error::Conflict(format!("Stack [{}] already exists", stack.name)));
                }
                let status = stack.status.clone();
                enter(tx, &mut stack, &status, Some("User Initiated".into()), now)?;
                Ok(stack.id)
            })
            .await
    }
}

/// Moves a stack to a status, with its event, in the caller's transaction.
fn enter(
    tx: &state::Write<'_>,
    stack: &mut Stack,
    status: &str,
    reason: Option<String>,
    now: i64,
) -> Result<(), Error> {
    stack.status = status.into();
    stack.reason = reason.clone();
    if status == "DELETE_COMPLETE" {
        stack.deleted_ms = Some(now);
    }
    store::put(tx, stack)?;
    let event = Event {
        at_ms: now,
        logical: stack.name.clone(),
        physical: stack.id.clone(),
        kind: "AWS::CloudFormation::Stack".into(),
        status: status.into(),
        reason,
    };
    store::append(tx, &stack.id, &event)
}

fn live(tx: &state::Read<'_>, name: &str) -> Result<Stack, Error> {
    store::find(tx, name)?.filter(|stack| stack.status != "DELETE_COMPLETE").ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Error {
    Error::NotFound(format!("Stack with id {name} does not exist"))
}

fn wrong_state(stack: &Stack, what: &str) -> Error {
    Error::Template(format!("Stack:{} is in {} state and can not be {what}.", stack.id, stack.status))
}

/// Stable within a stored stack: names made from it are recorded.
fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
