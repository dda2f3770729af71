//! `AWS::HealthLake::FHIRDatastore`. `Ref` is the id the service gives it; a creation that is repeated after a crash finds what it
//! made by its token.

use serde_json::{Map, Value, json};

use super::{Call, Handler, Properties, Ready, Surroundings, answers, pick, string, tags};
use crate::Environment;

pub(super) struct Datastore;

const CREATE: &[&str] = &[
    "DatastoreName",
    "DatastoreTypeVersion",
    "IdentityProviderConfiguration",
    "PreloadDataConfig",
    "SseConfiguration",
];
/// Characters of a client token.
const TOKEN_CHARS_MAX: usize = 64;

impl Handler for Datastore {
    fn kind(&self) -> &'static str {
        "AWS::HealthLake::FHIRDatastore"
    }

    fn properties(&self) -> Properties {
        Properties {
            used: &[CREATE, &["Tags"]],
            recorded: &[],
            structures: &[
                (
                    &["IdentityProviderConfiguration"],
                    &["AuthorizationStrategy", "FineGrainedAuthorizationEnabled", "IdpLambdaArn", "Metadata"],
                ),
                (&["PreloadDataConfig"], &["PreloadDataType"]),
                (&["SseConfiguration"], &["KmsEncryptionConfig"]),
                (&["SseConfiguration", "KmsEncryptionConfig"], &["CmkType", "KmsKeyId"]),
            ],
        }
    }

    fn service(&self) -> Option<&'static str> {
        Some("healthlake")
    }

    fn name(&self, _properties: &Value) -> Option<String> {
        None
    }

    fn describe(&self, physical: &str, _properties: &Value) -> Option<Call> {
        Some(Call::new("healthlake", "DescribeFHIRDatastore", json!({ "DatastoreId": physical })))
    }

    fn exists(&self, _physical: &str, _properties: &Value, described: &Value) -> bool {
        // A deleted one still answers.
        described["DatastoreProperties"]["DatastoreStatus"] != "DELETED"
    }

    fn create(&self, physical: &str, properties: &Value) -> Vec<Call> {
        let mut input = pick(properties, CREATE);
        let skipped = physical.chars().count().saturating_sub(TOKEN_CHARS_MAX);
        input.insert("ClientToken".into(), json!(physical.chars().skip(skipped).collect::<String>()));
        let tags = tags::read(properties);
        if !tags.is_empty() {
            input.insert("Tags".into(), tags::pairs(&tags));
        }
        vec![Call::new("healthlake", "CreateFHIRDatastore", Value::Object(input))]
    }

    fn given(&self, reply: &Value) -> Option<String> {
        string(reply, "/DatastoreId")
    }

    fn update(&self, _physical: &str, old: &Value, new: &Value, described: &Value) -> Vec<Call> {
        let arn = &described["DatastoreProperties"]["DatastoreArn"];
        let (set, gone) = tags::change(old, new);
        let mut calls = Vec::new();
        if !set.is_empty() {
            calls.push(Call::new(
                "healthlake",
                "TagResource",
                json!({ "ResourceARN": arn, "Tags": tags::pairs(&set) }),
            ));
        }
        if !gone.is_empty() {
            calls.push(Call::new("healthlake", "UntagResource", json!({ "ResourceARN": arn, "TagKeys": gone })));
        }
        calls
    }

    fn adapt(&self, _id: &str, properties: &mut Value, around: &Surroundings<'_>) {
        tags::list(properties, around);
    }

    fn delete(&self, physical: &str, _properties: &Value, _described: &Value) -> Vec<Call> {
        vec![Call::new("healthlake", "DeleteFHIRDatastore", json!({ "DatastoreId": physical }))]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &[
            "/DatastoreName",
            "/DatastoreTypeVersion",
            "/IdentityProviderConfiguration",
            "/PreloadDataConfig",
            "/SseConfiguration",
        ]
    }

    fn booleans(&self) -> &'static [&'static str] {
        &["FineGrainedAuthorizationEnabled"]
    }

    fn ready(&self, described: &Value) -> Ready {
        match described["DatastoreProperties"]["DatastoreStatus"].as_str() {
            Some("CREATING" | "UPDATING" | "DELETING") => Ready::Wait,
            Some("CREATE_FAILED") => Ready::Failed("the datastore could not be created".into()),
            _ => Ready::Yes,
        }
    }

    fn attributes(&self, _physical: &str, described: &Value, _environment: &Environment) -> Map<String, Value> {
        let told = &described["DatastoreProperties"];
        let mut attributes = answers(
            told,
            &[
                ("DatastoreArn", "/DatastoreArn"),
                ("DatastoreEndpoint", "/DatastoreEndpoint"),
                ("DatastoreId", "/DatastoreId"),
                ("DatastoreStatus", "/DatastoreStatus"),
            ],
        );
        let seconds = told["CreatedAt"].as_f64().unwrap_or_default();
        attributes.insert("CreatedAt.Seconds".into(), json!(format!("{seconds:.0}")));
        attributes.insert("CreatedAt.Nanos".into(), json!(((seconds.fract() * 1e9) as i64)));
        attributes
    }
}
