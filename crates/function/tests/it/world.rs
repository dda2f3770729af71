//! An engine on a fresh state, with a log that is kept in memory and a target that records what it gets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use event::{Arn, Batch, Clock, Error, Factory, Receipt, Record, Registry, Target};
use function::{Change, Code, Configuration, Create, Credentials, Functions, Host, Invocation, Outcome, Settings};
use serde_json::{Value, json};

pub const ROLE: &str = "arn:aws:iam::000000000000:role/r";

struct RealClock;

impl Clock for RealClock {
    fn now_ms(&self) -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        i64::try_from(since.as_millis()).unwrap()
    }
}

#[derive(Default)]
pub struct Memory {
    pub log: Mutex<Vec<(String, String, String)>>,
    pub taken: Mutex<Vec<Value>>,
}

#[async_trait]
impl Host for Memory {
    async fn credentials(&self, role: &str, _function: &str) -> Result<Credentials, Error> {
        Ok(Credentials {
            access_key_id: format!("key of {role}"),
            secret_access_key: "secret".into(),
            session_token: None,
        })
    }

    async fn log(&self, group: &str, stream: &str, lines: Vec<(i64, String)>) -> Result<(), Error> {
        let lines = lines.into_iter().map(|(_, line)| (group.to_owned(), stream.to_owned(), line));
        self.log.lock().unwrap().extend(lines);
        Ok(())
    }
}

struct Recorder(Arc<Memory>);

#[async_trait]
impl Target for Recorder {
    fn batch_records_max(&self) -> usize {
        10
    }

    async fn deliver(&self, batch: Batch) -> Result<Receipt, Error> {
        let values = batch.records.iter().map(|record: &Record| serde_json::from_slice(&record.data).unwrap());
        self.0.taken.lock().unwrap().extend(values);
        Ok(Receipt::Delivered(Vec::new()))
    }
}

struct Recorders(Arc<Memory>);

#[async_trait]
impl Factory<dyn Target> for Recorders {
    fn accepts(&self, arn: &Arn) -> bool {
        arn.service == "sqs"
    }

    async fn open(&self, _arn: &Arn, _parameters: &Value) -> Result<Arc<dyn Target>, Error> {
        Ok(Arc::new(Recorder(self.0.clone())))
    }
}

pub struct World {
    pub functions: Functions,
    pub memory: Arc<Memory>,
    _dir: tempfile::TempDir,
}

impl World {
    pub async fn new() -> World {
        World::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Settings)) -> World {
        let dir = tempfile::tempdir().unwrap();
        let state = state::State::open(&state::Settings::new(dir.path().join("state.db").to_string_lossy())).unwrap();
        let memory = Arc::new(Memory::default());
        // Beside the test's own program; built with it.
        let mut supervisor = std::env::current_exe().unwrap();
        supervisor.pop();
        supervisor.pop();
        let supervisor = vec![supervisor.join("examples/supervise").into_os_string()];
        let code = dir.path().join("code");
        let mut settings = Settings::new("us-east-1", "000000000000", "http://127.0.0.1:1", code, supervisor);
        settings.retry_delays = [Duration::from_millis(10), Duration::from_millis(20)];
        change(&mut settings);
        let functions = Functions::open(state, Arc::new(RealClock), memory.clone(), settings).await.unwrap();
        functions.resume(Registry::default().target(Recorders(memory.clone())));
        World { functions, memory, _dir: dir }
    }

    /// A function whose `bootstrap` is the test's Python program.
    pub async fn create(&self, name: &str, change: Value) -> Configuration {
        let mut members =
            json!({"Role": ROLE, "Runtime": "provided.al2023", "Handler": "bootstrap", "MemorySize": 256});
        members.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let create = Create {
            name: name.into(),
            code: Some(Code::Path(bootstrap())),
            change: serde_json::from_value::<Change>(members).unwrap(),
            architectures: None,
            publish: false,
            tags: BTreeMap::new(),
        };
        self.functions.create(create).await.unwrap()
    }

    pub async fn invoke(&self, name: &str, payload: Value) -> Outcome {
        let invocation = Invocation { tail: true, ..Invocation::of(payload.to_string()) };
        self.functions.invoke(name, None, invocation).await.unwrap()
    }
}

pub fn bootstrap() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/code/bootstrap.py")
}

pub fn value(payload: &Bytes) -> Value {
    serde_json::from_slice(payload).unwrap()
}

/// Waits for something that comes by itself.
pub async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Whether a process is there and no zombie.
pub fn is_alive(pid: u64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}
