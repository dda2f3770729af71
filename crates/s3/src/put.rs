//! PutObject, and how a body becomes bytes of an object.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use objects::Writer;
use s3s::dto::{ChecksumType, ETag, PutObjectInput, PutObjectOutput, StreamingBlob};
use s3s::{S3Request, S3Result, StdError, s3_error};

use crate::attributes::{Attributes, encryption, headers};
use crate::checksum::{Arrived, FULL_OBJECT, Hasher, Promise, given, tell};
use crate::condition::Replaces;
use crate::error::{of_body, of_objects};
use crate::store::{Cause, Store};
use crate::tagging;

/// The largest object of one request, and the largest part.
pub(crate) const BODY_BYTES_MAX: u64 = 5 << 30;
/// How long a body may stand still.
const IDLE_MAX: Duration = Duration::from_secs(60);

pub(crate) async fn put_object(store: &Store, request: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
    let cause = Cause::of(&request, "PutObject");
    let S3Request { mut input, headers: http_headers, trailing_headers, .. } = request;
    let mut promise = Promise {
        sums: given!(input),
        algorithms: input.checksum_algorithm.iter().map(|name| name.as_str().to_owned()).collect(),
        md5: input.content_md5.take(),
        bytes: input.content_length,
        trailers: trailing_headers,
    }
    .announced(&http_headers);
    if promise.sums.is_empty() && promise.algorithms.is_empty() {
        // What S3 keeps when nothing is asked for.
        promise.algorithms.insert("CRC64NVME".into());
    }
    let tags = tagging::of_header(input.tagging.as_deref())?;
    let replaces = Replaces { matches: input.if_match.take(), none_match: input.if_none_match.take() };
    let headers = headers!(input);
    headers.check()?;
    let mut writer = writer(store, &input.bucket, &input.key).await?;
    let arrived = receive(&mut writer, input.body.take(), &promise).await?;
    promise.check(&arrived)?;
    let attributes = Attributes {
        etag: hex::encode(arrived.md5),
        headers: headers.clone(),
        tags,
        sums: arrived.sums.clone(),
        sum_type: Some(FULL_OBJECT.into()),
        parts: Vec::new(),
    };
    let etag = attributes.etag.clone();
    store.commit(writer, (&input.bucket, &input.key), attributes, &replaces, cause, |_| Ok(())).await?;
    let mut output = PutObjectOutput {
        e_tag: Some(ETag::Strong(etag)),
        checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
        ..PutObjectOutput::default()
    };
    tell!(output, arrived.sums);
    encryption!(output, headers);
    Ok(output)
}

/// Begins an object in a bucket that is there.
pub(crate) async fn writer(store: &Store, bucket: &str, key: &str) -> S3Result<Writer> {
    store.check_bucket(bucket).await?;
    store.objects.writer(bucket, key).await.map_err(of_objects)
}

/// Writes a request's body, hashing it on the way.
pub(crate) async fn receive(writer: &mut Writer, body: Option<StreamingBlob>, promise: &Promise) -> S3Result<Arrived> {
    let mut hasher = promise.hasher()?;
    if let Some(body) = body {
        copy(writer, body, &mut hasher).await?;
    }
    Ok(hasher.finish())
}

/// Writes a stream, hashing it on the way.
pub(crate) async fn copy(
    writer: &mut Writer,
    mut body: impl Stream<Item = Result<Bytes, StdError>> + Unpin,
    hasher: &mut Hasher,
) -> S3Result<()> {
    loop {
        let next = tokio::time::timeout(IDLE_MAX, body.next()).await;
        let next = next.map_err(|_| {
            s3_error!(
                RequestTimeout,
                "Your socket connection to the server was not read from or written to within the timeout period."
            )
        })?;
        let Some(piece) = next else { return Ok(()) };
        let piece = piece.map_err(|error| of_body(error.as_ref()))?;
        hasher.update(&piece);
        if hasher.bytes() > BODY_BYTES_MAX {
            return Err(s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size"));
        }
        writer.write(piece).await.map_err(of_objects)?;
    }
}
