//! Types that are accepted, recorded and referred to, but make nothing here: access rules, keys, cleaning helpers.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, string};
use crate::Environment;

/// A recorded type; `arn` is service, whether the ARN has a region, and what stands before the name.
pub(super) struct Recorded {
    pub kind: &'static str,
    pub properties: &'static [&'static str],
    pub arn: Option<(&'static str, bool, &'static str)>,
}

impl Handler for Recorded {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn properties(&self) -> Properties {
        Properties { used: &[], recorded: self.properties, structures: &[] }
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/AliasName")
    }

    fn describe(&self, _physical: &str, _properties: &Value) -> Option<Call> {
        None
    }

    fn create(&self, _physical: &str, _properties: &Value) -> Vec<Call> {
        Vec::new()
    }

    fn update(&self, _physical: &str, _old: &Value, _new: &Value, _described: &Value) -> Vec<Call> {
        Vec::new()
    }

    fn delete(&self, _physical: &str, _properties: &Value, _described: &Value) -> Vec<Call> {
        Vec::new()
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/AliasName"]
    }

    fn reference(&self, physical: &str, _described: &Value) -> String {
        physical.to_owned()
    }

    fn attributes(&self, physical: &str, _described: &Value, environment: &Environment) -> Map<String, Value> {
        let mut attributes = Map::from_iter([("Id".to_owned(), json!(physical))]);
        if let Some((service, regional, prefix)) = self.arn {
            let region = if regional { environment.region.as_str() } else { "" };
            let arn = format!("arn:aws:{service}:{region}:{}:{prefix}{physical}", environment.account);
            let name = match self.kind {
                "AWS::KMS::Key" => "KeyId",
                _ => "Id",
            };
            attributes.insert(name.into(), json!(physical));
            for name in ["Arn", "PolicyArn"] {
                attributes.insert(name.into(), json!(arn));
            }
        }
        attributes
    }
}
