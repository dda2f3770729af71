//! Objects as files. Writes go to `.partial/` first, are synced, renamed into place and their folder synced.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use bytes::Bytes;

use crate::{Entry, Error, Object, Reader, UNFINISHED, bucket, key};

/// No bucket can have this name, so no listing meets it.
const PARTIAL: &str = ".partial";

pub(crate) struct Directory {
    root: PathBuf,
    next: AtomicU64,
}

impl Directory {
    pub(crate) fn open(root: &Path) -> Result<Directory, Error> {
        let partial = root.join(PARTIAL);
        // What a crash left half-written was never an object.
        match fs::remove_dir_all(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&partial, error)),
            _ => {}
        }
        for folder in [partial, root.join(UNFINISHED)] {
            fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
        }
        let root = root.canonicalize().map_err(|error| failed(root, error))?;
        Ok(Directory { root, next: AtomicU64::new(0) })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    fn bucket(&self, name: &str) -> Result<PathBuf, Error> {
        if name != UNFINISHED {
            bucket::check(name)?;
        }
        let path = self.root.join(name);
        if path.is_dir() { Ok(path) } else { Err(Error::NoBucket(name.into())) }
    }

    pub(crate) fn check_bucket(&self, name: &str) -> Result<(), Error> {
        self.bucket(name).map(|_| ())
    }

    pub(crate) fn create_bucket(&self, name: &str) -> Result<(), Error> {
        bucket::check(name)?;
        let path = self.root.join(name);
        fs::create_dir_all(&path).map_err(|error| failed(&path, error))?;
        sync(&self.root)
    }

    pub(crate) fn delete_bucket(&self, name: &str) -> Result<(), Error> {
        let path = self.bucket(name)?;
        if self.list(name, "", None, 1)?.is_empty() {
            fs::remove_dir_all(&path).map_err(|error| failed(&path, error))?;
            sync(&self.root)
        } else {
            Err(Error::NotEmpty(name.into()))
        }
    }

    pub(crate) fn buckets(&self) -> Result<Vec<String>, Error> {
        let names = names(&self.root)?;
        Ok(names.into_iter().filter(|(name, is_dir)| *is_dir && bucket::check(name).is_ok()).map(|(n, _)| n).collect())
    }

    pub(crate) fn put(&self, bucket: &str, key: &str, data: &[u8]) -> Result<(), Error> {
        self.check_place(bucket, key)?;
        let partial = self.partial();
        let written = write_synced(&partial, data).and_then(|()| self.place(&partial, bucket, key));
        if written.is_err() {
            let _ = fs::remove_file(&partial);
        }
        written
    }

    /// A path for a file that is not yet an object.
    pub(crate) fn partial(&self) -> PathBuf {
        self.root.join(PARTIAL).join(self.next.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Refuses a bucket that is not there and a key that no file can have.
    pub(crate) fn check_place(&self, bucket: &str, key: &str) -> Result<(), Error> {
        self.bucket(bucket)?;
        key::to_path(key).map(|_| ())
    }

    /// Makes a whole and synced file an object.
    pub(crate) fn place(&self, partial: &Path, bucket: &str, key: &str) -> Result<(), Error> {
        let base = self.bucket(bucket)?;
        let path = base.join(key::to_path(key)?);
        let folder = path.parent().unwrap_or(&base);
        create_folders(&base, folder).map_err(|error| taken(key, error))?;
        fs::rename(partial, &path).map_err(|error| taken(key, failed(&path, error)))?;
        sync(folder)
    }

    pub(crate) fn open_object(&self, bucket: &str, key: &str) -> Result<Reader, Error> {
        let path = self.bucket(bucket)?.join(key::to_path(key)?);
        let file = fs::File::open(&path).map_err(|error| missing(bucket, key, &path, error))?;
        let metadata = file.metadata().map_err(|error| failed(&path, error))?;
        if !metadata.is_file() {
            return Err(Error::NoObject { bucket: bucket.into(), key: key.into() });
        }
        Ok(Reader::file(object(key.to_owned(), &metadata), file, path))
    }

    pub(crate) fn get(&self, bucket: &str, key: &str) -> Result<Bytes, Error> {
        let path = self.bucket(bucket)?.join(key::to_path(key)?);
        fs::read(&path).map(Bytes::from).map_err(|error| missing(bucket, key, &path, error))
    }

    pub(crate) fn head(&self, bucket: &str, key: &str) -> Result<Object, Error> {
        let path = self.bucket(bucket)?.join(key::to_path(key)?);
        let metadata = fs::metadata(&path).map_err(|error| missing(bucket, key, &path, error))?;
        if !metadata.is_file() {
            return Err(Error::NoObject { bucket: bucket.into(), key: key.into() });
        }
        Ok(object(key.to_owned(), &metadata))
    }

    pub(crate) fn delete(&self, bucket: &str, key: &str) -> Result<(), Error> {
        let base = self.bucket(bucket)?;
        let path = base.join(key::to_path(key)?);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(&path, error)),
        }
        // Folders exist only for the objects in them; the first that is not empty ends the walk.
        let mut folder = path.parent();
        while let Some(at) = folder.filter(|at| *at != base && at.starts_with(&base)) {
            if fs::remove_dir(at).is_err() {
                return sync(at);
            }
            folder = at.parent();
        }
        sync(&base)
    }

    /// At most `limit` objects in the order of their keys, behind `after`.
    pub(crate) fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Object>, Error> {
        let base = self.bucket(bucket)?;
        let mut found = Vec::new();
        let mut open = vec![(base, String::new())];
        while let Some((folder, at)) = open.pop() {
            for (name, is_dir) in names(&folder)? {
                let Some(segment) = key::from_name(&name) else { continue };
                let key = format!("{at}{segment}");
                let path = folder.join(&name);
                if is_dir {
                    let inside = format!("{key}/");
                    let is_behind = after.is_none_or(|after| inside.as_str() > after || after.starts_with(&inside));
                    if is_behind && (inside.starts_with(prefix) || prefix.starts_with(&inside)) {
                        open.push((path, inside));
                    }
                } else if key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after) {
                    // Gone meanwhile is not listed.
                    if let Ok(metadata) = fs::metadata(&path) {
                        found.push(object(key, &metadata));
                    }
                }
            }
        }
        found.sort_by(|a, b| a.key.cmp(&b.key));
        found.truncate(limit);
        Ok(found)
    }
}

impl Directory {
    /// What is at one level of the folders of a bucket: at most `limit` objects and prefixes, in their order, behind `after`.
    pub(crate) fn level(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, Error> {
        let base = self.bucket(bucket)?;
        let at = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
        let folder = match at.strip_suffix('/') {
            Some("") => base.join("%"),
            Some(key) => match key::to_path(key) {
                Ok(path) => base.join(path),
                // No key is so long, so none is found.
                Err(_) => return Ok(Vec::new()),
            },
            None => base,
        };
        let mut named = Vec::new();
        for (name, is_dir) in names(&folder)? {
            let Some(segment) = key::from_name(&name) else { continue };
            let shown = format!("{at}{segment}{}", if is_dir { "/" } else { "" });
            if shown.starts_with(prefix) && after.is_none_or(|after| shown.as_str() > after) {
                named.push((shown, folder.join(&name), is_dir));
            }
        }
        named.sort();
        let mut found = Vec::new();
        for (shown, path, is_dir) in named {
            if found.len() == limit {
                break;
            }
            if is_dir {
                if holds_files(&path)? {
                    found.push(Entry::Prefix(shown));
                }
            } else if let Ok(metadata) = fs::metadata(&path) {
                found.push(Entry::Object(object(shown, &metadata)));
            }
        }
        Ok(found)
    }
}

/// False for folders that a crash or a concurrent delete left empty.
fn holds_files(folder: &Path) -> Result<bool, Error> {
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for (name, is_dir) in names(&folder)? {
            if !is_dir {
                return Ok(true);
            }
            open.push(folder.join(name));
        }
    }
    Ok(false)
}

fn names(folder: &Path) -> Result<Vec<(String, bool)>, Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed(folder, error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| failed(folder, error))?;
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if let Ok(name) = entry.file_name().into_string() {
            found.push((name, is_dir));
        }
    }
    found.sort();
    Ok(found)
}

fn object(key: String, metadata: &fs::Metadata) -> Object {
    let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let modified_ms = i64::try_from(modified.as_millis()).unwrap_or(i64::MAX);
    let tag = format!("{:016x}-{:x}", modified.as_nanos(), metadata.len());
    Object { key, bytes: metadata.len(), modified_ms, tag }
}

fn write_synced(path: &Path, data: &[u8]) -> Result<(), Error> {
    let write = || {
        let mut file = fs::File::create(path)?;
        file.write_all(data)?;
        file.sync_all()
    };
    write().map_err(|error| failed(path, error))
}

/// Creates the folders from `base` down and syncs the parent of each new one, so that they survive a power cut.
fn create_folders(base: &Path, folder: &Path) -> Result<(), Error> {
    let mut missing = Vec::new();
    let mut at = Some(folder);
    while let Some(path) = at.filter(|path| *path != base && !path.is_dir()) {
        missing.push(path);
        at = path.parent();
    }
    for path in missing.into_iter().rev() {
        match fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(path, error)),
            _ => sync(path.parent().unwrap_or(base))?,
        }
    }
    Ok(())
}

fn sync(folder: &Path) -> Result<(), Error> {
    fs::File::open(folder).and_then(|file| file.sync_all()).map_err(|error| failed(folder, error))
}

/// Where a file is in the way of a folder, or a folder in the way of a file, the key cannot be.
fn taken(key: &str, error: Error) -> Error {
    match &error {
        Error::File { source, .. }
            if matches!(
                source.kind(),
                io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory | io::ErrorKind::AlreadyExists
            ) =>
        {
            Error::Key { key: key.into(), reason: "one is a folder of another in a lake that is a directory" }
        }
        _ => error,
    }
}

pub(crate) fn failed(path: &Path, source: io::Error) -> Error {
    Error::File { path: path.display().to_string(), source }
}

fn missing(bucket: &str, key: &str, path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => {
            Error::NoObject { bucket: bucket.into(), key: key.into() }
        }
        _ => failed(path, error),
    }
}
