//! ListParts and ListMultipartUploads.

use std::collections::BTreeSet;

use s3s::S3Result;
use s3s::dto::{
    ChecksumAlgorithm, ETag, Initiator, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput,
    ListPartsOutput, MultipartUpload, Part as Listed, StorageClass,
};
use state::params;

use crate::checksum::tell;
use crate::condition::timestamp;
use crate::error::{argument, internal};
use crate::list::{Encoding, owner};
use crate::multipart::{PART_NUMBER_MAX, sum_type};
use crate::store::{Refused, Store};
use crate::uploads::{Upload, find, parts};

/// Parts or uploads of a page.
const PAGE_MAX: i32 = 1000;

pub(crate) async fn list_parts(store: &Store, input: ListPartsInput) -> S3Result<ListPartsOutput> {
    let limit = page_of("max-parts", input.max_parts)?;
    let after = at_least_0("part-number-marker", input.part_number_marker.unwrap_or_default())?;
    let (bucket, key, id) = (input.bucket.clone(), input.key.clone(), input.upload_id.clone());
    let read = store.state.read(move |tx| {
        let upload = find(tx, &bucket, &key, &id)?;
        Ok::<_, Refused>((upload, parts(tx, &id, i64::from(after), i64::from(limit) + 1)?))
    });
    let (upload, mut kept) = read.await?;
    let length = usize::try_from(limit).unwrap_or_default();
    let is_truncated = kept.len() > length;
    kept.truncate(length);
    let last = kept.last().map_or(0, |part| i32::try_from(part.number).unwrap_or(PART_NUMBER_MAX));
    let listed = kept.into_iter().map(|part| {
        let mut listed = Listed {
            e_tag: Some(ETag::Strong(part.etag)),
            last_modified: Some(timestamp(part.at_ms)),
            part_number: i32::try_from(part.number).ok(),
            size: i64::try_from(part.bytes).ok(),
            ..Listed::default()
        };
        tell!(listed, part.sums);
        listed
    });
    Ok(ListPartsOutput {
        parts: Some(listed.collect()),
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        owner: Some(owner(store)),
        is_truncated: Some(is_truncated),
        max_parts: Some(limit),
        part_number_marker: Some(after),
        next_part_number_marker: Some(last),
        storage_class: Some(StorageClass::from(upload.attributes.headers.class())),
        initiator: Some(initiator(store)),
        checksum_type: upload.algorithm.as_ref().map(|_| sum_type(upload.is_composite)),
        checksum_algorithm: upload.algorithm.map(ChecksumAlgorithm::from),
        ..ListPartsOutput::default()
    })
}

pub(crate) async fn list_uploads(
    store: &Store,
    input: ListMultipartUploadsInput,
) -> S3Result<ListMultipartUploadsOutput> {
    store.check_bucket(&input.bucket).await?;
    let limit = page_of("max-uploads", input.max_uploads)?;
    let length = usize::try_from(limit).unwrap_or_default();
    let encoding = Encoding::of(input.encoding_type.as_ref())?;
    let (bucket, prefix) = (input.bucket.clone(), input.prefix.clone().unwrap_or_default());
    let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
    let marker = input.key_marker.clone().unwrap_or_default();
    // Without an upload id the marker is the last key that is not wanted.
    let after = input.upload_id_marker.clone().unwrap_or_else(|| "\u{10FFFF}".into());
    let read = store.state.read(move |tx| {
        let (mut uploads, mut prefixes, mut is_truncated) = (Vec::new(), BTreeSet::new(), false);
        let sql = "SELECT key, id, created_ms, definition FROM s3_upload
                   WHERE bucket = ?1 AND (key > ?2 OR (key = ?2 AND id > ?3)) ORDER BY key, id";
        tx.each(sql, params![&bucket, &marker, &after], |row| {
            let key = row.text(0)?;
            let Some(rest) = key.strip_prefix(prefix.as_str()) else { return Ok(true) };
            let rolled = delimiter.as_ref().and_then(|delimiter| Some(rest.find(delimiter)? + delimiter.len()));
            let rolled = rolled.and_then(|end| key.get(..prefix.len() + end));
            if rolled.is_some_and(|rolled| prefixes.contains(rolled)) {
                return Ok(true);
            }
            if uploads.len() + prefixes.len() == length {
                is_truncated = true;
                return Ok(false);
            }
            match rolled {
                Some(rolled) => {
                    prefixes.insert(rolled.to_owned());
                }
                None => {
                    let upload: Upload = serde_json::from_str(row.text(3)?).map_err(|_| state::Error::Column(3))?;
                    uploads.push((key.to_owned(), row.text(1)?.to_owned(), row.int(2)?, upload));
                }
            }
            Ok::<_, state::Error>(true)
        })?;
        Ok::<_, state::Error>((uploads, prefixes, is_truncated))
    });
    let (uploads, prefixes, is_truncated) = read.await.map_err(internal)?;
    let next = uploads.last().filter(|_| is_truncated).map(|(key, id, ..)| (key.clone(), id.clone()));
    let owner = owner(store);
    let listed = uploads.into_iter().map(|(key, id, at_ms, upload)| MultipartUpload {
        key: Some(encoding.text(key)),
        upload_id: Some(id),
        initiated: Some(timestamp(at_ms)),
        initiator: Some(initiator(store)),
        owner: Some(owner.clone()),
        storage_class: Some(StorageClass::from(upload.attributes.headers.class())),
        checksum_type: upload.algorithm.as_ref().map(|_| sum_type(upload.is_composite)),
        checksum_algorithm: upload.algorithm.map(ChecksumAlgorithm::from),
    });
    Ok(ListMultipartUploadsOutput {
        uploads: Some(listed.collect()),
        common_prefixes: Some(encoding.prefixes(prefixes.into_iter().collect())),
        bucket: Some(input.bucket),
        delimiter: input.delimiter.map(|text| encoding.text(text)),
        encoding_type: input.encoding_type,
        is_truncated: Some(is_truncated),
        key_marker: Some(encoding.text(input.key_marker.unwrap_or_default())),
        upload_id_marker: input.upload_id_marker,
        max_uploads: Some(limit),
        next_upload_id_marker: next.as_ref().map(|(_, id)| id.clone()),
        next_key_marker: next.map(|(key, _)| encoding.text(key)),
        prefix: input.prefix.map(|text| encoding.text(text)),
        ..ListMultipartUploadsOutput::default()
    })
}

fn page_of(name: &str, asked: Option<i32>) -> S3Result<i32> {
    at_least_0(name, asked.unwrap_or(PAGE_MAX)).map(|limit| limit.min(PAGE_MAX))
}

fn at_least_0(name: &str, value: i32) -> S3Result<i32> {
    let message = format_args!("Argument {name} must be an integer between 0 and 2147483647");
    if value < 0 { Err(argument(name, &value.to_string(), message)) } else { Ok(value) }
}

/// Who began an upload: the account, as which all write.
fn initiator(store: &Store) -> Initiator {
    Initiator { display_name: None, id: Some(store.settings.account.clone()) }
}
