//! The open database: one writer thread that groups commits, a pool of readers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use tokio::sync::{Semaphore, oneshot};

use crate::{Error, Read, Write, migrate, positions};

/// Jobs that may wait for the writer before [`State::write`] itself waits.
const QUEUE_JOBS_MAX: usize = 4096;
/// Closures in one commit: bounds how long a reader of the queue waits for its answer.
const GROUP_JOBS_MAX: usize = 1024;
/// Prepared statements kept per connection.
const STATEMENTS_MAX: usize = 256;

/// How to open the database.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A file path or `sqlite:PATH`.
    pub url: String,
    /// Concurrent snapshots.
    pub readers: usize,
}

impl Settings {
    pub fn new(url: impl Into<String>) -> Self {
        Settings { url: url.into(), readers: 4 }
    }
}

/// Answers the job's caller once the group is committed (or failed).
type Answer = Box<dyn FnOnce(Result<(), Error>) + Send>;
type Job = Box<dyn FnOnce(&Write<'_>) -> Answer + Send>;

/// The database behind `--state`. Cheap to clone; closed when the last clone is dropped.
#[derive(Clone)]
pub struct State {
    inner: Arc<Inner>,
}

struct Inner {
    jobs: Option<mpsc::SyncSender<Job>>,
    writer: Option<JoinHandle<()>>,
    readers: Mutex<Vec<rusqlite::Connection>>,
    permits: Semaphore,
}

impl State {
    /// Opens or creates the database.
    ///
    /// # Errors
    /// `Url` for other schemes, `Sqlite` when the file cannot be opened, `Newer` for a later schema.
    pub fn open(settings: &Settings) -> Result<State, Error> {
        let path = sqlite_path(&settings.url)?;
        let writer = connect(&path)?;
        let readers = (0..settings.readers.max(1)).map(|_| connect_reader(&path)).collect::<Result<Vec<_>, Error>>()?;
        let (jobs, queue) = mpsc::sync_channel(QUEUE_JOBS_MAX);
        let handle = std::thread::Builder::new()
            .name("state-writer".into())
            .spawn(move || write_loop(&writer, &queue))
            .map_err(|error| Error::Refused(format!("cannot start the writer thread: {error}")))?;
        let permits = Semaphore::new(readers.len());
        let state = State {
            inner: Arc::new(Inner { jobs: Some(jobs), writer: Some(handle), readers: Mutex::new(readers), permits }),
        };
        state.migrate("position", positions::MIGRATIONS)?;
        Ok(state)
    }

    /// Brings an area's schema up to date. Blocks; call it at start.
    ///
    /// # Errors
    /// `Newer` when the stored schema is ahead of `steps`.
    pub fn migrate(&self, area: &'static str, steps: &'static [&'static str]) -> Result<(), Error> {
        self.write_blocking(move |tx| migrate::migrate(tx, area, steps))
    }

    /// Runs a closure in a transaction of its own and answers when it is durable.
    ///
    /// Closures run one after another in the order they were handed in. One that fails leaves nothing behind; its
    /// neighbours in the same commit are not affected. Keep it short and without I/O: all writers wait for it.
    ///
    /// # Errors
    /// What the closure answers, or a failed commit.
    pub async fn write<T, E>(&self, run: impl FnOnce(&Write<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let mut job = Some(job(run, move |result| {
            // A caller that went away does not undo the commit.
            let _ = answer.send(result);
        }));
        let Some(jobs) = &self.inner.jobs else { return Err(Error::Closed.into()) };
        while let Some(next) = job.take() {
            match jobs.try_send(next) {
                Ok(()) => {}
                Err(mpsc::TrySendError::Full(back)) => {
                    job = Some(back);
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
                Err(mpsc::TrySendError::Disconnected(_)) => return Err(Error::Closed.into()),
            }
        }
        answered.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// [`State::write`] for threads outside the runtime.
    ///
    /// # Errors
    /// As [`State::write`].
    pub fn write_blocking<T, E>(&self, run: impl FnOnce(&Write<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (answer, answered) = mpsc::sync_channel(1);
        let job = job(run, move |result| {
            let _ = answer.send(result);
        });
        let sent = self.inner.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if !sent {
            return Err(Error::Closed.into());
        }
        answered.recv().unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// Runs a closure on a snapshot of what is committed.
    ///
    /// # Errors
    /// What the closure answers.
    pub async fn read<T, E>(&self, run: impl FnOnce(&Read<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let inner = self.inner.clone();
        let Ok(_permit) = self.inner.permits.acquire().await else { return Err(Error::Closed.into()) };
        tokio::task::spawn_blocking(move || inner.with_reader(run)).await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// [`State::read`] for threads outside the runtime; opens no more than one snapshot at a time.
    ///
    /// # Errors
    /// As [`State::read`].
    pub fn read_blocking<T, E: From<Error>>(&self, run: impl FnOnce(&Read<'_>) -> Result<T, E>) -> Result<T, E> {
        loop {
            match self.inner.permits.try_acquire() {
                Ok(_permit) => return self.inner.with_reader(run),
                Err(_) => std::thread::sleep(std::time::Duration::from_millis(1)),
            }
        }
    }
}

impl Inner {
    fn with_reader<T, E: From<Error>>(&self, run: impl FnOnce(&Read<'_>) -> Result<T, E>) -> Result<T, E> {
        let taken = self.readers.lock().map_err(|_| Error::Closed)?.pop();
        let Some(connection) = taken else { return Err(Error::Closed.into()) };
        // A closure that panics must not cost the pool a connection.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| snapshot(&connection, run)));
        if let Ok(mut readers) = self.readers.lock() {
            readers.push(connection);
        }
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Closing the queue lets the writer finish what was handed in.
        drop(self.jobs.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn snapshot<T, E: From<Error>>(
    connection: &rusqlite::Connection,
    run: impl FnOnce(&Read<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let transaction = connection.unchecked_transaction().map_err(Error::from)?;
    let result = run(&Read { connection });
    drop(transaction);
    result
}

fn job<T, E>(
    run: impl FnOnce(&Write<'_>) -> Result<T, E> + Send + 'static,
    answer: impl FnOnce(Result<T, E>) + Send + 'static,
) -> Job
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    Box::new(move |tx| {
        let result = savepoint(tx, run);
        Box::new(move |committed| {
            answer(match committed {
                Ok(()) => result,
                Err(error) => Err(error.into()),
            });
        })
    })
}

fn savepoint<T, E: From<Error>>(tx: &Write<'_>, run: impl FnOnce(&Write<'_>) -> Result<T, E>) -> Result<T, E> {
    tx.execute("SAVEPOINT job", &[])?;
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(tx)))
        .unwrap_or_else(|_| Err(Error::Refused("a write panicked".into()).into()));
    if result.is_err() {
        tx.execute("ROLLBACK TO job", &[])?;
    }
    tx.execute("RELEASE job", &[])?;
    result
}

fn write_loop(connection: &rusqlite::Connection, queue: &mpsc::Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let mut answers = Vec::new();
        let committed = commit_group(connection, first, queue, &mut answers);
        if let Err(error) = &committed {
            tracing::error!(%error, writes = answers.len(), "commit failed");
        }
        let failure = committed.err().map(|error| error.to_string());
        for answer in answers {
            answer(match &failure {
                None => Ok(()),
                Some(message) => Err(Error::Refused(format!("commit failed: {message}"))),
            });
        }
    }
}

fn commit_group(
    connection: &rusqlite::Connection,
    first: Job,
    queue: &mpsc::Receiver<Job>,
    answers: &mut Vec<Answer>,
) -> Result<(), Error> {
    // A job that is dropped here tells its caller that the state is closed; run outside a transaction it would leave
    // half an effect.
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let tx = Write { read: Read { connection } };
    answers.push(first(&tx));
    while answers.len() < GROUP_JOBS_MAX {
        let Ok(next) = queue.try_recv() else { break };
        answers.push(next(&tx));
    }
    connection.execute_batch("COMMIT").map_err(|error| {
        let _ = connection.execute_batch("ROLLBACK");
        error.into()
    })
}

fn sqlite_path(url: &str) -> Result<PathBuf, Error> {
    let path = match url.split_once(':') {
        Some(("sqlite", path)) => path.strip_prefix("//").unwrap_or(path),
        Some((scheme, rest)) if rest.starts_with("//") && scheme.len() > 1 => return Err(Error::Url(url.into())),
        _ => url,
    };
    // SQLite would open a private database per connection.
    if path.is_empty() || path == ":memory:" { Err(Error::Url(url.into())) } else { Ok(PathBuf::from(path)) }
}

fn connect(path: &Path) -> Result<rusqlite::Connection, Error> {
    let connection = rusqlite::Connection::open(path)?;
    // WAL with FULL: a commit that was answered survives a power cut; readers never block the writer.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA busy_timeout = 5000; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;
         PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;",
    )?;
    // Otherwise a statement is prepared anew whenever a bound LIMIT changes: a third of a search's time.
    connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

fn connect_reader(path: &Path) -> Result<rusqlite::Connection, Error> {
    let connection = connect(path)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -8192;")?;
    Ok(connection)
}
