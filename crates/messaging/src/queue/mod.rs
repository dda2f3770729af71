//! Queues (Amazon SQS, API version 2012-11-05): standard and FIFO, on the state.
//!
//! [`Queues`] holds the operations. A message is two rows: what stays (`queue_content`) and what changes with each receive
//! (`queue_message`), so that hiding a message never rewrites its body. A receive is one transaction: what it answers is
//! hidden on disk first. All writers run one after another, so who is woken inside a transaction reads behind it.
//!
//! A queue has an `id` for life and a `room` where its messages are. Purging gives it a new room; the old one is emptied in
//! bounded steps by [`Queues::sweep`].

mod attempt;
mod attribute;
mod code;
mod deduplication;
mod delete;
mod fifo;
mod letters;
mod lifecycle;
mod message;
mod move_task;
mod permission;
mod receipt;
mod receive;
mod redrive;
mod send;
mod settings;
pub mod source;
mod standard;
mod sweep;
mod tags;
pub mod target;
mod visibility;
mod wake;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use event::{Arn, Clock};
use state::{State, params};

pub use attribute::{Attribute, Attributes, Payload, digest as attributes_md5};
pub use code::Code;
pub use letters::Letter;
pub use lifecycle::{Counts, Description, Names};
pub use message::{NewMessage, Received, Sent};
pub use move_task::{MoveTask, StartMove};
pub use permission::Permission;
pub use receive::Receive;
pub use settings::Settings;

use crate::Error;

const MIGRATIONS: &[&str] = &["
CREATE TABLE queue_run (one BIGINT NOT NULL PRIMARY KEY, run BIGINT NOT NULL);
CREATE TABLE queue (
    name TEXT NOT NULL PRIMARY KEY, id BIGINT NOT NULL, room BIGINT NOT NULL, created_ms BIGINT NOT NULL,
    modified_ms BIGINT NOT NULL, purged_ms BIGINT NOT NULL, settings TEXT NOT NULL, tags TEXT NOT NULL);
CREATE TABLE queue_message (
    room BIGINT NOT NULL, number BIGINT NOT NULL, visible_ms BIGINT NOT NULL, receipt BIGINT NOT NULL,
    sent_ms BIGINT NOT NULL, first_ms BIGINT NOT NULL, received_ms BIGINT NOT NULL, in_group TEXT,
    PRIMARY KEY (room, number)) WITHOUT ROWID;
CREATE INDEX queue_message_visible ON queue_message (room, visible_ms, number, receipt, sent_ms);
CREATE INDEX queue_message_group ON queue_message (room, in_group, number) WHERE in_group IS NOT NULL;
CREATE TABLE queue_content (
    room BIGINT NOT NULL, number BIGINT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, body_md5 TEXT NOT NULL,
    attributes TEXT, attributes_md5 TEXT, sender TEXT NOT NULL, message_group TEXT, deduplication TEXT, trace TEXT,
    received_before BIGINT NOT NULL, came_from TEXT, PRIMARY KEY (room, number)) WITHOUT ROWID;
CREATE TABLE queue_group (
    room BIGINT NOT NULL, name TEXT NOT NULL, ready_ms BIGINT NOT NULL, PRIMARY KEY (room, name)) WITHOUT ROWID;
CREATE INDEX queue_group_ready ON queue_group (room, ready_ms, name);
CREATE TABLE queue_deduplication (
    room BIGINT NOT NULL, scope TEXT NOT NULL, id TEXT NOT NULL, at_ms BIGINT NOT NULL, message TEXT NOT NULL,
    number BIGINT NOT NULL, PRIMARY KEY (room, scope, id)) WITHOUT ROWID;
CREATE INDEX queue_deduplication_at ON queue_deduplication (at_ms);
CREATE TABLE queue_attempt (
    room BIGINT NOT NULL, id TEXT NOT NULL, at_ms BIGINT NOT NULL, visible_ms BIGINT NOT NULL, messages TEXT NOT NULL,
    PRIMARY KEY (room, id)) WITHOUT ROWID;
CREATE INDEX queue_attempt_at ON queue_attempt (at_ms);
CREATE TABLE queue_left (room BIGINT NOT NULL PRIMARY KEY);
CREATE TABLE queue_move (
    handle TEXT NOT NULL PRIMARY KEY, source TEXT NOT NULL, destination TEXT, per_second BIGINT, status TEXT NOT NULL,
    failure TEXT, moved BIGINT NOT NULL, to_move BIGINT NOT NULL, started_ms BIGINT NOT NULL, started BIGINT NOT NULL,
    cursor_number BIGINT NOT NULL, last_number BIGINT NOT NULL);
"];

/// Numbers one run of the program may give out before it would reach those of the next run.
const RUN_BITS: u32 = 40;

/// All queues of this program. Cheap to clone.
#[derive(Clone)]
pub struct Queues {
    inner: Arc<Inner>,
}

struct Inner {
    state: State,
    clock: Arc<dyn Clock>,
    region: String,
    account: String,
    /// The next number of a message or room: greater than all before it, over restarts too, with gaps.
    numbers: AtomicI64,
    wake: wake::Wake,
}

impl Queues {
    /// Brings the tables up to date.
    ///
    /// # Errors
    /// When the state fails.
    pub fn open(
        state: State,
        clock: Arc<dyn Clock>,
        region: impl Into<String>,
        account: impl Into<String>,
    ) -> Result<Queues, Error> {
        state.migrate("queue", MIGRATIONS)?;
        let run = state.write_blocking(|tx| {
            tx.execute(
                "INSERT INTO queue_run (one, run) VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET run = queue_run.run + 1",
                &[],
            )?;
            let run = tx.first("SELECT run FROM queue_run WHERE one = ?1", params![1], |row| row.int(0))?;
            run.ok_or(Error::Corrupt("queue run"))
        })?;
        let inner = Inner {
            state,
            clock,
            region: region.into(),
            account: account.into(),
            numbers: AtomicI64::new(run << RUN_BITS),
            wake: wake::Wake::default(),
        };
        Ok(Queues { inner: Arc::new(inner) })
    }

    /// The ARN of a queue.
    pub fn arn(&self, name: &str) -> String {
        Arn::new("sqs", &self.inner.region, &self.inner.account, name).to_string()
    }

    /// The queue an ARN names, if it is one of this program.
    pub fn name_of<'a>(&self, arn: &'a Arn) -> Option<&'a str> {
        let ours = arn.service == "sqs" && arn.region == self.inner.region && arn.account == self.inner.account;
        ours.then_some(arn.resource.as_str())
    }

    /// [`Queues::name_of`] of an ARN as text.
    fn name_in(&self, arn: &str) -> Option<String> {
        let arn = arn.parse::<Arn>().ok()?;
        self.name_of(&arn).map(str::to_owned)
    }

    /// Ends all waiting receives: they answer what they have, and later ones wait no more.
    pub fn shutdown(&self) {
        self.inner.wake.close();
    }

    fn next_number(&self) -> i64 {
        self.inner.numbers.fetch_add(1, Ordering::Relaxed)
    }

    fn now_ms(&self) -> i64 {
        self.inner.clock.now_ms()
    }
}
