//! Objects written piece by piece, in memory only one piece at a time.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use object_store::buffered;
use tokio::io::{AsyncWriteExt as _, BufWriter};

use crate::directory::{Directory, failed};
use crate::remote::Remote;
use crate::{Error, Object};

/// Bytes gathered before a file is written.
const BUFFER_BYTES: usize = 1 << 20;

/// An object that is not there yet. Dropped before [`Writer::finish`], nothing of it stays.
pub struct Writer {
    bucket: String,
    key: String,
    sink: Sink,
}

enum Sink {
    File { file: BufWriter<tokio::fs::File>, partial: Partial },
    Upload { remote: Arc<Remote>, upload: Upload },
}

impl Writer {
    pub(crate) async fn file(directory: Arc<Directory>, bucket: &str, key: &str) -> Result<Writer, Error> {
        directory.check_place(bucket, key)?;
        let partial = Partial { path: directory.partial(), directory };
        let file = tokio::fs::File::create(&partial.path).await.map_err(|error| failed(&partial.path, error))?;
        let sink = Sink::File { file: BufWriter::with_capacity(BUFFER_BYTES, file), partial };
        Ok(Writer { bucket: bucket.into(), key: key.into(), sink })
    }

    pub(crate) fn upload(remote: Arc<Remote>, bucket: &str, key: &str) -> Result<Writer, Error> {
        let upload = buffered::BufWriter::new(remote.store.clone(), remote.path(bucket, key)?);
        let sink = Sink::Upload { remote, upload: Upload(Some(upload)) };
        Ok(Writer { bucket: bucket.into(), key: key.into(), sink })
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn write(&mut self, data: Bytes) -> Result<(), Error> {
        match &mut self.sink {
            Sink::File { file, partial } => file.write_all(&data).await.map_err(|error| failed(&partial.path, error)),
            Sink::Upload { upload, .. } => match &mut upload.0 {
                Some(upload) => Ok(upload.put(data).await?),
                None => Err(Error::Stopped),
            },
        }
    }

    /// Makes it an object, whole and durable when this answers, in place of one with the same key.
    ///
    /// # Errors
    /// `Key` where another key is in the way, or the store failed; then nothing changed.
    pub async fn finish(self) -> Result<Object, Error> {
        let Writer { bucket, key, sink } = self;
        match sink {
            Sink::File { mut file, partial } => {
                let synced = async {
                    file.flush().await?;
                    file.get_ref().sync_all().await
                };
                synced.await.map_err(|error| failed(&partial.path, error))?;
                let place = move || {
                    partial.directory.place(&partial.path, &bucket, &key)?;
                    partial.directory.head(&bucket, &key)
                };
                tokio::task::spawn_blocking(place).await.unwrap_or(Err(Error::Stopped))
            }
            Sink::Upload { remote, mut upload } => {
                let Some(mut whole) = upload.0.take() else { return Err(Error::Stopped) };
                if let Err(error) = whole.shutdown().await {
                    let _ = whole.abort().await;
                    return Err(object_store::Error::Generic { store: "S3", source: error.into() }.into());
                }
                remote.head(&bucket, &key).await
            }
        }
    }
}

/// A file that goes with its writer, unless it became an object.
struct Partial {
    directory: Arc<Directory>,
    path: PathBuf,
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Renamed, it is not there; what stays is removed at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// An upload that is aborted with its writer.
struct Upload(Option<buffered::BufWriter>);

impl Drop for Upload {
    fn drop(&mut self) {
        if let (Some(mut upload), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                if let Err(error) = upload.abort().await {
                    tracing::warn!(%error, "an upload to the object store was not aborted");
                }
            });
        }
    }
}
