//! The engine: what all operations share, and how a function is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use event::{Clock, Registry};
use serde::{Deserialize, Serialize};
use state::{State, params};
use tokio::sync::Notify;

use crate::asynchronous::EventInvokeConfig;
use crate::configuration::Configuration;
use crate::mappings::Mapping;
use crate::package::{Package, Packages};
use crate::permissions::Policy;
use crate::pool::Pool;
use crate::versions::Alias;
use crate::worker::output::LogWriter;
use crate::{Error, name};

const MIGRATIONS: &[&str] = &["CREATE TABLE function (name TEXT NOT NULL PRIMARY KEY, document TEXT NOT NULL);
    CREATE TABLE function_code (sha256 TEXT NOT NULL PRIMARY KEY, zip BLOB NOT NULL);
    CREATE TABLE function_source (name TEXT NOT NULL PRIMARY KEY, path TEXT NOT NULL);
    CREATE TABLE function_mapping (uuid TEXT NOT NULL PRIMARY KEY, document TEXT NOT NULL);
    CREATE TABLE function_event (
        id TEXT NOT NULL PRIMARY KEY, function TEXT NOT NULL, qualifier TEXT, payload BLOB NOT NULL, context TEXT,
        accepted_ms BIGINT NOT NULL, attempts BIGINT NOT NULL, next_ms BIGINT NOT NULL);
    CREATE INDEX function_event_next ON function_event (next_ms);"];

/// Plain data the binary decides.
#[derive(Clone, Debug)]
pub struct Settings {
    pub region: String,
    pub account: String,
    /// Where workers find this server, such as `http://127.0.0.1:4566`.
    pub endpoint: String,
    /// Where code is unpacked: a cache that is emptied at every start. The user of [`Settings::run_as`] must get there.
    pub directory: PathBuf,
    /// The program and first arguments that run [`crate::supervise::run`].
    pub supervisor: Vec<OsString>,
    /// The user and group of workers; `None`: the server's own.
    pub run_as: Option<(u32, u32)>,
    /// `PATH` of workers, in which interpreters are looked for.
    pub path: String,
    /// Invocations at once of all functions (1,000).
    pub concurrency: u32,
    /// Processes kept without work (64).
    pub idle_max: usize,
    /// How long a process is kept without work (10 minutes).
    pub idle_time: Duration,
    /// How long an initialisation may take (10 s).
    pub init_time: Duration,
    /// Before the second and the third try of an asynchronous invocation (1 and 2 minutes).
    pub retry_delays: [Duration; 2],
    /// Bytes of all code (75 GB).
    pub code_bytes_max: u64,
}

impl Settings {
    /// The service's own limits.
    pub fn new(region: &str, account: &str, endpoint: &str, directory: PathBuf, supervisor: Vec<OsString>) -> Settings {
        Settings {
            region: region.into(),
            account: account.into(),
            endpoint: endpoint.into(),
            directory,
            supervisor,
            run_as: None,
            path: "/usr/local/bin:/usr/bin:/bin".into(),
            concurrency: 1000,
            idle_max: 64,
            idle_time: Duration::from_secs(600),
            init_time: Duration::from_secs(10),
            retry_delays: [Duration::from_secs(60), Duration::from_secs(120)],
            code_bytes_max: 75 << 30,
        }
    }
}

/// What a function signs its own calls with.
#[derive(Clone)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
}

/// What the engine needs of its surroundings.
#[async_trait]
pub trait Host: Send + Sync {
    /// Credentials scoped to a role, for a new worker of a function; good for two days.
    async fn credentials(&self, role: &str, function: &str) -> Result<Credentials, event::Error>;

    /// Adds lines (time in milliseconds, text) to a log stream, which is made when it is missing.
    async fn log(&self, group: &str, stream: &str, lines: Vec<(i64, String)>) -> Result<(), event::Error>;
}

/// A function: `$LATEST`, what was published of it, and what is said about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Function {
    pub latest: Configuration,
    pub versions: BTreeMap<u64, Configuration>,
    pub next_version: u64,
    pub aliases: BTreeMap<String, Alias>,
    /// By qualifier; the function's own under the empty one.
    pub policies: BTreeMap<String, Policy>,
    pub event_invoke: BTreeMap<String, EventInvokeConfig>,
    pub reserved: Option<u32>,
    pub tags: BTreeMap<String, String>,
}

impl Function {
    fn codes(&self) -> BTreeSet<&str> {
        let versions = self.versions.values().chain([&self.latest]);
        versions.map(|version| version.code_sha256.as_str()).filter(|sha256| !sha256.is_empty()).collect()
    }
}

pub(crate) struct Inner {
    pub state: State,
    pub clock: Arc<dyn Clock>,
    pub settings: Settings,
    pub host: Arc<dyn Host>,
    /// As in the state; replaced as a whole after each commit.
    pub catalog: RwLock<BTreeMap<String, Arc<Function>>>,
    pub mappings: RwLock<BTreeMap<String, Arc<Mapping>>>,
    /// Told when a mapping is made, changed or removed.
    pub mappings_changed: Notify,
    /// Changes run one after another.
    pub changing: Arc<tokio::sync::Mutex<()>>,
    /// Concurrency that is reserved by all functions together.
    pub reserved: AtomicU32,
    pub packages: Packages,
    pub pool: Pool,
    pub logs: LogWriter,
    pub registry: OnceLock<Registry>,
    /// Told when an asynchronous invocation is waiting.
    pub queued: Arc<Notify>,
}

/// All functions of this program. Cheap to clone.
#[derive(Clone)]
pub struct Functions {
    pub(crate) inner: Arc<Inner>,
}

impl Functions {
    /// Opens the functions in `state` and starts what runs beside requests. Must be called inside a runtime.
    ///
    /// # Errors
    /// When the state fails or the directory cannot be made.
    pub async fn open(
        state: State,
        clock: Arc<dyn Clock>,
        host: Arc<dyn Host>,
        settings: Settings,
    ) -> Result<Functions, Error> {
        state.migrate("function", MIGRATIONS)?;
        let packages = Packages::open(state.clone(), settings.directory.clone()).await?;
        let catalog: BTreeMap<String, Arc<Function>> = load(&state, "SELECT name, document FROM function").await?;
        let mappings = load(&state, "SELECT uuid, document FROM function_mapping").await?;
        let functions = Functions {
            inner: Arc::new(Inner {
                reserved: AtomicU32::new(sum_reserved(&catalog)),
                catalog: RwLock::new(catalog),
                mappings: RwLock::new(mappings),
                mappings_changed: Notify::new(),
                changing: Arc::default(),
                packages,
                pool: Pool::new(settings.idle_max),
                logs: LogWriter::start(host.clone()),
                registry: OnceLock::new(),
                queued: Arc::default(),
                state,
                clock,
                settings,
                host,
            }),
        };
        tokio::spawn(crate::pool::reap(Arc::downgrade(&functions.inner)));
        Ok(functions)
    }

    /// Hands over where destinations and dead-letter targets are opened, and starts asynchronous invocations.
    pub fn resume(&self, registry: Registry) {
        if self.inner.registry.set(registry).is_ok() {
            tokio::spawn(crate::asynchronous::dispatch(Arc::downgrade(&self.inner)));
        }
    }

    /// Ends all idle workers and writes what they logged.
    pub async fn close(&self) {
        self.inner.pool.clear();
        self.inner.logs.flush().await;
    }

    pub(crate) fn function(&self, name: &str) -> Result<Arc<Function>, Error> {
        let catalog = self.inner.catalog.read().unwrap_or_else(PoisonError::into_inner);
        catalog.get(name).cloned().ok_or_else(|| self.not_found(name, None))
    }

    /// Changes a function; nothing is changed when `edit` refuses.
    pub(crate) async fn change<T>(
        &self,
        name: &str,
        edit: impl FnOnce(&mut Function) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let one = self.inner.changing.clone().lock_owned().await;
        let mut function = Function::clone(&*self.function(name)?);
        let answer = edit(&mut function)?;
        self.store(one, name.to_owned(), Some(function), None).await?;
        Ok(answer)
    }

    /// Commits a function (or its end) with new code, and shows it to readers. Goes on when the caller does not wait.
    pub(crate) async fn store(
        &self,
        one: tokio::sync::OwnedMutexGuard<()>,
        name: String,
        function: Option<Function>,
        package: Option<Package>,
    ) -> Result<(), Error> {
        let engine = self.clone();
        let done = tokio::spawn(async move {
            let _one = one;
            let forgotten = engine.forgotten(&name, function.as_ref());
            let document = match &function {
                None => None,
                Some(function) => Some(serde_json::to_string(function).map_err(|_| Error::Corrupt(name.clone()))?),
            };
            let (row, bytes_max) = (name.clone(), engine.inner.settings.code_bytes_max);
            engine.inner.state.write(move |tx| write(tx, &row, document, package, &forgotten, bytes_max)).await?;
            let mut catalog = engine.inner.catalog.write().unwrap_or_else(PoisonError::into_inner);
            match function {
                Some(function) => catalog.insert(name, Arc::new(function)),
                None => catalog.remove(&name),
            };
            engine.inner.reserved.store(sum_reserved(&catalog), Ordering::Relaxed);
            Ok(())
        });
        done.await.unwrap_or_else(|_| Err(Error::Host("a change of a function was aborted".into())))
    }

    /// Code that only the old form of a function uses.
    fn forgotten(&self, name: &str, new: Option<&Function>) -> Vec<String> {
        let catalog = self.inner.catalog.read().unwrap_or_else(PoisonError::into_inner);
        let Some(old) = catalog.get(name) else { return Vec::new() };
        let others = catalog.iter().filter(|(other, _)| *other != name).map(|(_, function)| &**function);
        let kept: BTreeSet<&str> = others.chain(new).flat_map(Function::codes).collect();
        old.codes().difference(&kept).map(|sha256| (*sha256).to_owned()).collect()
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.inner.clock.now_ms()
    }
}

fn write(
    tx: &state::Write<'_>,
    name: &str,
    document: Option<String>,
    package: Option<Package>,
    forgotten: &[String],
    bytes_max: u64,
) -> Result<(), Error> {
    if let Some(package) = package {
        tx.execute(
            "INSERT INTO function_code (sha256, zip) VALUES (?1, ?2) ON CONFLICT (sha256) DO NOTHING",
            params![&package.sha256, package.zip.as_ref()],
        )?;
    }
    for sha256 in forgotten {
        tx.execute("DELETE FROM function_code WHERE sha256 = ?1", params![sha256])?;
    }
    let sum = tx.first("SELECT COALESCE(SUM(LENGTH(zip)), 0) FROM function_code", &[], |row| row.int(0))?;
    if sum.unwrap_or(0).unsigned_abs() > bytes_max {
        return Err(Error::CodeStorage("Code storage limit exceeded.".into()));
    }
    match document {
        Some(document) => tx.execute(
            "INSERT INTO function (name, document) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET document = ?2",
            params![name, &document],
        )?,
        None => {
            tx.execute("DELETE FROM function_event WHERE function = ?1", params![name])?;
            tx.execute("DELETE FROM function WHERE name = ?1", params![name])?
        }
    };
    Ok(())
}

async fn load<T: serde::de::DeserializeOwned + Send + Sync + 'static>(
    state: &State,
    sql: &'static str,
) -> Result<BTreeMap<String, Arc<T>>, Error> {
    let rows = state
        .read(move |tx| {
            tx.all(sql, &[], |row| {
                let name = row.text(0)?.to_owned();
                let document = serde_json::from_str(row.text(1)?).map_err(|_| Error::Corrupt(name.clone()))?;
                Ok::<_, Error>((name, Arc::new(document)))
            })
        })
        .await?;
    Ok(rows.into_iter().collect())
}

fn sum_reserved(catalog: &BTreeMap<String, Arc<Function>>) -> u32 {
    catalog.values().filter_map(|function| function.reserved).fold(0, u32::saturating_add)
}

/// ISO 8601 with milliseconds and `+0000`, as the service writes it.
pub(crate) fn modified(now_ms: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(now_ms).unwrap_or_default();
    time.format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()
}

/// A new revision id.
pub(crate) fn revision() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Refuses a change of another revision than the caller saw.
pub(crate) fn check_revision(given: Option<&str>, current: &str) -> Result<(), Error> {
    match given {
        Some(given) if given != current => Err(Error::Precondition(
            "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id".into(),
        )),
        _ => Ok(()),
    }
}

impl Function {
    /// The configuration a qualifier stands for; an alias is routed by `random` in `[0, 1)`.
    pub(crate) fn resolve(&self, qualifier: Option<&str>, random: impl FnOnce() -> f64) -> Option<&Configuration> {
        match qualifier {
            None | Some(name::LATEST) => Some(&self.latest),
            Some(qualifier) => match qualifier.parse::<u64>() {
                Ok(number) => self.versions.get(&number),
                Err(_) => self.version(self.aliases.get(qualifier)?.route(random())),
            },
        }
    }

    /// A version by its text.
    pub(crate) fn version(&self, version: &str) -> Option<&Configuration> {
        match version {
            name::LATEST => Some(&self.latest),
            number => self.versions.get(&number.parse().ok()?),
        }
    }
}
