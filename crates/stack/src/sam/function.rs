//! `AWS::Serverless::Function`: the function, its role, version and alias, and what calls it.

use serde_json::{Map, Value, json};

use super::references::Names;
use super::{FUNCTION, Made, Written, events, invalid, pick, publish, role, tags};
use crate::Error;

/// Properties of the function that stay as they are.
const PLAIN: &[&str] = &[
    "Architectures",
    "Description",
    "Environment",
    "EphemeralStorage",
    "FunctionName",
    "Handler",
    "KmsKeyArn",
    "LoggingConfig",
    "MemorySize",
    "PackageType",
    "ReservedConcurrentExecutions",
    "Role",
    "Runtime",
    "Timeout",
    "VpcConfig",
];
/// Properties that become something else.
const OWN: &[&str] = &["CodeUri", "DeadLetterQueue", "Events", "InlineCode", "Tags", "Tracing"];
/// Properties of SAM that are not done here.
const OTHERS: &[&str] = &[
    "AutoPublishAliasAllProperties",
    "CapacityProviderConfig",
    "CodeSigningConfigArn",
    "DeploymentPreference",
    "DurableConfig",
    "FileSystemConfigs",
    "FunctionScalingConfig",
    "FunctionUrlConfig",
    "ImageConfig",
    "ImageUri",
    "Layers",
    "PropagateTags",
    "ProvisionedConcurrencyConfig",
    "PublishToLatestPublished",
    "RecursiveLoop",
    "RuntimeManagementConfig",
    "SnapStart",
    "SourceKMSKeyArn",
    "TenancyConfig",
    "VersionDeletionPolicy",
];

pub(super) fn expand(function: Written<'_>, names: &mut Names) -> Result<Made, Error> {
    function.check(FUNCTION, &[PLAIN, OWN, role::OWN, publish::OWN], OTHERS)?;
    let mut properties = pick(&function.properties, PLAIN);
    properties.insert("Code".into(), code(&function)?);
    if let Some(queue) = function.properties.get("DeadLetterQueue") {
        if queue["Type"] != "SQS" {
            return Err(invalid(function.id, "'DeadLetterQueue' requires Type [SQS] and TargetArn"));
        }
        properties.insert("DeadLetterConfig".into(), json!({ "TargetArn": queue["TargetArn"] }));
    }
    if let Some(mode) = function.properties.get("Tracing") {
        properties.insert("TracingConfig".into(), json!({ "Mode": mode }));
    }
    properties.insert("Tags".into(), created_by(&function));

    let mut made = Made::new();
    let alias = publish::alias(&function, &mut properties, &mut made, names)?;
    let mut role = role::Role::of(&function)?;
    publish::event_invoke(&function, alias.as_ref(), &mut role, &mut made)?;
    let target = events::Target::new(&function, alias);
    let events = events::expand(&function, &target, &mut role)?;
    if !properties.contains_key("Role") {
        let id = format!("{}Role", function.id);
        properties.insert("Role".into(), super::arn_of(&id));
        made.push((id, role.resource(&function)?));
    }
    made.extend(events);
    made.insert(0, (function.id.to_owned(), function.itself("AWS::Lambda::Function", properties)));
    Ok(made)
}

/// The tags of a function and its role: what made it, then its own.
pub(super) fn created_by(function: &Written<'_>) -> Value {
    let mut all = vec![json!({ "Key": "lambda:createdBy", "Value": "SAM" })];
    all.extend(tags(function.properties.get("Tags")));
    Value::Array(all)
}

/// `s3://BUCKET/KEY`, an object of bucket and key, source text; a path of the machine stays a text.
fn code(function: &Written<'_>) -> Result<Value, Error> {
    match (function.properties.get("InlineCode"), function.properties.get("CodeUri")) {
        (Some(_), Some(_)) => Err(invalid(function.id, "Only one of 'InlineCode' and 'CodeUri' can be given.")),
        (Some(source), None) => Ok(json!({ "ZipFile": source })),
        (None, Some(Value::String(uri))) => Ok(match uri.strip_prefix("s3://").and_then(|path| path.split_once('/')) {
            Some((bucket, key)) => json!({ "S3Bucket": bucket, "S3Key": key }),
            None => json!(uri),
        }),
        (None, Some(Value::Object(parts))) if parts.contains_key("Bucket") && parts.contains_key("Key") => {
            let names = [("Bucket", "S3Bucket"), ("Key", "S3Key"), ("Version", "S3ObjectVersion")];
            let member = |(from, to): (&str, &str)| Some((to.to_owned(), parts.get(from)?.clone()));
            Ok(Value::Object(names.into_iter().filter_map(member).collect::<Map<_, _>>()))
        }
        (None, Some(_)) => Err(invalid(function.id, "'CodeUri' requires Bucket and Key properties to be specified.")),
        // An expression has no code.
        (None, None) if function.properties.get("Runtime").is_some_and(|runtime| runtime == "watershed.jq") => {
            Ok(json!({}))
        }
        (None, None) => Err(invalid(function.id, "Either 'InlineCode' or 'CodeUri' must be given.")),
    }
}
