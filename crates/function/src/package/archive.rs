//! Packs a file or a directory of this machine into a zip: the same content gives the same bytes.

use std::fs::{self, File};
use std::io::{Cursor, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bytes::Bytes;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{ENTRIES_MAX, UNPACKED_BYTES_MAX};
use crate::Error;

type Writer = ZipWriter<Cursor<Vec<u8>>>;

/// # Errors
/// `Invalid` when the path cannot be read, is too large, or is neither a file nor a directory.
pub(super) fn pack(path: &Path) -> Result<Bytes, Error> {
    let unreadable = |error: std::io::Error| refuse(path, &error.to_string());
    let found = fs::metadata(path).map_err(unreadable)?;
    if found.is_dir() {
        let mut writer = Writer::new(Cursor::default());
        let mut room = Room { bytes: UNPACKED_BYTES_MAX, entries: ENTRIES_MAX };
        add_directory(&mut writer, path, "", &mut room)?;
        return finish(writer, path);
    }
    let data = read(path, UNPACKED_BYTES_MAX)?;
    if data.starts_with(b"PK\x03\x04") {
        return Ok(data.into());
    }
    if found.permissions().mode() & 0o111 == 0 {
        return Err(refuse(path, "it is neither a zip, nor a directory, nor executable"));
    }
    let mut writer = Writer::new(Cursor::default());
    add_file(&mut writer, path, "bootstrap", &data, 0o755)?;
    finish(writer, path)
}

struct Room {
    bytes: u64,
    entries: usize,
}

fn add_directory(writer: &mut Writer, path: &Path, prefix: &str, room: &mut Room) -> Result<(), Error> {
    let unreadable = |error: std::io::Error| refuse(path, &error.to_string());
    let mut entries = fs::read_dir(path).map_err(unreadable)?.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        room.entries = room.entries.checked_sub(1).ok_or_else(|| refuse(path, "it holds too many files"))?;
        let path = entry.path();
        let name = entry.file_name().into_string().map_err(|_| refuse(&path, "its name is not UTF-8"))?;
        let name = format!("{prefix}{name}");
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() {
            // The depth is bounded: the operating system takes no longer paths.
            add_directory(writer, &path, &format!("{name}/"), room)?;
            continue;
        }
        let found = fs::metadata(&path).map_err(unreadable)?;
        if !found.is_file() {
            return Err(refuse(&path, "it is no file; links to directories are not followed"));
        }
        let data = read(&path, room.bytes)?;
        room.bytes = room.bytes.saturating_sub(data.len() as u64);
        let mode = if found.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 };
        add_file(writer, &path, &name, &data, mode)?;
    }
    Ok(())
}

fn add_file(writer: &mut Writer, path: &Path, name: &str, data: &[u8], mode: u32) -> Result<(), Error> {
    // Stored: local code is read back once, and compressing a large binary takes longer than all the rest.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(mode);
    let failed = |error: &dyn std::fmt::Display| refuse(path, &error.to_string());
    writer.start_file(name, options).map_err(|error| failed(&error))?;
    writer.write_all(data).map_err(|error| failed(&error))
}

fn finish(writer: Writer, path: &Path) -> Result<Bytes, Error> {
    let cursor = writer.finish().map_err(|error| refuse(path, &error.to_string()))?;
    Ok(cursor.into_inner().into())
}

fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Error> {
    let unreadable = |error: std::io::Error| refuse(path, &error.to_string());
    let mut data = Vec::new();
    File::open(path).map_err(unreadable)?.take(bytes_max + 1).read_to_end(&mut data).map_err(unreadable)?;
    match data.len() as u64 > bytes_max {
        true => Err(refuse(path, "it is larger than 262144000 bytes")),
        false => Ok(data),
    }
}

fn refuse(path: &Path, reason: &str) -> Error {
    Error::Invalid(format!("function code cannot be used: {reason}. path=`{}`", path.display()))
}
