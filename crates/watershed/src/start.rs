//! Opens everything behind the two URLs and puts the server's parts together.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use event::{Clock, ManualClock};
use object_store::ObjectStore;
use objects::{Location, Objects};
use server::{App, Identity};

use crate::catalog::DeclaredTables;
use crate::clock::SystemClock;
use crate::data::Credentials;
use crate::{functions, mappings, object_events, processors, registry};

/// Memory of all SQL queries together.
const QUERY_BYTES_MAX: usize = 512 << 20;

/// How often old stream records are looked for.
const TRIM_EVERY: Duration = Duration::from_secs(60);

/// How often messages and log events past their retention are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(30);

/// What `serve` was asked for.
pub struct Settings<'a> {
    pub data: &'a Path,
    pub state: &'a str,
    pub lake: &'a str,
    pub identity: Identity,
    pub credentials: Credentials,
    /// Where resources that are not ours are served.
    pub endpoints: remote::Endpoints,
    /// Time stands still until a test moves it.
    pub test_clock: bool,
    /// Where functions reach the server.
    pub home: &'a str,
}

/// Opens the state and the lake and builds the services on them.
///
/// # Errors
/// When one of them cannot be opened.
pub async fn open(settings: Settings<'_>) -> anyhow::Result<Arc<App>> {
    let Settings { data, state, lake, identity, credentials, endpoints, test_clock, home } = settings;
    let state = state::State::open(&state::Settings::new(state)).with_context(|| format!("--state {state}"))?;
    let objects = Objects::open(lake).with_context(|| format!("--lake {lake}"))?;
    // A store that cannot be reached is told now, not at the first delivery.
    objects.buckets().await.with_context(|| format!("--lake {lake} does not answer"))?;
    let signature_clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let test_clock = test_clock.then(|| Arc::new(ManualClock::at(signature_clock.now_ms())));
    let clock: Arc<dyn Clock> = match &test_clock {
        Some(clock) => clock.clone(),
        None => signature_clock.clone(),
    };
    let Identity { region, account } = identity.clone();
    let tables = table::Tables::open(state.clone(), clock.clone(), &region, &account)?;
    let logs = logs::Logs::open(state.clone(), clock.clone(), &region, &account)?;
    let datastores = datastore::Datastores::open(state.clone(), clock.clone())?;
    let imports = datastore::import::Imports::new(datastores.clone(), objects.clone());
    let smart = server::Smart::new(signature_clock.clone()).map_err(|error| anyhow::anyhow!(error))?;
    let queues = messaging::queue::Queues::open(state.clone(), clock.clone(), &region, &account)?;
    let catalog = lake::catalog::Catalog::open(state.clone())?;
    let query = query(data, &objects, catalog.clone())?;
    let encoders = Arc::new(lake::format::Formats { catalog: catalog.clone() });
    let processors = processors::Lambdas::new(signature_clock.clone(), identity.clone());
    let delivery = lake::Settings { processors: Arc::new(processors.clone()), ..lake::Settings::default() };
    let delivery =
        lake::DeliveryStreams::open(state.clone(), objects.clone(), clock.clone(), encoders, delivery).await?;
    let aws = remote::Aws::from_environment(&region, &account, endpoints).await;
    let buses = messaging::bus::Buses::open(state.clone(), clock.clone(), &region, &account)?;
    let schedules = messaging::schedule::Schedules::open(buses.clone())?;
    // Functions live in the machine's time: their deadlines and signatures are checked by others.
    let (time, log) = (signature_clock.clone(), logs.clone());
    let identities =
        identity::Identities::open(state.clone(), clock.clone(), &identity.account, &credentials.secret_access_key)?;
    let host = functions::Surroundings { logs: log, identities: identities.clone() };
    let functions = functions::open(state.clone(), time, host, &identity, data, home).await?;
    processors.bind(functions.clone());
    let registry = registry::registry(registry::Parts {
        aws,
        tables: tables.clone(),
        datastores: datastores.clone(),
        delivery: delivery.clone(),
        logs: logs.clone(),
        queues: queues.clone(),
        buses: buses.clone(),
        functions: functions.clone(),
        destinations: destination::Destinations::new(Arc::new(registry::ApiDestinations(buses.clone())))?,
    });
    functions.resume(registry.clone());
    let pipes =
        pipe::Pipes::open(state.clone(), registry.clone(), clock.clone(), pipe::Settings::new(&region, &account))?;
    let services = Arc::new(server::Services::default());
    let s3_state = state.clone();
    let stacks = stack::Engine::new(state, services.clone(), clock.clone(), stack::Environment { account, region })?;
    let keys = &credentials;
    let keys = server::signature::Keys::new(&keys.access_key_id, &keys.secret_access_key, identities.clone());
    let s3 = s3::Settings { region: identity.region.clone(), account: identity.account.clone() };
    let s3 = s3::Endpoint::open(
        objects.clone(),
        s3_state,
        clock.clone(),
        s3,
        Arc::new(keys.clone()),
        object_events::emit(buses.clone()),
    )
    .await?;
    let app = Arc::new(App {
        identity,
        keys,
        clock,
        signature_clock,
        test_clock,
        objects,
        query,
        stacks,
        tables,
        pipes,
        datastores,
        imports,
        smart,
        delivery,
        logs,
        queues: queues.clone(),
        buses,
        schedules,
        functions,
        identities,
        s3,
        catalog,
    });
    services.bind(&app);
    let operations = Arc::new(server::Operations::default());
    operations.bind(&app);
    app.buses.start(registry, Some(queues), Some(operations)).await?;
    app.pipes.resume().await?;
    app.stacks.resume().await?;
    app.queues.resume().await?;
    app.imports.resume().await?;
    // What a killed server wrote is noted, and not yet in the log.
    app.datastores.audit().flush().await?;
    tokio::spawn(mappings::follow(app.functions.clone(), app.pipes.clone()));
    tokio::spawn(trim(app.tables.clone()));
    tokio::spawn(sweep(app.queues.clone(), app.logs.clone()));
    Ok(app)
}

/// Removes stream records that are older than their retention, as long as the server runs.
async fn trim(tables: table::Tables) {
    let mut ticks = tokio::time::interval(TRIM_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = tables.trim().await {
            tracing::error!(%error, "old stream records were not removed");
        }
    }
}

/// Frees the space of messages and log events that are gone, as long as the server runs.
async fn sweep(queues: messaging::queue::Queues, logs: logs::Logs) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = queues.sweep().await {
            tracing::error!(%error, "old messages were not removed");
        }
        if let Err(error) = logs.sweep().await {
            tracing::error!(%error, "old log events were not removed");
        }
    }
}

/// Ends what runs beside requests. What is not finished goes on from its durable position at the next start.
pub async fn close(app: &App) {
    app.pipes.shutdown().await;
    app.functions.close().await;
    if let Err(error) = app.datastores.audit().flush().await {
        tracing::error!(%error, "the end of the audit log could not be written");
    }
    if let Err(error) = app.delivery.flush(None).await {
        tracing::warn!(%error, "buffers were not delivered; they are read again at the next start");
    }
}

fn query(data: &Path, objects: &Objects, catalog: lake::catalog::Catalog) -> anyhow::Result<query::Engine> {
    let store: Arc<dyn ObjectStore> = match objects.location() {
        Location::Directory(dir) => Arc::new(object_store::local::LocalFileSystem::new_with_prefix(dir)?),
        Location::Store { store, prefix } => Arc::new(object_store::prefix::PrefixStore::new(store, prefix)),
    };
    let spill_dir = data.join("spill");
    std::fs::create_dir_all(&spill_dir).with_context(|| format!("cannot create {}", spill_dir.display()))?;
    let partitions = std::thread::available_parallelism().map_or(2, usize::from);
    let settings = query::Settings { memory_bytes_max: QUERY_BYTES_MAX, spill_dir, partitions };
    Ok(query::Engine::new(store, Arc::new(DeclaredTables(catalog)), &settings)?)
}
