//! Multipart uploads: their operations. A part is a file of its own; completing copies them, one piece in memory, into one object.

use futures::TryStreamExt as _;
use objects::UNFINISHED;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm, ChecksumType,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, CopyPartResult,
    CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag, Range, UploadPartCopyInput, UploadPartCopyOutput,
    UploadPartInput, UploadPartOutput,
};
use s3s::{S3Request, S3Result, StdError, s3_error};
use state::params;

use crate::attributes::{Attributes, encryption, headers};
use crate::checksum::{Arrived, COMPOSITE, FULL_OBJECT, Hasher, Promise, composite, given, tell};
use crate::condition::{Conditions, Replaces, timestamp};
use crate::error::{argument, internal, of_objects, with};
use crate::put::{copy, receive, writer};
use crate::store::{Cause, Refused, Store};
use crate::uploads::{Part, Upload, delete, find, no_upload, parts, put_part, remove_files};
use crate::{copy as copies, tagging};

const NO_RANGE: &str = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
                        zero-based offsets of the first and last bytes to copy";
pub(crate) const PART_NUMBER_MAX: i32 = 10_000;
/// Every part but the last has at least so many bytes.
const PART_BYTES_MIN: u64 = 5 << 20;

pub(crate) async fn create(
    store: &Store,
    mut input: CreateMultipartUploadInput,
) -> S3Result<CreateMultipartUploadOutput> {
    store.check_bucket(&input.bucket).await?;
    let algorithm = input.checksum_algorithm.as_ref().map(|name| name.as_str().to_owned());
    Hasher::new(algorithm.iter())?;
    let asked = input.checksum_type.as_ref().map(ChecksumType::as_str);
    let is_composite = algorithm.is_some()
        && match asked {
            Some(asked) => asked == COMPOSITE,
            None => algorithm.as_deref() != Some("CRC64NVME"),
        };
    let attributes = Attributes {
        headers: headers!(input),
        tags: tagging::of_header(input.tagging.as_deref())?,
        ..Attributes::default()
    };
    attributes.headers.check()?;
    let headers = attributes.headers.clone();
    let definition = serde_json::to_string(&Upload { attributes, algorithm: algorithm.clone(), is_composite });
    let definition = definition.map_err(internal)?;
    let id = uuid::Uuid::new_v4().simple().to_string();
    let (upload, bucket, key, now_ms) = (id.clone(), input.bucket.clone(), input.key.clone(), store.clock.now_ms());
    let written = store.state.write(move |tx| {
        let sql = "INSERT INTO s3_upload (id, bucket, key, created_ms, definition) VALUES (?1, ?2, ?3, ?4, ?5)";
        tx.execute(sql, params![&upload, &bucket, &key, now_ms, &definition])
    });
    written.await.map_err(internal)?;
    let mut output = CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        checksum_type: algorithm.as_ref().map(|_| sum_type(is_composite)),
        checksum_algorithm: algorithm.map(ChecksumAlgorithm::from),
        ..CreateMultipartUploadOutput::default()
    };
    encryption!(output, headers);
    Ok(output)
}

pub(crate) async fn upload_part(store: &Store, request: S3Request<UploadPartInput>) -> S3Result<UploadPartOutput> {
    let S3Request { mut input, headers: http_headers, trailing_headers, .. } = request;
    let place = Place::of(&input.bucket, &input.key, &input.upload_id, input.part_number)?;
    let upload = place.upload(store).await?;
    let mut promise = Promise {
        sums: given!(input),
        algorithms: input.checksum_algorithm.iter().map(|name| name.as_str().to_owned()).collect(),
        md5: input.content_md5.take(),
        bytes: input.content_length,
        trailers: trailing_headers,
    }
    .announced(&http_headers);
    promise.algorithms.extend(upload.algorithm);
    let headers = upload.attributes.headers;
    let (file, mut writer) = place.file(store).await?;
    let arrived = receive(&mut writer, input.body.take(), &promise).await?;
    promise.check(&arrived)?;
    writer.finish().await.map_err(of_objects)?;
    let part = place.commit(store, file, arrived).await?;
    let mut output = UploadPartOutput { e_tag: Some(ETag::Strong(part.etag)), ..UploadPartOutput::default() };
    tell!(output, part.sums);
    encryption!(output, headers);
    Ok(output)
}

pub(crate) async fn upload_part_copy(store: &Store, mut input: UploadPartCopyInput) -> S3Result<UploadPartCopyOutput> {
    let place = Place::of(&input.bucket, &input.key, &input.upload_id, input.part_number)?;
    let upload = place.upload(store).await?;
    let conditions = Conditions {
        matches: input.copy_source_if_match.take(),
        none_match: input.copy_source_if_none_match.take(),
        modified_since: input.copy_source_if_modified_since.take(),
        unmodified_since: input.copy_source_if_unmodified_since.take(),
    };
    let (reader, found) = copies::source(store, &input.copy_source, &conditions).await?;
    let bytes = found.object.bytes;
    let range = match input.copy_source_range.as_deref() {
        None => 0..bytes,
        Some(text) => {
            let refuse = |message: String| argument("x-amz-copy-source-range", text, message);
            let range = Range::parse(text).map_err(|_| refuse(NO_RANGE.into()))?;
            let outside = |_| refuse(format!("Range specified is not valid for source object of size: {bytes}"));
            range.check(bytes).map_err(outside)?
        }
    };
    let mut hasher = Hasher::new(upload.algorithm.iter())?;
    let (file, mut writer) = place.file(store).await?;
    copy(&mut writer, reader.stream(range).map_err(StdError::from), &mut hasher).await?;
    writer.finish().await.map_err(of_objects)?;
    let part = place.commit(store, file, hasher.finish()).await?;
    let mut result = CopyPartResult {
        e_tag: Some(ETag::Strong(part.etag)),
        last_modified: Some(timestamp(part.at_ms)),
        ..CopyPartResult::default()
    };
    tell!(result, part.sums);
    let mut output = UploadPartCopyOutput { copy_part_result: Some(result), ..UploadPartCopyOutput::default() };
    encryption!(output, upload.attributes.headers);
    Ok(output)
}

/// Where a part goes.
struct Place {
    bucket: String,
    key: String,
    id: String,
    number: i32,
}

impl Place {
    fn of(bucket: &str, key: &str, id: &str, number: i32) -> S3Result<Place> {
        if !(1..=PART_NUMBER_MAX).contains(&number) {
            let message = format_args!("Part number must be an integer between 1 and {PART_NUMBER_MAX}, inclusive");
            return Err(argument("partNumber", &number.to_string(), message));
        }
        Ok(Place { bucket: bucket.into(), key: key.into(), id: id.into(), number })
    }

    async fn upload(&self, store: &Store) -> S3Result<Upload> {
        let (bucket, key, id) = (self.bucket.clone(), self.key.clone(), self.id.clone());
        Ok(store.state.read(move |tx| find(tx, &bucket, &key, &id)).await?)
    }

    /// A file that no other part has, open to be written.
    async fn file(&self, store: &Store) -> S3Result<(String, objects::Writer)> {
        let file = format!("{}/{}-{}", self.id, self.number, uuid::Uuid::new_v4().simple());
        let writer = store.objects.writer(UNFINISHED, &file).await.map_err(of_objects)?;
        Ok((file, writer))
    }

    async fn commit(&self, store: &Store, file: String, arrived: Arrived) -> S3Result<Part> {
        let part = Part {
            number: self.number.into(),
            file,
            etag: hex::encode(arrived.md5),
            bytes: arrived.bytes,
            at_ms: store.clock.now_ms(),
            sums: arrived.sums,
        };
        let (bucket, key, id, row) = (self.bucket.clone(), self.key.clone(), self.id.clone(), part.clone());
        let written = store.state.write(move |tx| {
            find(tx, &bucket, &key, &id)?;
            Ok::<_, Refused>(put_part(tx, &id, &row)?)
        });
        match written.await {
            Ok(replaced) => {
                remove_files(&store.objects, replaced).await;
                Ok(part)
            }
            Err(refused) => {
                remove_files(&store.objects, [part.file]).await;
                Err(refused.into())
            }
        }
    }
}

pub(crate) async fn complete(
    store: &Store,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<CompleteMultipartUploadOutput> {
    let cause = Cause::of(&request, "CompleteMultipartUpload");
    let mut input = request.input;
    let named = input.multipart_upload.take().and_then(|upload| upload.parts).unwrap_or_default();
    let (bucket, key, id) = (input.bucket.clone(), input.key.clone(), input.upload_id.clone());
    let read = store.state.read(move |tx| {
        let upload = find(tx, &bucket, &key, &id)?;
        Ok::<_, Refused>((upload, parts(tx, &id, 0, i64::from(PART_NUMBER_MAX))?))
    });
    let (upload, kept) = read.await?;
    let chosen = choose(&input.upload_id, &named, &kept)?;
    let whole: Vec<String> = upload.algorithm.iter().filter(|_| !upload.is_composite).cloned().collect();
    let mut hasher = Hasher::new(whole.iter())?;
    let mut etags = Hasher::new([].into_iter())?;
    let mut writer = writer(store, &input.bucket, &input.key).await?;
    for part in &chosen {
        let reader = store.objects.reader(UNFINISHED, &part.file).await.map_err(|error| match error {
            // Completed or aborted meanwhile.
            objects::Error::NoObject { .. } => no_upload(&input.upload_id),
            error => of_objects(error),
        })?;
        let mut pieces = reader.stream(0..part.bytes);
        while let Some(piece) = pieces.try_next().await.map_err(of_objects)? {
            hasher.update(&piece);
            writer.write(piece).await.map_err(of_objects)?;
        }
        etags.update(&hex::decode(&part.etag).map_err(internal)?);
    }
    if input.mpu_object_size.is_some_and(|bytes| u64::try_from(bytes) != Ok(hasher.bytes())) {
        return Err(s3_error!(InvalidRequest, "The object size does not match the size of the uploaded parts."));
    }
    let mut sums = hasher.finish().sums;
    if let Some(algorithm) = upload.algorithm.as_ref().filter(|_| upload.is_composite)
        && let Some(sum) = composite(algorithm, chosen.iter().map(|part| &part.sums))?
    {
        sums.insert(algorithm.clone(), sum);
    }
    for (name, promised) in given!(input) {
        let plain = sums.get(&name).map(|sum| sum.split('-').next().unwrap_or_default());
        if plain.is_some_and(|sum| sum != promised.split('-').next().unwrap_or_default()) {
            return Err(s3_error!(BadDigest, "The {name} you specified did not match the calculated checksum."));
        }
    }
    let etag = format!("{}-{}", hex::encode(etags.finish().md5), chosen.len());
    let headers = upload.attributes.headers.clone();
    let attributes = Attributes {
        etag: etag.clone(),
        sum_type: (!sums.is_empty()).then(|| if upload.is_composite { COMPOSITE } else { FULL_OBJECT }.to_owned()),
        sums: sums.clone(),
        parts: chosen.iter().map(|part| part.bytes).collect(),
        ..upload.attributes
    };
    let replaces = Replaces { matches: input.if_match.take(), none_match: input.if_none_match.take() };
    let (place, id) = ((input.bucket.as_str(), input.key.as_str()), input.upload_id.clone());
    store.commit(writer, place, attributes, &replaces, cause, move |tx| delete(tx, &id)).await?;
    remove_files(&store.objects, kept.into_iter().map(|part| part.file)).await;
    let mut output = CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        e_tag: Some(ETag::Strong(etag)),
        checksum_type: (!sums.is_empty()).then(|| sum_type(upload.is_composite)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        ..CompleteMultipartUploadOutput::default()
    };
    tell!(output, sums);
    encryption!(output, headers);
    Ok(output)
}

/// The parts a request names, in their order.
fn choose(id: &str, named: &[CompletedPart], kept: &[Part]) -> S3Result<Vec<Part>> {
    if named.is_empty() {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    let mut chosen: Vec<Part> = Vec::with_capacity(named.len());
    for part in named {
        let number = i64::from(part.part_number.unwrap_or_default());
        if chosen.last().is_some_and(|last| last.number >= number) {
            let error = s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number."
            );
            return Err(with(error, &[("UploadId", id)]));
        }
        let etag = part.e_tag.as_ref().map(ETag::value);
        let found = kept.iter().find(|kept| kept.number == number && etag.is_none_or(|etag| etag == kept.etag));
        let sums = given!(part);
        let found =
            found.filter(|found| sums.iter().all(|(name, sum)| found.sums.get(name).is_none_or(|kept| kept == sum)));
        let Some(found) = found else {
            let error = s3_error!(
                InvalidPart,
                "One or more of the specified parts could not be found. The part may not have been uploaded, or the \
                 specified entity tag may not match the part's entity tag."
            );
            let (number, etag) = (number.to_string(), etag.unwrap_or_default());
            return Err(with(error, &[("UploadId", id), ("PartNumber", &number), ("ETag", etag)]));
        };
        if let Some(last) = chosen.last().filter(|last| last.bytes < PART_BYTES_MIN) {
            let error = s3_error!(EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size");
            let details = [
                ("ProposedSize", &last.bytes.to_string()),
                ("MinSizeAllowed", &PART_BYTES_MIN.to_string()),
                ("PartNumber", &last.number.to_string()),
                ("ETag", &last.etag),
            ];
            return Err(with(error, &details.map(|(name, value)| (name, value.as_str()))));
        }
        chosen.push(found.clone());
    }
    Ok(chosen)
}

pub(crate) async fn abort(store: &Store, input: AbortMultipartUploadInput) -> S3Result<AbortMultipartUploadOutput> {
    let AbortMultipartUploadInput { bucket, key, upload_id, .. } = input;
    let written = store.state.write(move |tx| {
        find(tx, &bucket, &key, &upload_id)?;
        let kept = parts(tx, &upload_id, 0, i64::from(PART_NUMBER_MAX))?;
        delete(tx, &upload_id)?;
        Ok::<_, Refused>(kept)
    });
    let kept = written.await?;
    remove_files(&store.objects, kept.into_iter().map(|part| part.file)).await;
    Ok(AbortMultipartUploadOutput::default())
}

pub(crate) fn sum_type(is_composite: bool) -> ChecksumType {
    ChecksumType::from_static(if is_composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT })
}
