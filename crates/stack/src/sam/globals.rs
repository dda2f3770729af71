//! The section `Globals`: properties that all functions and tables have, unless they say otherwise.

use serde_json::{Map, Value};

use super::{FUNCTION, SIMPLE_TABLE, failed};
use crate::Error;

/// Properties of functions that may be global.
const OF_FUNCTIONS: &[&str] = &[
    "Architectures",
    "AssumeRolePolicyDocument",
    "AutoPublishAlias",
    "CodeUri",
    "DeadLetterQueue",
    "Description",
    "Environment",
    "EphemeralStorage",
    "EventInvokeConfig",
    "Handler",
    "KmsKeyArn",
    "LoggingConfig",
    "MemorySize",
    "PermissionsBoundary",
    "ReservedConcurrentExecutions",
    "RolePath",
    "Runtime",
    "Tags",
    "Timeout",
    "Tracing",
    "VpcConfig",
];
const OF_TABLES: &[&str] = &["SSESpecification"];

/// The section, checked.
#[derive(Default)]
pub(super) struct Globals {
    function: Map<String, Value>,
    table: Map<String, Value>,
}

/// # Errors
/// `Template` for another kind or property than may be global.
pub(super) fn read(section: Option<Value>) -> Result<Globals, Error> {
    let mut globals = Globals::default();
    let kinds = match section {
        None | Some(Value::Null) => return Ok(globals),
        Some(Value::Object(kinds)) => kinds,
        Some(_) => return Err(refuse("it must be an object".into())),
    };
    for (kind, properties) in kinds {
        let (into, allowed) = match kind.as_str() {
            "Function" => (&mut globals.function, OF_FUNCTIONS),
            "SimpleTable" => (&mut globals.table, OF_TABLES),
            _ => return Err(refuse(format!("'{kind}' is not supported. Must be one of [Function, SimpleTable]"))),
        };
        let Value::Object(properties) = properties else { return Err(refuse(format!("'{kind}' must be an object"))) };
        if let Some(name) = properties.keys().find(|name| !allowed.contains(&name.as_str())) {
            let allowed = allowed.join(", ");
            return Err(refuse(format!(
                "'{name}' is not a supported property of '{kind}'. Must be one of [{allowed}]"
            )));
        }
        *into = properties;
    }
    Ok(globals)
}

impl Globals {
    /// Objects are merged, lists are joined, of anything else the resource's own counts.
    pub fn merged(&self, kind: &str, own: Map<String, Value>) -> Map<String, Value> {
        let globals = match kind {
            FUNCTION => &self.function,
            SIMPLE_TABLE => &self.table,
            _ => return own,
        };
        let mut merged = globals.clone();
        merge(&mut merged, own);
        merged
    }
}

fn merge(into: &mut Map<String, Value>, own: Map<String, Value>) {
    let is_function = |members: &Map<String, Value>| {
        members.len() == 1 && members.keys().all(|name| name == "Ref" || name.starts_with("Fn::"))
    };
    for (name, value) in own {
        match (into.get_mut(&name), value) {
            (Some(Value::Object(global)), Value::Object(own)) if !is_function(global) && !is_function(&own) => {
                merge(global, own);
            }
            (Some(Value::Array(global)), Value::Array(own)) => global.extend(own),
            (_, value) => drop(into.insert(name, value)),
        }
    }
}

fn refuse(why: String) -> Error {
    failed(format!("'Globals' section is invalid. {why}"))
}
