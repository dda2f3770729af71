//! The transform of serverless templates, as folders of a template and what it becomes.

use std::path::Path;

use serde_json::{Value, json};
use stack::Template;

/// The resources and outputs of a template, transformed.
fn processed(text: &str) -> Value {
    let processed = stack::processed(text).unwrap();
    json!({ "Resources": processed["Resources"], "Outputs": processed["Outputs"] })
}

#[test]
fn each_case_becomes_what_is_expected() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/sam");
    let mut seen = 0;
    for case in std::fs::read_dir(cases).unwrap() {
        let case = case.unwrap().path();
        let read = |name: &str| std::fs::read_to_string(case.join(name)).unwrap();
        let expected: Value = serde_json::from_str(&read("expected.json")).unwrap();
        let (found, shown) = (processed(&read("template.yaml")), case.display());
        let ids = |value: &Value| -> std::collections::BTreeSet<String> {
            value["Resources"].as_object().into_iter().flatten().map(|(id, _)| id.clone()).collect()
        };
        assert_eq!(ids(&found), ids(&expected), "{shown}");
        for (id, resource) in expected["Resources"].as_object().unwrap() {
            assert_eq!(found["Resources"][id], *resource, "{shown}: {id}");
        }
        assert_eq!(found["Outputs"], expected["Outputs"], "{shown}");
        Template::parse(&read("template.yaml")).unwrap();
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[test]
fn what_is_not_done_is_refused_by_name() {
    let function = |properties: Value| {
        let mut own = json!({ "InlineCode": "x", "Handler": "index.handler", "Runtime": "python3.12" });
        own.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
        json!({ "Fn": { "Type": "AWS::Serverless::Function", "Properties": own } })
    };
    let event = |kind: &str, properties: Value| {
        function(json!({ "Events": { "E": { "Type": kind, "Properties": properties } } }))
    };
    for (resources, part) in [
        (
            function(json!({ "Typo": 1 })),
            "[Fn] is invalid. property Typo not defined for resource of type AWS::Serverless::Function",
        ),
        (function(json!({ "Layers": [] })), "property Layers of AWS::Serverless::Function is not supported"),
        (function(json!({ "FunctionUrlConfig": {} })), "property FunctionUrlConfig"),
        (function(json!({ "CodeUri": "s3://b/k" })), "Only one of"),
        (function(json!({ "Policies": [{ "NoPolicy": {} }] })), "policy template 'NoPolicy' is not supported"),
        (function(json!({ "Policies": [{ "S3ReadPolicy": {} }] })), "Missing required parameter 'BucketName'"),
        (
            function(json!({ "EventInvokeConfig": { "DestinationConfig": { "OnFailure": { "Type": "SNS" } } } })),
            "'Type: SNS'",
        ),
        (event("Api", json!({})), "Event with id [E] is invalid. Type Api is not supported"),
        (event("HttpApi", json!({})), "Type HttpApi is not supported"),
        (event("S3", json!({})), "Type S3 is not supported"),
        (event("SQS", json!({})), "Missing required property 'Queue'"),
        (event("SQS", json!({ "Queue": "q", "Typo": 1 })), "property Typo is not supported by events of type SQS"),
        (json!({ "A": { "Type": "AWS::Serverless::Api" } }), "AWS::Serverless::Api is not supported"),
        (json!({ "T": { "Type": "AWS::Serverless::SimpleTable", "Properties": { "Typo": 1 } } }), "property Typo"),
    ] {
        let text = json!({ "Transform": "AWS::Serverless-2016-10-31", "Resources": resources }).to_string();
        let message = Template::parse(&text).unwrap_err().to_string();
        assert!(
            message.starts_with("Transform AWS::Serverless-2016-10-31 failed with") && message.contains(part),
            "{message}"
        );
    }
    let globals = json!({ "Transform": "AWS::Serverless-2016-10-31", "Globals": { "Api": {} },
                          "Resources": { "T": { "Type": "AWS::Serverless::SimpleTable" } } });
    assert!(Template::parse(&globals.to_string()).unwrap_err().to_string().contains("'Api' is not supported"));
    let untransformed = json!({ "Globals": {}, "Resources": { "T": { "Type": "AWS::Serverless::SimpleTable" } } });
    assert!(Template::parse(&untransformed.to_string()).is_err());
}
