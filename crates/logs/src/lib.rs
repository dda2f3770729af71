//! Log groups and streams on the state, and the pipe target that writes to them (CloudWatch Logs 2014-03-28).
//!
//! [`Logs`] holds the operations; [`target::open`] opens a log group as a pipe target whose events and position move in one
//! transaction, so a repeat after a crash writes nothing twice.

mod error;
mod events;
mod groups;
mod pattern;
mod search;
mod streams;
mod sweep;
pub mod target;

use std::sync::Arc;

use event::{Arn, Clock};
use state::State;

pub use error::Error;
pub use events::{Accepted, Event, Input, Page, Query};
pub use groups::Group;
pub use search::Search;
pub use streams::{Order, Stream};

const MIGRATIONS: &[&str] = &[
    "CREATE TABLE log_group (
        name TEXT NOT NULL PRIMARY KEY, created_ms BIGINT NOT NULL, retention_days BIGINT, class TEXT NOT NULL,
        kms_key TEXT, tags TEXT NOT NULL);
    CREATE TABLE log_stream (
        log_group TEXT NOT NULL, name TEXT NOT NULL, created_ms BIGINT NOT NULL, first_ms BIGINT, last_ms BIGINT,
        ingested_ms BIGINT, next BIGINT NOT NULL, PRIMARY KEY (log_group, name));
    CREATE TABLE log_event (
        log_group TEXT NOT NULL, stream TEXT NOT NULL, at_ms BIGINT NOT NULL, number BIGINT NOT NULL,
        ingested_ms BIGINT NOT NULL, message TEXT NOT NULL, PRIMARY KEY (log_group, stream, at_ms, number));",
    // FilterLogEvents goes through a group by time.
    "CREATE INDEX log_event_time ON log_event (log_group, at_ms, stream, number);",
];

/// All log groups of this program. Cheap to clone.
#[derive(Clone)]
pub struct Logs {
    state: State,
    clock: Arc<dyn Clock>,
    region: String,
    account: String,
}

impl Logs {
    /// Brings the tables up to date.
    ///
    /// # Errors
    /// When the state fails.
    pub fn open(
        state: State,
        clock: Arc<dyn Clock>,
        region: impl Into<String>,
        account: impl Into<String>,
    ) -> Result<Logs, Error> {
        state.migrate("logs", MIGRATIONS)?;
        Ok(Logs { state, clock, region: region.into(), account: account.into() })
    }

    /// The ARN of a group, without the `:*` that older answers end with.
    pub fn arn(&self, group: &str) -> String {
        Arn::new("logs", &self.region, &self.account, format!("log-group:{group}")).to_string()
    }
}
