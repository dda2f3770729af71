//! Objects in an S3-compatible store: bucket `ROOT`, keys `PREFIX/BUCKET/KEY`.
//!
//! A bucket of ours is the marker object `PREFIX/.buckets/NAME`, so an empty one exists and listing them is cheap.

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};

use crate::{Error, Object, Reader, UNFINISHED, bucket, key};

const MARKERS: &str = ".buckets";

pub(crate) struct Remote {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) prefix: String,
}

impl Remote {
    pub(crate) fn path(&self, bucket: &str, key: &str) -> Result<Path, Error> {
        let text = match self.prefix.as_str() {
            "" => format!("{bucket}/{key}"),
            prefix => format!("{prefix}/{bucket}/{key}"),
        };
        Path::parse(&text).map_err(|_| Error::Key { key: key.into(), reason: "has an empty or relative segment" })
    }

    pub(crate) async fn create_bucket(&self, name: &str) -> Result<(), Error> {
        bucket::check(name)?;
        self.store.put(&self.path(MARKERS, name)?, PutPayload::new()).await?;
        Ok(())
    }

    pub(crate) async fn check_bucket(&self, name: &str) -> Result<(), Error> {
        if name == UNFINISHED {
            return Ok(());
        }
        bucket::check(name)?;
        match self.store.head(&self.path(MARKERS, name)?).await {
            Ok(_) => Ok(()),
            Err(object_store::Error::NotFound { .. }) => Err(Error::NoBucket(name.into())),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn delete_bucket(&self, name: &str) -> Result<(), Error> {
        self.check_bucket(name).await?;
        if !self.list(name, "", None, 1).await?.is_empty() {
            return Err(Error::NotEmpty(name.into()));
        }
        self.store.delete(&self.path(MARKERS, name)?).await?;
        Ok(())
    }

    pub(crate) async fn buckets(&self) -> Result<Vec<String>, Error> {
        let found = self.list(MARKERS, "", None, usize::MAX).await?;
        Ok(found.into_iter().map(|object| object.key).collect())
    }

    pub(crate) async fn put(&self, bucket: &str, key: &str, data: Bytes) -> Result<(), Error> {
        key::check(key)?;
        self.store.put(&self.path(bucket, key)?, data.into()).await?;
        Ok(())
    }

    pub(crate) async fn get(&self, bucket: &str, key: &str) -> Result<Bytes, Error> {
        let got = self.store.get(&self.path(bucket, key)?).await.map_err(|error| missing(bucket, key, error))?;
        Ok(got.bytes().await?)
    }

    pub(crate) async fn head(&self, bucket: &str, key: &str) -> Result<Object, Error> {
        let meta = self.store.head(&self.path(bucket, key)?).await.map_err(|error| missing(bucket, key, error))?;
        Ok(object(key.into(), &meta))
    }

    pub(crate) async fn open_object(self: &Arc<Self>, bucket: &str, key: &str) -> Result<Reader, Error> {
        let path = self.path(bucket, key)?;
        let meta = self.store.head(&path).await.map_err(|error| missing(bucket, key, error))?;
        Ok(Reader::remote(object(key.into(), &meta), self.store.clone(), meta))
    }

    pub(crate) async fn delete(&self, bucket: &str, key: &str) -> Result<(), Error> {
        match self.store.delete(&self.path(bucket, key)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Object>, Error> {
        let base = self.path(bucket, "x")?;
        let base = base.as_ref().strip_suffix('x').unwrap_or_default().to_owned();
        // The store lists whole segments only: ask for the folder, then compare the rest here.
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let under = Path::parse(format!("{base}{folder}")).map_err(object_store::Error::from)?;
        let offset = after.map(|after| self.path(bucket, after)).transpose()?;
        let mut stream = match &offset {
            Some(offset) => self.store.list_with_offset(Some(&under), offset),
            None => self.store.list(Some(&under)),
        };
        let mut found = Vec::new();
        while let Some(meta) = stream.try_next().await? {
            let Some(key) = meta.location.as_ref().strip_prefix(&base) else { continue };
            if key.starts_with(prefix) && after.is_none_or(|after| key > after) {
                found.push(object(key.to_owned(), &meta));
            }
            // The store lists in the order of keys.
            if found.len() >= limit {
                break;
            }
        }
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }
}

fn object(key: String, meta: &ObjectMeta) -> Object {
    let modified_ms = meta.last_modified.timestamp_millis();
    let tag: String = meta.e_tag.iter().flat_map(|tag| tag.chars()).filter(char::is_ascii_alphanumeric).collect();
    Object { key, bytes: meta.size, modified_ms, tag: format!("{tag}-{:x}", meta.size) }
}

fn missing(bucket: &str, key: &str, error: object_store::Error) -> Error {
    match error {
        object_store::Error::NotFound { .. } => Error::NoObject { bucket: bucket.into(), key: key.into() },
        error => error.into(),
    }
}
