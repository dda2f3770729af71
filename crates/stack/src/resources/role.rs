//! `AWS::IAM::Role` and `AWS::IAM::Policy`. `Ref` is the name. What other members say is kept with the stack only.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, Surroundings, answers, pick, string, tags};
use crate::Environment;
use crate::parameters::text;

pub(super) struct Role;

const SETTINGS: &[&str] = &["Description", "MaxSessionDuration"];

/// The texts of a list.
pub(super) fn names(properties: &Value, member: &str) -> Vec<String> {
    properties.get(member).and_then(Value::as_array).into_iter().flatten().map(text).collect()
}

fn call(operation: &'static str, role: &str, rest: Value) -> Call {
    let mut input = json!({ "RoleName": role });
    if let (Value::Object(input), Value::Object(rest)) = (&mut input, rest) {
        input.extend(rest);
    }
    Call::new("iam", operation, input)
}

pub(super) fn attach(role: &str, arn: &str) -> Call {
    call("AttachRolePolicy", role, json!({ "PolicyArn": arn }))
}

pub(super) fn detach(role: &str, arn: &str) -> Call {
    call("DetachRolePolicy", role, json!({ "PolicyArn": arn }))
}

fn put(role: &str, policy: &str, document: &Value) -> Call {
    call("PutRolePolicy", role, json!({ "PolicyName": policy, "PolicyDocument": text(document) }))
}

fn drop(role: &str, policy: &str) -> Call {
    call("DeleteRolePolicy", role, json!({ "PolicyName": policy }))
}

/// Inline policies: names and documents.
fn inline(properties: &Value) -> BTreeMap<String, Value> {
    let policies = properties.get("Policies").and_then(Value::as_array).into_iter().flatten();
    policies.filter_map(|policy| Some((string(policy, "/PolicyName")?, policy["PolicyDocument"].clone()))).collect()
}

impl Handler for Role {
    fn kind(&self) -> &'static str {
        "AWS::IAM::Role"
    }

    fn properties(&self) -> Properties {
        Properties {
            used: &[
                SETTINGS,
                &["AssumeRolePolicyDocument", "ManagedPolicyArns", "Path", "Policies", "RoleName", "Tags"],
            ],
            recorded: &["PermissionsBoundary"],
            structures: &[(&["Policies", "*"], &["PolicyDocument", "PolicyName"])],
        }
    }

    fn service(&self) -> Option<&'static str> {
        Some("iam")
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/RoleName")
    }

    fn describe(&self, physical: &str, _properties: &Value) -> Option<Call> {
        Some(call("GetRole", physical, json!({})))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        let mut input = pick(properties, SETTINGS);
        input.extend(pick(properties, &["Path", "Tags"]));
        input.insert("AssumeRolePolicyDocument".into(), json!(text(&properties["AssumeRolePolicyDocument"])));
        let mut calls = vec![call("CreateRole", physical, Value::Object(input))];
        calls.extend(names(properties, "ManagedPolicyArns").iter().map(|arn| attach(physical, arn)));
        calls.extend(inline(properties).iter().map(|(name, document)| put(physical, name, document)));
        calls
    }

    fn update(&self, physical: &str, old: &Value, new: &Value, _described: &Value) -> Vec<Call> {
        let mut calls = Vec::new();
        if pick(old, SETTINGS) != pick(new, SETTINGS) {
            calls.push(call("UpdateRole", physical, Value::Object(pick(new, SETTINGS))));
        }
        let trust = "AssumeRolePolicyDocument";
        if old[trust] != new[trust] {
            calls.push(call("UpdateAssumeRolePolicy", physical, json!({ "PolicyDocument": text(&new[trust]) })));
        }
        let (before, after) = (names(old, "ManagedPolicyArns"), names(new, "ManagedPolicyArns"));
        calls.extend(after.iter().filter(|arn| !before.contains(arn)).map(|arn| attach(physical, arn)));
        calls.extend(before.iter().filter(|arn| !after.contains(arn)).map(|arn| detach(physical, arn)));
        let (before, after) = (inline(old), inline(new));
        let changed = after.iter().filter(|(name, document)| before.get(*name) != Some(document));
        calls.extend(changed.map(|(name, document)| put(physical, name, document)));
        calls.extend(before.keys().filter(|name| !after.contains_key(*name)).map(|name| drop(physical, name)));
        let (set, gone) = tags::change(old, new);
        if !set.is_empty() {
            calls.push(call("TagRole", physical, json!({ "Tags": tags::pairs(&set) })));
        }
        if !gone.is_empty() {
            calls.push(call("UntagRole", physical, json!({ "TagKeys": gone })));
        }
        calls
    }

    fn delete(&self, physical: &str, properties: &Value, _described: &Value) -> Vec<Call> {
        let arns = names(properties, "ManagedPolicyArns");
        let mut calls: Vec<Call> = arns.iter().map(|arn| detach(physical, arn)).collect();
        calls.extend(inline(properties).keys().map(|name| drop(physical, name)));
        calls.push(call("DeleteRole", physical, json!({})));
        calls
    }

    fn adapt(&self, _id: &str, properties: &mut Value, around: &Surroundings<'_>) {
        tags::list(properties, around);
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/RoleName", "/Path"]
    }

    fn attributes(&self, _physical: &str, described: &Value, _environment: &Environment) -> Map<String, Value> {
        answers(described, &[("Arn", "/Role/Arn"), ("RoleId", "/Role/RoleId")])
    }
}

/// A policy within roles. Users and groups there are none of.
pub(super) struct Policy;

impl Handler for Policy {
    fn kind(&self) -> &'static str {
        "AWS::IAM::Policy"
    }

    fn properties(&self) -> Properties {
        Properties {
            used: &[&["PolicyDocument", "PolicyName", "Roles"]],
            recorded: &["Groups", "Users"],
            structures: &[],
        }
    }

    fn service(&self) -> Option<&'static str> {
        Some("iam")
    }

    fn name(&self, properties: &Value) -> Option<String> {
        string(properties, "/PolicyName")
    }

    fn describe(&self, physical: &str, properties: &Value) -> Option<Call> {
        let roles = names(properties, "Roles");
        Some(call("GetRolePolicy", roles.first()?, json!({ "PolicyName": physical })))
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        let roles = names(properties, "Roles");
        roles.iter().map(|role| put(role, physical, &properties["PolicyDocument"])).collect()
    }

    fn update(&self, physical: &str, old: &Value, new: &Value, _described: &Value) -> Vec<Call> {
        let mut calls = Vec::new();
        let (before, after) = (names(old, "Roles"), names(new, "Roles"));
        for role in &after {
            if old["PolicyDocument"] != new["PolicyDocument"] || !before.contains(role) {
                calls.push(put(role, physical, &new["PolicyDocument"]));
            }
        }
        calls.extend(before.iter().filter(|role| !after.contains(role)).map(|role| drop(role, physical)));
        calls
    }

    fn delete(&self, physical: &str, properties: &Value, _described: &Value) -> Vec<Call> {
        names(properties, "Roles").iter().map(|role| drop(role, physical)).collect()
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["/PolicyName"]
    }

    fn attributes(&self, physical: &str, _described: &Value, _environment: &Environment) -> Map<String, Value> {
        Map::from_iter([("Id".to_owned(), json!(physical))])
    }
}
