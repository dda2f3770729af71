//! The engine: what all operations share.

use std::sync::Arc;

use event::{Arn, Clock};
use state::{Read, State, params};
use tokio::sync::Notify;

use crate::definition::Definition;
use crate::{Error, schema};

/// Tables, items and streams of one account and region. Cheap to clone.
#[derive(Clone)]
pub struct Tables {
    pub(crate) state: State,
    pub(crate) env: Arc<Environment>,
}

/// What transactions need beside the database.
pub(crate) struct Environment {
    pub clock: Arc<dyn Clock>,
    pub region: String,
    pub account: String,
    /// Signs shard iterators.
    pub secret: Vec<u8>,
    /// Told after every commit that may hold stream records.
    pub written: Notify,
}

impl Environment {
    pub fn arn(&self, resource: String) -> String {
        Arn::new("dynamodb", &self.region, &self.account, resource).to_string()
    }
}

/// A table as stored.
pub(crate) struct Stored {
    pub id: i64,
    /// The enabled stream.
    pub stream: Option<i64>,
    pub definition: Definition,
}

impl Tables {
    /// Opens the tables in `state`; blocks while the schema is brought up to date.
    ///
    /// # Errors
    /// `Internal` when the state fails.
    pub fn open(state: State, clock: Arc<dyn Clock>, region: &str, account: &str) -> Result<Tables, Error> {
        state.migrate("table", schema::MIGRATIONS)?;
        let secret = state.write_blocking(|tx| {
            let fresh = [uuid::Uuid::new_v4().into_bytes(), uuid::Uuid::new_v4().into_bytes()].concat();
            tx.execute(
                "INSERT INTO ddb_secret (name, value) VALUES ('iterator', ?1) ON CONFLICT (name) DO NOTHING",
                params![&fresh],
            )?;
            let sql = "SELECT value FROM ddb_secret WHERE name = 'iterator'";
            Ok::<_, Error>(tx.first(sql, &[], |row| row.blob(0).map(<[u8]>::to_vec))?.unwrap_or(fresh))
        })?;
        let env = Environment { clock, region: region.into(), account: account.into(), secret, written: Notify::new() };
        Ok(Tables { state, env: Arc::new(env) })
    }

    /// The resource name of a table.
    pub fn arn(&self, table: &str) -> String {
        self.env.arn(format!("table/{table}"))
    }
}

/// A table's name from a name or an ARN.
pub(crate) fn table_name(text: &str) -> &str {
    text.split_once(":table/").map_or(text, |(_, name)| name)
}

/// Loads a table for an item operation.
pub(crate) fn load(read: &Read<'_>, name: &str) -> Result<Stored, Error> {
    find(read, name)?.ok_or_else(|| Error::NotFound("Requested resource not found".into()))
}

pub(crate) fn find(read: &Read<'_>, name: &str) -> Result<Option<Stored>, Error> {
    let sql = "SELECT id, stream, definition FROM ddb_table WHERE name = ?1";
    read.first(sql, params![table_name(name)], |row| {
        let definition = serde_json::from_str(row.text(2)?)
            .map_err(|_| Error::Internal("stored table definition is not readable".into()))?;
        Ok(Stored { id: row.int(0)?, stream: row.int_opt(1)?, definition })
    })
}
