//! A datastore in a database of its own.

use std::sync::Arc;

use bytes::Bytes;
use datastore::{Caller, Create, Datastores, Store, Version};
use event::ManualClock;
use fhir::definitions::{Definitions, TypeNumber};
use serde_json::Value;

pub const NOW_MS: i64 = 1_700_000_000_000;

/// A datastore, its clock and its folder, which is removed at the end.
pub struct Place {
    pub store: Store,
    pub stores: Datastores,
    pub clock: Arc<ManualClock>,
    pub state: state::State,
    _folder: tempfile::TempDir,
}

impl Place {
    pub async fn new() -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        let url = folder.path().join("state.db").display().to_string();
        let state = state::State::open(&state::Settings::new(url)).expect("a database");
        let clock = Arc::new(ManualClock::at(NOW_MS));
        let stores = Datastores::open(state.clone(), clock.clone()).expect("datastores");
        let created = stores.create(Create { settings: "{}".into(), tags: "{}".into(), ..Create::default() }).await;
        let store = stores.store(&created.expect("a datastore").id).await.expect("its data");
        Place { store, stores, clock, state, _folder: folder }
    }
}

pub fn caller() -> Caller {
    Caller::default()
}

pub fn kind(name: &str) -> TypeNumber {
    Definitions::r4().resource(name).expect("a resource type")
}

pub fn body(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

pub fn json(version: &Version) -> Value {
    serde_json::from_slice(version.body.as_ref().expect("a body")).expect("JSON")
}
