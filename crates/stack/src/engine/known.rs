//! What is known of a stack's resources while it is deployed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::Lookup;
use crate::store::Resource;

/// Resources made so far, and the exports of other stacks.
#[derive(Default)]
pub(super) struct Known {
    pub resources: BTreeMap<String, Resource>,
    pub exports: BTreeMap<String, String>,
    /// Exports that were asked for.
    imported: Mutex<BTreeSet<String>>,
}

impl Known {
    pub fn new(resources: BTreeMap<String, Resource>, exports: BTreeMap<String, String>) -> Self {
        Known { resources, exports, imported: Mutex::default() }
    }

    /// The exports that were asked for until now.
    pub fn imported(&self) -> BTreeSet<String> {
        self.imported.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Lookup for Known {
    fn reference(&self, id: &str) -> Option<Value> {
        self.resources.get(id).map(|resource| json!(resource.reference))
    }

    fn attribute(&self, id: &str, attribute: &str) -> Option<Value> {
        self.resources.get(id)?.attributes.get(attribute).cloned()
    }

    fn import(&self, name: &str) -> Option<Value> {
        let value = self.exports.get(name)?;
        self.imported.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        Some(json!(value))
    }
}
