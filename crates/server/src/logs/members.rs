//! The members of requests: which ones an operation takes, and reading them with their types. What is not in the table, or has
//! another type, is refused by name.

use serde_json::Value;

use crate::AwsError;

const GROUP: &str = "logGroupName";
const STREAM: &str = "logStreamName";

/// What an operation takes. `unmask` and `interleaved` have no meaning here: nothing is masked, and streams are always
/// interleaved, as the service says. Sequence tokens are no longer looked at by the service either.
const MEMBERS: &[(&str, &[&str])] = &[
    ("CreateLogGroup", &[GROUP, "kmsKeyId", "tags", "logGroupClass"]),
    ("CreateLogStream", &[GROUP, STREAM]),
    ("DeleteLogGroup", &[GROUP]),
    ("DeleteLogStream", &[GROUP, STREAM]),
    ("DeleteRetentionPolicy", &[GROUP]),
    ("DescribeLogGroups", &["logGroupNamePrefix", "logGroupNamePattern", "logGroupClass", "nextToken", "limit"]),
    (
        "DescribeLogStreams",
        &[GROUP, "logGroupIdentifier", "logStreamNamePrefix", "orderBy", "descending", "nextToken", "limit"],
    ),
    (
        "FilterLogEvents",
        &[
            GROUP,
            "logGroupIdentifier",
            "logStreamNames",
            "logStreamNamePrefix",
            "startTime",
            "endTime",
            "filterPattern",
            "nextToken",
            "limit",
            "startFromHead",
            "interleaved",
            "unmask",
        ],
    ),
    (
        "GetLogEvents",
        &[GROUP, "logGroupIdentifier", STREAM, "startTime", "endTime", "nextToken", "limit", "startFromHead", "unmask"],
    ),
    ("ListTagsForResource", &["resourceArn"]),
    ("ListTagsLogGroup", &[GROUP]),
    ("PutLogEvents", &[GROUP, STREAM, "logEvents", "sequenceToken"]),
    ("PutRetentionPolicy", &[GROUP, "retentionInDays"]),
    ("TagLogGroup", &[GROUP, "tags"]),
    ("TagResource", &["resourceArn", "tags"]),
    ("UntagLogGroup", &[GROUP, "tags"]),
    ("UntagResource", &["resourceArn", "tagKeys"]),
];

/// # Errors
/// For an operation that is not here, and for a member it does not take.
pub(super) fn check(operation: &str, input: &Value) -> Result<(), AwsError> {
    let known = MEMBERS.iter().find(|(name, _)| *name == operation);
    let (_, known) = known.ok_or_else(|| AwsError::unknown_operation(operation))?;
    let input = input.as_object().ok_or_else(|| AwsError::serialization("the body must be an object"))?;
    // A member that is null, or turned off, asks for nothing.
    let asks = |value: &Value| !value.is_null() && *value != Value::Bool(false);
    match input.iter().find(|(member, value)| asks(value) && !known.contains(&member.as_str())) {
        None => Ok(()),
        Some((member, _)) => {
            // The name comes from the caller: cut, so that the reply stays small.
            let member: String = member.chars().take(128).collect();
            Err(invalid(&format!("{operation}: {member} is not supported")))
        }
    }
}

pub(super) fn text<'a>(input: &'a Value, member: &str) -> Result<Option<&'a str>, AwsError> {
    present(input, member).map(|value| value.as_str().ok_or_else(|| wrong(member, "text"))).transpose()
}

pub(super) fn required<'a>(input: &'a Value, member: &str) -> Result<&'a str, AwsError> {
    text(input, member)?.ok_or_else(|| invalid(&format!("{member} is missing")))
}

pub(super) fn number(input: &Value, member: &str) -> Result<Option<i64>, AwsError> {
    present(input, member).map(|value| value.as_i64().ok_or_else(|| wrong(member, "a whole number"))).transpose()
}

pub(super) fn flag(input: &Value, member: &str) -> Result<Option<bool>, AwsError> {
    present(input, member).map(|value| value.as_bool().ok_or_else(|| wrong(member, "true or false"))).transpose()
}

/// A list of texts; empty when it is missing.
pub(super) fn texts(input: &Value, member: &str) -> Result<Vec<String>, AwsError> {
    let Some(value) = present(input, member) else { return Ok(Vec::new()) };
    let list = value.as_array().ok_or_else(|| wrong(member, "a list"))?;
    list.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(|| wrong(member, "a list of texts"))).collect()
}

pub(super) fn limit(input: &Value, default: usize, max: usize) -> Result<usize, AwsError> {
    match number(input, "limit")? {
        None => Ok(default),
        Some(limit) => match usize::try_from(limit) {
            Ok(limit) if (1..=max).contains(&limit) => Ok(limit),
            Ok(1..) => Err(constraint("limit", limit, &format!("have value less than or equal to {max}"))),
            _ => Err(constraint("limit", limit, "have value greater than or equal to 1")),
        },
    }
}

/// The group: by name in `logGroupName`, or by name or ARN in `member`.
pub(super) fn group<'a>(input: &'a Value, member: &str) -> Result<&'a str, AwsError> {
    let name = match (text(input, GROUP)?, text(input, member)?) {
        (Some(_), Some(_)) => return Err(invalid(&format!("{GROUP} and {member} exclude each other"))),
        (None, None) => return Err(invalid(&format!("{GROUP} is missing"))),
        (Some(name), None) | (None, Some(name)) => name,
    };
    Ok(match name.split_once(":log-group:") {
        Some((_, name)) => name.strip_suffix(":*").unwrap_or(name),
        None => name,
    })
}

pub(super) fn invalid(message: &str) -> AwsError {
    AwsError::new(400, "InvalidParameterException", message)
}

/// A constraint of a member that does not hold, in the words all services share.
pub(super) fn constraint(member: &str, value: impl std::fmt::Display, must: &str) -> AwsError {
    // The value comes from the caller: cut, so that the reply stays small.
    let shown: String = value.to_string().chars().take(64).collect();
    invalid(&format!(
        "1 validation error detected: Value '{shown}' at '{member}' failed to satisfy constraint: Member must {must}"
    ))
}

fn present<'a>(input: &'a Value, member: &str) -> Option<&'a Value> {
    input.get(member).filter(|value| !value.is_null())
}

fn wrong(member: &str, wanted: &str) -> AwsError {
    AwsError::serialization(format!("{member} must be {wanted}"))
}
