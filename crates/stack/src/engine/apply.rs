//! Bringing resources to what a template says: made, changed or replaced, in dependency order.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::{Map, Value};

use super::known::Known;
use super::run::masked;
use super::{Engine, digest};
use crate::resources::{Call, Handler, Ready, Surroundings, coerce, handler, replaces};
use crate::store::{self, Output, Policy, Resource, Stack, Wanted};
use crate::{ApiError, Declared, Environment, Error, Scope, Template, order, parameters};

/// Between two looks at a resource that is not ready.
const POLL: Duration = Duration::from_millis(100);
/// Looks before a resource counts as stuck: ten minutes.
const POLLS_MAX: usize = 6000;

/// Logical ids whose condition holds.
pub(super) fn present(
    template: &Template,
    values: &Map<String, Value>,
    environment: &Environment,
    stack: (&str, &str),
    known: &Known,
) -> Result<BTreeSet<String>, Error> {
    let scope = Scope::new(template, values, environment, stack, known)?;
    let mut ids = BTreeSet::new();
    for (id, declared) in &template.resources {
        if scope.holds(declared.condition.as_deref())? {
            ids.insert(id.clone());
        }
    }
    Ok(ids)
}

impl Engine {
    /// Makes the stack what `stack.wanted` says and answers its outputs and the exports it uses.
    pub(super) async fn apply(&self, stack: &mut Stack) -> Result<(Vec<Output>, BTreeSet<String>), Error> {
        let template = Template::parse(&stack.wanted.template)?;
        let values = parameters(&template, &stack.wanted.parameters)?;
        let mut known = self.known(&stack.id).await?;
        let names = (stack.name.clone(), stack.id.clone());
        let names = (names.0.as_str(), names.1.as_str());
        let present = present(&template, &values, &self.inner.environment, names, &known)?;
        for (position, id) in (0..).zip(order::order(&template)?) {
            let Some(declared) = template.resource(&id).filter(|_| present.contains(&id)) else { continue };
            let properties = {
                let scope = Scope::new(&template, &values, &self.inner.environment, names, &known)?;
                scope.resolve(&declared.properties)?.unwrap_or_default()
            };
            self.hold(&stack.id, &known).await?;
            let current = known.resources.get(&id).cloned();
            self.refuse(stack, &id, declared, &properties, current.as_ref()).await?;
            let resource = self.bring(stack, (&id, position), declared, properties, current).await?;
            known.resources.insert(id, resource);
        }
        let scope = Scope::new(&template, &values, &self.inner.environment, names, &known)?;
        Ok((outputs(&template, &scope)?, known.imported()))
    }

    /// Records the exports that are used before they are: from then on they cannot go.
    async fn hold(&self, stack: &str, known: &Known) -> Result<(), Error> {
        let (stack, names) = (stack.to_owned(), known.imported());
        if names.is_empty() {
            return Ok(());
        }
        self.inner.state.write(move |tx| store::hold(tx, &stack, &names)).await
    }

    async fn bring(
        &self,
        stack: &mut Stack,
        (id, position): (&str, i64),
        declared: &Declared,
        mut properties: Value,
        current: Option<Resource>,
    ) -> Result<Resource, Error> {
        let handler = handler(&declared.kind)
            .ok_or_else(|| Error::template(format!("resource type is not supported. type=`{}`", declared.kind)))?;
        complete_properties(handler, id, &mut properties, stack, &stack.wanted);
        let policy = |mut resource: Resource| {
            resource.position = position;
            resource.policy = declared.policy;
            resource.retain_replaced = declared.retain_replaced;
            resource
        };
        // What a failed update replaced is still there: it takes its place again.
        let back = stack
            .replaced
            .iter()
            .position(|old| old.logical == id && old.kind == declared.kind && old.properties == properties);
        let Some(current) = current.filter(|row| !row.physical.is_empty()).map(policy) else {
            if let Some(index) = back {
                let mut resource = stack.replaced.remove(index);
                self.mark(&stack.id, &mut resource, "UPDATE_COMPLETE", None, true).await?;
                self.save(stack).await?;
                return Ok(resource);
            }
            let resource = policy(self.row(stack, id, declared, properties));
            return self.make(stack, handler, resource, false).await;
        };
        // A restart came between the row and its end: go on with what the row says.
        if current.status == "CREATE_IN_PROGRESS" {
            return self.make(stack, handler, current, true).await;
        }
        if replaces(handler, &current.properties, &properties) || current.kind != declared.kind {
            if back.is_none()
                && current.kind == declared.kind
                && handler.name(&properties).as_ref() == Some(&current.physical)
            {
                let reason = format!(
                    "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename {} and \
                     update the stack again.",
                    current.physical
                );
                return self.failed(stack, current, "UPDATE_FAILED", reason).await;
            }
            let resource = match back {
                Some(index) => stack.replaced.remove(index),
                None => policy(self.row(stack, id, declared, properties)),
            };
            // A restart may have come between this row and the next step.
            stack.replaced.retain(|old| old.physical != current.physical || old.kind != current.kind);
            stack.replaced.push(current);
            self.save(stack).await?;
            if back.is_some() {
                let mut resource = resource;
                self.mark(&stack.id, &mut resource, "UPDATE_COMPLETE", None, true).await?;
                return Ok(resource);
            }
            return self.make(stack, handler, resource, false).await;
        }
        // Whether a nested stack changes, only it can tell: its template may have.
        let changes = current.properties != properties || current.kind == "AWS::CloudFormation::Stack";
        if !changes && current.target.is_none() {
            // Its policies and its place may have changed all the same.
            let (id, row) = (stack.id.clone(), current.clone());
            self.inner.state.write(move |tx| store::put_resource(tx, &id, &row)).await?;
            return Ok(current);
        }
        self.change(stack, handler, current, properties).await
    }

    pub(super) fn row(&self, stack: &Stack, id: &str, declared: &Declared, properties: Value) -> Resource {
        Resource {
            logical: id.to_owned(),
            kind: declared.kind.clone(),
            physical: String::new(),
            status: String::new(),
            reason: None,
            updated_ms: self.inner.clock.now_ms(),
            properties,
            target: None,
            reference: String::new(),
            attributes: Map::new(),
            policy: Policy::Delete,
            retain_replaced: false,
            made: stack.made + 1,
            position: 0,
        }
    }

    /// Makes a resource whose row is new, or, when `again`, one whose making a restart interrupted.
    async fn make(
        &self,
        stack: &mut Stack,
        handler: &dyn Handler,
        mut resource: Resource,
        again: bool,
    ) -> Result<Resource, Error> {
        if !again {
            let physical = handler.name(&resource.properties).unwrap_or_else(|| generated(stack, handler, &resource));
            // Before the row says that it is ours: what exists already is somebody else's and never touched.
            let reason = match self.look(handler, &physical, &resource.properties).await {
                Ok(None) => None,
                Ok(Some(_)) => Some(format!("{physical} already exists")),
                Err(error) => Some(format!("{} ({})", error.message, error.code)),
            };
            if let Some(reason) = reason {
                return self.failed(stack, resource, "CREATE_FAILED", reason).await;
            }
            stack.made = resource.made;
            self.save(stack).await?;
            resource.physical = physical;
        }
        self.mark(&stack.id, &mut resource, "CREATE_IN_PROGRESS", None, true).await?;
        let calls = handler.create(&resource.physical, &resource.properties);
        if let Err((index, reason)) = self.calls(handler, &mut resource, calls, again).await {
            if index == 0 && !again {
                resource.physical.clear();
            }
            return self.failed(stack, resource, "CREATE_FAILED", reason).await;
        }
        self.complete(stack, handler, resource, "CREATE").await
    }

    async fn change(
        &self,
        stack: &mut Stack,
        handler: &dyn Handler,
        mut resource: Resource,
        properties: Value,
    ) -> Result<Resource, Error> {
        // After a change that stopped half way, its goal is the better guess of what is there.
        let old = resource.target.take().unwrap_or_else(|| resource.properties.clone());
        let described = match self.quiet(handler, &resource).await {
            Ok(described) => described.unwrap_or_default(),
            Err(error) => return self.failed(stack, resource, "UPDATE_FAILED", error.to_string()).await,
        };
        let undone = stack.status == "UPDATE_ROLLBACK_IN_PROGRESS" && handler.reverted(&described);
        let calls = match undone && resource.properties == properties {
            true => Vec::new(),
            false => handler.update(&resource.physical, &old, &properties, &described),
        };
        resource.target = Some(properties.clone());
        self.mark(&stack.id, &mut resource, "UPDATE_IN_PROGRESS", None, true).await?;
        if let Err((index, reason)) = self.calls(handler, &mut resource, calls, false).await {
            if index == 0 {
                resource.target = None;
            }
            return self.failed(stack, resource, "UPDATE_FAILED", reason).await;
        }
        resource.properties = properties;
        resource.target = None;
        self.complete(stack, handler, resource, "UPDATE").await
    }

    async fn complete(
        &self,
        stack: &Stack,
        handler: &dyn Handler,
        mut resource: Resource,
        word: &str,
    ) -> Result<Resource, Error> {
        let described = match self.look(handler, &resource.physical, &resource.properties).await {
            Ok(described) => described.unwrap_or_default(),
            Err(error) => {
                return self.failed(stack, resource, &format!("{word}_FAILED"), error.message).await;
            }
        };
        resource.reference = handler.reference(&resource.physical, &described);
        resource.attributes = handler.attributes(&resource.physical, &described, &self.inner.environment);
        self.mark(&stack.id, &mut resource, &format!("{word}_COMPLETE"), None, true).await?;
        Ok(resource)
    }

    pub(super) async fn failed<T>(
        &self,
        stack: &Stack,
        mut resource: Resource,
        status: &str,
        reason: String,
    ) -> Result<T, Error> {
        let reason = masked(stack, &reason);
        self.mark(&stack.id, &mut resource, status, Some(reason.clone()), true).await?;
        Err(Error::Resource(format!("{}: {reason}", resource.logical)))
    }

    /// Makes calls one after another, each when the resource is ready; answers which one failed, and why.
    async fn calls(
        &self,
        handler: &dyn Handler,
        resource: &mut Resource,
        calls: Vec<Call>,
        again: bool,
    ) -> Result<(), (usize, String)> {
        for (index, call) in calls.into_iter().enumerate() {
            match self.inner.api.call(call.service, call.operation, call.input).await {
                // EventBridge refuses single entries of a call that succeeds.
                Ok(reply) if reply["FailedEntryCount"].as_u64().is_some_and(|failed| failed > 0) => {
                    let entry = |name: &str| reply["FailedEntries"][0][name].as_str().unwrap_or_default().to_owned();
                    return Err((index, format!("{} ({})", entry("ErrorMessage"), entry("ErrorCode"))));
                }
                Ok(reply) => {
                    if let Some(physical) = handler.given(&reply) {
                        resource.physical = physical;
                    }
                }
                Err(error) if again && error.is_exists() => {}
                // A nested stack that is as wanted already, even if by a rollback of its own.
                Err(error) if error.message.contains("No updates are to be performed") => continue,
                Err(error) => return Err((index, format!("{} ({})", error.message, error.code))),
            }
            let settled =
                self.settled(handler, resource, |described| match described.map(|seen| handler.ready(seen)) {
                    Some(Ready::Wait) => None,
                    Some(Ready::Failed(reason)) => Some(Err(Error::Resource(reason))),
                    Some(Ready::Yes) | None => Some(Ok(())),
                });
            settled.await.map_err(|error| (index + 1, error.to_string()))?;
        }
        Ok(())
    }

    /// How a resource is now: `None` for one that does not exist, and for types that cannot be asked for.
    async fn look(&self, handler: &dyn Handler, physical: &str, properties: &Value) -> Result<Option<Value>, ApiError> {
        let Some(call) = handler.describe(physical, properties) else { return Ok(None) };
        match self.inner.api.call(call.service, call.operation, call.input).await {
            Ok(described) => Ok(Some(described).filter(|described| handler.exists(physical, properties, described))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Waits until a resource is not changing, and answers how it is then: `None` for one that does not exist, and for
    /// types that cannot be asked for.
    pub(super) async fn quiet(&self, handler: &dyn Handler, resource: &Resource) -> Result<Option<Value>, Error> {
        let seen = std::sync::Mutex::new(None);
        self.settled(handler, resource, |described| match described {
            Some(described) if handler.ready(described) == Ready::Wait => None,
            described => {
                *seen.lock().unwrap_or_else(PoisonError::into_inner) = described.cloned();
                Some(Ok(()))
            }
        })
        .await?;
        Ok(seen.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at a resource until `judge` has an answer; it sees `None` for one that does not exist.
    pub(super) async fn settled(
        &self,
        handler: &dyn Handler,
        resource: &Resource,
        judge: impl Fn(Option<&Value>) -> Option<Result<(), Error>> + Send,
    ) -> Result<(), Error> {
        for _ in 0..POLLS_MAX {
            let verdict = match self.look(handler, &resource.physical, &resource.properties).await {
                Ok(described) => judge(described.as_ref()),
                Err(error) => Some(Err(Error::Resource(format!("{} ({})", error.message, error.code)))),
            };
            if let Some(verdict) = verdict {
                return verdict;
            }
            tokio::time::sleep(POLL).await;
        }
        Err(Error::Resource("resource did not become ready in time".into()))
    }
}

/// Gives resolved properties the form that is recorded and compared.
pub(super) fn complete_properties(
    handler: &dyn Handler,
    id: &str,
    properties: &mut Value,
    stack: &Stack,
    wanted: &Wanted,
) {
    coerce(handler, properties);
    handler.adapt(id, properties, &Surroundings { stack: &stack.id, wanted });
}

/// `STACK-LOGICAL-0123456789AB`; buckets are lower case. Replacements differ by `made`.
fn generated(stack: &Stack, handler: &dyn Handler, resource: &Resource) -> String {
    let Resource { logical, kind, made, .. } = resource;
    let suffix = format!("{:012X}", digest(&(&stack.id, logical.as_str(), *made)) & 0xffff_ffff_ffff);
    // Every service takes 63 characters.
    let stem: String = format!("{}-{logical}", stack.name).chars().take(50).collect();
    let name = format!("{stem}-{suffix}{}", handler.suffix(&resource.properties));
    if matches!(kind.as_str(), "AWS::S3::Bucket" | "AWS::Glue::Database" | "AWS::Glue::Table") {
        name.to_lowercase()
    } else {
        name
    }
}

fn outputs(template: &Template, scope: &Scope<'_>) -> Result<Vec<Output>, Error> {
    let mut outputs = Vec::new();
    for (key, declared) in &template.outputs {
        if !scope.holds(declared.get("Condition").and_then(Value::as_str))? {
            continue;
        }
        let written =
            declared.get("Value").ok_or_else(|| Error::template(format!("output has no Value. key=`{key}`")))?;
        let Some(value) = scope.resolve(written)? else { continue };
        let export = match declared.pointer("/Export/Name") {
            Some(name) => scope.resolve(name)?.as_ref().map(crate::parameters::text),
            None => None,
        };
        outputs.push(Output {
            key: key.clone(),
            value: crate::parameters::text(&value),
            description: declared.get("Description").and_then(Value::as_str).map(str::to_owned),
            export,
        });
    }
    Ok(outputs)
}
