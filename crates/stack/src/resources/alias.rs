//! `AWS::Lambda::Alias`. `Ref` is the alias's ARN. Weights are a list in a template and an object on the wire.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, pick, string};
use crate::Environment;
use crate::parameters::text;

pub(super) struct Alias;

impl Handler for Alias {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::Alias"
    }

    fn properties(&self) -> Properties {
        Properties {
            used: &[&["Description", "FunctionName", "FunctionVersion", "Name", "RoutingConfig"]],
            recorded: &[],
            structures: &[
                (&["RoutingConfig"], &["AdditionalVersionWeights"]),
                (&["RoutingConfig", "AdditionalVersionWeights", "*"], &["FunctionVersion", "FunctionWeight"]),
            ],
        }
    }

    fn service(&self) -> Option<&'static str> {
        Some("lambda")
    }

    // Its name is one of its function only.
    fn name(&self, _properties: &Value) -> Option<String> {
        None
    }

    fn describe(&self, _physical: &str, properties: &Value) -> Option<Call> {
        Some(call("GetAlias", properties, &[]))
    }

    fn create(&self, _physical: &str, properties: &Value) -> Vec<Call> {
        let mut create = call("CreateAlias", properties, &["Description", "FunctionVersion"]);
        if let Some(weights) = weights(properties) {
            create.input["RoutingConfig"] = weights;
        }
        vec![create]
    }

    fn given(&self, reply: &Value) -> Option<String> {
        string(reply, "/AliasArn")
    }

    fn update(&self, _physical: &str, _old: &Value, new: &Value, _described: &Value) -> Vec<Call> {
        let mut update = call("UpdateAlias", new, &["Description", "FunctionVersion"]);
        // An update keeps what it does not name.
        update.input["RoutingConfig"] = weights(new).unwrap_or_else(|| json!({ "AdditionalVersionWeights": {} }));
        if new.get("Description").is_none() {
            update.input["Description"] = json!("");
        }
        vec![update]
    }

    fn delete(&self, _physical: &str, properties: &Value, _described: &Value) -> Vec<Call> {
        vec![call("DeleteAlias", properties, &[])]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/FunctionName", "/Name"]
    }

    fn reference(&self, physical: &str, described: &Value) -> String {
        string(described, "/AliasArn").unwrap_or_else(|| physical.to_owned())
    }

    fn attributes(&self, physical: &str, described: &Value, _environment: &Environment) -> Map<String, Value> {
        Map::from_iter([("AliasArn".to_owned(), json!(self.reference(physical, described)))])
    }
}

fn call(operation: &'static str, properties: &Value, more: &[&str]) -> Call {
    let mut input = pick(properties, &["FunctionName", "Name"]);
    input.extend(pick(properties, more));
    Call::new("lambda", operation, Value::Object(input))
}

/// `[{FunctionVersion, FunctionWeight}]` as `{version: weight}`; a weight that is no number is left for the service to
/// refuse.
fn weights(properties: &Value) -> Option<Value> {
    let list = properties.pointer("/RoutingConfig/AdditionalVersionWeights")?.as_array()?;
    let weights: Map<String, Value> = list
        .iter()
        .map(|entry| {
            let weight = &entry["FunctionWeight"];
            let number = text(weight).parse::<f64>().map_or_else(|_| weight.clone(), |number| json!(number));
            (text(&entry["FunctionVersion"]), number)
        })
        .collect();
    Some(json!({ "AdditionalVersionWeights": weights }))
}
