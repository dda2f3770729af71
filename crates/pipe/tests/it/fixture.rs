//! A source and targets whose every behaviour a test decides.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use event::{
    Arn, Batch, Clock, Cursor, Error, Failure, Kind, ManualClock, Page, Receipt, Record, Sequence, Shard, Source,
    Start, Target,
};
use pipe::{GapPolicy, Pipes, Settings};
use serde_json::{Value, json};
use state::State;
use tokio::sync::Notify;

pub const SOURCE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/T/stream/1";
pub const TARGET: &str = "arn:aws:firehose:us-east-1:000000000000:deliverystream/d";
pub const DEAD: &str = "arn:aws:sqs:us-east-1:000000000000:dead";

/// Shards in memory, in order of creation.
#[derive(Default)]
pub struct Stream {
    pub shards: Mutex<Vec<StreamShard>>,
    changed: Notify,
    /// Cursors given out before this many reads are expired once.
    pub expire_next: AtomicBool,
    /// A shard that is still listed but can no longer be read.
    pub aged_out: Mutex<Option<String>>,
}

pub struct StreamShard {
    pub id: &'static str,
    pub parent: Option<&'static str>,
    pub records: Vec<Record>,
    pub closed: bool,
    pub trimmed_through: Sequence,
}

impl Stream {
    pub fn shard(&self, id: &'static str, parent: Option<&'static str>) {
        let shard = StreamShard { id, parent, records: Vec::new(), closed: false, trimmed_through: Sequence::ZERO };
        self.shards.lock().unwrap().push(shard);
    }

    /// Adds a change of key `key` with a running number `n`, which is also its sequence.
    pub fn put(&self, shard: &str, key: u64, n: u64, at_ms: i64) {
        let record = Record {
            data: json!({"eventName": if n % 10 == 9 { "REMOVE" } else { "INSERT" }, "key": key, "n": n})
                .to_string()
                .into(),
            sequence: n.into(),
            at_ms,
            key_hash: key,
            untemplated: None,
            id: format!("{shard}-{n}").into(),
        };
        self.with(shard, |shard| shard.records.push(record));
        self.changed.notify_waiters();
    }

    pub fn with<T>(&self, id: &str, change: impl FnOnce(&mut StreamShard) -> T) -> T {
        let mut shards = self.shards.lock().unwrap();
        change(shards.iter_mut().find(|shard| shard.id == id).unwrap())
    }

    pub fn close(&self, id: &str) {
        self.with(id, |shard| shard.closed = true);
        self.changed.notify_waiters();
    }

    pub fn trim(&self, id: &str, through: u64) {
        self.with(id, |shard| {
            shard.trimmed_through = through.into();
            shard.records.retain(|record| record.sequence > through.into());
        });
    }
}

#[async_trait]
impl Source for Stream {
    async fn shards(&self) -> Result<Vec<Shard>, Error> {
        let shards = self.shards.lock().unwrap();
        Ok(shards.iter().map(|s| Shard { id: s.id.into(), parent: s.parent.map(Into::into) }).collect())
    }

    async fn open(&self, shard: &str, start: Start) -> Result<Cursor, Error> {
        if self.aged_out.lock().unwrap().as_deref() == Some(shard) {
            return Err(Error::new(Kind::NotFound, "shard not found"));
        }
        self.with(shard, |shard| {
            let after = match start {
                Start::TrimHorizon => shard.trimmed_through,
                Start::Latest => panic!("a pipe must not open at LATEST: a crash would skip records"),
                Start::After(sequence) if sequence < shard.trimmed_through => {
                    return Err(Error::new(Kind::Trimmed, "trimmed"));
                }
                Start::After(sequence) => sequence,
                Start::AtTimestamp(at_ms) => {
                    let before = shard.records.iter().take_while(|record| record.at_ms < at_ms).last();
                    before.map_or(shard.trimmed_through, |record| record.sequence)
                }
            };
            Ok(Cursor(format!("{}/{after}", shard.id)))
        })
    }

    async fn read(&self, cursor: &Cursor, limit: usize) -> Result<Page, Error> {
        if self.expire_next.swap(false, Ordering::SeqCst) {
            return Err(Error::new(Kind::Expired, "expired"));
        }
        let (id, after) = cursor.0.split_once('/').unwrap();
        let after: Sequence = after.parse().unwrap();
        self.with(id, |shard| {
            if after < shard.trimmed_through {
                return Err(Error::new(Kind::Trimmed, "trimmed"));
            }
            let behind = || shard.records.iter().filter(|record| record.sequence > after);
            let records: Vec<Record> = behind().take(limit.min(7)).cloned().collect();
            let last = records.last().map_or(after, |record| record.sequence);
            let next = (!shard.closed || behind().count() > records.len()).then(|| Cursor(format!("{id}/{last}")));
            Ok(Page { records, next })
        })
    }

    async fn wait(&self) {
        let _ = tokio::time::timeout(Duration::from_millis(5), self.changed.notified()).await;
    }
}

/// Keeps what it gets; fails as told.
pub struct Sink {
    state: State,
    /// Whether the effect and the position are one transaction here.
    pub owned: bool,
    pub got: Mutex<Vec<(String, String, Sequence)>>,
    pub calls: AtomicUsize,
    pub fail_calls: AtomicUsize,
    pub poison: Mutex<Option<(u64, bool)>>,
    pub halt: AtomicBool,
    /// Refuses every record for good.
    pub refuse: AtomicBool,
    changed: Notify,
}

impl Sink {
    fn new(state: State, owned: bool) -> Arc<Sink> {
        Arc::new(Sink {
            state,
            owned,
            got: Mutex::default(),
            calls: AtomicUsize::default(),
            fail_calls: AtomicUsize::default(),
            poison: Mutex::default(),
            halt: AtomicBool::default(),
            refuse: AtomicBool::default(),
            changed: Notify::new(),
        })
    }

    /// Waits until `count` records are there and answers them as (shard, payload).
    pub async fn wait_for(&self, count: usize) -> Vec<(String, String)> {
        let arrive = async {
            loop {
                let changed = self.changed.notified();
                if self.got.lock().unwrap().len() >= count {
                    return;
                }
                changed.await;
            }
        };
        let arrived = tokio::time::timeout(Duration::from_secs(30), arrive).await;
        let got = self.got.lock().unwrap();
        assert!(arrived.is_ok(), "{} of {count} arrived", got.len());
        got.iter().map(|(shard, data, _)| (shard.clone(), data.clone())).collect()
    }
}

/// Shares one sink between the workers of one test.
pub struct Shared(pub Arc<Sink>);

#[async_trait]
impl Target for Shared {
    fn batch_records_max(&self) -> usize {
        500
    }

    fn owns_positions(&self) -> bool {
        self.0.owned
    }

    async fn send(&self, records: Vec<Record>) -> Result<Vec<Failure>, Error> {
        assert!(self.0.owned, "others are handed batches");
        self.0.got.lock().unwrap().extend(
            records
                .iter()
                .map(|record| (String::new(), String::from_utf8(record.data.to_vec()).unwrap(), record.sequence)),
        );
        self.0.changed.notify_waiters();
        Ok(Vec::new())
    }

    async fn deliver(&self, batch: Batch) -> Result<Receipt, Error> {
        let sink = &self.0;
        sink.calls.fetch_add(1, Ordering::SeqCst);
        if sink.halt.load(Ordering::SeqCst) {
            return Err(Error::new(Kind::Denied, "not allowed"));
        }
        if sink.refuse.load(Ordering::SeqCst) {
            let failure =
                |index| Failure { index, code: "TooLong".into(), message: "too long".into(), retryable: false };
            return Ok(Receipt::Delivered((0..batch.records.len()).map(failure).collect()));
        }
        let poison = *sink.poison.lock().unwrap();
        let is_poison = |record: &Record| poison.is_some_and(|(n, _)| record.sequence == n.into());
        if poison.is_some_and(|(_, whole)| whole) && batch.records.iter().any(is_poison) {
            return Err(Error::new(Kind::Unavailable, "poison"));
        }
        let left = sink.fail_calls.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if left.is_ok() {
            return Err(Error::new(Kind::Throttled, "slow down"));
        }
        let mut failures = Vec::new();
        if sink.owned {
            let (consumer, shard, at) = (batch.consumer.clone(), batch.shard.clone(), batch.through.padded());
            let moved = sink.state.write(move |tx| state::positions::advance(tx, &consumer, &shard, &at)).await;
            moved.map_err(|error| Error::new(Kind::Unavailable, "state").with_source(error))?;
        }
        {
            let mut got = sink.got.lock().unwrap();
            for (index, record) in batch.records.iter().enumerate() {
                if is_poison(record) {
                    let (code, message) = ("Poison".into(), "poison".into());
                    failures.push(Failure { index, code, message, retryable: true });
                    continue;
                }
                let data = String::from_utf8(record.data.to_vec()).unwrap();
                got.push((batch.shard.to_string(), data, record.sequence));
            }
        }
        sink.changed.notify_waiters();
        Ok(if sink.owned { Receipt::Owned } else { Receipt::Delivered(failures) })
    }
}

struct Sources(Arc<Stream>);
struct Targets(Arc<Sink>, &'static str);

/// The stream under another name, as a factory must answer a new object.
struct View(Arc<Stream>);

#[async_trait]
impl Source for View {
    async fn shards(&self) -> Result<Vec<Shard>, Error> {
        self.0.shards().await
    }
    async fn open(&self, shard: &str, start: Start) -> Result<Cursor, Error> {
        self.0.open(shard, start).await
    }
    async fn read(&self, cursor: &Cursor, limit: usize) -> Result<Page, Error> {
        self.0.read(cursor, limit).await
    }
    async fn wait(&self) {
        self.0.wait().await;
    }
}

#[async_trait]
impl event::Factory<dyn event::Source> for Sources {
    fn accepts(&self, arn: &Arn) -> bool {
        arn.service == "dynamodb"
    }
    async fn open(&self, arn: &Arn, _: &Value) -> Result<Arc<dyn Source>, Error> {
        if arn.resource.contains("missing") {
            return Err(Error::new(Kind::NotFound, "stream not found"));
        }
        Ok(Arc::new(View(self.0.clone())))
    }
}

#[async_trait]
impl event::Factory<dyn event::Target> for Targets {
    fn accepts(&self, arn: &Arn) -> bool {
        arn.service == self.1
    }
    async fn open(&self, _: &Arn, _: &Value) -> Result<Arc<dyn Target>, Error> {
        Ok(Arc::new(Shared(self.0.clone())))
    }
}

pub struct World {
    pub state: State,
    pub stream: Arc<Stream>,
    pub sink: Arc<Sink>,
    pub dead: Arc<Sink>,
    pub clock: Arc<ManualClock>,
    pub gap_policy: GapPolicy,
    _dir: tempfile::TempDir,
}

impl World {
    pub fn new(owned: bool) -> World {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(&state::Settings::new(dir.path().join("state.db").to_str().unwrap())).unwrap();
        World {
            stream: Arc::default(),
            sink: Sink::new(state.clone(), owned),
            dead: Sink::new(state.clone(), true),
            clock: Arc::new(ManualClock::at(1000)),
            gap_policy: GapPolicy::Resume,
            state,
            _dir: dir,
        }
    }

    /// A new process on the same state.
    pub async fn pipes(&self) -> Pipes {
        self.pipes_with(|registry| registry).await
    }

    /// A new process on the same state, with more factories.
    pub async fn pipes_with(&self, more: impl FnOnce(event::Registry) -> event::Registry) -> Pipes {
        let registry = event::Registry::default()
            .source(Sources(self.stream.clone()))
            .target(Targets(self.sink.clone(), "firehose"))
            .target(Targets(self.dead.clone(), "sqs"));
        let registry = more(registry);
        let mut settings = Settings::new("us-east-1", "000000000000");
        settings.retry_min = Duration::from_millis(1);
        settings.retry_max = Duration::from_millis(5);
        settings.gap_policy = self.gap_policy;
        let clock: Arc<dyn Clock> = self.clock.clone();
        let pipes = Pipes::open(self.state.clone(), registry, clock, settings).unwrap();
        pipes.resume().await.unwrap();
        pipes
    }
}

/// CreatePipe with stream parameters laid over the usual ones.
pub fn input(stream: Value) -> Value {
    let mut parameters = json!({"StartingPosition": "TRIM_HORIZON", "BatchSize": 3});
    parameters.as_object_mut().unwrap().extend(stream.as_object().unwrap().clone());
    json!({
        "Name": "p", "Source": SOURCE, "Target": TARGET, "RoleArn": "arn:aws:iam::000000000000:role/r",
        "SourceParameters": {"DynamoDBStreamParameters": parameters},
    })
}

/// Waits until a pipe's state is as wanted: one it stays in, since a passing one may be missed.
pub async fn until(pipes: &Pipes, wanted: &str) -> pipe::Pipe {
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    loop {
        let pipe = pipes.describe("p").await.unwrap();
        if pipe.current.as_str() == wanted {
            return pipe;
        }
        assert!(std::time::Instant::now() < deadline, "the pipe did not become {wanted}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The number of each record, per key, in order of arrival.
pub fn per_key(got: &[(String, String)]) -> BTreeMap<u64, Vec<u64>> {
    let mut keys: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for (_, data) in got {
        let record: Value = serde_json::from_str(data).unwrap();
        keys.entry(record["key"].as_u64().unwrap()).or_default().push(record["n"].as_u64().unwrap());
    }
    keys
}
