//! What values resolve to, and what templates are refused.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stack::{Environment, Lookup, Scope, Template, order, parameters};

struct Made;

impl Lookup for Made {
    fn reference(&self, id: &str) -> Option<Value> {
        (id == "T").then(|| json!("table-1"))
    }

    fn attribute(&self, id: &str, attribute: &str) -> Option<Value> {
        (id == "T" && attribute == "Outputs.Arn").then(|| json!("arn-1"))
    }

    fn import(&self, name: &str) -> Option<Value> {
        (name == "bus").then(|| json!("bus-1"))
    }
}

fn resolve(value: Value) -> Result<Option<Value>, stack::Error> {
    let body = json!({
        "Parameters": { "Stage": { "Type": "String", "Default": "prod" }, "L": { "Type": "CommaDelimitedList", "Default": "a, b" } },
        "Mappings": { "M": { "prod": { "size": 3 } } },
        "Conditions": {
            "Prod": { "Fn::Equals": [{ "Ref": "Stage" }, "prod"] },
            "Not": { "Fn::Not": [{ "Condition": "Prod" }] },
            "Both": { "Fn::And": [{ "Condition": "Prod" }, { "Fn::Or": [{ "Condition": "Not" }, { "Condition": "Prod" }] }] }
        },
        "Resources": { "T": { "Type": "AWS::DynamoDB::Table" } }
    });
    let template = Template::parse(&body.to_string())?;
    let values = parameters(&template, &BTreeMap::new())?;
    let environment = Environment { account: "111122223333".into(), region: "eu-west-1".into() };
    Scope::new(&template, &values, &environment, ("site", "arn:stack"), &Made)?.resolve(&value)
}

#[test]
fn functions_resolve() {
    for (value, expected) in [
        (json!({ "Ref": "T" }), json!("table-1")),
        (json!({ "Ref": "L" }), json!(["a", "b"])),
        (json!({ "Ref": "AWS::StackName" }), json!("site")),
        (json!({ "Fn::GetAtt": "T.Outputs.Arn" }), json!("arn-1")),
        (json!({ "Fn::GetAtt": ["T", "Outputs.Arn"] }), json!("arn-1")),
        (json!({ "Fn::Sub": "${T}/${T.Outputs.Arn}/${AWS::Region}/${!x}" }), json!("table-1/arn-1/eu-west-1/${x}")),
        (json!({ "Fn::Sub": ["${a}-${Stage}", { "a": { "Ref": "AWS::AccountId" } }] }), json!("111122223333-prod")),
        (json!({ "Fn::Join": ["", ["arn:", { "Ref": "AWS::Partition" }, 1]] }), json!("arn:aws1")),
        (json!({ "Fn::Select": ["1", { "Fn::Split": [",", "x,y"] }] }), json!("y")),
        (json!({ "Fn::If": ["Both", "yes", "no"] }), json!("yes")),
        (json!({ "Fn::If": ["Not", "yes", "no"] }), json!("no")),
        (json!({ "Fn::FindInMap": ["M", { "Ref": "Stage" }, "size"] }), json!(3)),
        (json!({ "Fn::Base64": "hi" }), json!("aGk=")),
        (json!({ "Fn::ImportValue": "bus" }), json!("bus-1")),
        (json!({ "Fn::GetAZs": "" }), json!(["eu-west-1a", "eu-west-1b", "eu-west-1c"])),
        (json!({ "Fn::Cidr": ["10.0.0.0/16", 2, 8] }), json!(["10.0.0.0/24", "10.0.1.0/24"])),
        (json!([1, { "Ref": "AWS::NoValue" }, 2]), json!([1, 2])),
        (json!({ "a": { "Ref": "AWS::NoValue" }, "b": 1 }), json!({ "b": 1 })),
    ] {
        assert_eq!(resolve(value.clone()).unwrap(), Some(expected), "{value}");
    }
}

#[test]
fn what_names_nothing_is_refused() {
    for value in [
        json!({ "Ref": "Nobody" }),
        json!({ "Fn::GetAtt": ["T", "Nothing"] }),
        json!({ "Fn::ImportValue": "gone" }),
        json!({ "Fn::Select": [7, ["a"]] }),
        json!({ "Fn::Sub": "${open" }),
        json!({ "Fn::If": ["Missing", 1, 2] }),
        json!({ "Fn::Transform": { "Name": "x" } }),
        json!({ "Fn::Cidr": ["10.0.0.0/16", 2, 99] }),
    ] {
        assert!(resolve(value.clone()).is_err(), "{value}");
    }
}

#[test]
fn short_forms_are_long_forms() {
    let text = "
Resources:
  Stream:
    Type: AWS::KinesisFirehose::DeliveryStream
    Properties: { Bucket: !GetAtt Lake.Arn, Name: !Sub '${AWS::StackName}-x', List: !Split [',', 'a,b'] }
  Lake:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
";
    let template = Template::parse(text).unwrap();
    let stream = template.resource("Stream").unwrap();
    assert_eq!(stream.properties["Bucket"], json!({ "Fn::GetAtt": ["Lake", "Arn"] }));
    assert_eq!(stream.properties["List"], json!({ "Fn::Split": [",", "a,b"] }));
    assert_eq!(template.resource("Lake").unwrap().policy, stack::Policy::Retain);
    assert_eq!(order::order(&template).unwrap(), ["Lake", "Stream"]);
}

#[test]
fn bad_templates_are_refused_with_the_names() {
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    for (text, part) in [
        ("{}".to_owned(), "Resources"),
        (r#"{"Transform":"x","Resources":{"A":{"Type":"t"}}}"#.to_owned(), "transform x is not supported"),
        (r#"{"Resources":{"A":{"Type":"t","DependsOn":"B"},"B":{"Type":"t","DependsOn":"A"}}}"#.to_owned(), "[A, B]"),
        (r#"{"Resources":{"A":{"Type":"t","Properties":{"x":{"Ref":"Zz"}}}}}"#.to_owned(), "[Zz]"),
        (r#"{"Resources":{"A":{}}}"#.to_owned(), "must contain a Type member"),
        (deep, "recursion limit"),
        (" ".repeat(2_000_000), "may not exceed"),
    ] {
        let message = Template::parse(&text).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
}
