//! Templates: where their text comes from, and what can be said of one that is not deployed.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use stack::Template;

use super::{refuse, required, text as member};
use crate::{App, AwsError};

/// Largest template file that is read; the parser's own limit is the same.
const BYTES_MAX: u64 = 1_000_000;

/// `TemplateBody`, else the file or lake object that `TemplateURL` names: `file:///PATH`, a path, or `s3://BUCKET/KEY`.
pub(super) async fn text(app: &Arc<App>, input: &Value) -> Result<String, AwsError> {
    if let Some(body) = member(input, "TemplateBody") {
        return Ok(body.to_owned());
    }
    let Some(url) = member(input, "TemplateURL") else {
        return Err(refused("Either Template URL or Template Body must be specified."));
    };
    let bytes = match object(url) {
        Some((bucket, key)) => app.objects.get(&bucket, &key).await.map(|bytes| bytes.to_vec()).ok(),
        None => file(url.strip_prefix("file://").unwrap_or(url)).await,
    };
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        refused(format!(
            "TemplateURL cannot be read: it is no object or file of at most {BYTES_MAX} bytes. url=`{url}`"
        ))
    })
}

/// Bucket and key of `s3://BUCKET/KEY` and of an HTTP URL, decoded, in path style or, for names of S3 itself, with the
/// bucket in the host.
fn object(url: &str) -> Option<(String, String)> {
    let split = |path: &str| path.split_once('/').map(|(bucket, key)| (bucket.to_owned(), key.to_owned()));
    if let Some(path) = url.strip_prefix("s3://") {
        return split(path);
    }
    let (_, rest) = url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))?;
    let (host, path) = rest.split_once('/')?;
    let path = percent_decode_str(path.split('?').next().unwrap_or_default()).decode_utf8().ok()?;
    let bucket = host.split_once(".s3").filter(|(_, rest)| rest.ends_with("amazonaws.com"));
    match bucket {
        Some((bucket, _)) => Some((bucket.to_owned(), path.into_owned())),
        None => split(&path),
    }
}

async fn file(path: &str) -> Option<Vec<u8>> {
    let about = tokio::fs::metadata(path).await.ok()?;
    if !about.is_file() || about.len() > BYTES_MAX {
        return None;
    }
    tokio::fs::read(path).await.ok()
}

pub(super) async fn get(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let stack = app.stacks.stack(required(input, "StackName")?).await.map_err(refuse)?;
    let body = match member(input, "TemplateStage") {
        None | Some("Original") => stack.wanted.template,
        Some("Processed") if stack::transforms(&stack.wanted.template).map_err(refuse)?.is_empty() => {
            stack.wanted.template
        }
        Some("Processed") => stack::processed(&stack.wanted.template).map_err(refuse)?.to_string(),
        Some(_) => return Err(refused("TemplateStage must be Original or Processed")),
    };
    Ok(json!({ "TemplateBody": body, "StagesAvailable": ["Original", "Processed"] }))
}

pub(super) async fn validate(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let text = text(app, input).await?;
    let template = Template::parse(&text).map_err(refuse)?;
    let transforms = stack::transforms(&text).map_err(refuse)?;
    Ok(json!({
        "Description": template.description,
        "Parameters": parameters(&template),
        "Capabilities": capabilities(&template, &transforms),
        "DeclaredTransforms": transforms,
    }))
}

pub(super) async fn summary(app: &Arc<App>, input: &Value) -> Result<Value, AwsError> {
    let text = match member(input, "StackName") {
        Some(name) => app.stacks.stack(name).await.map_err(refuse)?.wanted.template,
        None => text(app, input).await?,
    };
    let template = Template::parse(&text).map_err(refuse)?;
    let transforms = stack::transforms(&text).map_err(refuse)?;
    let mut kinds: Vec<&str> = template.resources.iter().map(|(_, declared)| declared.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    Ok(json!({
        "Description": template.description,
        "Parameters": parameters(&template),
        "Capabilities": capabilities(&template, &transforms),
        "DeclaredTransforms": transforms,
        "ResourceTypes": kinds,
        "Version": template.has_version.then_some("2010-09-09"),
    }))
}

fn parameters(template: &Template) -> Vec<Value> {
    template
        .parameters
        .iter()
        .map(|(name, declared)| {
            json!({
                "ParameterKey": name,
                "DefaultValue": declared.get("Default"),
                "ParameterType": declared.get("Type"),
                "NoEcho": declared.get("NoEcho").is_some_and(|hidden| hidden == true || hidden == "true"),
                "Description": declared.get("Description"),
                "ParameterConstraints": declared.get("AllowedValues").map(|values| json!({ "AllowedValues": values })),
            })
        })
        .collect()
}

/// What a deployment on AWS would ask to be acknowledged.
fn capabilities(template: &Template, transforms: &[String]) -> Vec<&'static str> {
    let mut access =
        template.resources.iter().filter(|(_, declared)| declared.kind.starts_with("AWS::IAM::")).peekable();
    let roles = access.peek().is_some();
    let named = access.any(|(_, declared)| declared.properties.get("RoleName").is_some());
    let mut needed = Vec::new();
    if roles {
        needed.push(if named { "CAPABILITY_NAMED_IAM" } else { "CAPABILITY_IAM" });
    }
    if !transforms.is_empty() {
        needed.push("CAPABILITY_AUTO_EXPAND");
    }
    needed
}

fn refused(message: impl Into<String>) -> AwsError {
    AwsError::new(400, "ValidationError", message)
}
