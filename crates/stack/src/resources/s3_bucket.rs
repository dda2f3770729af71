//! `AWS::S3::Bucket`: a bucket of the lake's store. What has no effect is recorded; its objects always make events,
//! so of notifications only those of EventBridge are accepted.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, string};
use crate::Environment;

pub(super) struct Bucket;

impl Handler for Bucket {
    fn kind(&self) -> &'static str {
        "AWS::S3::Bucket"
    }

    fn properties(&self) -> Properties {
        Properties {
            used: &[&["BucketName"]],
            recorded: &[
                "AccelerateConfiguration",
                "AccessControl",
                "AnalyticsConfigurations",
                "BucketEncryption",
                "CorsConfiguration",
                "IntelligentTieringConfigurations",
                "LifecycleConfiguration",
                "LoggingConfiguration",
                "MetricsConfigurations",
                "NotificationConfiguration",
                "OwnershipControls",
                "PublicAccessBlockConfiguration",
                "Tags",
            ],
            structures: &[(&["NotificationConfiguration"], &["EventBridgeConfiguration"])],
        }
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/BucketName")
    }

    fn describe(&self, physical: &str, _properties: &Value) -> Option<Call> {
        Some(Call::new("s3", "HeadBucket", json!({ "Bucket": physical })))
    }

    fn create(&self, physical: &str, _properties: &Value) -> Vec<Call> {
        vec![Call::new("s3", "CreateBucket", json!({ "Bucket": physical }))]
    }

    fn update(&self, _physical: &str, _old: &Value, _new: &Value, _described: &Value) -> Vec<Call> {
        Vec::new()
    }

    fn delete(&self, physical: &str, _properties: &Value, _described: &Value) -> Vec<Call> {
        vec![Call::new("s3", "DeleteBucket", json!({ "Bucket": physical }))]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/BucketName"]
    }

    fn attributes(&self, physical: &str, _described: &Value, environment: &Environment) -> Map<String, Value> {
        let region = &environment.region;
        Map::from_iter([
            ("Arn".to_owned(), json!(format!("arn:aws:s3:::{physical}"))),
            ("DomainName".to_owned(), json!(format!("{physical}.s3.amazonaws.com"))),
            ("RegionalDomainName".to_owned(), json!(format!("{physical}.s3.{region}.amazonaws.com"))),
        ])
    }
}
