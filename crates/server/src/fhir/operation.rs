//! Operations: `$validate`, and those of the store.

use datastore::{Error, Kind, Store};
use fhir::definitions::TypeNumber;
use fhir::json::Document;
use fhir::outcome::{Issue, outcome};
use fhir::validate::{Level, validate};

use super::reply::Reply;
use super::request::Request;

fn unknown(name: &str) -> Error {
    let name: String = name.chars().take(64).collect();
    Error::new(Kind::NotSupported, format!("no such operation: {name}"))
}

/// `/$OPERATION`.
pub(super) async fn of_system(_store: &Store, request: &Request, name: &str) -> Result<Reply, Error> {
    match name {
        "$validate" => validated(request, None),
        _ => Err(unknown(name)),
    }
}

/// `TYPE/$OPERATION`.
pub(super) async fn of_type(_store: &Store, request: &Request, kind: TypeNumber, name: &str) -> Result<Reply, Error> {
    match name {
        "$validate" => validated(request, Some(kind)),
        _ => Err(unknown(name)),
    }
}

/// `TYPE/ID/$OPERATION`.
pub(super) async fn of_instance(
    store: &Store,
    request: &Request,
    kind: TypeNumber,
    id: &str,
    name: &str,
) -> Result<Reply, Error> {
    match name {
        "$validate" if request.body.is_empty() => {
            let found = store.read(&request.caller, kind, id).await?;
            let document = Document::parse(found.body.unwrap_or_default())?;
            Ok(told(&validate(&document, Level::Strict)))
        }
        "$validate" => validated(request, Some(kind)),
        _ => Err(unknown(name)),
    }
}

/// `$validate` of what was sent: a resource, or a Parameters that holds one.
fn validated(request: &Request, kind: Option<TypeNumber>) -> Result<Reply, Error> {
    let document = Document::parse(request.json_body()?.clone())?;
    let root = document.root();
    let is_parameters =
        root.get("resourceType").and_then(|kind| kind.as_str()).is_some_and(|kind| kind == "Parameters");
    let inner = root.get("parameter").into_iter().flat_map(|list| list.items());
    let inner = inner
        .filter(|parameter| parameter.get("name").and_then(|name| name.as_str()).is_some_and(|name| name == "resource"))
        .find_map(|parameter| parameter.get("resource"));
    let document = match inner.filter(|_| is_parameters) {
        Some(inner) => Document::parse(document.source().slice(inner.span()))?,
        None => document,
    };
    let mut issues = validate(&document, Level::Strict);
    let told_kind = document.root().get("resourceType").and_then(|kind| kind.as_str());
    if let Some(kind) = kind.map(|kind| fhir::definitions::Definitions::r4().name(kind))
        && told_kind.is_some_and(|told| told != kind)
    {
        issues.insert(0, Issue::at("invalid", "resourceType", format!("the resource is no {kind}")));
    }
    Ok(told(&issues))
}

fn told(issues: &[Issue]) -> Reply {
    Reply::new(200, outcome(issues))
}
