//! Properties that a resource type does not have: the resource fails before its service is asked for anything.

use serde_json::Value;

use super::Engine;
use crate::resources::handler;
use crate::store::{Resource, Stack};
use crate::{Declared, Error};

impl Engine {
    /// Lets a resource pass whose properties its type has; of another the stack's events say which one is refused.
    pub(super) async fn refuse(
        &self,
        stack: &Stack,
        id: &str,
        declared: &Declared,
        properties: &Value,
        current: Option<&Resource>,
    ) -> Result<(), Error> {
        // A rollback goes back to what was accepted once.
        if stack.status == "UPDATE_ROLLBACK_IN_PROGRESS" {
            return Ok(());
        }
        let refused = handler(&declared.kind).and_then(|handler| handler.properties().refused(id, properties));
        let Some(reason) = refused else { return Ok(()) };
        match current.filter(|row| !row.physical.is_empty()) {
            Some(row) => self.failed(stack, row.clone(), "UPDATE_FAILED", reason).await,
            None => {
                self.failed(stack, self.row(stack, id, declared, properties.clone()), "CREATE_FAILED", reason).await
            }
        }
    }
}
