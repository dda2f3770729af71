//! Multipart uploads: their operations. A part is a file of its own; completing copies them, one piece in memory, into one object.

use std::collections::BTreeSet;

use futures::TryStreamExt as _;
use objects::UNFINISHED;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm, ChecksumType,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, CopyPartResult,
    CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag, ListMultipartUploadsInput,
    ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput, MultipartUpload, Part as Listed, Range,
    UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Request, S3Result, StdError, s3_error};
use state::params;

use crate::attributes::{Attributes, headers};
use crate::checksum::{Arrived, COMPOSITE, FULL_OBJECT, Hasher, Promise, composite, given, tell};
use crate::condition::{Conditions, Replaces, timestamp};
use crate::error::{internal, of_objects};
use crate::list::{Encoding, owner};
use crate::put::{check_metadata, copy, receive, writer};
use crate::store::{Cause, Refused, Store};
use crate::uploads::{Part, Upload, delete, find, no_upload, parts, put_part, remove_files};
use crate::{copy as copies, tagging};

const PART_NUMBER_MAX: i32 = 10_000;
/// Every part but the last has at least so many bytes.
const PART_BYTES_MIN: u64 = 5 << 20;
/// Parts or uploads of a page.
const PAGE_MAX: i32 = 1000;

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
    check_metadata(attributes.headers.metadata.iter())?;
    let definition = serde_json::to_string(&Upload { attributes, algorithm: algorithm.clone(), is_composite });
    let definition = definition.map_err(internal)?;
    let id = uuid::Uuid::new_v4().simple().to_string();
    let (upload, bucket, key, now_ms) = (id.clone(), input.bucket.clone(), input.key.clone(), store.clock.now_ms());
    let written = store.state.write(move |tx| {
        let sql = "INSERT INTO s3_upload (id, bucket, key, created_ms, definition) VALUES (?1, ?2, ?3, ?4, ?5)";
        tx.execute(sql, params![&upload, &bucket, &key, now_ms, &definition])
    });
    written.await.map_err(internal)?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        checksum_type: algorithm.as_ref().map(|_| sum_type(is_composite)),
        checksum_algorithm: algorithm.map(ChecksumAlgorithm::from),
        ..CreateMultipartUploadOutput::default()
    })
}

pub(crate) async fn upload_part(store: &Store, request: S3Request<UploadPartInput>) -> S3Result<UploadPartOutput> {
    let S3Request { mut input, headers, trailing_headers, .. } = request;
    let place = Place::of(&input.bucket, &input.key, &input.upload_id, input.part_number)?;
    let upload = place.upload(store).await?;
    let mut promise = Promise {
        sums: given!(input),
        algorithms: input.checksum_algorithm.iter().map(|name| name.as_str().to_owned()).collect(),
        md5: input.content_md5.take(),
        bytes: input.content_length,
        trailers: trailing_headers,
    }
    .announced(&headers);
    promise.algorithms.extend(upload.algorithm);
    let (file, mut writer) = place.file(store).await?;
    let arrived = receive(&mut writer, input.body.take(), &promise).await?;
    promise.check(&arrived)?;
    writer.finish().await.map_err(of_objects)?;
    let part = place.commit(store, file, arrived).await?;
    let mut output = UploadPartOutput { e_tag: Some(ETag::Strong(part.etag)), ..UploadPartOutput::default() };
    tell!(output, part.sums);
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
            let range = Range::parse(text).ok().and_then(|range| range.check(bytes).ok());
            range.ok_or_else(|| {
                s3_error!(InvalidArgument, "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
            })?
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
    Ok(UploadPartCopyOutput { copy_part_result: Some(result), ..UploadPartCopyOutput::default() })
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
            return Err(s3_error!(
                InvalidArgument,
                "Part number must be an integer between 1 and {PART_NUMBER_MAX}, inclusive"
            ));
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
    let chosen = choose(&named, &kept)?;
    let whole: Vec<String> = upload.algorithm.iter().filter(|_| !upload.is_composite).cloned().collect();
    let mut hasher = Hasher::new(whole.iter())?;
    let mut etags = Hasher::new([].into_iter())?;
    let mut writer = writer(store, &input.bucket, &input.key).await?;
    for part in &chosen {
        let reader = store.objects.reader(UNFINISHED, &part.file).await.map_err(|error| match error {
            // Completed or aborted meanwhile.
            objects::Error::NoObject { .. } => no_upload(),
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
    Ok(output)
}

/// The parts a request names, in their order.
fn choose(named: &[CompletedPart], kept: &[Part]) -> S3Result<Vec<Part>> {
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
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number."
            ));
        }
        let etag = part.e_tag.as_ref().map(ETag::value);
        let found = kept.iter().find(|kept| kept.number == number && etag.is_none_or(|etag| etag == kept.etag));
        let sums = given!(part);
        let found =
            found.filter(|found| sums.iter().all(|(name, sum)| found.sums.get(name).is_none_or(|kept| kept == sum)));
        let Some(found) = found else {
            return Err(s3_error!(
                InvalidPart,
                "One or more of the specified parts could not be found. The part may not have been uploaded, or the \
                 specified entity tag may not match the part's entity tag."
            ));
        };
        if chosen.last().is_some_and(|last| last.bytes < PART_BYTES_MIN) {
            return Err(s3_error!(EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size"));
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

pub(crate) async fn list_parts(store: &Store, input: ListPartsInput) -> S3Result<ListPartsOutput> {
    let limit = page_of(input.max_parts)?;
    let after = input.part_number_marker.unwrap_or_default();
    let (bucket, key, id) = (input.bucket.clone(), input.key.clone(), input.upload_id.clone());
    let read = store.state.read(move |tx| {
        let upload = find(tx, &bucket, &key, &id)?;
        Ok::<_, Refused>((upload, parts(tx, &id, i64::from(after), i64::from(limit) + 1)?))
    });
    let (upload, mut kept) = read.await?;
    let length = usize::try_from(limit).unwrap_or_default();
    let is_truncated = kept.len() > length;
    kept.truncate(length);
    let last = kept.last().filter(|_| is_truncated).and_then(|part| i32::try_from(part.number).ok());
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
        next_part_number_marker: last,
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
    let limit = page_of(input.max_uploads)?;
    let length = usize::try_from(limit).unwrap_or_default();
    let encoding = Encoding::of(input.encoding_type.as_ref())?;
    let (bucket, prefix) = (input.bucket.clone(), input.prefix.clone().unwrap_or_default());
    let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
    let marker = input.key_marker.clone().unwrap_or_default();
    // Without an upload id the marker is the last key that is not wanted.
    let after = input.upload_id_marker.clone().unwrap_or_else(|| "\u{10FFFF}".into());
    let read = store.state.read(move |tx| {
        let (mut uploads, mut prefixes, mut is_truncated) = (Vec::new(), BTreeSet::new(), false);
        let sql = "SELECT key, id, created_ms FROM s3_upload
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
                None => uploads.push((key.to_owned(), row.text(1)?.to_owned(), row.int(2)?)),
            }
            Ok::<_, state::Error>(true)
        })?;
        Ok::<_, state::Error>((uploads, prefixes, is_truncated))
    });
    let (uploads, prefixes, is_truncated) = read.await.map_err(internal)?;
    let next = uploads.last().filter(|_| is_truncated).cloned();
    let owner = owner(store);
    let listed = uploads.into_iter().map(|(key, id, at_ms)| MultipartUpload {
        key: Some(encoding.text(key)),
        upload_id: Some(id),
        initiated: Some(timestamp(at_ms)),
        owner: Some(owner.clone()),
        ..MultipartUpload::default()
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
        next_upload_id_marker: next.as_ref().map(|(_, id, _)| id.clone()),
        next_key_marker: next.map(|(key, _, _)| encoding.text(key)),
        prefix: input.prefix.map(|text| encoding.text(text)),
        ..ListMultipartUploadsOutput::default()
    })
}

fn page_of(asked: Option<i32>) -> S3Result<i32> {
    let limit = asked.unwrap_or(PAGE_MAX).min(PAGE_MAX);
    if limit < 0 { Err(s3_error!(InvalidArgument, "A page has at least 0 entries")) } else { Ok(limit) }
}

fn sum_type(is_composite: bool) -> ChecksumType {
    ChecksumType::from_static(if is_composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT })
}
