//! What is set on a bucket beside its objects: kept and told, without an effect on what the bucket does.

use s3s::dto::*;
use s3s::{S3Error, S3Result, s3_error};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use state::params;

use crate::error::{internal, unlisted, with};
use crate::list::owner;
use crate::store::Store;

/// Bytes of all that is set on a bucket.
const BYTES_MAX: usize = 1 << 20;
pub(crate) const NO_POLICY: (&str, &str) = ("NoSuchBucketPolicy", "The bucket policy does not exist");
pub(crate) const NO_TAGS: (&str, &str) = ("NoSuchTagSet", "The TagSet does not exist");
pub(crate) const NO_LIFECYCLE: (&str, &str) =
    ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist");
pub(crate) const NO_CORS: (&str, &str) = ("NoSuchCORSConfiguration", "The CORS configuration does not exist");
pub(crate) const NO_ACCESS_BLOCK: (&str, &str) =
    ("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found");
pub(crate) const NO_WEBSITE: (&str, &str) =
    ("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration");
pub(crate) const NO_REPLICATION: (&str, &str) =
    ("ReplicationConfigurationNotFoundError", "The replication configuration was not found");
pub(crate) const NO_LOCK: (&str, &str) =
    ("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket");
const NO_OWNERSHIP: (&str, &str) = ("OwnershipControlsNotFoundError", "The bucket ownership controls were not found");

/// A named setting of a bucket, `None` when it is not set.
pub(crate) async fn get<T: DeserializeOwned>(store: &Store, bucket: &str, name: &'static str) -> S3Result<Option<T>> {
    store.check_bucket(bucket).await?;
    let bucket = bucket.to_owned();
    let kept = store.state.read(move |tx| {
        let sql = "SELECT configuration FROM s3_bucket WHERE name = ?1";
        tx.first(sql, params![&bucket], |row| row.text(0).map(str::to_owned))
    });
    let Some(text) = kept.await.map_err(internal)? else { return Ok(None) };
    let mut all: Map<String, Value> = serde_json::from_str(&text).map_err(internal)?;
    all.remove(name).map(serde_json::from_value).transpose().map_err(internal)
}

/// [`get`], or the error S3 has for a setting that is not there.
pub(crate) async fn need<T: DeserializeOwned>(
    store: &Store,
    bucket: &str,
    name: &'static str,
    absent: (&'static str, &'static str),
) -> S3Result<T> {
    get(store, bucket, name).await?.ok_or_else(|| missing(bucket, absent))
}

/// Sets, or with `None` unsets.
pub(crate) async fn set(
    store: &Store,
    bucket: &str,
    name: &'static str,
    value: Option<&(impl Serialize + Sync)>,
) -> S3Result<()> {
    store.check_bucket(bucket).await?;
    let value = value.map(serde_json::to_value).transpose().map_err(internal)?;
    let (bucket, now_ms) = (bucket.to_owned(), store.clock.now_ms());
    let written = store.state.write(move |tx| {
        let sql = "SELECT configuration FROM s3_bucket WHERE name = ?1";
        let kept = tx.first(sql, params![&bucket], |row| row.text(0).map(str::to_owned))?;
        let mut all: Map<String, Value> =
            serde_json::from_str(kept.as_deref().unwrap_or("{}")).map_err(|_| state::Error::Column(0))?;
        match value {
            Some(value) => all.insert(name.to_owned(), value),
            None => all.remove(name),
        };
        let text = Value::Object(all).to_string();
        if text.len() > BYTES_MAX {
            return Ok(false);
        }
        tx.execute(
            "INSERT INTO s3_bucket (name, created_ms, configuration) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET configuration = ?3",
            params![&bucket, now_ms, &text],
        )?;
        Ok::<_, state::Error>(true)
    });
    match written.await.map_err(internal)? {
        true => Ok(()),
        false => Err(s3_error!(MaxMessageLengthExceeded, "Your request was too large.")),
    }
}

/// The error of a setting that is not there.
pub(crate) fn missing(bucket: &str, (code, message): (&'static str, &'static str)) -> S3Error {
    with(unlisted(code, http::StatusCode::NOT_FOUND, message), &[("BucketName", bucket)])
}

pub(crate) async fn encryption(store: &Store, input: GetBucketEncryptionInput) -> S3Result<GetBucketEncryptionOutput> {
    let kept = get(store, &input.bucket, "encryption").await?;
    // What S3 does to every object where nothing else is set.
    let default = || ServerSideEncryptionConfiguration {
        rules: vec![ServerSideEncryptionRule {
            apply_server_side_encryption_by_default: Some(ServerSideEncryptionByDefault {
                kms_master_key_id: None,
                sse_algorithm: ServerSideEncryption::from_static(ServerSideEncryption::AES256),
            }),
            bucket_key_enabled: Some(false),
        }],
    };
    let configuration = kept.unwrap_or_else(default);
    Ok(GetBucketEncryptionOutput { server_side_encryption_configuration: Some(configuration) })
}

pub(crate) async fn put_versioning(
    store: &Store,
    input: PutBucketVersioningInput,
) -> S3Result<PutBucketVersioningOutput> {
    let configuration = input.versioning_configuration;
    if configuration.status.as_ref().is_some_and(|status| status.as_str() == BucketVersioningStatus::ENABLED) {
        return Err(s3_error!(NotImplemented, "Versioning is not served: a lake keeps one version of an object."));
    }
    set(store, &input.bucket, "versioning", Some(&configuration)).await?;
    Ok(PutBucketVersioningOutput::default())
}

/// The owner alone may do everything: what S3 answers where ACLs are off.
pub(crate) fn grants(store: &Store) -> Vec<Grant> {
    let owner = owner(store);
    vec![Grant {
        grantee: Some(Grantee {
            display_name: None,
            email_address: None,
            id: owner.id,
            type_: Type::from_static(Type::CANONICAL_USER),
            uri: None,
        }),
        permission: Some(Permission::from_static(Permission::FULL_CONTROL)),
    }]
}

pub(crate) async fn ownership(
    store: &Store,
    input: GetBucketOwnershipControlsInput,
) -> S3Result<GetBucketOwnershipControlsOutput> {
    let kept: Option<Vec<String>> = get(store, &input.bucket, "ownership").await?;
    // What a bucket begins with; deleted, there are none.
    let kept = kept.unwrap_or_else(|| vec!["BucketOwnerEnforced".into()]);
    if kept.is_empty() {
        return Err(missing(&input.bucket, NO_OWNERSHIP));
    }
    let rules = kept.into_iter().map(|kind| OwnershipControlsRule { object_ownership: ObjectOwnership::from(kind) });
    let controls = OwnershipControls { rules: rules.collect() };
    Ok(GetBucketOwnershipControlsOutput { ownership_controls: Some(controls) })
}

pub(crate) async fn put_ownership(
    store: &Store,
    input: PutBucketOwnershipControlsInput,
) -> S3Result<PutBucketOwnershipControlsOutput> {
    let rules = input.ownership_controls.rules;
    let kinds: Vec<String> = rules.into_iter().map(|rule| rule.object_ownership.as_str().to_owned()).collect();
    set(store, &input.bucket, "ownership", Some(&kinds)).await?;
    Ok(PutBucketOwnershipControlsOutput::default())
}
