//! Objects and their rows: found together, committed in order.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use event::Clock;
use objects::{Object, Objects, Writer};
use s3s::{S3Error, S3Request, S3Result};
use state::{Read, State, Write, params};
use tokio::sync::{Mutex, MutexGuard};

use crate::attributes::Attributes;
use crate::condition::Replaces;
use crate::endpoint::RequestId;
use crate::error::{internal, no_bucket, of_objects};
use crate::{Change, Emit, Error, Settings, uploads};

const MIGRATIONS: &[&str] = &["CREATE TABLE s3_object (
        bucket TEXT NOT NULL, key TEXT NOT NULL, tag TEXT NOT NULL, attributes TEXT NOT NULL, PRIMARY KEY (bucket, key));
    CREATE TABLE s3_bucket (
        name TEXT NOT NULL PRIMARY KEY, created_ms BIGINT NOT NULL, configuration TEXT NOT NULL);
    CREATE TABLE s3_upload (
        id TEXT NOT NULL PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, created_ms BIGINT NOT NULL,
        definition TEXT NOT NULL);
    CREATE INDEX s3_upload_key ON s3_upload (bucket, key, id);
    CREATE TABLE s3_part (
        upload TEXT NOT NULL, number BIGINT NOT NULL, file TEXT NOT NULL, etag TEXT NOT NULL, bytes BIGINT NOT NULL,
        at_ms BIGINT NOT NULL, sums TEXT NOT NULL, PRIMARY KEY (upload, number));"];

/// Keys whose hash is the same wait for each other's commits.
const LOCKS: usize = 64;

/// What all operations work on.
pub(crate) struct Store {
    pub(crate) objects: Objects,
    pub(crate) state: State,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
    emit: Emit,
    locks: Vec<Mutex<()>>,
    sequence: AtomicU64,
}

/// An object with its row, or with what stands for one.
pub(crate) struct Found {
    pub(crate) object: Object,
    pub(crate) attributes: Attributes,
}

/// Who asks for a change, and how.
pub(crate) struct Cause {
    pub(crate) reason: &'static str,
    pub(crate) request_id: String,
}

impl Cause {
    pub(crate) fn of<T>(request: &S3Request<T>, reason: &'static str) -> Cause {
        let id = request.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        Cause { reason, request_id: id }
    }
}

/// A write that refuses, or one that failed.
pub(crate) enum Refused {
    S3(S3Error),
    State(state::Error),
}

impl From<state::Error> for Refused {
    fn from(error: state::Error) -> Self {
        Refused::State(error)
    }
}

impl From<Refused> for S3Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::S3(error) => error,
            Refused::State(error) => internal(error),
        }
    }
}

impl Store {
    pub(crate) async fn open(
        objects: Objects,
        state: State,
        clock: Arc<dyn Clock>,
        settings: Settings,
        emit: Emit,
    ) -> Result<Store, Error> {
        state.migrate("s3", MIGRATIONS)?;
        uploads::sweep(&objects, &state).await?;
        let locks = (0..LOCKS).map(|_| Mutex::new(())).collect();
        Ok(Store { objects, state, clock, settings, emit, locks, sequence: AtomicU64::new(0) })
    }

    pub(crate) async fn check_bucket(&self, bucket: &str) -> S3Result<()> {
        if self.objects.has_bucket(bucket).await.map_err(of_objects)? { Ok(()) } else { Err(no_bucket(bucket)) }
    }

    /// An object, `None` when there is none in a bucket that is there.
    pub(crate) async fn find(&self, bucket: &str, key: &str) -> S3Result<Option<Found>> {
        match self.objects.head(bucket, key).await.map_err(of_objects)? {
            Some(object) => Ok(Some(self.with_row(bucket, object).await?)),
            None => self.check_bucket(bucket).await.map(|()| None),
        }
    }

    pub(crate) async fn with_row(&self, bucket: &str, object: Object) -> S3Result<Found> {
        let (bucket, key, tag) = (bucket.to_owned(), object.key.clone(), object.tag.clone());
        let attributes = self.state.read(move |tx| attributes(tx, &bucket, &key, &tag)).await.map_err(internal)?;
        Ok(Found { object, attributes })
    }

    /// Held while a key changes, so that object and row are of the same writer.
    pub(crate) async fn lock(&self, bucket: &str, key: &str) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        (bucket, key).hash(&mut hasher);
        let at = usize::try_from(hasher.finish() % LOCKS as u64).unwrap_or_default();
        self.locks[at].lock().await
    }

    /// Makes what was written an object, if the conditions hold, and commits its row, its event and what `also` does.
    pub(crate) async fn commit(
        &self,
        writer: Writer,
        (bucket, key): (&str, &str),
        attributes: Attributes,
        replaces: &Replaces,
        cause: Cause,
        also: impl FnOnce(&Write<'_>) -> Result<(), state::Error> + Send + 'static,
    ) -> S3Result<Object> {
        let _changing = self.lock(bucket, key).await;
        if !replaces.is_empty() {
            replaces.check(key, self.find(bucket, key).await?.as_ref())?;
        }
        let object = writer.finish().await.map_err(of_objects)?;
        let change = self.change(bucket, key, Some((object.bytes, attributes.etag.clone())), cause);
        let row = serde_json::to_string(&attributes).map_err(internal)?;
        let (emit, tag) = (self.emit.clone(), object.tag.clone());
        let wake = self.state.write(move |tx| {
            tx.execute(
                "INSERT INTO s3_object (bucket, key, tag, attributes) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (bucket, key) DO UPDATE SET tag = ?3, attributes = ?4",
                params![&change.bucket, &change.key, &tag, &row],
            )?;
            also(tx)?;
            emit(tx, &change)
        });
        wake.await.map_err(internal)?();
        Ok(object)
    }

    /// Deletes an object, its row, and tells of it; nothing when there is none.
    pub(crate) async fn remove(&self, bucket: &str, key: &str, replaces: &Replaces, cause: Cause) -> S3Result<()> {
        let _changing = self.lock(bucket, key).await;
        let found = self.find(bucket, key).await?;
        replaces.check(key, found.as_ref())?;
        let is_there = found.is_some();
        if is_there {
            self.objects.delete(bucket, key).await.map_err(of_objects)?;
        }
        let (emit, change) = (self.emit.clone(), self.change(bucket, key, None, cause));
        let wake = self.state.write(move |tx| {
            let sql = "DELETE FROM s3_object WHERE bucket = ?1 AND key = ?2";
            let had_row = tx.execute(sql, params![&change.bucket, &change.key])? > 0;
            // A row without its object is of a removal that a crash interrupted: its repeat tells of it.
            match is_there || had_row {
                true => emit(tx, &change).map(Some),
                false => Ok(None),
            }
        });
        if let Some(wake) = wake.await.map_err(internal)? {
            wake();
        }
        Ok(())
    }

    fn change(&self, bucket: &str, key: &str, created: Option<(u64, String)>, cause: Cause) -> Change {
        let at = u64::try_from(self.clock.now_ms()).unwrap_or_default();
        // Increases within a run by the counter, from run to run by the time.
        let number = self.sequence.fetch_add(1, Ordering::Relaxed);
        Change {
            bucket: bucket.into(),
            key: key.into(),
            created,
            reason: cause.reason,
            request_id: cause.request_id,
            requester: self.settings.account.clone(),
            sequencer: format!("{at:012X}{number:08X}"),
        }
    }
}

/// The row of an object if it fits; else the tag of the object as its ETag, which no hash looks like.
pub(crate) fn attributes(tx: &Read<'_>, bucket: &str, key: &str, tag: &str) -> Result<Attributes, state::Error> {
    let sql = "SELECT attributes FROM s3_object WHERE bucket = ?1 AND key = ?2 AND tag = ?3";
    let row = tx.first(sql, params![bucket, key, tag], |row| {
        serde_json::from_str(row.text(0)?).map_err(|_| state::Error::Column(0))
    })?;
    Ok(row.unwrap_or_else(|| Attributes { etag: tag.to_owned(), ..Attributes::default() }))
}
