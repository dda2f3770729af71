//! GetObject, HeadObject and GetObjectAttributes.

use std::ops::Range;

use futures::StreamExt as _;
use http::StatusCode;
use http_body_util::StreamBody;
use s3s::dto::{
    Checksum, ChecksumMode, ChecksumType, ContentRange, ETag, GetObjectAttributesInput, GetObjectAttributesOutput,
    GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, Range as Asked, StorageClass, StreamingBlob,
};
use s3s::{Body, S3Result, s3_error};

use crate::attributes::encryption;
use crate::checksum::{Sums, tell};
use crate::condition::{Conditions, timestamp};
use crate::error::{argument, no_key, of_objects, unlisted, with};
use crate::store::{Found, Store};

pub(crate) async fn get_object(store: &Store, mut input: GetObjectInput) -> S3Result<GetObjectOutput> {
    let reader = match store.objects.reader(&input.bucket, &input.key).await {
        Ok(reader) => reader,
        Err(error) => {
            store.check_bucket(&input.bucket).await?;
            return Err(of_objects(error));
        }
    };
    let found = store.with_row(&input.bucket, reader.object.clone()).await?;
    let conditions = Conditions {
        matches: input.if_match.take(),
        none_match: input.if_none_match.take(),
        modified_since: input.if_modified_since.take(),
        unmodified_since: input.if_unmodified_since.take(),
    };
    conditions.check(&found)?;
    check_version(input.version_id.as_deref())?;
    let part = part(&found, input.part_number, input.range)?;
    let stream = reader.stream(part.range.clone()).map(|piece| piece.map(http_body::Frame::data));
    let body = Body::http_body_unsync(StreamBody::new(stream));
    let Found { object, attributes } = found;
    let headers = attributes.headers;
    let storage_class = headers.other_class();
    let mut output = GetObjectOutput {
        accept_ranges: Some("bytes".into()),
        body: Some(StreamingBlob::from(body)),
        cache_control: input.response_cache_control.or(headers.cache_control),
        content_disposition: input.response_content_disposition.or(headers.content_disposition),
        content_encoding: input.response_content_encoding.or(headers.content_encoding),
        content_language: input.response_content_language.or(headers.content_language),
        content_length: length(&part.range),
        content_range: part.shown,
        content_type: Some(input.response_content_type.or(headers.content_type).unwrap_or_else(binary)),
        e_tag: Some(ETag::Strong(attributes.etag)),
        expires: input.response_expires.or(headers.expires),
        last_modified: Some(timestamp(object.modified_ms)),
        metadata: Some(headers.metadata.into_iter().collect()),
        parts_count: part.count,
        tag_count: i32::try_from(attributes.tags.len()).ok().filter(|count| *count > 0),
        storage_class,
        website_redirect_location: headers.website_redirect_location,
        ..GetObjectOutput::default()
    };
    encryption!(output, headers);
    if shows_sums(input.checksum_mode.as_ref()) && part.is_whole {
        tell!(output, attributes.sums);
        output.checksum_type = attributes.sum_type.map(ChecksumType::from);
    }
    Ok(output)
}

pub(crate) async fn head_object(store: &Store, mut input: HeadObjectInput) -> S3Result<HeadObjectOutput> {
    let found = need(store, &input.bucket, &input.key).await?;
    let conditions = Conditions {
        matches: input.if_match.take(),
        none_match: input.if_none_match.take(),
        modified_since: input.if_modified_since.take(),
        unmodified_since: input.if_unmodified_since.take(),
    };
    conditions.check(&found)?;
    check_version(input.version_id.as_deref())?;
    let part = part(&found, input.part_number, input.range)?;
    let Found { object, attributes } = found;
    let headers = attributes.headers;
    let storage_class = headers.other_class();
    let mut output = HeadObjectOutput {
        accept_ranges: Some("bytes".into()),
        cache_control: input.response_cache_control.or(headers.cache_control),
        content_disposition: input.response_content_disposition.or(headers.content_disposition),
        content_encoding: input.response_content_encoding.or(headers.content_encoding),
        content_language: input.response_content_language.or(headers.content_language),
        content_length: length(&part.range),
        content_range: part.shown,
        content_type: Some(input.response_content_type.or(headers.content_type).unwrap_or_else(binary)),
        e_tag: Some(ETag::Strong(attributes.etag)),
        expires: input.response_expires.or(headers.expires),
        last_modified: Some(timestamp(object.modified_ms)),
        metadata: Some(headers.metadata.into_iter().collect()),
        parts_count: part.count,
        storage_class,
        website_redirect_location: headers.website_redirect_location,
        ..HeadObjectOutput::default()
    };
    encryption!(output, headers);
    if shows_sums(input.checksum_mode.as_ref()) && part.is_whole {
        tell!(output, attributes.sums);
        output.checksum_type = attributes.sum_type.map(ChecksumType::from);
    }
    Ok(output)
}

pub(crate) async fn get_object_attributes(
    store: &Store,
    input: GetObjectAttributesInput,
) -> S3Result<GetObjectAttributesOutput> {
    let found = need(store, &input.bucket, &input.key).await?;
    // One header may hold them all.
    let asked = |name: &str| {
        let mut names = input.object_attributes.iter().flat_map(|names| names.as_str().split(','));
        names.any(|asked| asked.trim() == name)
    };
    let mut output = GetObjectAttributesOutput {
        last_modified: Some(timestamp(found.object.modified_ms)),
        ..GetObjectAttributesOutput::default()
    };
    if asked("ETag") {
        output.e_tag = Some(ETag::Strong(found.attributes.etag.clone()));
    }
    if asked("ObjectSize") {
        output.object_size = i64::try_from(found.object.bytes).ok();
    }
    if asked("StorageClass") {
        output.storage_class = Some(StorageClass::from(found.attributes.headers.class()));
    }
    if asked("Checksum") && !found.attributes.sums.is_empty() {
        let mut sums = Checksum::default();
        // Without the number of parts that other answers have behind a composite one.
        let plain = |(name, sum): (String, String)| (name, sum.split('-').next().unwrap_or_default().to_owned());
        let kept: Sums = found.attributes.sums.into_iter().map(plain).collect();
        tell!(sums, kept);
        sums.checksum_type = found.attributes.sum_type.map(ChecksumType::from);
        output.checksum = Some(sums);
    }
    Ok(output)
}

/// An object that must be there.
pub(crate) async fn need(store: &Store, bucket: &str, key: &str) -> S3Result<Found> {
    let found = store.find(bucket, key).await?;
    found.ok_or_else(|| no_key(key))
}

/// There are no versions; the one there is has the id `null`.
pub(crate) fn check_version(version: Option<&str>) -> S3Result<()> {
    match version {
        None | Some("null") => Ok(()),
        Some(other) => Err(argument("versionId", other, "Invalid version id specified")),
    }
}

struct Part {
    range: Range<u64>,
    is_whole: bool,
    shown: Option<ContentRange>,
    count: Option<i32>,
}

/// The bytes that a range or a part number asks for.
fn part(found: &Found, number: Option<i32>, range: Option<Asked>) -> S3Result<Part> {
    let (bytes, parts) = (found.object.bytes, &found.attributes.parts);
    let range = match (number, range) {
        (Some(_), Some(_)) => {
            return Err(s3_error!(InvalidRequest, "Cannot specify both Range header and partNumber query parameter"));
        }
        (None, None) => return Ok(Part { range: 0..bytes, is_whole: true, shown: None, count: None }),
        (None, Some(asked)) => {
            let (size, range) = (bytes.to_string(), asked.to_header_string());
            asked.check(bytes).map_err(|_| {
                let error = s3_error!(InvalidRange, "The requested range is not satisfiable");
                with(error, &[("RangeRequested", &range), ("ActualObjectSize", &size)])
            })?
        }
        (Some(1), None) if parts.is_empty() => 0..bytes,
        (Some(number), None) => {
            let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
            let at = at.filter(|at| *at < parts.len());
            let at = at.ok_or_else(|| {
                unlisted(
                    "InvalidPartNumber",
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    "The requested partnumber is not satisfiable",
                )
            })?;
            let before: u64 = parts.iter().take(at).sum();
            before..before + parts.get(at).copied().unwrap_or_default()
        }
    };
    let shown = (!range.is_empty()).then(|| format!("bytes {}-{}/{bytes}", range.start, range.end - 1));
    let count = number.and_then(|_| i32::try_from(parts.len()).ok()).filter(|count| *count > 0);
    Ok(Part { is_whole: range == (0..bytes), range, shown, count })
}

fn length(range: &Range<u64>) -> Option<i64> {
    i64::try_from(range.end - range.start).ok()
}

fn binary() -> String {
    "binary/octet-stream".into()
}

fn shows_sums(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}
