//! Removing resources: the last made first; what is to be retained is only forgotten.

use super::Engine;
use super::run::masked;
use crate::Error;
use crate::resources::{Ready, handler};
use crate::store::{self, Event, Policy, Resource, Stack};

impl Engine {
    /// Removes resources and what they replaced.
    pub(super) async fn remove(&self, stack: &mut Stack, resources: Vec<Resource>) -> Result<(), Error> {
        let deleting = stack.status == "DELETE_IN_PROGRESS" || stack.status == "ROLLBACK_IN_PROGRESS";
        let mut doomed: Vec<(bool, Resource)> = resources.into_iter().map(|resource| (true, resource)).collect();
        doomed.extend(stack.replaced.iter().cloned().map(|resource| (false, resource)));
        doomed.sort_by_key(|(_, resource)| std::cmp::Reverse((resource.position, resource.made)));
        for (current, mut resource) in doomed {
            let undone = matches!(
                stack.status.as_str(),
                "ROLLBACK_IN_PROGRESS" | "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
            );
            let retain = match (current, resource.policy) {
                (true, Policy::Retain) => true,
                (true, Policy::RetainExceptOnCreate) => !undone,
                (true, Policy::Delete) => stack.spared.contains(&resource.logical),
                (false, _) => resource.retain_replaced,
            };
            // Nothing was made: there is only a row.
            if !resource.physical.is_empty() && !retain {
                self.mark(&stack.id, &mut resource, "DELETE_IN_PROGRESS", None, current).await?;
                if let Err(error) = self.destroy(&resource).await {
                    let reason = Some(masked(stack, &error.to_string()));
                    self.mark(&stack.id, &mut resource, "DELETE_FAILED", reason, current).await?;
                    if deleting {
                        return Err(Error::Resource(format!(
                            "The following resource(s) failed to delete: [{}].",
                            resource.logical
                        )));
                    }
                    continue;
                }
                self.mark(&stack.id, &mut resource, "DELETE_COMPLETE", None, current).await?;
            } else if retain {
                self.mark(&stack.id, &mut resource, "DELETE_SKIPPED", None, current).await?;
            }
            if current {
                let (id, logical) = (stack.id.clone(), resource.logical.clone());
                self.inner.state.write(move |tx| store::drop_resource(tx, &id, &logical)).await?;
            } else {
                stack.replaced.retain(|other| other != &resource && other.physical != resource.physical);
                self.save(stack).await?;
            }
        }
        Ok(())
    }

    async fn destroy(&self, resource: &Resource) -> Result<(), Error> {
        let Some(handler) = handler(&resource.kind) else { return Ok(()) };
        // Services refuse to delete what is changing; a nested stack may have been interrupted with this one.
        let described = match self.quiet(handler, resource).await? {
            Some(described) => described,
            None if handler.describe(&resource.physical, &resource.properties).is_some() => return Ok(()),
            None => serde_json::Value::Null,
        };
        for call in handler.delete(&resource.physical, &resource.properties, &described) {
            match self.inner.api.call(call.service, call.operation, call.input).await {
                Ok(_) => {}
                // The next call may be about something that is still there.
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(Error::Resource(format!("{} ({})", error.message, error.code))),
            }
        }
        self.settled(handler, resource, |described| match described {
            None => Some(Ok(())),
            Some(described) => match handler.ready(described) {
                Ready::Wait => None,
                Ready::Failed(reason) => Some(Err(Error::Resource(reason))),
                Ready::Yes => Some(Err(Error::Resource(handler.kept(&resource.physical, described)))),
            },
        })
        .await
    }

    /// Records a resource's status with its event.
    pub(super) async fn mark(
        &self,
        stack: &str,
        resource: &mut Resource,
        status: &str,
        reason: Option<String>,
        current: bool,
    ) -> Result<(), Error> {
        resource.status = status.into();
        resource.reason = reason.clone();
        resource.updated_ms = self.inner.clock.now_ms();
        let (stack, row) = (stack.to_owned(), resource.clone());
        let event = Event {
            at_ms: row.updated_ms,
            logical: row.logical.clone(),
            physical: row.physical.clone(),
            kind: row.kind.clone(),
            status: status.into(),
            reason,
        };
        self.inner
            .state
            .write(move |tx| {
                if current {
                    store::put_resource(tx, &stack, &row)?;
                }
                store::append(tx, &stack, &event)
            })
            .await
    }
}
