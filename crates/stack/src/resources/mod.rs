//! Resource types: how each becomes calls of service operations. One file per type, one line each in [`HANDLERS`].
//!
//! Handlers compute calls and read answers; they make no call themselves.

mod alias;
mod api_destination;
mod connection;
mod datastore;
mod delivery_stream;
mod event_bus;
mod event_bus_policy;
mod event_invoke_config;
mod event_source_mapping;
mod function;
mod glue;
mod inline_code;
mod log_group;
mod log_stream;
mod managed_policy;
mod nested;
mod permission;
mod pipe;
mod properties;
mod queue;
mod queue_policy;
mod recorded;
mod role;
mod rule;
mod s3_bucket;
mod schedule;
mod schedule_group;
mod table;
mod tags;
mod version;

use serde_json::{Map, Value, json};

use properties::Properties;

use crate::parameters::text;
use crate::store::Wanted;
use crate::{Api, Environment};

/// One call of a service operation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub service: &'static str,
    pub operation: &'static str,
    pub input: Value,
}

impl Call {
    pub fn new(service: &'static str, operation: &'static str, input: Value) -> Self {
        Call { service, operation, input }
    }
}

/// Whether a resource that exists can be used.
#[derive(Debug, PartialEq)]
pub(crate) enum Ready {
    Yes,
    Wait,
    Failed(String),
}

/// What a resource may need to know of its stack.
pub(crate) struct Surroundings<'a> {
    /// The stack's id.
    pub stack: &'a str,
    pub wanted: &'a Wanted,
}

/// One resource type.
pub(crate) trait Handler: Sync {
    fn kind(&self) -> &'static str;

    /// What a template may say of it. A resource that says more is refused when its turn comes.
    fn properties(&self) -> Properties;

    /// The service that must be there, for types whose service may be missing from a server.
    fn service(&self) -> Option<&'static str> {
        None
    }

    /// The name the template gives, if it does.
    fn name(&self, properties: &Value) -> Option<String>;

    /// What a generated name must end in.
    fn suffix(&self, _properties: &Value) -> &'static str {
        ""
    }

    /// Asks for the resource; `None` for types that are only recorded.
    fn describe(&self, physical: &str, properties: &Value) -> Option<Call>;

    /// Makes it. The second and later calls are made when it is ready.
    fn create(&self, physical: &str, properties: &Value) -> Vec<Call>;

    /// What the service knows it by from now on, in an answer to [`Handler::create`], when the service chooses.
    fn given(&self, _reply: &Value) -> Option<String> {
        None
    }

    /// Changes it in place, from `old` to `new`.
    /// `described` is the answer to [`Handler::describe`], null for types that are only recorded.
    fn update(&self, physical: &str, old: &Value, new: &Value, described: &Value) -> Vec<Call>;

    fn delete(&self, physical: &str, properties: &Value, described: &Value) -> Vec<Call>;

    /// Properties whose change needs a new resource; pointers into the properties.
    fn immutable(&self) -> &'static [&'static str];

    /// Adds what the stack gives to what the template says: its tags, code, the way to nested templates.
    fn adapt(&self, _id: &str, _properties: &mut Value, _around: &Surroundings<'_>) {}

    /// Whether an answer to [`Handler::describe`] that is no error shows the resource: lists may be empty.
    fn exists(&self, _physical: &str, _properties: &Value, _described: &Value) -> bool {
        true
    }

    /// Whether a change that failed was already taken back by the service itself.
    fn reverted(&self, _described: &Value) -> bool {
        false
    }

    /// Why a resource that was to be deleted is still there.
    fn kept(&self, physical: &str, _described: &Value) -> String {
        format!("{physical} was not deleted")
    }

    /// Members that are numbers on the wire, whatever the template wrote.
    fn numbers(&self) -> &'static [&'static str] {
        &[]
    }

    /// Members that are booleans on the wire, whatever the template wrote.
    fn booleans(&self) -> &'static [&'static str] {
        &[]
    }

    fn ready(&self, _described: &Value) -> Ready {
        Ready::Yes
    }

    /// What `Ref` yields.
    fn reference(&self, physical: &str, _described: &Value) -> String {
        physical.to_owned()
    }

    /// What `Fn::GetAtt` yields.
    fn attributes(&self, physical: &str, described: &Value, environment: &Environment) -> Map<String, Value>;
}

const HANDLERS: &[&dyn Handler] = &[
    &table::Table,
    &s3_bucket::Bucket,
    &datastore::Datastore,
    &pipe::Pipe,
    &delivery_stream::DeliveryStream,
    &glue::Database,
    &glue::Table,
    &log_group::LogGroup,
    &log_stream::LogStream,
    &queue::Queue,
    &queue_policy::QueuePolicy,
    &event_bus::EventBus,
    &event_bus::Archive,
    &event_bus_policy::EventBusPolicy,
    &rule::Rule,
    &connection::Connection,
    &api_destination::ApiDestination,
    &schedule::Schedule,
    &schedule_group::ScheduleGroup,
    &function::Function,
    &event_source_mapping::EventSourceMapping,
    &version::Version,
    &alias::Alias,
    &event_invoke_config::EventInvokeConfig,
    &permission::Permission,
    &role::Role,
    &role::Policy,
    &managed_policy::ManagedPolicy,
    &nested::Stack,
    &recorded::Recorded { kind: "AWS::CDK::Metadata", properties: &["Analytics"], arn: None },
    &recorded::Recorded {
        kind: "AWS::KMS::Alias",
        properties: &["AliasName", "TargetKeyId"],
        arn: Some(("kms", true, "")),
    },
    &recorded::Recorded {
        kind: "AWS::KMS::Key",
        properties: &[
            "BypassPolicyLockoutSafetyCheck",
            "Description",
            "EnableKeyRotation",
            "Enabled",
            "KeyPolicy",
            "KeySpec",
            "KeyUsage",
            "MultiRegion",
            "Origin",
            "PendingWindowInDays",
            "RotationPeriodInDays",
            "Tags",
        ],
        arn: Some(("kms", true, "key/")),
    },
    &recorded::Recorded { kind: "AWS::S3::BucketPolicy", properties: &["Bucket", "PolicyDocument"], arn: None },
    &recorded::Recorded {
        kind: "Custom::S3AutoDeleteObjects",
        properties: &["BucketName", "ServiceTimeout", "ServiceToken"],
        arn: None,
    },
];

/// The handler of a type.
pub(crate) fn handler(kind: &str) -> Option<&'static dyn Handler> {
    HANDLERS.iter().find(|handler| handler.kind() == kind).copied()
}

/// The handler of a type that this server can make.
pub(crate) fn served(kind: &str, api: &dyn Api) -> Option<&'static dyn Handler> {
    handler(kind).filter(|handler| handler.service().is_none_or(|service| api.serves(service)))
}

/// All types a template may use on this server, sorted.
pub(crate) fn supported(api: &dyn Api) -> Vec<&'static str> {
    let kinds = HANDLERS.iter().map(|handler| handler.kind());
    let mut kinds: Vec<&str> = kinds.filter(|kind| served(kind, api).is_some()).collect();
    kinds.sort_unstable();
    kinds
}

/// Members whose own members are the user's words and stay as they are written.
const FREE: &[&str] = &["EventPattern", "Statement", "Variables"];

/// Parameters are strings, so numbers and booleans arrive as strings; the services want them typed.
pub(crate) fn coerce(handler: &dyn Handler, value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| coerce(handler, item)),
        Value::Object(members) => {
            for (name, member) in members {
                if let Value::String(written) = member {
                    if handler.numbers().contains(&name.as_str()) {
                        if let Ok(number) = written.parse::<i64>() {
                            *member = json!(number);
                        }
                    } else if handler.booleans().contains(&name.as_str())
                        && let Ok(flag) = written.parse::<bool>()
                    {
                        *member = json!(flag);
                    }
                } else if !FREE.contains(&name.as_str()) {
                    coerce(handler, member);
                }
            }
        }
        _ => {}
    }
}

/// Whether going from `old` to `new` needs a new resource.
pub(crate) fn replaces(handler: &dyn Handler, old: &Value, new: &Value) -> bool {
    handler.immutable().iter().any(|pointer| old.pointer(pointer) != new.pointer(pointer))
}

/// The members of `properties` that are named, under the same names.
fn pick(properties: &Value, names: &[&str]) -> Map<String, Value> {
    names.iter().filter_map(|name| Some(((*name).to_owned(), properties.get(*name)?.clone()))).collect()
}

fn string(properties: &Value, pointer: &str) -> Option<String> {
    properties.pointer(pointer).filter(|value| !value.is_null()).map(text)
}

/// Whether the policy in an answer has a statement with this id.
fn has_statement(described: &Value, id: &Value) -> bool {
    let policy = described["Policy"].as_str().and_then(|policy| serde_json::from_str::<Value>(policy).ok());
    let policy = policy.unwrap_or_default();
    policy["Statement"].as_array().is_some_and(|statements| statements.iter().any(|statement| statement["Sid"] == *id))
}

/// Members of an answer as attributes, those that are there.
fn answers(described: &Value, pairs: &[(&str, &str)]) -> Map<String, Value> {
    pairs
        .iter()
        .filter_map(|(attribute, pointer)| Some(((*attribute).to_owned(), described.pointer(pointer)?.clone())))
        .collect()
}
