//! Roles, policies and sessions: what IAM (2010-05-08) and STS (2011-06-15) keep for programs and templates.
//!
//! Policies are kept as they came and checked for their form; nothing is enforced by them yet. A session remembers what
//! enforcement will need: its role, session policies and tags. Secrets are never in `Debug` or errors.

mod error;
mod name;
mod policy;
mod role;
mod session;

use std::collections::BTreeMap;
use std::sync::Arc;

use event::Clock;
use state::State;

pub use error::Error;
pub use policy::{NewPolicy, Policy, Version};
pub use role::{NewRole, Role};
pub use session::{AssumeRole, Session};

/// Keys and values.
pub type Tags = BTreeMap<String, String>;

const MIGRATIONS: &[&str] = &["CREATE TABLE iam_role (
        name TEXT NOT NULL PRIMARY KEY, id TEXT NOT NULL, path TEXT NOT NULL, trust TEXT NOT NULL, description TEXT,
        session_s_max BIGINT NOT NULL, created_ms BIGINT NOT NULL, tags TEXT NOT NULL);
    CREATE TABLE iam_role_policy (
        role TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (role, name));
    CREATE TABLE iam_policy (
        arn TEXT NOT NULL PRIMARY KEY, id TEXT NOT NULL, name TEXT NOT NULL UNIQUE, path TEXT NOT NULL, description TEXT,
        created_ms BIGINT NOT NULL, updated_ms BIGINT NOT NULL, standard BIGINT NOT NULL, newest BIGINT NOT NULL,
        tags TEXT NOT NULL);
    CREATE TABLE iam_policy_version (
        arn TEXT NOT NULL, number BIGINT NOT NULL, document TEXT NOT NULL, created_ms BIGINT NOT NULL,
        PRIMARY KEY (arn, number));
    CREATE TABLE iam_attachment (role TEXT NOT NULL, arn TEXT NOT NULL, PRIMARY KEY (role, arn));
    CREATE INDEX iam_attachment_arn ON iam_attachment (arn);
    CREATE TABLE sts_session (
        access_key TEXT NOT NULL PRIMARY KEY, arn TEXT NOT NULL, user_id TEXT NOT NULL, expires_ms BIGINT NOT NULL,
        context TEXT NOT NULL);
    CREATE INDEX sts_session_expires ON sts_session (expires_ms);"];

/// Everything kept of one account. Cheap to clone.
#[derive(Clone)]
pub struct Identities {
    state: State,
    clock: Arc<dyn Clock>,
    account: String,
    /// What the secrets of sessions are made from, so that the state holds none.
    root: Arc<[u8]>,
    known: Arc<session::Known>,
}

impl Identities {
    /// Brings the tables up to date. `clock` decides when sessions expire; `root` is the secret of the server's own key.
    ///
    /// # Errors
    /// When the state fails.
    pub fn open(
        state: State,
        clock: Arc<dyn Clock>,
        account: impl Into<String>,
        root: &str,
    ) -> Result<Identities, Error> {
        state.migrate("identity", MIGRATIONS)?;
        Ok(Identities { state, clock, account: account.into(), root: root.as_bytes().into(), known: Arc::default() })
    }
}
