//! The CapabilityStatement: what this server does, made of the definitions it does it by.

use fhir::definitions::{Definitions, ParameterKind, TypeNumber};
use serde_json::{Value, json};

use super::reply::Reply;
use super::request::Request;
use crate::smart::Provider;

/// Operations of every type.
const TYPE_OPERATIONS: [&str; 2] = ["validate", "meta"];

/// `GET metadata`.
pub(super) fn statement(request: &Request, provider: Option<&Provider>) -> Reply {
    let definitions = Definitions::r4();
    let resources: Vec<Value> = definitions.resources().map(resource).collect();
    let interactions: Vec<Value> =
        ["transaction", "batch", "search-system", "history-system"].map(|code| json!({"code": code})).into();
    let mut rest = json!({"mode": "server", "resource": resources, "interaction": interactions});
    if let Some(provider) = provider {
        rest["security"] = security(provider);
    }
    let statement = json!({
        "resourceType": "CapabilityStatement", "status": "active", "date": "2026-11-27", "kind": "instance", "fhirVersion": "4.0.1",
        "software": {"name": "Watershed", "version": env!("CARGO_PKG_VERSION")},
        "implementation": {"description": "A FHIR R4 datastore with the HealthLake API", "url": request.base},
        "format": ["json", "application/fhir+json"],
        "patchFormat": ["application/json-patch+json", "application/fhir+json"],
        "rest": [rest],
    });
    Reply::new(200, statement.to_string())
}

/// Where tokens come from.
fn security(provider: &Provider) -> Value {
    let url = |(name, member): (&str, &str)| Some(json!({"url": name, "valueUri": provider.text(member)?}));
    let uris = [
        ("authorize", "authorization_endpoint"),
        ("token", "token_endpoint"),
        ("introspect", "introspection_endpoint"),
        ("revoke", "revocation_endpoint"),
        ("register", "registration_endpoint"),
    ];
    let uris: Vec<Value> = uris.into_iter().filter_map(url).collect();
    json!({
        "extension": [{"url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris", "extension": uris}],
        "service": [{"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR",
        }]}],
    })
}

fn resource(kind: TypeNumber) -> Value {
    let definitions = Definitions::r4();
    let name = definitions.name(kind);
    let interactions =
        ["read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type"];
    let parameters: Vec<Value> = definitions
        .search_parameters_of(kind)
        .filter(|parameter| &*parameter.code != "_query")
        .map(
            |parameter| json!({"name": parameter.code, "definition": parameter.url, "type": type_name(parameter.kind)}),
        )
        .collect();
    let includes: Vec<String> = definitions
        .search_parameters_of(kind)
        .filter(|parameter| parameter.kind == ParameterKind::Reference)
        .map(|parameter| format!("{name}:{}", parameter.code))
        .collect();
    let mut operations: Vec<Value> = TYPE_OPERATIONS.iter().map(|name| operation(name)).collect();
    if name == "Patient" {
        operations.push(operation("everything"));
    }
    json!({
        "type": name, "profile": format!("http://hl7.org/fhir/StructureDefinition/{name}"),
        "interaction": interactions.map(|code| json!({"code": code})), "versioning": "versioned-update", "readHistory": true,
        "updateCreate": true, "conditionalCreate": true, "conditionalRead": "full-support", "conditionalUpdate": true,
        "conditionalDelete": "single", "referencePolicy": ["literal", "logical", "local"], "searchInclude": includes,
        "searchParam": parameters, "operation": operations,
    })
}

fn operation(name: &str) -> Value {
    json!({"name": name, "definition": format!("http://hl7.org/fhir/OperationDefinition/Resource-{name}")})
}

fn type_name(kind: ParameterKind) -> &'static str {
    match kind {
        ParameterKind::Number => "number",
        ParameterKind::Date => "date",
        ParameterKind::String => "string",
        ParameterKind::Token => "token",
        ParameterKind::Reference => "reference",
        ParameterKind::Composite => "composite",
        ParameterKind::Quantity => "quantity",
        ParameterKind::Uri => "uri",
        ParameterKind::Special => "special",
    }
}
