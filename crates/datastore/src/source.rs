//! The change log as the source of a pipe.
//!
//! One shard, in the order of sequences; nothing ages out, so a pipe can begin anywhere in it. A record tells type, id, version and
//! operation; with images also the resource before and after.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event::{Arn, Cursor, Error, Kind, Page, Record, Sequence, Shard, Start};
use fhir::definitions::Definitions;
use fhir::json::write_string;
use state::params;

use crate::interaction::read::{COLUMNS, version};
use crate::schema::{change_key, sequence_in, type_in};
use crate::{Datastores, Store, Version};

const SHARD: &str = "changes";
/// How long a reader that waits is left without being asked again.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// The datastore an ARN names, and whether images are wanted: `arn:aws:healthlake:REGION:ACCOUNT:datastore/fhir/ID`,
/// `…/ID/changes` or `…/ID/changes/images`.
pub fn log_of(arn: &Arn) -> Option<(&str, bool)> {
    let rest = arn.resource_name("datastore/fhir/").filter(|_| arn.service == "healthlake")?;
    let (id, part) = rest.split_once('/').map_or((rest, ""), |(id, part)| (id, part));
    match part {
        "" | "changes" => Some((id, false)),
        "changes/images" => Some((id, true)),
        _ => None,
    }
}

/// Opens the change log of a datastore.
///
/// # Errors
/// `NotFound` without the datastore, `Invalid` for another ARN.
pub async fn open(stores: &Datastores, arn: &Arn) -> Result<Arc<dyn event::Source>, Error> {
    let (id, images) =
        log_of(arn).ok_or_else(|| Error::new(Kind::Invalid, format!("no FHIR datastore. arn=`{arn}`")))?;
    stores.store(id).await?;
    Ok(Arc::new(Changes { stores: stores.clone(), id: id.to_owned(), arn: arn.to_string(), images }))
}

struct Changes {
    stores: Datastores,
    id: String,
    arn: String,
    images: bool,
}

impl Changes {
    async fn store(&self) -> Result<Store, Error> {
        Ok(self.stores.store(&self.id).await?)
    }
}

#[async_trait]
impl event::Source for Changes {
    async fn shards(&self) -> Result<Vec<Shard>, Error> {
        self.store().await?;
        Ok(vec![Shard { id: SHARD.into(), parent: None }])
    }

    async fn open(&self, _shard: &str, start: Start) -> Result<Cursor, Error> {
        let store = self.store().await?;
        let number = store.number;
        let found = store.shared.state.read(move |tx| {
            let bounds = |low: i64| (change_key(number, low), change_key(number + 1, 0));
            let (first, end) = bounds(0);
            let sql = match start {
                Start::TrimHorizon => return Ok(0),
                Start::After(sequence) => return Ok(sequence.to_string().parse().unwrap_or(i64::MAX >> 21)),
                Start::Latest => "SELECT max(change) FROM fhir_change WHERE change >= ?1 AND change < ?2 AND ?3 = ?3",
                Start::AtTimestamp(_) => {
                    "SELECT min(change) - 1 FROM fhir_change WHERE change >= ?1 AND change < ?2 AND at_ms >= ?3"
                }
            };
            let at_ms = if let Start::AtTimestamp(at_ms) = start { at_ms } else { 0 };
            let found = tx.first(sql, params![first, end, at_ms], |row| row.int_opt(0))?.flatten();
            if found.is_none() && matches!(start, Start::AtTimestamp(_)) {
                // Nothing is that young: what comes next is.
                let last = "SELECT max(change) FROM fhir_change WHERE change >= ?1 AND change < ?2";
                return Ok(tx.first(last, params![first, end], |row| row.int_opt(0))?.flatten().map_or(0, sequence_in));
            }
            Ok::<i64, state::Error>(found.map_or(0, sequence_in))
        });
        Ok(Cursor(found.await.map_err(crate::Error::from)?.to_string()))
    }

    async fn read(&self, cursor: &Cursor, limit: usize) -> Result<Page, Error> {
        let after: i64 =
            cursor.0.parse().map_err(|_| Error::new(Kind::Expired, "the cursor is none that was given"))?;
        let store = self.store().await?;
        let changes = store.changes(after, limit, self.images).await?;
        let next = changes.last().map_or(after, |change| change.version.sequence);
        let records = changes.iter().map(|change| self.record(change)).collect();
        Ok(Page { records, next: Some(Cursor(next.to_string())) })
    }

    async fn wait(&self) {
        if let Ok(store) = self.store().await {
            let _ = tokio::time::timeout(WAIT_MAX, store.changed()).await;
        } else {
            tokio::time::sleep(WAIT_MAX).await;
        }
    }
}

/// A change as the log has it.
#[derive(Debug)]
pub struct Change {
    /// What was written; its body is the image after, when images are wanted.
    pub version: Version,
    /// The version before, when images are wanted and there was one.
    pub before: Option<Version>,
}

impl Store {
    /// Changes behind a sequence, in order; at most `limit` (1 to 10,000).
    ///
    /// # Errors
    /// When the state fails.
    pub async fn changes(&self, after: i64, limit: usize, images: bool) -> Result<Vec<Change>, crate::Error> {
        let number = self.number;
        let limit = i64::try_from(limit.clamp(1, 10_000)).unwrap_or(i64::MAX);
        let read = move |tx: &state::Read<'_>| {
            let sql = format!(
                "SELECT {COLUMNS}, r.kind, r.id, c.rid FROM fhir_change c JOIN fhir_resource r ON r.rid = c.rid
                 WHERE c.change > ?1 AND c.change < ?2 ORDER BY c.change LIMIT ?3"
            );
            let bounds = params![change_key(number, after.max(0)), change_key(number + 1, 0), limit];
            let mut changes = Vec::new();
            tx.each(&sql, bounds, |row| {
                let Some(kind) = Definitions::r4().stored_type(type_in(row.int(6)?)) else { return Ok(true) };
                let mut found = version(row, kind, row.text(7)?)?;
                let mut before = None;
                if images {
                    let sql = format!("SELECT {COLUMNS} FROM fhir_change c WHERE c.rid = ?1 AND c.version = ?2");
                    let id = found.id.clone();
                    before = tx.first(&sql, params![row.int(8)?, found.version - 1], |row| version(row, kind, &id))?;
                } else {
                    found.body = None;
                }
                changes.push(Change { version: found, before });
                Ok::<_, crate::Error>(true)
            })?;
            Ok(changes)
        };
        self.shared.state.read(read).await
    }
}

impl Changes {
    fn record(&self, change: &Change) -> Record {
        let version = &change.version;
        let id = format!("{}-{}", self.id, version.sequence);
        let mut data = format!(
            r#"{{"eventID":"{id}","eventName":"{}","eventVersion":"1.0","eventSource":"watershed:fhir","eventSourceARN":"#,
            version.operation.name()
        );
        write_string(&mut data, &self.arn);
        data.push_str(&format!(
            r#","fhir":{{"datastoreId":"{}","resourceType":"{}","id":"{}","versionId":"{}","lastUpdated":"{}","sequence":"{}","transaction":"{}""#,
            self.id,
            Definitions::r4().name(version.kind),
            version.id,
            version.version,
            version.last_updated(),
            version.sequence,
            version.transaction,
        ));
        for (name, image) in [("newImage", Some(version)), ("oldImage", change.before.as_ref())] {
            let body = image.and_then(|image| image.body.as_ref()).and_then(|body| std::str::from_utf8(body).ok());
            if let Some(body) = body {
                data.push_str(&format!(r#","{name}":{body}"#));
            }
        }
        data.push_str("}}");
        Record {
            data: data.into(),
            sequence: Sequence::from(u64::try_from(version.sequence).unwrap_or_default()),
            at_ms: version.at_ms,
            key_hash: hash(&version.reference()),
            id: id.into(),
            untemplated: None,
        }
    }
}

/// FNV-1a: the same on every machine and in every version.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
