//! Multipart uploads in the state: which there are, which parts they have. Parts are objects of [`UNFINISHED`], named by their rows.

use std::collections::BTreeSet;

use objects::{Objects, UNFINISHED};
use s3s::{S3Error, s3_error};
use serde::{Deserialize, Serialize};
use state::{Read, Row, State, Write, params};

use crate::Error;
use crate::attributes::Attributes;
use crate::checksum::Sums;
use crate::error::with;
use crate::store::Refused;

/// Names of pieces read at a time.
const SWEEP_PAGE: usize = 1000;

/// What an upload will be.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Upload {
    /// Without ETag, checksums and parts.
    pub(crate) attributes: Attributes,
    pub(crate) algorithm: Option<String>,
    pub(crate) is_composite: bool,
}

/// A part as its row has it.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) number: i64,
    pub(crate) file: String,
    pub(crate) etag: String,
    pub(crate) bytes: u64,
    pub(crate) at_ms: i64,
    pub(crate) sums: Sums,
}

pub(crate) fn no_upload(id: &str) -> S3Error {
    let error = s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or \
         completed."
    );
    with(error, &[("UploadId", id)])
}

/// The upload with this id, of this key.
pub(crate) fn find(tx: &Read<'_>, bucket: &str, key: &str, id: &str) -> Result<Upload, Refused> {
    let sql = "SELECT definition FROM s3_upload WHERE id = ?1 AND bucket = ?2 AND key = ?3";
    let found = tx.first(sql, params![id, bucket, key], |row| {
        serde_json::from_str(row.text(0)?).map_err(|_| state::Error::Column(0))
    })?;
    found.ok_or_else(|| Refused::S3(no_upload(id)))
}

/// At most `limit` parts behind the number `after`.
pub(crate) fn parts(tx: &Read<'_>, id: &str, after: i64, limit: i64) -> Result<Vec<Part>, state::Error> {
    let sql = "SELECT number, file, etag, bytes, at_ms, sums FROM s3_part
               WHERE upload = ?1 AND number > ?2 ORDER BY number LIMIT ?3";
    tx.all(sql, params![id, after, limit], part)
}

fn part(row: &Row<'_>) -> Result<Part, state::Error> {
    Ok(Part {
        number: row.int(0)?,
        file: row.text(1)?.to_owned(),
        etag: row.text(2)?.to_owned(),
        bytes: u64::try_from(row.int(3)?).unwrap_or_default(),
        at_ms: row.int(4)?,
        sums: serde_json::from_str(row.text(5)?).map_err(|_| state::Error::Column(5))?,
    })
}

/// Writes a part's row; answers the file of the part it replaces.
pub(crate) fn put_part(tx: &Write<'_>, id: &str, part: &Part) -> Result<Option<String>, state::Error> {
    let sql = "SELECT file FROM s3_part WHERE upload = ?1 AND number = ?2";
    let replaced = tx.first(sql, params![id, part.number], |row| row.text(0).map(str::to_owned))?;
    let sums = serde_json::to_string(&part.sums).unwrap_or_else(|_| "{}".into());
    let bytes = i64::try_from(part.bytes).unwrap_or(i64::MAX);
    tx.execute(
        "INSERT INTO s3_part (upload, number, file, etag, bytes, at_ms, sums) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (upload, number) DO UPDATE SET file = ?3, etag = ?4, bytes = ?5, at_ms = ?6, sums = ?7",
        params![id, part.number, &part.file, &part.etag, bytes, part.at_ms, &sums],
    )?;
    Ok(replaced)
}

/// Ends an upload; its parts' files are nobody's from then on.
pub(crate) fn delete(tx: &Write<'_>, id: &str) -> Result<(), state::Error> {
    tx.execute("DELETE FROM s3_part WHERE upload = ?1", params![id])?;
    tx.execute("DELETE FROM s3_upload WHERE id = ?1", params![id])?;
    Ok(())
}

/// Removes files of parts. One that stays is found by the next start.
pub(crate) async fn remove_files(objects: &Objects, files: impl IntoIterator<Item = String>) {
    for file in files {
        if let Err(error) = objects.delete(UNFINISHED, &file).await {
            tracing::warn!(%error, "a part that is not needed any more was not removed");
        }
    }
}

/// Removes the files that no row names: a crash came between the two.
pub(crate) async fn sweep(objects: &Objects, state: &State) -> Result<(), Error> {
    let mut after: Option<String> = None;
    loop {
        let page = objects.list(UNFINISHED, "", after.as_deref(), SWEEP_PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.key.clone());
        let files: Vec<String> = page.into_iter().map(|object| object.key).collect();
        let orphans = state.read(move |tx| {
            let mut orphans = BTreeSet::new();
            for file in files {
                let upload = file.split('/').next().unwrap_or_default();
                let sql = "SELECT 1 FROM s3_part WHERE upload = ?1 AND file = ?2";
                if tx.first(sql, params![upload, &file], |row| row.int(0))?.is_none() {
                    orphans.insert(file);
                }
            }
            Ok::<_, state::Error>(orphans)
        });
        remove_files(objects, orphans.await?).await;
    }
}
