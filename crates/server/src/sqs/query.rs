//! The query protocol's flattened names as members of the JSON protocol, and back.
//!
//! `Attribute.1.Name=a&Attribute.1.Value=b` is `{"Attributes": {"a": "b"}}`; an answer's `Messages` is `<Message>` elements.

use serde_json::{Map, Value, json};

use super::error;
use crate::AwsError;

/// Flattened name and member of lists.
const LISTS: &[(&str, &str)] = &[
    ("ActionName", "Actions"),
    ("AWSAccountId", "AWSAccountIds"),
    ("AttributeName", "AttributeNames"),
    ("MessageAttributeName", "MessageAttributeNames"),
    ("MessageSystemAttributeName", "MessageSystemAttributeNames"),
    ("TagKey", "TagKeys"),
    ("SendMessageBatchRequestEntry", "Entries"),
    ("DeleteMessageBatchRequestEntry", "Entries"),
    ("ChangeMessageVisibilityBatchRequestEntry", "Entries"),
];
/// Flattened name, member, and name of the key of maps.
const MAPS: &[(&str, &str, &str)] = &[
    ("Attribute", "Attributes", "Name"),
    ("MessageAttribute", "MessageAttributes", "Name"),
    ("MessageSystemAttribute", "MessageSystemAttributes", "Name"),
    ("Tag", "Tags", "Key"),
];
const NUMBERS: &[&str] = &[
    "DelaySeconds",
    "MaxNumberOfMessages",
    "MaxNumberOfMessagesPerSecond",
    "MaxResults",
    "VisibilityTimeout",
    "WaitTimeSeconds",
];
/// Operations that know no queue: the path is not one.
const WITHOUT_QUEUE: &[&str] = &[
    "CancelMessageMoveTask",
    "CreateQueue",
    "GetQueueUrl",
    "ListMessageMoveTasks",
    "ListQueues",
    "StartMessageMoveTask",
];

/// The form as JSON; a request to a queue's own path need not name it again.
///
/// # Errors
/// `InvalidParameterValue` for a number that is none.
pub(super) fn input(operation: &str, form: Value, path: &str) -> Result<Value, AwsError> {
    let mut input = members(form)?;
    if !WITHOUT_QUEUE.contains(&operation) && input.get("QueueUrl").is_none() && path.len() > 1 {
        input["QueueUrl"] = path.into();
    }
    Ok(input)
}

fn members(form: Value) -> Result<Value, AwsError> {
    let Value::Object(form) = form else { return Ok(form) };
    let mut input = Map::new();
    for (name, value) in form {
        // Parameters of signatures older than the fourth version, and of the protocol itself.
        if matches!(name.as_str(), "AWSAccessKeyId" | "Expires" | "SecurityToken" | "Timestamp") {
            continue;
        }
        if let Some((_, member)) = LISTS.iter().find(|(flat, _)| *flat == name) {
            let entries = entries(value).into_iter().map(members).collect::<Result<Vec<_>, _>>()?;
            input.insert((*member).into(), Value::Array(entries));
        } else if let Some((_, member, key)) = MAPS.iter().find(|(flat, ..)| *flat == name) {
            let pairs = entries(value).into_iter().filter_map(|entry| pair(entry, key));
            input.insert((*member).into(), Value::Object(pairs.collect()));
        } else if NUMBERS.contains(&name.as_str()) {
            let text = value.as_str().unwrap_or_default();
            let number: i64 = text.parse().map_err(|_| {
                let shown: String = text.chars().take(64).collect();
                error::invalid(shown, &name, "Must be an integer.")
            })?;
            input.insert(name, number.into());
        } else {
            input.insert(name, value);
        }
    }
    Ok(Value::Object(input))
}

/// `{"2": b, "1": a}` as `[a, b]`; anything else is the only entry.
fn entries(value: Value) -> Vec<Value> {
    match value {
        Value::Object(numbered) if numbered.keys().all(|key| key.parse::<u32>().is_ok()) => {
            let mut numbered: Vec<(u32, Value)> =
                numbered.into_iter().filter_map(|(key, value)| Some((key.parse().ok()?, value))).collect();
            numbered.sort_by_key(|(number, _)| *number);
            numbered.into_iter().map(|(_, value)| value).collect()
        }
        value => vec![value],
    }
}

fn pair(mut entry: Value, key: &str) -> Option<(String, Value)> {
    let name = entry.get(key)?.as_str()?.to_owned();
    Some((name, entry.get_mut("Value").map(Value::take).unwrap_or_else(|| "".into())))
}

/// An answer with the names of its elements.
pub(super) fn output(operation: &str, answer: Value) -> Value {
    let Value::Object(answer) = answer else { return answer };
    let shown = answer.into_iter().map(|(name, value)| match (name.as_str(), value) {
        ("Attributes", Value::Object(map)) => ("Attribute".into(), named(map, "Name")),
        ("MessageAttributes", Value::Object(map)) => ("MessageAttribute".into(), named(map, "Name")),
        ("Tags", Value::Object(map)) => ("Tag".into(), named(map, "Key")),
        ("QueueUrls" | "queueUrls", urls) => ("QueueUrl".into(), urls),
        ("Messages", messages) => ("Message".into(), each(operation, messages)),
        ("Results" | "Successful", results) => (format!("{operation}ResultEntry"), results),
        ("Failed", failed) => ("BatchResultErrorEntry".into(), failed),
        (_, value) => (name, value),
    });
    Value::Object(shown.collect())
}

fn each(operation: &str, values: Value) -> Value {
    match values {
        Value::Array(values) => values.into_iter().map(|value| output(operation, value)).collect(),
        other => other,
    }
}

fn named(map: Map<String, Value>, key: &str) -> Value {
    map.into_iter().map(|(name, value)| json!({key: name, "Value": value})).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flattened_names_are_members() {
        let form = json!({
            "Attribute": {"2": {"Name": "b", "Value": "2"}, "1": {"Name": "a", "Value": "1"}},
            "AttributeName": {"1": "All"},
            "DelaySeconds": "5",
            "SendMessageBatchRequestEntry": {"1": {"Id": "x", "DelaySeconds": "1",
                "MessageAttribute": {"1": {"Name": "n", "Value": {"DataType": "String", "StringValue": "v"}}}}},
        });
        let expected = json!({
            "Attributes": {"b": "2", "a": "1"},
            "AttributeNames": ["All"],
            "DelaySeconds": 5,
            "Entries": [{"Id": "x", "DelaySeconds": 1, "MessageAttributes": {"n": {"DataType": "String", "StringValue": "v"}}}],
            "QueueUrl": "/1/q",
        });
        assert_eq!(input("SendMessageBatch", form, "/1/q").unwrap(), expected);
        assert_eq!(input("ListQueues", json!({}), "/1/q").unwrap(), json!({}));
        assert!(input("SendMessage", json!({"DelaySeconds": "x"}), "/").is_err());
    }

    #[test]
    fn answers_are_flattened() {
        let answer = json!({"Messages": [{"Body": "b", "Attributes": {"SenderId": "1"}}]});
        let expected = json!({"Message": [{"Body": "b", "Attribute": [{"Name": "SenderId", "Value": "1"}]}]});
        assert_eq!(output("ReceiveMessage", answer), expected);
        let answer = json!({"Successful": [{"Id": "a"}]});
        assert_eq!(output("DeleteMessageBatch", answer), json!({"DeleteMessageBatchResultEntry": [{"Id": "a"}]}));
    }
}
