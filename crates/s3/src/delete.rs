//! DeleteObject and DeleteObjects.

use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, Error as Failed,
};
use s3s::{S3Request, S3Result, s3_error};

use crate::condition::Replaces;
use crate::get::check_version;
use crate::store::{Cause, Store};

/// Keys of one request.
const KEYS_MAX: usize = 1000;

pub(crate) async fn delete_object(
    store: &Store,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<DeleteObjectOutput> {
    let cause = Cause::of(&request, "DeleteObject");
    let DeleteObjectInput { bucket, key, if_match, version_id, .. } = request.input;
    check_version(version_id.as_deref())?;
    store.remove(&bucket, &key, &Replaces { matches: if_match, none_match: None }, cause).await?;
    Ok(DeleteObjectOutput::default())
}

pub(crate) async fn delete_objects(
    store: &Store,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<DeleteObjectsOutput> {
    let first = Cause::of(&request, "DeleteObject");
    let DeleteObjectsInput { bucket, delete, .. } = request.input;
    store.check_bucket(&bucket).await?;
    if delete.objects.is_empty() || delete.objects.len() > KEYS_MAX {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for object in delete.objects {
        let cause = Cause { reason: first.reason, request_id: first.request_id.clone() };
        let replaces = Replaces { matches: object.e_tag.map(s3s::dto::ETagCondition::ETag), none_match: None };
        let removed = match check_version(object.version_id.as_deref()) {
            Ok(()) => store.remove(&bucket, &object.key, &replaces, cause).await,
            Err(error) => Err(error),
        };
        match removed {
            Ok(()) => deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() }),
            Err(error) => errors.push(Failed {
                code: Some(error.code().as_str().to_owned()),
                key: Some(object.key),
                message: error.message().map(str::to_owned),
                version_id: object.version_id,
            }),
        }
    }
    let is_quiet = delete.quiet.unwrap_or_default();
    Ok(DeleteObjectsOutput {
        deleted: (!is_quiet).then_some(deleted),
        errors: (!errors.is_empty()).then_some(errors),
        ..DeleteObjectsOutput::default()
    })
}
