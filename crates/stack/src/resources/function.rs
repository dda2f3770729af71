//! `AWS::Lambda::Function`. Code that the caller mapped to a function (`Sources`) stands for the code the template names.
//!
//! Follows the CloudFormation resource reference; environment variables are texts, whatever the template wrote.

use serde_json::{Map, Value, json};

use super::inline_code::packed;
use super::{Call, Handler, Properties, Ready, Surroundings, answers, pick, string, tags};
use crate::Environment;
use crate::parameters::text;

pub(super) struct Function;

const CONFIGURATION: &[&str] = &[
    "DeadLetterConfig",
    "Description",
    "Environment",
    "EphemeralStorage",
    "Handler",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "Role",
    "Runtime",
    "Timeout",
    "TracingConfig",
];

impl Handler for Function {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::Function"
    }

    fn properties(&self) -> Properties {
        Properties {
            used: &[
                CONFIGURATION,
                &["Architectures", "Code", "FunctionName", "PackageType", "ReservedConcurrentExecutions", "Tags"],
            ],
            recorded: &["KmsKeyArn", "RecursiveLoop", "RuntimeManagementConfig", "VpcConfig"],
            structures: &[],
        }
    }

    fn service(&self) -> Option<&'static str> {
        Some("lambda")
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/FunctionName")
    }

    fn describe(&self, physical: &str, _properties: &Value) -> Option<Call> {
        Some(Call::new("lambda", "GetFunction", json!({ "FunctionName": physical })))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        let mut input = pick(properties, CONFIGURATION);
        input.extend(pick(properties, &["Architectures", "PackageType"]));
        input.insert("FunctionName".into(), json!(physical));
        input.insert("Code".into(), Value::Object(code(properties)));
        let tags = tags::read(properties);
        if !tags.is_empty() {
            input.insert("Tags".into(), tags::object(&tags));
        }
        let mut calls = vec![Call::new("lambda", "CreateFunction", Value::Object(input))];
        calls.extend(concurrency(physical, &Value::Null, properties));
        calls
    }

    fn update(&self, physical: &str, old: &Value, new: &Value, described: &Value) -> Vec<Call> {
        let mut calls = Vec::new();
        if (old.get("Code"), old.get("Architectures")) != (new.get("Code"), new.get("Architectures")) {
            let mut input = code(new);
            input.extend(pick(new, &["Architectures"]));
            input.insert("FunctionName".into(), json!(physical));
            calls.push(Call::new("lambda", "UpdateFunctionCode", Value::Object(input)));
        }
        let (before, mut input) = (pick(old, CONFIGURATION), pick(new, CONFIGURATION));
        if before != input {
            // An update keeps what it does not name: what the template no longer has goes back to what it is unsaid.
            for name in before.keys().filter(|name| !input.contains_key(*name)).cloned().collect::<Vec<_>>() {
                let unsaid = match name.as_str() {
                    "Description" => json!(""),
                    "Environment" => json!({ "Variables": {} }),
                    "EphemeralStorage" => json!({ "Size": 512 }),
                    "Layers" => json!([]),
                    "MemorySize" => json!(128),
                    "Timeout" => json!(3),
                    "TracingConfig" => json!({ "Mode": "PassThrough" }),
                    _ => json!({}),
                };
                input.insert(name, unsaid);
            }
            input.insert("FunctionName".into(), json!(physical));
            calls.push(Call::new("lambda", "UpdateFunctionConfiguration", Value::Object(input)));
        }
        calls.extend(concurrency(physical, old, new));
        let (set, gone) = tags::change(old, new);
        let arn = &described["Configuration"]["FunctionArn"];
        if !set.is_empty() {
            calls.push(Call::new("lambda", "TagResource", json!({ "Resource": arn, "Tags": tags::object(&set) })));
        }
        if !gone.is_empty() {
            calls.push(Call::new("lambda", "UntagResource", json!({ "Resource": arn, "TagKeys": gone })));
        }
        calls
    }

    fn delete(&self, physical: &str, _properties: &Value, _described: &Value) -> Vec<Call> {
        vec![Call::new("lambda", "DeleteFunction", json!({ "FunctionName": physical }))]
    }

    fn adapt(&self, id: &str, properties: &mut Value, around: &Surroundings<'_>) {
        tags::list(properties, around);
        let functions = &around.wanted.sources.functions;
        let named = string(properties, "/FunctionName").and_then(|name| functions.get(&name));
        if let Some(code) = functions.get(id).or(named)
            && let Value::Object(members) = properties
        {
            // The digest makes changed content a changed property.
            members.insert("Code".into(), json!({ "WatershedPath": code.path, "Digest": code.digest }));
        }
        if let Some(Value::Object(variables)) = properties.pointer_mut("/Environment/Variables") {
            variables.values_mut().for_each(|value| *value = json!(text(value)));
        }
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/FunctionName", "/PackageType"]
    }

    fn numbers(&self) -> &'static [&'static str] {
        &["MemorySize", "ReservedConcurrentExecutions", "Size", "Timeout"]
    }

    fn ready(&self, described: &Value) -> Ready {
        let part = |name: &str| described["Configuration"][name].as_str().unwrap_or_default();
        match (part("State"), part("LastUpdateStatus")) {
            ("Pending", _) | (_, "InProgress") => Ready::Wait,
            ("Failed", _) => Ready::Failed(format!("function failed: {}", part("StateReason"))),
            (_, "Failed") => Ready::Failed(format!("update failed: {}", part("LastUpdateStatusReason"))),
            _ => Ready::Yes,
        }
    }

    fn attributes(&self, _physical: &str, described: &Value, _environment: &Environment) -> Map<String, Value> {
        answers(described, &[("Arn", "/Configuration/FunctionArn")])
    }
}

/// The code as it travels.
fn code(properties: &Value) -> Map<String, Value> {
    let mut code = properties.get("Code").and_then(Value::as_object).cloned().unwrap_or_default();
    code.shift_remove("Digest");
    if let Some(Value::String(source)) = code.get_mut("ZipFile")
        && let Some(zip) = packed(&properties["Runtime"], source)
    {
        *source = zip;
    }
    code
}

fn concurrency(physical: &str, old: &Value, new: &Value) -> Option<Call> {
    let member = "ReservedConcurrentExecutions";
    match (old.get(member), new.get(member)) {
        (before, after) if before == after => None,
        (_, Some(reserved)) => {
            let input = json!({ "FunctionName": physical, member: reserved });
            Some(Call::new("lambda", "PutFunctionConcurrency", input))
        }
        (_, None) => Some(Call::new("lambda", "DeleteFunctionConcurrency", json!({ "FunctionName": physical }))),
    }
}
