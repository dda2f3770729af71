//! `AWS::KinesisFirehose::DeliveryStream`, with an (extended) S3 destination.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, Ready, Surroundings, answers, string, tags};
use crate::Environment;
use crate::parameters::text;

pub(super) struct DeliveryStream;

impl Handler for DeliveryStream {
    fn kind(&self) -> &'static str {
        "AWS::KinesisFirehose::DeliveryStream"
    }

    fn properties(&self) -> Properties {
        Properties {
            used: &[&[
                "DeliveryStreamEncryptionConfigurationInput",
                "DeliveryStreamName",
                "DeliveryStreamType",
                "ExtendedS3DestinationConfiguration",
                "S3DestinationConfiguration",
                "Tags",
            ]],
            recorded: &[],
            structures: &[],
        }
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/DeliveryStreamName")
    }

    fn describe(&self, physical: &str, _properties: &Value) -> Option<Call> {
        Some(Call::new("firehose", "DescribeDeliveryStream", json!({ "DeliveryStreamName": physical })))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        let mut input = properties.as_object().cloned().unwrap_or_default();
        input.insert("DeliveryStreamName".into(), json!(physical));
        let mut input = Value::Object(input);
        processor_values(&mut input);
        vec![Call::new("firehose", "CreateDeliveryStream", input)]
    }

    fn update(&self, physical: &str, old: &Value, new: &Value, described: &Value) -> Vec<Call> {
        let mut calls = Vec::new();
        let (set, gone) = tags::change(old, new);
        if !set.is_empty() {
            let input = json!({ "DeliveryStreamName": physical, "Tags": tags::pairs(&set) });
            calls.push(Call::new("firehose", "TagDeliveryStream", input));
        }
        if !gone.is_empty() {
            let input = json!({ "DeliveryStreamName": physical, "TagKeys": gone });
            calls.push(Call::new("firehose", "UntagDeliveryStream", input));
        }
        let described = &described["DeliveryStreamDescription"];
        for (member, update) in [
            ("ExtendedS3DestinationConfiguration", "ExtendedS3DestinationUpdate"),
            ("S3DestinationConfiguration", "S3DestinationUpdate"),
        ] {
            let Some(destination) = new.get(member).filter(|destination| old.get(member) != Some(destination)) else {
                continue;
            };
            let mut destination = destination.clone();
            processor_values(&mut destination);
            let input = json!({
                "DeliveryStreamName": physical,
                "CurrentDeliveryStreamVersionId": described["VersionId"],
                "DestinationId": described["Destinations"][0]["DestinationId"],
                update: destination,
            });
            calls.push(Call::new("firehose", "UpdateDestination", input));
        }
        calls
    }

    fn delete(&self, physical: &str, _properties: &Value, _described: &Value) -> Vec<Call> {
        let input = json!({ "DeliveryStreamName": physical, "AllowForceDelete": true });
        vec![Call::new("firehose", "DeleteDeliveryStream", input)]
    }

    fn adapt(&self, _id: &str, properties: &mut Value, around: &Surroundings<'_>) {
        tags::list(properties, around);
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/DeliveryStreamName", "/DeliveryStreamType", "/KinesisStreamSourceConfiguration"]
    }

    fn numbers(&self) -> &'static [&'static str] {
        &["IntervalInSeconds", "SizeInMBs", "DurationInSeconds"]
    }

    fn booleans(&self) -> &'static [&'static str] {
        &["Enabled"]
    }

    fn ready(&self, described: &Value) -> Ready {
        match described.pointer("/DeliveryStreamDescription/DeliveryStreamStatus").and_then(Value::as_str) {
            Some("CREATING" | "DELETING") => Ready::Wait,
            Some(state) if state.ends_with("_FAILED") => Ready::Failed(format!("delivery stream is {state}")),
            _ => Ready::Yes,
        }
    }

    fn attributes(&self, _physical: &str, described: &Value, _environment: &Environment) -> Map<String, Value> {
        answers(described, &[("Arn", "/DeliveryStreamDescription/DeliveryStreamARN")])
    }
}

/// Parameters of processors are strings on the wire; templates write numbers too.
fn processor_values(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(processor_values),
        Value::Object(members) => {
            for (name, member) in members {
                if name == "ParameterValue" && !member.is_string() {
                    *member = Value::String(text(member));
                } else {
                    processor_values(member);
                }
            }
        }
        _ => {}
    }
}
