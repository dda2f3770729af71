//! The data directory: its lock, the access key, and where the running server listens.
//!
//! `DATA/lock` (held while a server runs), `DATA/credentials` (AWS shared-credentials format, profile `watershed`, mode
//! 0600), `DATA/server.json` (endpoint, region and account of the running server).

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

/// An access key.
#[derive(Clone)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
}

/// What clients need to find a running server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Running {
    /// Such as `http://127.0.0.1:4566`.
    pub endpoint: String,
    pub region: String,
    pub account: String,
    pub pid: u32,
}

/// A data directory that this process serves; free again when dropped.
pub struct Data {
    dir: PathBuf,
    _lock: File,
}

impl Data {
    /// Creates the directory if missing and takes its lock.
    ///
    /// # Errors
    /// When another server holds it.
    pub fn lock(dir: &Path) -> anyhow::Result<Data> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let path = dir.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = lock.with_context(|| format!("cannot open {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Data { dir: dir.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                let by = running(dir).map(|r| format!(" (process {}, {})", r.pid, r.endpoint)).unwrap_or_default();
                bail!("another watershed server uses the data directory {}{by}", dir.display())
            }
            Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
        }
    }

    /// The access key; the first start creates it.
    ///
    /// # Errors
    /// When the file cannot be read, parsed or created.
    pub fn credentials(&self) -> anyhow::Result<Credentials> {
        let path = self.dir.join("credentials");
        if !path.exists() {
            let random = || uuid::Uuid::new_v4().simple().to_string();
            let id = format!("WSHD{}", random().get(..16).unwrap_or_default().to_uppercase());
            let secret = format!("{}{}", random(), random().get(..8).unwrap_or_default());
            let text = format!("[watershed]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
            replace(&path, &text)?;
        }
        credentials(&self.dir)
    }

    /// Tells clients where this server listens.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn announce(&self, running: &Running) -> anyhow::Result<()> {
        replace(&self.dir.join("server.json"), &serde_json::to_string_pretty(running)?)
    }

    /// Takes the announcement back.
    pub fn retire(&self) {
        // A file left behind only costs a client a refused connection.
        let _ = std::fs::remove_file(self.dir.join("server.json"));
    }
}

/// The running server's announcement, if there is one.
pub fn running(dir: &Path) -> Option<Running> {
    serde_json::from_slice(&std::fs::read(dir.join("server.json")).ok()?).ok()
}

/// Reads `DATA/credentials`.
///
/// # Errors
/// When there is no such file or no key in its profile `watershed`.
pub fn credentials(dir: &Path) -> anyhow::Result<Credentials> {
    let path = dir.join("credentials");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}; has a server ever run on this directory?", path.display()))?;
    let mut is_ours = false;
    let (mut id, mut secret) = (None, None);
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            is_ours = line == "[watershed]";
        } else if let Some((name, value)) = line.split_once('=').filter(|_| is_ours) {
            match name.trim() {
                "aws_access_key_id" => id = Some(value.trim().to_owned()),
                "aws_secret_access_key" => secret = Some(value.trim().to_owned()),
                _ => {}
            }
        }
    }
    match (id, secret) {
        (Some(access_key_id), Some(secret_access_key)) => Ok(Credentials { access_key_id, secret_access_key }),
        _ => bail!("no access key in the profile `watershed` of {}", path.display()),
    }
}

/// Replaces a file as a whole, readable by its owner only.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || -> std::io::Result<()> {
        let mut file = options.open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_is_refused_until_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let first = Data::lock(dir.path()).unwrap();
        assert!(Data::lock(dir.path()).err().unwrap().to_string().contains("another watershed server"));
        drop(first);
        Data::lock(dir.path()).unwrap();
    }

    #[test]
    fn the_key_stays_and_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let data = Data::lock(dir.path()).unwrap();
        let first = data.credentials().unwrap();
        assert_eq!((first.access_key_id.len(), first.secret_access_key.len()), (20, 40));
        assert_eq!(data.credentials().unwrap().secret_access_key, first.secret_access_key);
        let mode = std::fs::metadata(dir.path().join("credentials")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
