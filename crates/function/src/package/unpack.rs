//! Checks and unpacks a zip: entries stay inside the directory, sizes are bounded by what is read and not by what is
//! declared, executable bits are kept, links come last so that nothing is written through them.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Cursor, Read, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};

use zip::ZipArchive;
use zip::read::ZipFile;

use super::{ENTRIES_MAX, UNPACKED_BYTES_MAX};
use crate::Error;

const LINK_BYTES_MAX: u64 = 4096;

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// # Errors
/// `Invalid` for what is no zip, is too large unpacked, or reaches outside its directory.
pub(super) fn check(zip: &[u8]) -> Result<(), Error> {
    check_within(zip, UNPACKED_BYTES_MAX)
}

fn check_within(zip: &[u8], mut room: u64) -> Result<(), Error> {
    let mut archive = open(zip)?;
    let (mut names, mut links) = (BTreeSet::new(), BTreeSet::new());
    for index in 0..archive.len() {
        let mut entry = entry(&mut archive, index)?;
        let path = path(&entry)?;
        if entry.is_dir() {
            continue;
        }
        if entry.is_symlink() {
            link_target(&mut entry, &path)?;
            links.insert(path.clone());
        } else {
            room = room.checked_sub(entry.size()).ok_or_else(too_large)?;
        }
        if !names.insert(path) {
            return Err(invalid());
        }
    }
    // A file under a link would be written where the link points to.
    let is_under_link = |path: &PathBuf| path.ancestors().skip(1).any(|parent| links.contains(parent));
    match names.is_empty() || names.iter().any(is_under_link) {
        true => Err(Error::Invalid("Uploaded file must be a non-empty zip".into())),
        false => Ok(()),
    }
}

/// Unpacks a checked zip; the directory appears whole or not at all.
///
/// # Errors
/// `Host` when a file cannot be written, as [`check`] for what it would refuse.
pub(super) fn unpack(zip: &[u8], directory: &Path) -> Result<(), Error> {
    let part = directory.with_extension("part");
    let failed = |error: io::Error| Error::Host(format!("cannot unpack code into {}: {error}", part.display()));
    if part.exists() {
        fs::remove_dir_all(&part).map_err(failed)?;
    }
    make_directory(&part).map_err(failed)?;
    let mut archive = open(zip)?;
    let mut room = UNPACKED_BYTES_MAX;
    let mut links = Vec::new();
    for index in 0..archive.len() {
        let mut entry = entry(&mut archive, index)?;
        let path = path(&entry)?;
        let target = part.join(&path);
        if entry.is_dir() {
            make_directory(&target).map_err(failed)?;
            continue;
        }
        if let Some(parent) = target.parent() {
            make_directory(parent).map_err(failed)?;
        }
        if entry.is_symlink() {
            links.push((link_target(&mut entry, &path)?, target));
            continue;
        }
        let is_executable = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
        let mode = if is_executable { 0o755 } else { 0o644 };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&target).map_err(failed)?;
        let written = io::copy(&mut entry.by_ref().take(room + 1), &mut file).map_err(|_| invalid())?;
        room = room.checked_sub(written).ok_or_else(too_large)?;
        seal(&mut file, mode).map_err(failed)?;
    }
    for (to, at) in links {
        std::os::unix::fs::symlink(to, at).map_err(failed)?;
    }
    fs::rename(&part, directory).map_err(failed)
}

fn seal(file: &mut File, mode: u32) -> io::Result<()> {
    file.flush()?;
    // The server's own mask must not take the bits away.
    file.set_permissions(fs::Permissions::from_mode(mode))
}

fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_directory(parent)?;
    }
    fs::create_dir(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

fn open(zip: &[u8]) -> Result<Archive<'_>, Error> {
    let archive = ZipArchive::new(Cursor::new(zip)).map_err(|_| invalid())?;
    if archive.len() > ENTRIES_MAX {
        return Err(Error::Invalid(format!("the zip has more than {ENTRIES_MAX} entries")));
    }
    Ok(archive)
}

fn entry<'a>(archive: &'a mut Archive<'_>, index: usize) -> Result<ZipFile<'a, impl Read>, Error> {
    archive.by_index(index).map_err(|_| invalid())
}

/// The entry's place, which must lie inside.
fn path<R: Read>(entry: &ZipFile<'_, R>) -> Result<PathBuf, Error> {
    let path = entry.enclosed_name().ok_or_else(invalid)?;
    let path: PathBuf = path.components().filter(|component| matches!(component, Component::Normal(_))).collect();
    match path.as_os_str().is_empty() && !entry.is_dir() {
        true => Err(invalid()),
        false => Ok(path),
    }
}

/// What a link points to, which must lie inside.
fn link_target<R: Read>(entry: &mut ZipFile<'_, R>, at: &Path) -> Result<PathBuf, Error> {
    let mut text = String::new();
    entry.take(LINK_BYTES_MAX).read_to_string(&mut text).map_err(|_| invalid())?;
    let target = PathBuf::from(text);
    let mut depth = at.components().count().saturating_sub(1);
    for component in target.components() {
        depth = match component {
            Component::Normal(_) => depth + 1,
            Component::CurDir => depth,
            Component::ParentDir => depth.checked_sub(1).ok_or_else(invalid)?,
            Component::RootDir | Component::Prefix(_) => return Err(invalid()),
        };
    }
    Ok(target)
}

fn invalid() -> Error {
    Error::Invalid("Could not unzip uploaded file. Please check your file, then try to upload again.".into())
}

fn too_large() -> Error {
    Error::Invalid(format!("Unzipped size must be smaller than {UNPACKED_BYTES_MAX} bytes"))
}

#[cfg(test)]
mod tests {
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn zip(build: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::default());
        build(&mut writer);
        writer.finish().unwrap().into_inner()
    }

    fn options() -> SimpleFileOptions {
        SimpleFileOptions::default()
    }

    #[test]
    fn refuses_what_reaches_outside() {
        for name in ["../evil", "/etc/evil", "a/../../evil", "."] {
            let data = zip(|zip| zip.start_file(name, options()).unwrap());
            assert!(check(&data).is_err(), "{name}");
        }
        for (at, to) in [("l", "/etc"), ("l", ".."), ("a/l", "../../etc")] {
            let data = zip(|zip| zip.add_symlink(at, to, options()).unwrap());
            assert!(check(&data).is_err(), "{at} -> {to}");
        }
        let through = zip(|zip| {
            zip.start_file("d/x", options()).unwrap();
            zip.add_symlink("l", "d", options()).unwrap();
            zip.start_file("l/y", options()).unwrap();
        });
        assert!(check(&through).is_err());
        assert!(check(b"not a zip").is_err());
        assert!(check(&zip(|_| {})).is_err());
    }

    #[test]
    fn refuses_a_bomb_by_what_it_unpacks_to() {
        let bomb = zip(|zip| {
            for number in 0..9 {
                zip.start_file(number.to_string(), options()).unwrap();
                zip.write_all(&[0; 1 << 16]).unwrap();
            }
        });
        assert!(bomb.len() < 1 << 14, "{}", bomb.len());
        check_within(&bomb, 9 << 16).unwrap();
        assert!(
            check_within(&bomb, (9 << 16) - 1).unwrap_err().to_string().starts_with("Unzipped size must be smaller")
        );
    }

    #[test]
    fn keeps_executable_bits_and_links() {
        let data = zip(|zip| {
            zip.start_file("bin/run", options().unix_permissions(0o700)).unwrap();
            zip.write_all(b"#!/bin/sh").unwrap();
            zip.start_file("data", options().unix_permissions(0o600)).unwrap();
            zip.add_symlink("bootstrap", "bin/run", options()).unwrap();
        });
        check(&data).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("code");
        unpack(&data, &target).unwrap();
        let mode = |name: &str| fs::metadata(target.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("bootstrap"), mode("data")), (0o755, 0o644));
        assert_eq!(fs::read(target.join("bootstrap")).unwrap(), b"#!/bin/sh");
    }
}
