//! Objects read piece by piece.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};

use crate::directory::failed;
use crate::{Error, Object};

/// Bytes read from a file at a time.
const PIECE_BYTES: u64 = 256 << 10;

/// An open object.
pub struct Reader {
    /// What was opened.
    pub object: Object,
    source: Source,
}

enum Source {
    File { file: File, path: PathBuf },
    Remote { store: Arc<dyn ObjectStore>, meta: ObjectMeta },
}

impl Reader {
    pub(crate) fn file(object: Object, file: File, path: PathBuf) -> Reader {
        Reader { object, source: Source::File { file, path } }
    }

    pub(crate) fn remote(object: Object, store: Arc<dyn ObjectStore>, meta: ObjectMeta) -> Reader {
        Reader { object, source: Source::Remote { store, meta } }
    }

    /// The bytes of a range, in pieces. A range beyond the end holds what there is.
    pub fn stream(self, range: Range<u64>) -> BoxStream<'static, Result<Bytes, Error>> {
        let range = range.start..range.end.min(self.object.bytes);
        if range.is_empty() {
            return stream::empty().boxed();
        }
        match self.source {
            Source::File { file, path } => stream::try_unfold((file, path, range), |(file, path, range)| async move {
                let read = tokio::task::spawn_blocking(move || piece(file, path, range)).await;
                read.unwrap_or(Err(Error::Stopped))
            })
            .boxed(),
            Source::Remote { store, meta } => stream::once(async move {
                // Written meanwhile: the store refuses rather than to mix two objects.
                let options =
                    GetOptions { range: Some(GetRange::Bounded(range)), if_match: meta.e_tag, ..GetOptions::default() };
                let got = store.get_opts(&meta.location, options).await?;
                Ok::<_, Error>(got.into_stream().map_err(Error::from))
            })
            .try_flatten()
            .boxed(),
        }
    }
}

type Rest = (File, PathBuf, Range<u64>);

fn piece(mut file: File, path: PathBuf, range: Range<u64>) -> Result<Option<(Bytes, Rest)>, Error> {
    if range.is_empty() {
        return Ok(None);
    }
    let bytes = (range.end - range.start).min(PIECE_BYTES);
    let mut buffer = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
    let read = file
        .seek(SeekFrom::Start(range.start))
        .and_then(|_| file.by_ref().take(bytes).read_to_end(&mut buffer))
        .map_err(|error| failed(&path, error))?;
    if read as u64 != bytes {
        return Err(failed(&path, std::io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(Some((buffer.into(), (file, path, range.start + bytes..range.end))))
}
