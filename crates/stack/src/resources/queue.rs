//! `AWS::SQS::Queue`. `Ref` is the queue's URL. Attributes are strings on the wire, policies JSON text.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, Surroundings, string, tags};
use crate::Environment;
use crate::parameters::text;

pub(super) struct Queue;

/// Attributes with what they are when a template does not set them.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("ContentBasedDeduplication", "false"),
    ("DeduplicationScope", "queue"),
    ("DelaySeconds", "0"),
    ("FifoThroughputLimit", "perQueue"),
    ("KmsDataKeyReusePeriodSeconds", "300"),
    ("KmsMasterKeyId", ""),
    ("MaximumMessageSize", "262144"),
    ("MessageRetentionPeriod", "345600"),
    ("ReceiveMessageWaitTimeSeconds", "0"),
    ("RedriveAllowPolicy", ""),
    ("RedrivePolicy", ""),
    ("SqsManagedSseEnabled", "true"),
    ("VisibilityTimeout", "30"),
];

const NAMES: [&str; ATTRIBUTES.len()] = {
    let mut names = [""; ATTRIBUTES.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = ATTRIBUTES[index].0;
        index += 1;
    }
    names
};

impl Handler for Queue {
    fn kind(&self) -> &'static str {
        "AWS::SQS::Queue"
    }

    fn properties(&self) -> Properties {
        Properties { used: &[&NAMES, &["FifoQueue", "QueueName", "Tags"]], recorded: &[], structures: &[] }
    }

    fn service(&self) -> Option<&'static str> {
        Some("sqs")
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/QueueName")
    }

    fn suffix(&self, properties: &Value) -> &'static str {
        if fifo(properties) { ".fifo" } else { "" }
    }

    fn describe(&self, physical: &str, _properties: &Value) -> Option<Call> {
        Some(Call::new("sqs", "GetQueueUrl", json!({ "QueueName": physical })))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        let mut attributes: Map<String, Value> = ATTRIBUTES
            .iter()
            .filter_map(|(name, _)| Some(((*name).to_owned(), attribute(properties, name)?)))
            .collect();
        if fifo(properties) {
            attributes.insert("FifoQueue".into(), json!("true"));
        }
        let mut input = json!({ "QueueName": physical, "Attributes": attributes });
        let tags = tags::read(properties);
        if !tags.is_empty() {
            input["tags"] = tags::object(&tags);
        }
        vec![Call::new("sqs", "CreateQueue", input)]
    }

    fn update(&self, _physical: &str, old: &Value, new: &Value, described: &Value) -> Vec<Call> {
        let url = &described["QueueUrl"];
        let changed: Map<String, Value> = ATTRIBUTES
            .iter()
            .map(|(name, default)| (*name, attribute(old, name), attribute(new, name), *default))
            .filter(|(_, before, after, _)| before != after)
            .map(|(name, _, after, default)| (name.to_owned(), after.unwrap_or_else(|| json!(default))))
            .collect();
        let mut calls = Vec::new();
        if !changed.is_empty() {
            let input = json!({ "QueueUrl": url, "Attributes": changed });
            calls.push(Call::new("sqs", "SetQueueAttributes", input));
        }
        let (set, gone) = tags::change(old, new);
        if !set.is_empty() {
            calls.push(Call::new("sqs", "TagQueue", json!({ "QueueUrl": url, "Tags": tags::object(&set) })));
        }
        if !gone.is_empty() {
            calls.push(Call::new("sqs", "UntagQueue", json!({ "QueueUrl": url, "TagKeys": gone })));
        }
        calls
    }

    fn delete(&self, _physical: &str, _properties: &Value, described: &Value) -> Vec<Call> {
        vec![Call::new("sqs", "DeleteQueue", json!({ "QueueUrl": described["QueueUrl"] }))]
    }

    fn adapt(&self, _id: &str, properties: &mut Value, around: &Surroundings<'_>) {
        tags::list(properties, around);
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/QueueName", "/FifoQueue"]
    }

    fn reference(&self, physical: &str, described: &Value) -> String {
        string(described, "/QueueUrl").unwrap_or_else(|| physical.to_owned())
    }

    fn attributes(&self, physical: &str, described: &Value, environment: &Environment) -> Map<String, Value> {
        let Environment { account, region } = environment;
        Map::from_iter([
            ("Arn".to_owned(), json!(format!("arn:aws:sqs:{region}:{account}:{physical}"))),
            ("QueueName".to_owned(), json!(physical)),
            ("QueueUrl".to_owned(), described["QueueUrl"].clone()),
        ])
    }
}

fn fifo(properties: &Value) -> bool {
    properties.get("FifoQueue").is_some_and(|fifo| text(fifo) == "true")
}

/// An attribute as it travels: policies are objects in a template.
fn attribute(properties: &Value, name: &str) -> Option<Value> {
    properties.get(name).map(|value| json!(text(value)))
}
