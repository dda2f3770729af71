//! Opens everything behind the two URLs and puts the server's parts together.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use object_store::ObjectStore;
use objects::{Location, Objects};
use server::{App, Identity};

use crate::clock::SystemClock;
use crate::data::Credentials;

/// Memory of all SQL queries together.
const QUERY_BYTES_MAX: usize = 512 << 20;

/// What `serve` was asked for.
pub struct Settings<'a> {
    pub data: &'a Path,
    pub state: &'a str,
    pub lake: &'a str,
    pub identity: Identity,
    pub credentials: Credentials,
}

/// Opens the state and the lake and builds the services on them.
///
/// # Errors
/// When one of them cannot be opened.
pub async fn open(settings: Settings<'_>) -> anyhow::Result<Arc<App>> {
    let Settings { data, state, lake, identity, credentials } = settings;
    let state = state::State::open(&state::Settings::new(state)).with_context(|| format!("--state {state}"))?;
    let objects = Objects::open(lake).with_context(|| format!("--lake {lake}"))?;
    let query = query(data, &objects)?;
    let clock = Arc::new(SystemClock);
    let services = Arc::new(server::Services::default());
    let place = stack::Environment { account: identity.account.clone(), region: identity.region.clone() };
    let stacks = stack::Engine::new(state.clone(), services.clone(), clock.clone(), place)?;
    let app = Arc::new(App {
        identity,
        keys: server::signature::Keys::single(credentials.access_key_id, credentials.secret_access_key),
        clock,
        objects,
        query,
        stacks,
    });
    services.bind(&app);
    app.stacks.resume().await?;
    Ok(app)
}

/// Ends what runs beside requests. What is not finished goes on from its durable position at the next start.
pub async fn close(_app: &App) {}

fn query(data: &Path, objects: &Objects) -> anyhow::Result<query::Engine> {
    let store: Arc<dyn ObjectStore> = match objects.location() {
        Location::Directory(dir) => Arc::new(object_store::local::LocalFileSystem::new_with_prefix(dir)?),
        Location::Store { store, prefix } => Arc::new(object_store::prefix::PrefixStore::new(store, prefix)),
    };
    let spill_dir = data.join("spill");
    std::fs::create_dir_all(&spill_dir).with_context(|| format!("cannot create {}", spill_dir.display()))?;
    let partitions = std::thread::available_parallelism().map_or(2, usize::from);
    let settings = query::Settings { memory_bytes_max: QUERY_BYTES_MAX, spill_dir, partitions };
    Ok(query::Engine::new(store, Arc::new(query::NoCatalog), &settings)?)
}
