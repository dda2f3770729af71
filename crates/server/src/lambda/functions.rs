//! CreateFunction, UpdateFunctionCode, UpdateFunctionConfiguration, GetFunction, ListFunctions.
//!
//! Code comes as `ZipFile`, or as `S3Bucket` and `S3Key` of the lake. An asset the lake does not have (templates name
//! them by hash) is looked up in what `POST /_watershed/functions` said of the function. `WatershedPath`, a member of
//! our own for templates deployed with `--function`, names a path on the server's machine.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use function::{Code, Configuration, Create, Error, UpdateCode};
use serde_json::{Value, json};

use super::{flag, missing, page, required, rest, tags, text};
use crate::{App, AwsError, Reply};

/// Members of CreateFunction that are not part of the configuration.
const CREATE: &[&str] =
    &["FunctionName", "Code", "Publish", "Tags", "PackageType", "Architectures", "ImageConfig", "CodeSigningConfigArn"];

const CODE: &[&str] =
    &["ZipFile", "S3Bucket", "S3Key", "S3ObjectVersion", "WatershedPath", "ImageUri", "SourceKMSKeyArn"];
const UPDATE_CODE: &[&str] = &["FunctionName", "Publish", "DryRun", "RevisionId", "Architectures"];

pub(super) async fn create(app: &Arc<App>, input: &Value) -> Result<Reply, AwsError> {
    let name = required(input, "FunctionName")?;
    if text(input, "PackageType").is_some_and(|kind| kind != "Zip") {
        return Err(Error::Invalid("PackageType Image is not supported".into()).into());
    }
    refuse(input, &["CodeSigningConfigArn", "ImageConfig"])?;
    let create = Create {
        name: name.to_owned(),
        code: code(app, name, input.get("Code").unwrap_or(&Value::Null)).await?,
        change: rest(input, CREATE)?,
        architectures: architectures(input)?,
        publish: flag(input, "Publish"),
        tags: tags(input)?,
    };
    let configuration = app.functions.create(create).await?;
    let mut answer = show(&configuration);
    // As the service does: the function is usable by the time a client looks again.
    answer["State"] = json!("Pending");
    answer["StateReason"] = json!("The function is being created.");
    answer["StateReasonCode"] = json!("Creating");
    Ok(Reply::from(answer).with_status(201))
}

pub(super) async fn update_code(app: &Arc<App>, input: &Value) -> Result<Reply, AwsError> {
    let name = required(input, "FunctionName")?;
    let known = |member: &str| CODE.contains(&member) || UPDATE_CODE.contains(&member);
    if let Some((member, _)) = input.as_object().into_iter().flatten().find(|(member, _)| !known(member)) {
        return Err(Error::Invalid(format!("the request is not valid: unknown field `{member}`")).into());
    }
    let update = UpdateCode {
        code: code(app, name, input).await?,
        architectures: architectures(input)?,
        publish: flag(input, "Publish"),
        dry_run: flag(input, "DryRun"),
        revision_id: text(input, "RevisionId").map(str::to_owned),
    };
    let configuration = app.functions.update_code(name, update).await?;
    Ok(Reply::from(updating(&configuration)))
}

pub(super) async fn update_configuration(app: &Arc<App>, input: &Value) -> Result<Reply, AwsError> {
    let change = rest(input, &["FunctionName", "RevisionId"])?;
    let (name, revision) = (required(input, "FunctionName")?, text(input, "RevisionId"));
    let configuration = app.functions.update_configuration(name, change, revision).await?;
    Ok(Reply::from(updating(&configuration)))
}

pub(super) fn get(app: &Arc<App>, input: &Value) -> Result<Reply, AwsError> {
    let description = app.functions.describe(required(input, "FunctionName")?, text(input, "Qualifier"))?;
    let mut answer = json!({
        "Configuration": show(&description.configuration),
        "Code": {"RepositoryType": "S3"},
    });
    if !description.tags.is_empty() {
        answer["Tags"] = json!(description.tags);
    }
    if let Some(reserved) = description.reserved {
        answer["Concurrency"] = json!({"ReservedConcurrentExecutions": reserved});
    }
    Ok(Reply::from(answer))
}

pub(super) fn get_configuration(app: &Arc<App>, input: &Value) -> Result<Reply, AwsError> {
    let description = app.functions.describe(required(input, "FunctionName")?, text(input, "Qualifier"))?;
    Ok(Reply::from(show(&description.configuration)))
}

pub(super) fn list(app: &Arc<App>, input: &Value) -> Result<Reply, AwsError> {
    let all = match text(input, "FunctionVersion") {
        None => false,
        Some("ALL") => true,
        Some(_) => return Err(Error::Constraint("FunctionVersion must be ALL".into()).into()),
    };
    page(input, "Functions", app.functions.list("", all).iter().map(show).collect())
}

/// A configuration as the wire has it.
pub(super) fn show(configuration: &Configuration) -> Value {
    serde_json::to_value(configuration).unwrap_or_default()
}

fn updating(configuration: &Configuration) -> Value {
    let mut answer = show(configuration);
    answer["LastUpdateStatus"] = json!("InProgress");
    answer["LastUpdateStatusReason"] = json!("The function is being created.");
    answer["LastUpdateStatusReasonCode"] = json!("Creating");
    answer
}

/// Where the code is; nothing when none is given.
async fn code(app: &Arc<App>, name: &str, input: &Value) -> Result<Option<Code>, AwsError> {
    refuse(input, &["ImageUri", "S3ObjectVersion", "SourceKMSKeyArn"])?;
    if let Some(path) = text(input, "WatershedPath") {
        return Ok(Some(Code::Path(PathBuf::from(path))));
    }
    if let Some(zip) = text(input, "ZipFile") {
        let zip = BASE64_STANDARD.decode(zip);
        let zip = zip.map_err(|_| AwsError::serialization("ZipFile is not base64"))?;
        return Ok(Some(Code::Zip(Bytes::from(zip))));
    }
    let (bucket, key) = match (text(input, "S3Bucket"), text(input, "S3Key")) {
        (None, None) => return Ok(app.functions.mapped_code(name).await?.map(Code::Path)),
        (Some(bucket), Some(key)) => (bucket, key),
        (None, Some(_)) => return Err(missing("s3Bucket")),
        (Some(_), None) => return Err(missing("s3Key")),
    };
    // A name the store refuses is one it does not have.
    let is_there = matches!(app.objects.head(bucket, key).await, Ok(Some(_)));
    match (is_there, app.functions.mapped_code(name).await?) {
        (true, _) => Ok(Some(Code::Zip(app.objects.get(bucket, key).await?))),
        (false, Some(path)) => Ok(Some(Code::Path(path))),
        (false, None) => Err(Error::Invalid(
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.".into(),
        )
        .into()),
    }
}

fn architectures(input: &Value) -> Result<Option<Vec<String>>, AwsError> {
    let given = input.get("Architectures").cloned().unwrap_or_default();
    serde_json::from_value(given).map_err(|_| Error::Invalid("Architectures must be a list of names".into()).into())
}

/// Members that are known but not supported.
fn refuse(input: &Value, members: &[&str]) -> Result<(), AwsError> {
    let is_given = |member: &&&str| input.get(**member).is_some_and(|value| !value.is_null());
    match members.iter().find(is_given) {
        None => Ok(()),
        Some(member) => Err(Error::Invalid(format!("{member} is not supported")).into()),
    }
}
