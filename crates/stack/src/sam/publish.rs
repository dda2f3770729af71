//! What follows a function's code: a version and an alias (`AutoPublishAlias`), and how asynchronous events end.

use serde_json::{Map, Value, json};
use sha1::{Digest as _, Sha1};

use super::references::Names;
use super::role::Role;
use super::{Made, Written, arn_of, invalid, pick};
use crate::Error;

pub(super) const OWN: &[&str] =
    &["AutoPublishAlias", "AutoPublishCodeSha256", "EventInvokeConfig", "VersionDescription"];

/// Letters of the hash in a version's logical id, as SAM.
const HASH_CHARS: usize = 10;

/// An alias that is published with the function.
pub(super) struct Alias {
    pub name: String,
    pub id: String,
}

/// Version and alias. The version's logical id changes with the code, so that changed code is published.
pub(super) fn alias(
    function: &Written<'_>,
    properties: &mut Map<String, Value>,
    made: &mut Made,
    names: &mut Names,
) -> Result<Option<Alias>, Error> {
    let Some(name) = function.properties.get("AutoPublishAlias") else { return Ok(None) };
    let Some(name) = name.as_str() else {
        return Err(invalid(function.id, "'AutoPublishAlias' must be a string, not a function"));
    };
    let hash = match function.properties.get("AutoPublishCodeSha256") {
        Some(Value::String(given)) => {
            let description = properties.get("Description").and_then(Value::as_str);
            let description = description.map_or(given.clone(), |text| format!("{text} {given}"));
            properties.insert("Description".into(), json!(description));
            given.chars().take(HASH_CHARS).collect()
        }
        Some(_) => return Err(invalid(function.id, "AutoPublishCodeSha256 must be a string")),
        None => hash(&properties["Code"]),
    };
    let version = format!("{}Version{hash}", function.id);
    // Names of aliases hold nothing else that a logical id does not.
    let plain = name.replace('-', "D").replace('_', "U");
    let alias = Alias { name: name.to_owned(), id: format!("{}Alias{plain}", function.id) };
    let own = json!({ "Ref": function.id });
    let mut published = Map::from_iter([("FunctionName".to_owned(), own.clone())]);
    let description = function.properties.get("VersionDescription");
    published.extend(description.map(|description| ("Description".to_owned(), description.clone())));
    let mut resource = function.beside("AWS::Lambda::Version", published);
    // Earlier versions stay, so that an alias can go back to them.
    if !function.attributes.contains_key("DeletionPolicy") {
        resource["DeletionPolicy"] = json!("Retain");
    }
    made.push((version.clone(), resource));
    let properties = Map::from_iter([
        ("Name".to_owned(), json!(name)),
        ("FunctionName".to_owned(), own),
        ("FunctionVersion".to_owned(), json!({ "Fn::GetAtt": [version, "Version"] })),
    ]);
    made.push((alias.id.clone(), function.beside("AWS::Lambda::Alias", properties)));
    names.add(function.id, "Alias", &alias.id);
    names.add(function.id, "Version", &version);
    Ok(Some(alias))
}

/// `EventInvokeConfig`: retries, age, and destinations, of which queues are made where none is named.
pub(super) fn event_invoke(
    function: &Written<'_>,
    alias: Option<&Alias>,
    role: &mut Role,
    made: &mut Made,
) -> Result<(), Error> {
    let Some(Value::Object(config)) = function.properties.get("EventInvokeConfig") else { return Ok(()) };
    let known = ["DestinationConfig", "MaximumEventAgeInSeconds", "MaximumRetryAttempts"];
    if let Some(name) = config.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(invalid(function.id, format!("property EventInvokeConfig.{name} not defined")));
    }
    let id = format!("{}EventInvokeConfig", function.id);
    let mut destinations = Map::new();
    for outcome in ["OnSuccess", "OnFailure"] {
        let Some(written) = config.get("DestinationConfig").and_then(|all| all.get(outcome)) else { continue };
        let kind = written["Type"].as_str().unwrap_or_default();
        let id = format!("{id}{outcome}");
        let destination = match (kind, written.get("Destination")) {
            ("SQS" | "Lambda" | "EventBridge", Some(destination)) => destination.clone(),
            ("SQS", None) => {
                let queue = format!("{id}Queue");
                made.push((queue.clone(), function.beside("AWS::SQS::Queue", Map::new())));
                arn_of(&queue)
            }
            ("Lambda" | "EventBridge", None) => {
                return Err(invalid(function.id, "Destination is required if Type is not ['SQS', 'SNS']"));
            }
            _ => {
                let why = format!(
                    "'Type: {kind}' of a destination is not supported; supported are [SQS, EventBridge, Lambda]"
                );
                return Err(invalid(function.id, why));
            }
        };
        role.destination(&id, kind, &destination);
        destinations.insert(outcome.into(), json!({ "Destination": destination }));
    }
    let mut properties = pick(config, &["MaximumEventAgeInSeconds", "MaximumRetryAttempts"]);
    properties.insert("FunctionName".into(), json!({ "Ref": function.id }));
    properties.insert("Qualifier".into(), json!(alias.map_or("$LATEST", |alias| &alias.name)));
    properties.insert("DestinationConfig".into(), Value::Object(destinations));
    let mut resource = function.beside("AWS::Lambda::EventInvokeConfig", properties);
    if let Some(alias) = alias {
        resource["DependsOn"] = json!([alias.id]);
    }
    made.push((id, resource));
    Ok(())
}

/// SHA-1 of the code as compact JSON in ASCII with sorted keys, as SAM has it.
fn hash(code: &Value) -> String {
    let mut sorted = code.clone();
    sorted.sort_all_objects();
    let mut text = String::new();
    for character in sorted.to_string().chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            let mut units = [0; 2];
            text.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    // A text is hashed as it is.
    let text = code.as_str().map_or(text, str::to_owned);
    let digest = Sha1::digest(text.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hex.chars().take(HASH_CHARS).collect()
}
