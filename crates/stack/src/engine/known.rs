//! What is known of a stack's resources while it is deployed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::Lookup;
use crate::store::Resource;

/// Resources made so far, and the exports of other stacks.
#[derive(Default)]
pub(super) struct Known {
    pub resources: BTreeMap<String, Resource>,
    pub exports: BTreeMap<String, String>,
}

impl Lookup for Known {
    fn reference(&self, id: &str) -> Option<Value> {
        self.resources.get(id).map(|resource| json!(resource.reference))
    }

    fn attribute(&self, id: &str, attribute: &str) -> Option<Value> {
        self.resources.get(id)?.attributes.get(attribute).cloned()
    }

    fn import(&self, name: &str) -> Option<Value> {
        self.exports.get(name).map(|value| json!(value))
    }
}
