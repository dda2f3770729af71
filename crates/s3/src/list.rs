//! ListObjects, ListObjectsV2 and ListObjectVersions.

use objects::{Entry, Object};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::S3Result;
use s3s::dto::{
    CommonPrefix, ETag, EncodingType, ListObjectVersionsInput, ListObjectVersionsOutput, ListObjectsInput,
    ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, Object as Listed, ObjectStorageClass, ObjectVersion,
    ObjectVersionStorageClass, Owner,
};

use crate::attributes::Attributes;
use crate::condition::timestamp;
use crate::error::{argument, internal, of_objects};
use crate::store::{Store, attributes};

/// Entries of a page.
const KEYS_MAX: i32 = 1000;

/// What `encoding-type=url` leaves as it is.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/').remove(b'*');

pub(crate) async fn list_objects_v2(store: &Store, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let after = match &input.continuation_token {
        Some(token) => Some(name_of(token)?),
        None => input.start_after.clone(),
    };
    let asked = Asked {
        bucket: &input.bucket,
        prefix: input.prefix.as_deref(),
        delimiter: input.delimiter.as_deref(),
        after: after.as_deref(),
        keys_max: input.max_keys,
    };
    let encoding = Encoding::of(input.encoding_type.as_ref())?;
    let owner = input.fetch_owner.unwrap_or_default().then(|| owner(store));
    let page = page(store, &asked).await?;
    let count = page.objects.len() + page.prefixes.len();
    Ok(ListObjectsV2Output {
        key_count: i32::try_from(count).ok(),
        max_keys: Some(page.keys_max),
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next.map(hex::encode),
        contents: Some(encoding.objects(page.objects, owner.as_ref())),
        common_prefixes: Some(encoding.prefixes(page.prefixes)),
        continuation_token: input.continuation_token,
        delimiter: input.delimiter.map(|text| encoding.text(text)),
        prefix: Some(encoding.text(input.prefix.unwrap_or_default())),
        start_after: input.start_after.map(|text| encoding.text(text)),
        encoding_type: input.encoding_type,
        name: Some(input.bucket),
        ..ListObjectsV2Output::default()
    })
}

pub(crate) async fn list_objects(store: &Store, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
    let asked = Asked {
        bucket: &input.bucket,
        prefix: input.prefix.as_deref(),
        delimiter: input.delimiter.as_deref(),
        after: input.marker.as_deref(),
        keys_max: input.max_keys,
    };
    let encoding = Encoding::of(input.encoding_type.as_ref())?;
    let page = page(store, &asked).await?;
    // Without a delimiter clients take the last key as the next marker.
    let next_marker = page.next.filter(|_| input.delimiter.is_some()).map(|text| encoding.text(text));
    let is_truncated = page.is_truncated;
    let owner = owner(store);
    Ok(ListObjectsOutput {
        max_keys: Some(page.keys_max),
        is_truncated: Some(is_truncated),
        next_marker,
        contents: Some(encoding.objects(page.objects, Some(&owner))),
        common_prefixes: Some(encoding.prefixes(page.prefixes)),
        delimiter: input.delimiter.map(|text| encoding.text(text)),
        prefix: Some(encoding.text(input.prefix.unwrap_or_default())),
        marker: Some(encoding.text(input.marker.unwrap_or_default())),
        encoding_type: input.encoding_type,
        name: Some(input.bucket),
        ..ListObjectsOutput::default()
    })
}

/// Every object is its only version, `null`.
pub(crate) async fn list_object_versions(
    store: &Store,
    input: ListObjectVersionsInput,
) -> S3Result<ListObjectVersionsOutput> {
    let asked = Asked {
        bucket: &input.bucket,
        prefix: input.prefix.as_deref(),
        delimiter: input.delimiter.as_deref(),
        after: input.key_marker.as_deref(),
        keys_max: input.max_keys,
    };
    let encoding = Encoding::of(input.encoding_type.as_ref())?;
    let page = page(store, &asked).await?;
    let owner = owner(store);
    let versions = page.objects.into_iter().map(|(object, attributes)| ObjectVersion {
        e_tag: Some(ETag::Strong(attributes.etag.clone())),
        is_latest: Some(true),
        key: Some(encoding.text(object.key)),
        last_modified: Some(timestamp(object.modified_ms)),
        owner: Some(owner.clone()),
        size: i64::try_from(object.bytes).ok(),
        storage_class: Some(ObjectVersionStorageClass::from(attributes.headers.class())),
        version_id: Some("null".into()),
        ..ObjectVersion::default()
    });
    Ok(ListObjectVersionsOutput {
        max_keys: Some(page.keys_max),
        is_truncated: Some(page.is_truncated),
        next_version_id_marker: page.next.as_ref().map(|_| "null".into()),
        versions: Some(versions.collect()),
        next_key_marker: page.next.map(|text| encoding.text(text)),
        common_prefixes: Some(encoding.prefixes(page.prefixes)),
        delimiter: input.delimiter.map(|text| encoding.text(text)),
        prefix: Some(encoding.text(input.prefix.unwrap_or_default())),
        key_marker: Some(encoding.text(input.key_marker.unwrap_or_default())),
        encoding_type: input.encoding_type,
        name: Some(input.bucket),
        ..ListObjectVersionsOutput::default()
    })
}

struct Asked<'a> {
    bucket: &'a str,
    prefix: Option<&'a str>,
    delimiter: Option<&'a str>,
    after: Option<&'a str>,
    keys_max: Option<i32>,
}

struct Page {
    objects: Vec<(Object, Attributes)>,
    prefixes: Vec<String>,
    is_truncated: bool,
    /// The last name of this page, if there are more.
    next: Option<String>,
    keys_max: i32,
}

async fn page(store: &Store, asked: &Asked<'_>) -> S3Result<Page> {
    store.check_bucket(asked.bucket).await?;
    let keys_max = asked.keys_max.unwrap_or(KEYS_MAX).min(KEYS_MAX);
    let limit = usize::try_from(keys_max).map_err(|_| {
        let message = "Argument maxKeys must be an integer between 0 and 2147483647";
        argument("maxKeys", &keys_max.to_string(), message)
    })?;
    let prefix = asked.prefix.unwrap_or_default();
    let after = asked.after.filter(|after| !after.is_empty());
    let mut entries = match asked.delimiter.filter(|delimiter| !delimiter.is_empty()) {
        _ if limit == 0 => Vec::new(),
        Some(delimiter) => {
            let level = store.objects.level(asked.bucket, prefix, delimiter, after, limit + 1).await;
            level.map_err(of_objects)?
        }
        None => {
            let listed = store.objects.list(asked.bucket, prefix, after, limit + 1).await.map_err(of_objects)?;
            listed.into_iter().map(Entry::Object).collect()
        }
    };
    let is_truncated = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| is_truncated).map(|entry| entry.name().to_owned());
    let (mut objects, mut prefixes) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry {
            Entry::Object(object) => objects.push(object),
            Entry::Prefix(prefix) => prefixes.push(prefix),
        }
    }
    let bucket = asked.bucket.to_owned();
    let with_attributes = store.state.read(move |tx| {
        let of = |object: &Object| attributes(tx, &bucket, &object.key, &object.tag);
        let found = objects.into_iter().map(|object| of(&object).map(|attributes| (object, attributes)));
        found.collect::<Result<Vec<_>, state::Error>>()
    });
    let objects = with_attributes.await.map_err(internal)?;
    Ok(Page { objects, prefixes, is_truncated, next, keys_max })
}

/// The name a continuation token stands for.
fn name_of(token: &str) -> S3Result<String> {
    let name = hex::decode(token).ok().filter(|name| !name.is_empty()).and_then(|name| String::from_utf8(name).ok());
    let message = "The continuation token provided is incorrect";
    name.ok_or_else(|| argument("continuation-token", token, message))
}

pub(crate) fn owner(store: &Store) -> Owner {
    Owner { display_name: None, id: Some(store.settings.account.clone()) }
}

/// Whether names are encoded as in URLs, for clients whose XML cannot hold every character.
#[derive(Clone, Copy)]
pub(crate) struct Encoding(bool);

impl Encoding {
    pub(crate) fn of(encoding: Option<&EncodingType>) -> S3Result<Encoding> {
        match encoding.map(EncodingType::as_str) {
            None | Some("") => Ok(Encoding(false)),
            Some(EncodingType::URL) => Ok(Encoding(true)),
            Some(other) => {
                let message = "Invalid Encoding Method specified in Request";
                Err(argument("encoding-type", other, message))
            }
        }
    }

    pub(crate) fn text(self, text: String) -> String {
        if self.0 { utf8_percent_encode(&text, PLAIN).to_string() } else { text }
    }

    fn objects(self, objects: Vec<(Object, Attributes)>, owner: Option<&Owner>) -> Vec<Listed> {
        let listed = objects.into_iter().map(|(object, attributes)| Listed {
            e_tag: Some(ETag::Strong(attributes.etag.clone())),
            key: Some(self.text(object.key)),
            last_modified: Some(timestamp(object.modified_ms)),
            owner: owner.cloned(),
            size: i64::try_from(object.bytes).ok(),
            storage_class: Some(ObjectStorageClass::from(attributes.headers.class())),
            ..Listed::default()
        });
        listed.collect()
    }

    pub(crate) fn prefixes(self, prefixes: Vec<String>) -> Vec<CommonPrefix> {
        prefixes.into_iter().map(|prefix| CommonPrefix { prefix: Some(self.text(prefix)) }).collect()
    }
}
