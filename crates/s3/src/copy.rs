//! CopyObject, and what it shares with UploadPartCopy.

use futures::TryStreamExt as _;
use objects::Reader;
use s3s::dto::{
    ChecksumType, CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, ETag, MetadataDirective,
    TaggingDirective,
};
use s3s::{S3Request, S3Result, StdError, s3_error};

use crate::attributes::{Attributes, Headers, encryption, headers};
use crate::checksum::{FULL_OBJECT, Hasher, tell};
use crate::condition::{Conditions, Replaces, timestamp};
use crate::get::check_version;
use crate::put::{BODY_BYTES_MAX, copy, writer};
use crate::store::{Cause, Found, Store};
use crate::{error, tagging};

pub(crate) async fn copy_object(store: &Store, request: S3Request<CopyObjectInput>) -> S3Result<CopyObjectOutput> {
    let cause = Cause::of(&request, "CopyObject");
    let mut input = request.input;
    let conditions = Conditions {
        matches: input.copy_source_if_match.take(),
        none_match: input.copy_source_if_none_match.take(),
        modified_since: input.copy_source_if_modified_since.take(),
        unmodified_since: input.copy_source_if_unmodified_since.take(),
    };
    let (reader, found) = source(store, &input.copy_source, &conditions).await?;
    if found.object.bytes > BODY_BYTES_MAX {
        return Err(s3_error!(
            InvalidRequest,
            "The specified copy source is larger than the maximum allowable size for a copy source: {BODY_BYTES_MAX}"
        ));
    }
    let is_replaced = replaces("metadata", input.metadata_directive.as_ref().map(MetadataDirective::as_str))?;
    let given = headers!(input);
    let is_changed = is_replaced
        || given.storage_class.is_some()
        || given.website_redirect_location.is_some()
        || given.server_side_encryption.is_some();
    if is_itself(&input.copy_source, &input.bucket, &input.key) && !is_changed {
        return Err(s3_error!(
            InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the \
             object's metadata, storage class, website redirect location or encryption attributes."
        ));
    }
    // What is of the copy and not of what is copied: it is given or the default.
    let headers = match is_replaced {
        true => given,
        false => Headers {
            storage_class: given.storage_class,
            website_redirect_location: given.website_redirect_location,
            server_side_encryption: given.server_side_encryption,
            kms_key: given.kms_key,
            bucket_key: given.bucket_key,
            ..found.attributes.headers
        },
    };
    headers.check()?;
    let tags = match replaces("tagging", input.tagging_directive.as_ref().map(TaggingDirective::as_str))? {
        true => tagging::of_header(input.tagging.as_deref())?,
        false => found.attributes.tags,
    };
    let algorithm = input.checksum_algorithm.map(|name| name.as_str().to_owned());
    let algorithm = algorithm.or_else(|| found.attributes.sums.into_keys().next());
    let algorithm = algorithm.unwrap_or_else(|| "CRC64NVME".into());
    let mut hasher = Hasher::new([&algorithm].into_iter())?;
    let mut writer = writer(store, &input.bucket, &input.key).await?;
    copy(&mut writer, reader.stream(0..found.object.bytes).map_err(StdError::from), &mut hasher).await?;
    let arrived = hasher.finish();
    let etag = hex::encode(arrived.md5);
    let attributes = Attributes {
        etag: etag.clone(),
        headers: headers.clone(),
        tags,
        sums: arrived.sums.clone(),
        sum_type: Some(FULL_OBJECT.into()),
        parts: Vec::new(),
    };
    let place = (input.bucket.as_str(), input.key.as_str());
    let object = store.commit(writer, place, attributes, &Replaces::default(), cause, |_| Ok(())).await?;
    let mut result = CopyObjectResult {
        e_tag: Some(ETag::Strong(etag)),
        last_modified: Some(timestamp(object.modified_ms)),
        checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
        ..CopyObjectResult::default()
    };
    tell!(result, arrived.sums);
    let mut output = CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() };
    encryption!(output, headers);
    Ok(output)
}

/// Whether a directive of a copy says `REPLACE`.
fn replaces(what: &str, directive: Option<&str>) -> S3Result<bool> {
    match directive {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(other) => {
            let name = format!("x-amz-{what}-directive");
            Err(error::argument(&name, other, format_args!("Unknown {what} directive.")))
        }
    }
}

/// Opens what is to be copied, if the conditions hold.
pub(crate) async fn source(store: &Store, source: &CopySource, conditions: &Conditions) -> S3Result<(Reader, Found)> {
    let CopySource::Bucket { bucket, key, version_id } = source else {
        return Err(s3_error!(NotImplemented, "Access points are not served."));
    };
    check_version(version_id.as_deref())?;
    store.check_bucket(bucket).await?;
    let reader = store.objects.reader(bucket, key).await.map_err(error::of_objects)?;
    let found = store.with_row(bucket, reader.object.clone()).await?;
    conditions.check_source(&found)?;
    Ok((reader, found))
}

fn is_itself(source: &CopySource, to_bucket: &str, to_key: &str) -> bool {
    matches!(source, CopySource::Bucket { bucket, key, .. } if **bucket == *to_bucket && **key == *to_key)
}
