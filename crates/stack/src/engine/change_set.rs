//! Change sets: an update or a creation that is prepared, shown, and carried out later.

use super::plan::Plan;
use super::{Engine, Request, check_name, digest, enter, live, same, wrong_state};
use crate::Error;
use crate::store::{self, ChangeSet, Wanted};

/// How a change set without changes says so; clients look for these words.
const NO_CHANGES: &str =
    "The submitted information didn't contain changes. Submit different information to create a change set.";

impl Engine {
    /// Prepares a change set; one for a stack that does not exist yet records the stack in review.
    ///
    /// A change set without changes is recorded as failed, which is how clients learn of it.
    ///
    /// # Errors
    /// `Template`, `NotFound` (an update of no stack), `Conflict` (the name of stack or change set is taken).
    pub async fn prepare(&self, name: &str, create: bool, request: Request) -> Result<ChangeSet, Error> {
        check_name("changeSetName", name)?;
        let (wanted, template) = self.deployable(&request)?;
        if create {
            check_name("stackName", &request.name)?;
        }
        let now = self.inner.clock.now_ms();
        let environment = self.inner.environment.clone();
        // Until it is executed nothing is wanted of the stack.
        let mut fresh = self.fresh(request, Wanted::default(), "REVIEW_IN_PROGRESS");
        let name = name.to_owned();
        self.inner
            .state
            .write(move |tx| {
                let found = store::find(tx, &fresh.name)?.filter(|stack| stack.status != "DELETE_COMPLETE");
                let stack = match found {
                    Some(stack) if create && stack.status != "REVIEW_IN_PROGRESS" => {
                        return Err(Error::Conflict(format!("Stack [{}] already exists", stack.name)));
                    }
                    Some(stack) => stack,
                    None if create => {
                        enter(tx, &mut fresh, "REVIEW_IN_PROGRESS", Some("User Initiated".into()), now)?;
                        fresh
                    }
                    None => return Err(super::missing(&fresh.name)),
                };
                if stack.busy() {
                    return Err(wrong_state(&stack, "updated"));
                }
                let unchanged = same(&stack.wanted, &wanted, &template);
                let resources = store::resources(tx, &stack.id)?;
                let plan = Plan { template: &template, wanted: &wanted, stack: &stack, environment: &environment };
                let changes = plan.changes(resources)?;
                let unique = digest(&(&stack.id, &name, now));
                let set = ChangeSet {
                    id: format!(
                        "arn:aws:cloudformation:{}:{}:changeSet/{name}/{unique:016x}",
                        environment.region, environment.account
                    ),
                    name,
                    stack: stack.id.clone(),
                    created_ms: now,
                    status: if unchanged { "FAILED" } else { "CREATE_COMPLETE" }.into(),
                    reason: unchanged.then(|| NO_CHANGES.to_owned()),
                    execution: if unchanged { "UNAVAILABLE" } else { "AVAILABLE" }.into(),
                    changes,
                    wanted,
                };
                store::put_change_set(tx, &set)?;
                Ok(set)
            })
            .await
    }

    /// A change set by id, or by name and stack.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn change_set(&self, name: &str, stack: Option<&str>) -> Result<ChangeSet, Error> {
        let sets = self.change_sets(stack).await?;
        let missing = || Error::NotFound(format!("ChangeSet [{name}] does not exist"));
        sets.into_iter().find(|set| set.id == name || (stack.is_some() && set.name == name)).ok_or_else(missing)
    }

    /// The change sets of a stack, or all.
    ///
    /// # Errors
    /// `NotFound` when there is no such stack.
    pub async fn change_sets(&self, stack: Option<&str>) -> Result<Vec<ChangeSet>, Error> {
        let stack = match stack {
            Some(name) => Some(self.stack(name).await?.id),
            None => None,
        };
        let mut sets = self.inner.state.read(store::change_sets).await?;
        sets.retain(|set| stack.as_ref().is_none_or(|id| &set.stack == id));
        Ok(sets)
    }

    /// Records that a change set is to be carried out and answers the stack's id.
    ///
    /// # Errors
    /// `Template` when it cannot be executed (any more).
    pub async fn execute(&self, mut set: ChangeSet) -> Result<String, Error> {
        if set.execution != "AVAILABLE" {
            return Err(Error::template(format!("ChangeSet [{}] cannot be executed in its current status", set.id)));
        }
        let now = self.inner.clock.now_ms();
        self.inner
            .state
            .write(move |tx| {
                let mut stack = live(tx, &set.stack)?;
                let create = stack.status == "REVIEW_IN_PROGRESS";
                let quiet = matches!(
                    stack.status.as_str(),
                    "REVIEW_IN_PROGRESS" | "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "UPDATE_ROLLBACK_COMPLETE"
                );
                if !quiet {
                    return Err(wrong_state(&stack, "updated"));
                }
                let previous = std::mem::replace(&mut stack.wanted, set.wanted.clone());
                stack.previous = (!create).then_some(previous);
                stack.updated_ms = (!create).then_some(now);
                set.execution = "EXECUTE_COMPLETE".into();
                store::put_change_set(tx, &set)?;
                let status = if create { "CREATE_IN_PROGRESS" } else { "UPDATE_IN_PROGRESS" };
                enter(tx, &mut stack, status, Some("User Initiated".into()), now)?;
                Ok(stack.id)
            })
            .await
    }

    /// Forgets a change set.
    ///
    /// # Errors
    /// `State`.
    pub async fn discard(&self, set: ChangeSet) -> Result<(), Error> {
        self.inner.state.write(move |tx| store::drop_change_set(tx, &set)).await
    }
}
