//! The members of requests: which ones an operation takes, and reading them with their types. What is not in the table, or has
//! another type, is refused by name.

use serde_json::{Map, Value};

use crate::AwsError;

const ID: &str = "DatastoreId";
const PAGE: usize = 500;

const MEMBERS: &[(&str, &[&str])] = &[
    (
        "CreateFHIRDatastore",
        &[
            "DatastoreName",
            "DatastoreTypeVersion",
            "SseConfiguration",
            "PreloadDataConfig",
            "ClientToken",
            "Tags",
            "IdentityProviderConfiguration",
        ],
    ),
    ("DeleteFHIRDatastore", &[ID]),
    ("DescribeFHIRDatastore", &[ID]),
    ("DescribeFHIRImportJob", &[ID, "JobId"]),
    ("ListFHIRDatastores", &["Filter", "NextToken", "MaxResults"]),
    (
        "ListFHIRImportJobs",
        &[ID, "NextToken", "MaxResults", "JobName", "JobStatus", "SubmittedBefore", "SubmittedAfter"],
    ),
    ("ListTagsForResource", &["ResourceARN"]),
    (
        "StartFHIRImportJob",
        &[
            "JobName",
            "InputDataConfig",
            "JobOutputDataConfig",
            ID,
            "DataAccessRoleArn",
            "ClientToken",
            "ValidationLevel",
        ],
    ),
    ("TagResource", &["ResourceARN", "Tags"]),
    ("UntagResource", &["ResourceARN", "TagKeys"]),
    ("UpdateFHIRDatastore", &[ID, "DatastoreName", "IdentityProviderConfiguration"]),
];

pub(super) fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::validation(message)
}

/// # Errors
/// For an operation that is not here, and for a member it does not take.
pub(super) fn check(operation: &str, input: &Value) -> Result<(), AwsError> {
    let known = MEMBERS.iter().find(|(name, _)| *name == operation);
    let (_, known) = known.ok_or_else(|| AwsError::unknown_operation(operation))?;
    let input = input.as_object().ok_or_else(|| AwsError::serialization("the body must be an object"))?;
    match input.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(invalid(format!("the parameter is not supported. parameter=`{name}`"))),
        None => Ok(()),
    }
}

/// A text, when it is there.
pub(super) fn text<'a>(input: &'a Value, name: &str) -> Result<Option<&'a str>, AwsError> {
    match &input[name] {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() || text.chars().count() > 256 => {
            Err(constraint(name, "Member must have length between 1 and 256"))
        }
        Value::String(text) => Ok(Some(text)),
        _ => Err(AwsError::serialization(format!("{name} must be a string"))),
    }
}

pub(super) fn required<'a>(input: &'a Value, name: &str) -> Result<&'a str, AwsError> {
    text(input, name)?.ok_or_else(|| constraint(name, "Member must not be null"))
}

fn constraint(name: &str, rule: &str) -> AwsError {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase());
    let name: String = first.into_iter().chain(letters).collect();
    invalid(format!("1 validation error detected: Value at '{name}' failed to satisfy constraint: {rule}"))
}

pub(super) fn not_in(name: &str, allowed: &str) -> AwsError {
    constraint(name, &format!("Member must satisfy enum value set: [{allowed}]"))
}

/// `Tags` as an object.
pub(super) fn tags(input: &Value) -> Result<Map<String, Value>, AwsError> {
    let Some(list) = input.get("Tags") else { return Ok(Map::new()) };
    let list = list.as_array().ok_or_else(|| AwsError::serialization("Tags must be a list"))?;
    let tag = |tag: &Value| match (tag["Key"].as_str(), tag["Value"].as_str()) {
        (Some(key), Some(value)) if (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256 => {
            Ok((key.to_owned(), Value::from(value)))
        }
        _ => Err(invalid("a tag has a Key of 1 to 128 and a Value of at most 256 characters")),
    };
    list.iter().map(tag).collect()
}

pub(super) fn texts(input: &Value, name: &str) -> Result<Vec<String>, AwsError> {
    let list = input[name].as_array().ok_or_else(|| constraint(name, "Member must not be null"))?;
    let text = |item: &Value| item.as_str().map(str::to_owned);
    list.iter()
        .map(text)
        .collect::<Option<_>>()
        .ok_or_else(|| AwsError::serialization(format!("{name} must be a list of strings")))
}

/// Where a page begins and how long it is.
pub(super) fn page(input: &Value) -> Result<(usize, usize), AwsError> {
    let first = match text(input, "NextToken")? {
        Some(token) => token.parse().map_err(|_| invalid("NextToken is none that was given"))?,
        None => 0,
    };
    let count = match &input["MaxResults"] {
        Value::Null => PAGE,
        count => match count.as_u64() {
            Some(count) if (1..=PAGE as u64).contains(&count) => count as usize,
            _ => return Err(constraint("MaxResults", &format!("Member must be between 1 and {PAGE}"))),
        },
    };
    Ok((first, count))
}

/// `IdentityProviderConfiguration` names a strategy that is known, and metadata that can be read.
pub(super) fn identity_provider(input: &Value) -> Result<(), AwsError> {
    let Some(provider) = input.get("IdentityProviderConfiguration") else { return Ok(()) };
    let strategy = provider["AuthorizationStrategy"].as_str().unwrap_or_default();
    if !["SMART_ON_FHIR_V1", "SMART_ON_FHIR", "AWS_AUTH"].contains(&strategy) {
        let name = "IdentityProviderConfiguration.authorizationStrategy";
        return Err(not_in(name, "SMART_ON_FHIR_V1, SMART_ON_FHIR, AWS_AUTH"));
    }
    let metadata = provider["Metadata"].as_str().map(serde_json::from_str::<Map<String, Value>>).transpose();
    let metadata = metadata.map_err(|_| invalid("IdentityProviderConfiguration.Metadata is a JSON object as text"))?;
    let metadata = metadata.unwrap_or_default();
    // Tokens could not be verified without them, but by a function.
    let missing = ["issuer", "jwks_uri"].into_iter().find(|name| !metadata.get(*name).is_some_and(Value::is_string));
    match missing.filter(|_| strategy != "AWS_AUTH" && provider["IdpLambdaArn"].is_null()) {
        Some(name) => Err(invalid(format!("IdentityProviderConfiguration.Metadata has no text `{name}`"))),
        None => Ok(()),
    }
}
