//! The state machine of a stack: each status that is in progress has one way on.

use std::collections::BTreeSet;

use super::known::Known;
use super::{Engine, enter};
use crate::store::{self, Resource, Stack};
use crate::{Error, Template};

impl Engine {
    /// Carries out what was recorded, to its end. A service that refuses is no error here: the stack says so.
    ///
    /// # Errors
    /// `State` or `Stored` when the stack's rows cannot be read or written.
    pub async fn run(&self, id: &str) -> Result<(), Error> {
        loop {
            let stack = self.stack(id).await?;
            if !stack.busy() {
                return Ok(());
            }
            match stack.status.as_str() {
                "CREATE_IN_PROGRESS" => {
                    let failed = match (stack.disable_rollback, stack.delete_on_failure) {
                        (true, _) => "CREATE_FAILED",
                        (false, true) => "DELETE_IN_PROGRESS",
                        (false, false) => "ROLLBACK_IN_PROGRESS",
                    };
                    self.forward(stack, "CREATE_COMPLETE", failed).await?;
                }
                "UPDATE_IN_PROGRESS" => {
                    self.forward(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS").await?;
                }
                "UPDATE_ROLLBACK_IN_PROGRESS" => {
                    let done = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS";
                    self.forward(stack, done, "UPDATE_ROLLBACK_FAILED").await?;
                }
                "ROLLBACK_IN_PROGRESS" => self.backward(stack, "ROLLBACK_COMPLETE", "ROLLBACK_FAILED").await?,
                "DELETE_IN_PROGRESS" => self.backward(stack, "DELETE_COMPLETE", "DELETE_FAILED").await?,
                "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" => self.clean(stack, "UPDATE_COMPLETE").await?,
                _ => self.clean(stack, "UPDATE_ROLLBACK_COMPLETE").await?,
            }
        }
    }

    async fn forward(&self, mut stack: Stack, done: &str, failed: &str) -> Result<(), Error> {
        if failed == "UPDATE_ROLLBACK_FAILED"
            && let Some(previous) = stack.previous.take()
        {
            // Recorded before anything is undone, so that a restart goes the same way.
            stack.wanted = previous;
            self.save(&stack).await?;
        }
        match self.apply(&mut stack).await {
            Ok((outputs, imported)) => {
                stack.outputs = outputs;
                let status = done.to_owned();
                let (undo, now) = (stack.clone(), self.inner.clock.now_ms());
                let committed = self
                    .inner
                    .state
                    .write(move |tx| {
                        store::export(tx, &stack.id, &stack.outputs)?;
                        store::release(tx, &stack.id, &imported)?;
                        enter(tx, &mut stack, &status, None, now)
                    })
                    .await;
                match committed {
                    Err(Error::Template(message)) => self.status(undo, failed, Some(message)).await,
                    committed => committed,
                }
            }
            Err(error @ (Error::State(_) | Error::Stored(_))) => Err(error),
            Err(error) => self.status(stack, failed, Some(error.to_string())).await,
        }
    }

    async fn backward(&self, mut stack: Stack, done: &str, failed: &str) -> Result<(), Error> {
        let all = self.resources(&stack.id).await?;
        match self.remove(&mut stack, all).await {
            Ok(()) => {
                let (done, now) = (done.to_owned(), self.inner.clock.now_ms());
                self.inner
                    .state
                    .write(move |tx| {
                        store::export(tx, &stack.id, &[])?;
                        store::release(tx, &stack.id, &BTreeSet::new())?;
                        stack.outputs.clear();
                        enter(tx, &mut stack, &done, None, now)
                    })
                    .await
            }
            Err(error @ (Error::State(_) | Error::Stored(_))) => Err(error),
            Err(error) => self.status(stack, failed, Some(error.to_string())).await,
        }
    }

    /// Removes what the template no longer has. What cannot be removed is reported and left, as CloudFormation does.
    async fn clean(&self, mut stack: Stack, done: &str) -> Result<(), Error> {
        let template = Template::parse(&stack.wanted.template)?;
        let known = self.known(&stack.id).await?;
        let values = crate::parameters(&template, &stack.wanted.parameters)?;
        let names = (stack.name.clone(), stack.id.clone());
        let kept = super::apply::present(&template, &values, &self.inner.environment, (&names.0, &names.1), &known)?;
        let Known { resources, .. } = known;
        // What is in use again after a rollback is not to be removed.
        stack.replaced.retain(|old| {
            !resources
                .values()
                .any(|now| kept.contains(&now.logical) && now.kind == old.kind && now.physical == old.physical)
        });
        let (now, gone): (Vec<Resource>, Vec<Resource>) =
            resources.into_values().partition(|resource| kept.contains(&resource.logical));
        // A version that is published again under another logical id is the same version.
        let is_shared = |old: &Resource| now.iter().any(|now| now.kind == old.kind && now.physical == old.physical);
        let (shared, gone): (Vec<Resource>, Vec<Resource>) = gone.into_iter().partition(is_shared);
        for resource in shared {
            let id = stack.id.clone();
            self.inner.state.write(move |tx| store::drop_resource(tx, &id, &resource.logical)).await?;
        }
        match self.remove(&mut stack, gone).await {
            Err(error @ (Error::State(_) | Error::Stored(_))) => return Err(error),
            Err(error) => {
                let error = masked(&stack, &error.to_string());
                tracing::warn!(error, stack = %stack.id, "cleanup left a resource behind");
            }
            Ok(()) => {}
        }
        stack.previous = None;
        stack.replaced.clear();
        self.status(stack, done, None).await
    }

    pub(super) async fn status(&self, mut stack: Stack, status: &str, reason: Option<String>) -> Result<(), Error> {
        let (status, now) = (status.to_owned(), self.inner.clock.now_ms());
        let reason = reason.map(|reason| masked(&stack, &reason));
        self.inner.state.write(move |tx| enter(tx, &mut stack, &status, reason, now)).await
    }

    pub(super) async fn save(&self, stack: &Stack) -> Result<(), Error> {
        let stack = stack.clone();
        self.inner.state.write(move |tx| store::put(tx, &stack)).await
    }

    pub(super) async fn known(&self, id: &str) -> Result<Known, Error> {
        let id = id.to_owned();
        self.inner
            .state
            .read(move |tx| {
                let resources = store::resources(tx, &id)?;
                let exports = store::exports(tx)?;
                Ok(Known::new(
                    resources.into_iter().map(|resource| (resource.logical.clone(), resource)).collect(),
                    exports.into_iter().map(|(name, _, value)| (name, value)).collect(),
                ))
            })
            .await
    }
}

/// A reason in which no secret of a stack stands, of what it is to be or was.
pub(super) fn masked(stack: &Stack, reason: &str) -> String {
    let reason = stack.wanted.masked(reason);
    stack.previous.as_ref().map_or(reason.clone(), |previous| previous.masked(&reason))
}
