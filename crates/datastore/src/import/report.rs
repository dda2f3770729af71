//! What a job tells: places, lines of results, the manifest.

use fhir::definitions::Definitions;
use serde_json::{Value, json};

use super::job::Job;
use crate::{Error, Kind, Version};

/// Bucket and prefix of `s3://BUCKET/PREFIX`; the prefix ends in `/` or is empty.
pub(super) fn place(uri: &str) -> Result<(String, String), Error> {
    let invalid = || Error::new(Kind::Invalid, "a place is s3://BUCKET/PREFIX");
    let rest = uri.strip_prefix("s3://").ok_or_else(invalid)?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(invalid());
    }
    let prefix = prefix.trim_end_matches('/');
    Ok((bucket.to_owned(), if prefix.is_empty() { String::new() } else { format!("{prefix}/") }))
}

/// The folder a job writes to, below its output place.
pub(super) fn folder(job: &Job) -> Result<(String, String), Error> {
    let (bucket, prefix) = place(&job.request.output)?;
    Ok((bucket, format!("{prefix}{}-FHIR_IMPORT-{}/", job.request.datastore, job.id)))
}

/// The line of a resource that is there now.
pub(super) fn imported(line: i64, version: Option<&Version>) -> String {
    let (status, blob) = match version {
        Some(version) => {
            let meta = json!({"versionId": version.version.to_string(), "lastUpdated": version.last_updated()});
            let kind = Definitions::r4().name(version.kind);
            (
                if version.version == 1 { 201 } else { 200 },
                json!({"resourceType": kind, "id": version.id, "meta": meta}),
            )
        }
        // It was there already.
        None => (200, json!({})),
    };
    json!({"lineId": line, "UpdateResourceResponse": {"jsonBlob": blob, "statusCode": status}}).to_string()
}

/// The line of a resource that was refused.
pub(super) fn refused(line: i64, error: &Error) -> String {
    let status = match error.kind() {
        Kind::Unavailable | Kind::Corrupt => 500,
        Kind::TooLarge => 413,
        Kind::Unprocessable => 422,
        _ => 400,
    };
    let outcome: Value = serde_json::from_str(&fhir::outcome::outcome(&error.issues)).unwrap_or_default();
    json!({"lineId": line, "UpdateResourceResponse": {"jsonBlob": outcome, "statusCode": status}}).to_string()
}

/// `manifest.json`.
pub(super) fn manifest(job: &Job) -> Result<String, Error> {
    let (bucket, folder) = folder(job)?;
    let mebibytes = |bytes: i64| (bytes as f64 / f64::from(1 << 20) * 1e6).round() / 1e6;
    let progress = job.progress;
    let manifest = json!({
        "inputDataConfig": {"s3Uri": job.request.input},
        "outputDataConfig": {"s3Uri": format!("s3://{bucket}/{folder}"), "encryptionKeyID": job.request.kms_key},
        "successOutput": {"successOutputS3Uri": format!("s3://{bucket}/{folder}SUCCESS/")},
        "failureOutput": {"failureOutputS3Uri": format!("s3://{bucket}/{folder}FAILURE/")},
        "numberOfScannedFiles": progress.files,
        "numberOfFilesImported": progress.files_done,
        "sizeOfScannedFilesInMB": mebibytes(progress.bytes),
        "sizeOfDataImportedSuccessfullyInMB": mebibytes(if progress.refused == 0 { progress.bytes } else { 0 }),
        "numberOfResourcesScanned": progress.scanned,
        "numberOfResourcesImportedSuccessfully": progress.imported,
        "numberOfResourcesWithCustomerError": progress.refused,
        "numberOfResourcesWithServerError": 0,
    });
    Ok(format!("{manifest:#}"))
}
