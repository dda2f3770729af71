//! Buckets: created, listed, deleted.

use objects::UNFINISHED;
use s3s::dto::{
    Bucket, BucketLocationConstraint, CreateBucketInput, CreateBucketOutput, DeleteBucketInput, DeleteBucketOutput,
    GetBucketLocationInput, GetBucketLocationOutput, HeadBucketInput, HeadBucketOutput, ListBucketsInput,
    ListBucketsOutput,
};
use s3s::{S3Result, s3_error};
use serde_json::json;
use state::params;

use crate::condition::timestamp;
use crate::error::{internal, of_objects, with};
use crate::list::owner;
use crate::store::Store;
use crate::uploads::remove_files;

/// The region whose buckets have no location constraint, and where creating one again is no error.
const FIRST_REGION: &str = "us-east-1";
const BUCKETS_MAX: i32 = 10_000;

pub(crate) async fn create(store: &Store, input: CreateBucketInput) -> S3Result<CreateBucketOutput> {
    let region = store.settings.region.as_str();
    let constraint = input.create_bucket_configuration.and_then(|configuration| configuration.location_constraint);
    if let Some(constraint) = constraint.as_ref().map(BucketLocationConstraint::as_str)
        && !constraint.is_empty()
        && constraint != region
    {
        return Err(s3_error!(
            IllegalLocationConstraintException,
            "The {constraint} location constraint is incompatible for the region specific endpoint this request was \
             sent to."
        ));
    }
    let bucket = input.bucket;
    if store.objects.has_bucket(&bucket).await.map_err(of_objects)? {
        if region == FIRST_REGION {
            return Ok(CreateBucketOutput { location: Some(format!("/{bucket}")) });
        }
        let error = s3_error!(
            BucketAlreadyOwnedByYou,
            "Your previous request to create the named bucket succeeded and you already own it."
        );
        return Err(with(error, &[("BucketName", &bucket)]));
    }
    store.objects.create_bucket(&bucket).await.map_err(of_objects)?;
    let (name, now_ms) = (bucket.clone(), store.clock.now_ms());
    let configuration = match input.object_ownership {
        Some(ownership) => json!({ "ownership": [ownership.as_str()] }).to_string(),
        None => "{}".into(),
    };
    let written = store.state.write(move |tx| {
        tx.execute(
            "INSERT INTO s3_bucket (name, created_ms, configuration) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET created_ms = ?2, configuration = ?3",
            params![&name, now_ms, &configuration],
        )
    });
    written.await.map_err(internal)?;
    Ok(CreateBucketOutput { location: Some(format!("/{bucket}")) })
}

pub(crate) async fn delete(store: &Store, input: DeleteBucketInput) -> S3Result<DeleteBucketOutput> {
    let bucket = input.bucket;
    store.objects.delete_bucket(&bucket).await.map_err(of_objects)?;
    let written = store.state.write(move |tx| {
        // With the bucket go its unfinished uploads and the rows of objects that something else deleted.
        let sql = "SELECT file FROM s3_part JOIN s3_upload ON upload = id WHERE bucket = ?1";
        let files = tx.all(sql, params![&bucket], |row| row.text(0).map(str::to_owned))?;
        tx.execute(
            "DELETE FROM s3_part WHERE upload IN (SELECT id FROM s3_upload WHERE bucket = ?1)",
            params![&bucket],
        )?;
        tx.execute("DELETE FROM s3_upload WHERE bucket = ?1", params![&bucket])?;
        tx.execute("DELETE FROM s3_object WHERE bucket = ?1", params![&bucket])?;
        tx.execute("DELETE FROM s3_bucket WHERE name = ?1", params![&bucket])?;
        Ok::<_, state::Error>(files)
    });
    remove_files(&store.objects, written.await.map_err(internal)?).await;
    Ok(DeleteBucketOutput::default())
}

pub(crate) async fn head(store: &Store, input: HeadBucketInput) -> S3Result<HeadBucketOutput> {
    store.check_bucket(&input.bucket).await?;
    Ok(HeadBucketOutput { bucket_region: Some(store.settings.region.clone()), ..HeadBucketOutput::default() })
}

pub(crate) async fn location(store: &Store, input: GetBucketLocationInput) -> S3Result<GetBucketLocationOutput> {
    store.check_bucket(&input.bucket).await?;
    let region = Some(store.settings.region.clone()).filter(|region| region != FIRST_REGION);
    Ok(GetBucketLocationOutput { location_constraint: region.map(BucketLocationConstraint::from) })
}

pub(crate) async fn list(store: &Store, input: ListBucketsInput) -> S3Result<ListBucketsOutput> {
    let prefix = input.prefix.clone().unwrap_or_default();
    let after = input.continuation_token.clone().unwrap_or_default();
    let limit = input.max_buckets.unwrap_or(BUCKETS_MAX);
    let limit = usize::try_from(limit).ok().filter(|limit| *limit > 0);
    let limit = limit.ok_or_else(|| s3_error!(InvalidArgument, "MaxBuckets must be at least 1"))?;
    let names = store.objects.buckets().await.map_err(of_objects)?;
    let mut names: Vec<String> = names
        .into_iter()
        .filter(|name| name.starts_with(&prefix) && name.as_str() > after.as_str() && name != UNFINISHED)
        .collect();
    let is_truncated = names.len() > limit;
    names.truncate(limit);
    let next = names.last().filter(|_| is_truncated).cloned();
    let read = store.state.read(move |tx| {
        let created = |name: &String| {
            let sql = "SELECT created_ms FROM s3_bucket WHERE name = ?1";
            tx.first(sql, params![name], |row| row.int(0))
        };
        let dated = names.into_iter().map(|name| Ok((created(&name)?, name)));
        dated.collect::<Result<Vec<_>, state::Error>>()
    });
    let region = &store.settings.region;
    let buckets = read.await.map_err(internal)?.into_iter().map(|(created_ms, name)| Bucket {
        bucket_region: Some(region.clone()),
        // Of a folder that something else made nothing is known; clients want a time.
        creation_date: Some(timestamp(created_ms.unwrap_or_default())),
        name: Some(name),
    });
    Ok(ListBucketsOutput {
        buckets: Some(buckets.collect()),
        continuation_token: next,
        owner: Some(owner(store)),
        prefix: input.prefix,
    })
}
