//! Code as it is kept: a zip in the state, named by its SHA-256, unpacked into a directory when a worker needs it.

mod archive;
mod unpack;

use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use state::{State, params};
use tokio::sync::Mutex;

use crate::Error;

/// Bytes of all files of one package.
pub(crate) const UNPACKED_BYTES_MAX: u64 = 262_144_000;
/// Files and directories of one package.
pub(crate) const ENTRIES_MAX: usize = 50_000;

/// A checked zip.
#[derive(Clone)]
pub(crate) struct Package {
    pub zip: Bytes,
    /// Base64, as `CodeSha256` shows it.
    pub sha256: String,
}

impl Package {
    /// Checks a zip: nothing outside its directory, nothing larger than allowed.
    ///
    /// # Errors
    /// `Invalid` when it cannot be used.
    pub async fn from_zip(zip: Bytes) -> Result<Package, Error> {
        blocking(move || {
            unpack::check(&zip)?;
            Ok(Package::of(zip))
        })
        .await
    }

    /// Packs a zip, an executable (as `bootstrap`) or a directory.
    ///
    /// # Errors
    /// `Invalid` when it cannot be read or used.
    pub async fn from_path(path: PathBuf) -> Result<Package, Error> {
        let zip = blocking(move || archive::pack(&path)).await?;
        Package::from_zip(zip).await
    }

    fn of(zip: Bytes) -> Package {
        Package { sha256: BASE64_STANDARD.encode(Sha256::digest(&zip)), zip }
    }
}

/// Where packages are unpacked.
pub(crate) struct Packages {
    state: State,
    directory: PathBuf,
    /// One package is unpacked at a time.
    unpacking: Mutex<()>,
}

impl Packages {
    /// Empties the directory of what an earlier process left.
    ///
    /// # Errors
    /// `Host` when it cannot be made or belongs to somebody else.
    pub async fn open(state: State, directory: PathBuf) -> Result<Packages, Error> {
        let fresh = directory.clone();
        blocking(move || {
            renew(&fresh).map_err(|error| Error::Host(format!("cannot prepare {}: {error}", fresh.display())))
        })
        .await?;
        Ok(Packages { state, directory, unpacking: Mutex::new(()) })
    }

    /// The directory that holds a package, unpacked on first use.
    ///
    /// # Errors
    /// `Corrupt` when the code is not there any more, `Host` when it cannot be unpacked.
    pub async fn directory(&self, sha256: &str) -> Result<PathBuf, Error> {
        let name: String =
            sha256.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b) } else { '_' }).collect();
        let directory = self.directory.join(name);
        let _one = self.unpacking.lock().await;
        if directory.is_dir() {
            return Ok(directory);
        }
        let (key, target) = (sha256.to_owned(), directory.clone());
        let sql = "SELECT zip FROM function_code WHERE sha256 = ?1";
        let row = self.state.read(move |tx| tx.first(sql, params![&key], |row| Ok::<_, Error>(row.blob(0)?.to_vec())));
        let zip = row.await?.ok_or_else(|| Error::Corrupt(format!("code {sha256}")))?;
        blocking(move || unpack::unpack(&zip, &target)).await?;
        Ok(directory)
    }
}

fn renew(directory: &Path) -> std::io::Result<()> {
    // A directory somebody else made could be changed under a worker.
    match std::fs::symlink_metadata(directory) {
        Ok(found) if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() => {
            return Err(std::io::Error::new(ErrorKind::PermissionDenied, "it belongs to somebody else"));
        }
        Ok(_) => std::fs::remove_dir_all(directory)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // Others may go through it but not list it.
    std::fs::DirBuilder::new().recursive(true).mode(0o711).create(directory)
}

async fn blocking<T: Send + 'static>(run: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(run).await.unwrap_or_else(|_| Err(Error::Host("reading code failed".into())))
}
