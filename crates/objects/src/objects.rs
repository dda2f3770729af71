//! The one handle on the object store, over a directory or an S3-compatible service.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectStore;

use crate::directory::Directory;
use crate::remote::Remote;
use crate::{Error, Reader, Writer, key, s3};

/// What a listing or a head tells about one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub key: String,
    pub bytes: u64,
    /// Milliseconds since 1970.
    pub modified_ms: i64,
    /// Letters, digits and hyphens that are others whenever the object was written again.
    pub tag: String,
}

/// What [`Objects::level`] finds at one level of a hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Object(Object),
    /// All keys that begin so, up to and with the delimiter.
    Prefix(String),
}

impl Entry {
    /// What entries are ordered by.
    pub fn name(&self) -> &str {
        match self {
            Entry::Object(object) => &object.key,
            Entry::Prefix(prefix) => prefix,
        }
    }
}

/// Where the objects are, for a reader with its own access (the SQL engine).
#[derive(Clone)]
pub enum Location {
    /// Files `DIRECTORY/BUCKET/KEY`.
    Directory(PathBuf),
    /// Keys `PREFIX/BUCKET/KEY`; the prefix may be empty and has no slash at its ends.
    Store { store: Arc<dyn ObjectStore>, prefix: String },
}

/// The object store. Cheap to clone.
#[derive(Clone)]
pub struct Objects(Backend);

#[derive(Clone)]
enum Backend {
    Directory(Arc<Directory>),
    Remote(Arc<Remote>),
}

impl Objects {
    /// Opens `--lake`: a directory (created if missing), `file:///DIR` or `s3://ROOT/PREFIX`, with access from the
    /// environment (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL_S3` and the like) and options behind a question mark
    /// (`endpoint`, `region`, `allow_http`, `virtual_hosted_style_request`).
    ///
    /// # Errors
    /// `Url` for other schemes, `Option` for an option that is not known, `File` when the directory cannot be used,
    /// `Store` for settings the store refuses.
    pub fn open(url: &str) -> Result<Objects, Error> {
        if let Some(rest) = url.strip_prefix("s3://") {
            let (store, prefix) = s3::open(url, rest)?;
            return Ok(Self::over(store, &prefix));
        }
        let path = url.strip_prefix("file://").unwrap_or(url);
        if path.is_empty() || path.contains("://") {
            return Err(Error::Url(url.into()));
        }
        Ok(Objects(Backend::Directory(Arc::new(Directory::open(Path::new(path))?))))
    }

    /// Over any store: what `s3://ROOT/PREFIX` does once it is connected.
    pub fn over(store: Arc<dyn ObjectStore>, prefix: &str) -> Objects {
        Objects(Backend::Remote(Arc::new(Remote { store, prefix: prefix.trim_matches('/').to_owned() })))
    }

    /// Where the objects are.
    pub fn location(&self) -> Location {
        match &self.0 {
            Backend::Directory(directory) => Location::Directory(directory.root().to_owned()),
            Backend::Remote(remote) => Location::Store { store: remote.store.clone(), prefix: remote.prefix.clone() },
        }
    }

    /// Creates a bucket; one that exists stays as it is.
    ///
    /// # Errors
    /// `BucketName`, or the store failed.
    pub async fn create_bucket(&self, bucket: &str) -> Result<(), Error> {
        match &self.0 {
            Backend::Directory(directory) => {
                let bucket = bucket.to_owned();
                blocking(directory, move |directory| directory.create_bucket(&bucket)).await
            }
            Backend::Remote(remote) => remote.create_bucket(bucket).await,
        }
    }

    /// Whether there is such a bucket.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn has_bucket(&self, bucket: &str) -> Result<bool, Error> {
        let found = match &self.0 {
            Backend::Directory(directory) => {
                let bucket = bucket.to_owned();
                blocking(directory, move |directory| directory.check_bucket(&bucket)).await
            }
            Backend::Remote(remote) => remote.check_bucket(bucket).await,
        };
        match found {
            Ok(()) => Ok(true),
            Err(Error::NoBucket(_) | Error::BucketName(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Begins an object that is written piece by piece; it is there once [`Writer::finish`] was.
    ///
    /// # Errors
    /// `NoBucket` (in a directory), `Key`, or the store failed.
    pub async fn writer(&self, bucket: &str, key: &str) -> Result<Writer, Error> {
        match &self.0 {
            Backend::Directory(directory) => Writer::file(directory.clone(), bucket, key).await,
            Backend::Remote(remote) => Writer::upload(remote.clone(), bucket, key),
        }
    }

    /// Opens an object to be read piece by piece; what is written to its key meanwhile is not seen.
    ///
    /// # Errors
    /// `NoObject`, or the store failed.
    pub async fn reader(&self, bucket: &str, key: &str) -> Result<Reader, Error> {
        key::check(key)?;
        match &self.0 {
            Backend::Directory(directory) => {
                let (bucket, key) = (bucket.to_owned(), key.to_owned());
                blocking(directory, move |directory| directory.open_object(&bucket, &key)).await
            }
            Backend::Remote(remote) => remote.open_object(bucket, key).await,
        }
    }

    /// Deletes an empty bucket.
    ///
    /// # Errors
    /// `NoBucket`, `NotEmpty`, or the store failed.
    pub async fn delete_bucket(&self, bucket: &str) -> Result<(), Error> {
        match &self.0 {
            Backend::Directory(directory) => {
                let bucket = bucket.to_owned();
                blocking(directory, move |directory| directory.delete_bucket(&bucket)).await
            }
            Backend::Remote(remote) => remote.delete_bucket(bucket).await,
        }
    }

    /// The names of all buckets, sorted.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn buckets(&self) -> Result<Vec<String>, Error> {
        match &self.0 {
            Backend::Directory(directory) => blocking(directory, Directory::buckets).await,
            Backend::Remote(remote) => remote.buckets().await,
        }
    }

    /// Writes an object, whole or not at all, durable when this answers. Replaces one with the same key.
    ///
    /// # Errors
    /// `NoBucket` (in a directory), `Key`, or the store failed.
    pub async fn put(&self, bucket: &str, key: &str, data: Bytes) -> Result<(), Error> {
        match &self.0 {
            Backend::Directory(directory) => {
                let (bucket, key) = (bucket.to_owned(), key.to_owned());
                blocking(directory, move |directory| directory.put(&bucket, &key, &data)).await
            }
            Backend::Remote(remote) => remote.put(bucket, key, data).await,
        }
    }

    /// Reads an object.
    ///
    /// # Errors
    /// `NoObject`, or the store failed.
    pub async fn get(&self, bucket: &str, key: &str) -> Result<Bytes, Error> {
        match &self.0 {
            Backend::Directory(directory) => {
                let (bucket, key) = (bucket.to_owned(), key.to_owned());
                blocking(directory, move |directory| directory.get(&bucket, &key)).await
            }
            Backend::Remote(remote) => remote.get(bucket, key).await,
        }
    }

    /// Size and time of an object, `None` when there is no such object.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn head(&self, bucket: &str, key: &str) -> Result<Option<Object>, Error> {
        key::check(key)?;
        let found = match &self.0 {
            Backend::Directory(directory) => {
                let (bucket, key) = (bucket.to_owned(), key.to_owned());
                blocking(directory, move |directory| directory.head(&bucket, &key)).await
            }
            Backend::Remote(remote) => remote.head(bucket, key).await,
        };
        match found {
            Ok(object) => Ok(Some(object)),
            Err(Error::NoObject { .. } | Error::NoBucket(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes an object; one that is not there is fine.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn delete(&self, bucket: &str, key: &str) -> Result<(), Error> {
        match &self.0 {
            Backend::Directory(directory) => {
                let (bucket, key) = (bucket.to_owned(), key.to_owned());
                blocking(directory, move |directory| directory.delete(&bucket, &key)).await
            }
            Backend::Remote(remote) => remote.delete(bucket, key).await,
        }
    }

    /// At most `limit` objects whose key begins with `prefix`, behind the key `after`, in the order of their keys.
    ///
    /// # Errors
    /// `NoBucket` (in a directory), or the store failed.
    pub async fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Object>, Error> {
        match &self.0 {
            Backend::Directory(directory) => {
                let (bucket, prefix, after) = (bucket.to_owned(), prefix.to_owned(), after.map(str::to_owned));
                blocking(directory, move |directory| directory.list(&bucket, &prefix, after.as_deref(), limit)).await
            }
            Backend::Remote(remote) => remote.list(bucket, prefix, after, limit).await,
        }
    }
}

impl Objects {
    /// [`Objects::list`] with keys that hold `delimiter` behind `prefix` rolled up into [`Entry::Prefix`], at most `limit` of both.
    ///
    /// # Errors
    /// As [`Objects::list`].
    pub async fn level(
        &self,
        bucket: &str,
        prefix: &str,
        delimiter: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, Error> {
        if let (Backend::Directory(directory), "/") = (&self.0, delimiter) {
            let (bucket, prefix, after) = (bucket.to_owned(), prefix.to_owned(), after.map(str::to_owned));
            return blocking(directory, move |d| d.level(&bucket, &prefix, after.as_deref(), limit)).await;
        }
        let mut found: Vec<Entry> = Vec::new();
        for object in self.list(bucket, prefix, None, usize::MAX).await? {
            let rest = object.key.get(prefix.len()..).unwrap_or_default();
            let entry = match rest.find(delimiter).filter(|_| !delimiter.is_empty()) {
                Some(at) => Entry::Prefix(object.key[..prefix.len() + at + delimiter.len()].to_owned()),
                None => Entry::Object(object),
            };
            if after.is_none_or(|after| entry.name() > after) && found.last() != Some(&entry) {
                found.push(entry);
            }
            if found.len() == limit {
                break;
            }
        }
        Ok(found)
    }
}

async fn blocking<T: Send + 'static>(
    directory: &Arc<Directory>,
    run: impl FnOnce(&Directory) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let directory = directory.clone();
    tokio::task::spawn_blocking(move || run(&directory)).await.unwrap_or(Err(Error::Stopped))
}
