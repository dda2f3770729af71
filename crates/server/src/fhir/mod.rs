//! The FHIR RESTful API of a datastore, `/datastore/ID/r4/…` (hl7.org/fhir/R4/http.html), as HealthLake serves it.
//!
//! [`answer`] authenticates, reads what is asked (`request.rs`) and hands it to the interaction; every failure is an
//! OperationOutcome. What resources and searches mean is the business of the crates `fhir` and `datastore`.

mod audit;
mod authorization;
mod bundle;
mod capability;
mod operation;
mod origin;
mod reply;
mod request;
mod resource;
mod search;

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use datastore::{Caller, Error, Kind, Store};
use fhir::definitions::{Definitions, TypeNumber};
use fhir::validate::Level;
use http::Method;
use http::request::Parts;

use crate::{App, AwsError};
pub(crate) use audit::refused;
pub(crate) use authorization::{caller_without_signature, discovery, is_discovery};
pub(crate) use origin::{allow, preflight};
use reply::Reply;
use request::Request;

/// Bytes of a request's body, and of what a compressed one unpacks to.
pub(crate) const BODY_BYTES_MAX: usize = 64 << 20;
/// The service in the credential scope of signed requests.
pub(crate) const SIGNING_NAME: &str = "healthlake";

/// HealthLake's header that says how much of a written resource is looked at.
const VALIDATION_LEVEL: &str = "x-amzn-healthlake-fhir-validation-level";

/// Whether a path is of a datastore's data.
pub(crate) fn is_path(path: &str) -> bool {
    path.starts_with("/datastore/")
}

/// Answers an authenticated request.
pub(crate) async fn answer(app: &Arc<App>, head: &Parts, body: Bytes, caller: Caller) -> Response {
    let mut caller = caller;
    if let Some(level) = head.headers.get(VALIDATION_LEVEL).and_then(|value| value.to_str().ok()) {
        match Level::by_name(level) {
            Some(level) => caller.validation = level,
            None => {
                let error =
                    Error::new(Kind::Invalid, format!("{VALIDATION_LEVEL} is strict, structure-only or minimal"));
                return reply::failure(&error).write(head, false);
            }
        }
    }
    let request = match Request::read(head, body, caller) {
        Ok(request) => request,
        Err(error) => return reply::failure(&error).write(head, false),
    };
    let is_pretty = request.is_pretty;
    let reply = match audit::run(app, &request).await {
        Ok(reply) => reply,
        Err(error) => {
            if matches!(error.kind(), Kind::Unavailable | Kind::Corrupt) {
                tracing::warn!(error = %error, cause = ?std::error::Error::source(&error), "fhir request failed");
            }
            reply::failure(&error)
        }
    };
    reply.write(head, is_pretty)
}

/// An error of authentication, in FHIR's shape.
fn refuse(head: &Parts, error: &AwsError) -> Response {
    let code = match error.status {
        401 | 403 => "security",
        413 => "too-costly",
        _ => "processing",
    };
    let issue = fhir::outcome::Issue::error(code, format!("{}: {}", error.code, error.message));
    let mut reply = Reply::new(error.status, fhir::outcome::outcome(&[issue]));
    if error.status == 401 {
        reply = reply.with(http::header::WWW_AUTHENTICATE, authorization::challenge(error));
    }
    reply.write(head, false)
}

async fn dispatch(app: &Arc<App>, store: &Store, request: &Request) -> Result<Reply, Error> {
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    let get = request.method == Method::GET || request.method == Method::HEAD;
    let post = request.method == Method::POST;
    match path.as_slice() {
        ["metadata"] if get => {
            let found = app.datastores.describe(&request.datastore).await?;
            Ok(capability::statement(request, crate::smart::Provider::of(&found).as_ref()))
        }
        [] if post => bundle::bundle(app, store, request).await,
        [] | ["_search"] if get || post => search::in_all(store, request, None).await,
        ["_history"] if get => resource::history(store, request, datastore::Scope::System).await,
        [operation] if operation.starts_with('$') => operation::of_system(store, request, operation).await,
        [kind] | [kind, "_search"] if get || (post && path.len() == 2) => {
            search::in_type(store, request, resource_type(kind)?, None).await
        }
        [kind] if post => resource::create(store, request, resource_type(kind)?).await,
        [kind] if request.method == Method::PUT => {
            resource::update_matching(store, request, resource_type(kind)?).await
        }
        [kind] if request.method == Method::PATCH => {
            resource::patch_matching(store, request, resource_type(kind)?).await
        }
        [kind] if request.method == Method::DELETE => {
            resource::delete_matching(store, request, resource_type(kind)?).await
        }
        [kind, "_history"] if get => {
            resource::history(store, request, datastore::Scope::Type(resource_type(kind)?)).await
        }
        [kind, operation] if operation.starts_with('$') => {
            operation::of_type(store, request, resource_type(kind)?, operation).await
        }
        [kind, id] => match request.method {
            Method::GET | Method::HEAD => resource::read(store, request, resource_type(kind)?, id).await,
            Method::PUT => resource::update(store, request, resource_type(kind)?, id).await,
            Method::PATCH => resource::patch(store, request, resource_type(kind)?, id).await,
            Method::DELETE => resource::delete(store, request, resource_type(kind)?, id).await,
            _ => Err(unknown(request)),
        },
        [kind, id, "_history"] if get => {
            resource::history(store, request, datastore::Scope::Resource(resource_type(kind)?, (*id).into())).await
        }
        [kind, id, "_history", version] if get => {
            resource::vread(store, request, resource_type(kind)?, id, version).await
        }
        [kind, id, operation] if operation.starts_with('$') => {
            operation::of_instance(store, request, resource_type(kind)?, id, operation).await
        }
        [compartment, id, "*"] if get => search::in_all(store, request, Some((compartment, id))).await,
        [compartment, id, kind] | [compartment, id, kind, "_search"] if get || post => {
            search::in_type(store, request, resource_type(kind)?, Some((compartment, id))).await
        }
        _ => Err(unknown(request)),
    }
}

fn resource_type(name: &str) -> Result<TypeNumber, Error> {
    let found = Definitions::r4().resource(name);
    found.ok_or_else(|| Error::new(Kind::NotFound, "the path names no resource type of FHIR R4"))
}

fn unknown(request: &Request) -> Error {
    let path = request.path.len();
    Error::new(Kind::NotSupported, format!("no such interaction. method={} segments={path}", request.method))
}
