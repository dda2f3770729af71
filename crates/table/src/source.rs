//! A table's stream as a pipe reads it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event::{Cursor, Page, Shard, Source, Start};
use state::params;

use crate::stream::find;
use crate::{Error, Tables};

/// How long [`Source::wait`] waits when nothing is written here.
const WAIT: Duration = Duration::from_millis(500);

/// One stream, by its ARN. Record data is the JSON object that EventBridge Pipes hands on.
pub struct StreamSource {
    tables: Tables,
    arn: String,
}

impl StreamSource {
    pub fn new(tables: Tables, arn: impl Into<String>) -> StreamSource {
        StreamSource { tables, arn: arn.into() }
    }
}

#[async_trait]
impl Source for StreamSource {
    async fn shards(&self) -> Result<Vec<Shard>, event::Error> {
        let arn = self.arn.clone();
        let shards = self.tables.state.read(move |read| {
            let stream = find(read, &arn)?.id;
            let sql = "SELECT id, parent FROM ddb_shard WHERE stream = ?1 ORDER BY number";
            read.all(sql, params![stream], |row| {
                Ok::<_, Error>(Shard { id: Arc::from(row.text(0)?), parent: row.text_opt(1)?.map(Arc::from) })
            })
        });
        Ok(shards.await?)
    }

    async fn open(&self, shard: &str, start: Start) -> Result<Cursor, event::Error> {
        Ok(Cursor(self.tables.open_shard(&self.arn, shard, start).await?))
    }

    async fn read(&self, cursor: &Cursor, limit: usize) -> Result<Page, event::Error> {
        let limit = i64::try_from(limit.max(1)).unwrap_or(i64::MAX);
        let (records, next) = self.tables.read_shard(&cursor.0, limit).await?;
        Ok(Page { records, next: next.map(Cursor) })
    }

    async fn wait(&self) {
        // A write between the caller's read and this call is seen after the wait at the latest.
        let _ = tokio::time::timeout(WAIT, self.tables.env.written.notified()).await;
    }
}
