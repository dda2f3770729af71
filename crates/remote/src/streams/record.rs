//! A record of the SDK as the JSON object EventBridge Pipes hands on: the one the embedded source gives.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use aws_sdk_dynamodbstreams::primitives::Blob;
use aws_sdk_dynamodbstreams::types::{self, AttributeValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event::{Error, Kind, Record, Sequence};
use serde_json::{Map, Value, json};

/// Lists and maps in each other: DynamoDB allows 32.
const NESTING_MAX: usize = 40;

type Item = HashMap<String, AttributeValue>;

/// Converts one record; `hash_key` names the partition key.
///
/// # Errors
/// `Corrupt` when a member is missing that every record has, or a value is of a type this program does not know.
pub(super) fn convert(record: types::Record, arn: &str, hash_key: &str) -> Result<Record, Error> {
    let (Some(id), Some(change)) = (record.event_id, record.dynamodb) else {
        return Err(corrupt("no change or no id"));
    };
    let number = change.sequence_number.ok_or_else(|| corrupt("no sequence number"))?;
    let sequence: Sequence = number.parse().map_err(|_| corrupt("a sequence number that is none"))?;
    let at_s = change.approximate_creation_date_time.map_or(0, |time| time.secs());
    let keys = item(change.keys.unwrap_or_default())?;
    let key_hash = hash(keys.get(hash_key));

    let mut inner = Map::new();
    inner.insert("ApproximateCreationDateTime".into(), at_s.into());
    inner.insert("Keys".into(), keys);
    for (member, image) in [("NewImage", change.new_image), ("OldImage", change.old_image)] {
        if let Some(image) = image {
            inner.insert(member.into(), item(image)?);
        }
    }
    inner.insert("SequenceNumber".into(), number.into());
    if let Some(bytes) = change.size_bytes {
        inner.insert("SizeBytes".into(), bytes.into());
    }
    if let Some(view) = change.stream_view_type {
        inner.insert("StreamViewType".into(), view.as_str().into());
    }
    let mut outer = Map::new();
    outer.insert("eventID".into(), id.as_str().into());
    let texts = [
        ("eventName", record.event_name.map(|name| name.as_str().to_owned())),
        ("eventVersion", record.event_version),
        ("eventSource", record.event_source),
        ("awsRegion", record.aws_region),
    ];
    for (member, text) in texts {
        if let Some(text) = text {
            outer.insert(member.into(), text.into());
        }
    }
    outer.insert("dynamodb".into(), inner.into());
    if let Some(identity) = record.user_identity {
        outer.insert("userIdentity".into(), json!({"type": identity.r#type, "principalId": identity.principal_id}));
    }
    outer.insert("eventSourceARN".into(), arn.into());
    let data = Value::Object(outer).to_string().into();
    Ok(Record { data, sequence, at_ms: at_s.saturating_mul(1000), key_hash, untemplated: None, id: id.into() })
}

fn corrupt(what: &str) -> Error {
    Error::new(Kind::Corrupt, format!("a stream record cannot be read: {what}"))
}

/// Equal for equal keys.
fn hash(key: Option<&Value>) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.map(Value::to_string).hash(&mut hasher);
    hasher.finish()
}

fn item(item: Item) -> Result<Value, Error> {
    map(item, 0)
}

fn map(item: Item, depth: usize) -> Result<Value, Error> {
    // In order of name, as the embedded source has them, so that every read gives the same bytes.
    let sorted: BTreeMap<String, AttributeValue> = item.into_iter().collect();
    let members = sorted.into_iter().map(|(name, value)| Ok((name, attribute(value, depth)?)));
    Ok(Value::Object(members.collect::<Result<Map<_, _>, Error>>()?))
}

fn attribute(value: AttributeValue, depth: usize) -> Result<Value, Error> {
    if depth > NESTING_MAX {
        return Err(corrupt("nested too deeply"));
    }
    let blob = |blob: Blob| STANDARD.encode(blob.into_inner());
    Ok(match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::B(bytes) => json!({"B": blob(bytes)}),
        AttributeValue::Bool(value) => json!({"BOOL": value}),
        AttributeValue::Null(value) => json!({"NULL": value}),
        AttributeValue::M(members) => json!({"M": map(members, depth + 1)?}),
        AttributeValue::L(values) => {
            let values = values.into_iter().map(|value| attribute(value, depth + 1));
            json!({"L": values.collect::<Result<Vec<_>, Error>>()?})
        }
        AttributeValue::Ss(texts) => json!({"SS": texts}),
        AttributeValue::Ns(numbers) => json!({"NS": numbers}),
        AttributeValue::Bs(blobs) => json!({"BS": blobs.into_iter().map(blob).collect::<Vec<_>>()}),
        _ => return Err(corrupt("a value of an unknown type")),
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodbstreams::primitives::DateTime;
    use aws_sdk_dynamodbstreams::types::{Identity, OperationType, StreamRecord, StreamViewType};

    use super::*;

    #[test]
    fn every_type_keeps_its_wire_form() {
        let values = [
            ("pk", AttributeValue::S("é\"".into())),
            ("n", AttributeValue::N("12345678901234567890123456789012345678".into())),
            ("b", AttributeValue::B(Blob::new([0, 255]))),
            ("t", AttributeValue::Bool(false)),
            ("z", AttributeValue::Null(true)),
            ("m", AttributeValue::M([("x".to_owned(), AttributeValue::L(vec![AttributeValue::N("1".into())]))].into())),
            ("ss", AttributeValue::Ss(vec!["b".into(), "a".into()])),
            ("ns", AttributeValue::Ns(vec!["1.5".into()])),
            ("bs", AttributeValue::Bs(vec![Blob::new([1])])),
        ];
        let image: Item = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let change = StreamRecord::builder()
            .approximate_creation_date_time(DateTime::from_millis(1_700_000_000_999))
            .keys("pk", AttributeValue::S("é\"".into()))
            .set_new_image(Some(image))
            .sequence_number("100000000000000000000042")
            .size_bytes(99)
            .stream_view_type(StreamViewType::NewImage)
            .build();
        let identity = Identity::builder().r#type("Service").principal_id("dynamodb.amazonaws.com").build();
        let record = types::Record::builder()
            .event_id("e1")
            .event_name(OperationType::Remove)
            .event_version("1.1")
            .event_source("aws:dynamodb")
            .aws_region("eu-north-1")
            .dynamodb(change)
            .user_identity(identity)
            .build();
        let found = convert(record.clone(), "arn:s", "pk").unwrap();
        let expected = concat!(
            r#"{"eventID":"e1","eventName":"REMOVE","eventVersion":"1.1","eventSource":"aws:dynamodb","#,
            r#""awsRegion":"eu-north-1","dynamodb":{"ApproximateCreationDateTime":1700000000,"#,
            r#""Keys":{"pk":{"S":"é\""}},"NewImage":{"b":{"B":"AP8="},"bs":{"BS":["AQ=="]},"#,
            r#""m":{"M":{"x":{"L":[{"N":"1"}]}}},"n":{"N":"12345678901234567890123456789012345678"},"#,
            r#""ns":{"NS":["1.5"]},"pk":{"S":"é\""},"ss":{"SS":["b","a"]},"t":{"BOOL":false},"z":{"NULL":true}},"#,
            r#""SequenceNumber":"100000000000000000000042","SizeBytes":99,"StreamViewType":"NEW_IMAGE"},"#,
            r#""userIdentity":{"type":"Service","principalId":"dynamodb.amazonaws.com"},"eventSourceARN":"arn:s"}"#
        );
        assert_eq!(std::str::from_utf8(&found.data).unwrap(), expected);
        assert_eq!((found.at_ms, found.sequence.to_string().as_str()), (1_700_000_000_000, "100000000000000000000042"));
        assert_eq!(found.key_hash, convert(record, "arn:s", "pk").unwrap().key_hash);
    }

    #[test]
    fn what_no_record_lacks_is_missed_by_name() {
        let empty = types::Record::builder().event_id("e").dynamodb(StreamRecord::builder().build()).build();
        let error = convert(empty, "arn:s", "pk").unwrap_err();
        assert_eq!((error.kind(), error.to_string().contains("sequence number")), (Kind::Corrupt, true));
    }
}
