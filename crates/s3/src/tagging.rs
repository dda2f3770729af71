//! Tags of objects.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use s3s::dto::{
    DeleteObjectTaggingInput, DeleteObjectTaggingOutput, GetObjectTaggingInput, GetObjectTaggingOutput,
    PutObjectTaggingInput, PutObjectTaggingOutput, Tag,
};
use s3s::{S3Result, s3_error};
use state::params;

use crate::error::{internal, unlisted, with};
use crate::get::need;
use crate::store::Store;

/// Tags of one object.
const OBJECT_TAGS_MAX: usize = 10;
/// Tags of one bucket.
pub(crate) const BUCKET_TAGS_MAX: usize = 50;

type Tags = Vec<(String, String)>;

/// The tags of an `x-amz-tagging` header.
pub(crate) fn of_header(header: Option<&str>) -> S3Result<Tags> {
    let decode = |text: &str| -> S3Result<String> {
        let text = text.replace('+', " ");
        let decoded = percent_decode_str(&text).decode_utf8().map(|text| text.into_owned());
        decoded.map_err(|_| s3_error!(InvalidArgument, "The header 'x-amz-tagging' shall be encoded as UTF-8"))
    };
    let mut tags = Tags::new();
    for pair in header.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        tags.push((decode(name)?, decode(value)?));
    }
    check(&tags, OBJECT_TAGS_MAX)?;
    Ok(tags)
}

pub(crate) fn of_set(tags: Vec<Tag>, tags_max: usize) -> S3Result<Tags> {
    let tags: Tags = tags.into_iter().map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default())).collect();
    check(&tags, tags_max)?;
    Ok(tags)
}

pub(crate) fn to_set(tags: Tags) -> Vec<Tag> {
    tags.into_iter().map(|(key, value)| Tag { key: Some(key), value: Some(value) }).collect()
}

fn check(tags: &Tags, tags_max: usize) -> S3Result<()> {
    if tags.len() > tags_max {
        let message = match tags_max {
            OBJECT_TAGS_MAX => "Object tags cannot be greater than 10",
            _ => "Bucket tag count cannot be greater than 50",
        };
        return Err(unlisted("BadRequest", http::StatusCode::BAD_REQUEST, message));
    }
    let mut names = BTreeSet::new();
    for (name, value) in tags {
        if name.is_empty() || name.chars().count() > 128 {
            return Err(s3_error!(InvalidTag, "The TagKey you have provided is invalid"));
        }
        if name.starts_with("aws:") {
            let error = match tags_max {
                OBJECT_TAGS_MAX => s3_error!(InvalidTag, "Your TagKey cannot be prefixed with aws:"),
                _ => s3_error!(InvalidTag, "System tags cannot be added/updated by requester"),
            };
            return Err(with(error, &[("TagKey", name)]));
        }
        if value.chars().count() > 256 {
            return Err(s3_error!(InvalidTag, "The TagValue you have provided is invalid"));
        }
        if !names.insert(name) {
            return Err(s3_error!(InvalidTag, "Cannot provide multiple Tags with the same key"));
        }
    }
    Ok(())
}

pub(crate) async fn get(store: &Store, input: GetObjectTaggingInput) -> S3Result<GetObjectTaggingOutput> {
    let found = need(store, &input.bucket, &input.key).await?;
    Ok(GetObjectTaggingOutput { tag_set: to_set(found.attributes.tags), version_id: None })
}

pub(crate) async fn put(store: &Store, input: PutObjectTaggingInput) -> S3Result<PutObjectTaggingOutput> {
    let tags = of_set(input.tagging.tag_set, OBJECT_TAGS_MAX)?;
    replace(store, &input.bucket, &input.key, tags).await?;
    Ok(PutObjectTaggingOutput::default())
}

pub(crate) async fn delete(store: &Store, input: DeleteObjectTaggingInput) -> S3Result<DeleteObjectTaggingOutput> {
    replace(store, &input.bucket, &input.key, Tags::new()).await?;
    Ok(DeleteObjectTaggingOutput::default())
}

async fn replace(store: &Store, bucket: &str, key: &str, tags: Tags) -> S3Result<()> {
    let _changing = store.lock(bucket, key).await;
    let mut found = need(store, bucket, key).await?;
    found.attributes.tags = tags;
    let row = serde_json::to_string(&found.attributes).map_err(internal)?;
    let (bucket, key, tag) = (bucket.to_owned(), key.to_owned(), found.object.tag);
    let written = store.state.write(move |tx| {
        tx.execute(
            "INSERT INTO s3_object (bucket, key, tag, attributes) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (bucket, key) DO UPDATE SET tag = ?3, attributes = ?4",
            params![&bucket, &key, &tag, &row],
        )
    });
    written.await.map_err(internal).map(|_| ())
}
