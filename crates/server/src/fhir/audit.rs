//! What the audit log is told of a request: who, which interaction, which resources, how it ended.

use std::sync::Arc;

use axum::response::Response;
use datastore::audit::{Asked, Entity};
use datastore::{Caller, Error, Store};
use fhir::definitions::Definitions;
use http::Method;
use http::request::Parts;

use super::reply::{Reply, status};
use super::request::Request;
use crate::{App, AwsError};

/// Runs a request and sees to it that the audit log knows it.
pub(super) async fn run(app: &Arc<App>, request: &Request) -> Result<Reply, Error> {
    let asked = asked(&request.datastore, &request.caller, &request.method, &request.path, query(request));
    let store = app.datastores.store(&request.datastore).await?.asked(asked);
    let result = super::dispatch(app, &store, request).await;
    let (status, seen) = match &result {
        Ok(reply) => (reply.status(), reply.seen.clone()),
        Err(error) => (status(error.kind()), Vec::new()),
    };
    let entities = if seen.is_empty() { named(&request.path).into_iter().collect() } else { seen };
    // What was written is noted with it. A batch may have done more than that.
    if !store.is_noted() || status >= 400 || store.interaction() == Some("batch") {
        record(app, &store, status, entities).await?;
    }
    result
}

/// Records an access for the request that a store was asked for.
pub(super) async fn record(app: &Arc<App>, store: &Store, status: u16, entities: Vec<Entity>) -> Result<(), Error> {
    match store.asking() {
        Some(asked) => app.datastores.audit().record(asked, status, entities).await,
        None => Ok(()),
    }
}

/// An error of authentication, in FHIR's shape. Whose it was is not known.
pub(crate) async fn refused(app: &Arc<App>, head: &Parts, error: &AwsError) -> Response {
    let mut segments = head.uri.path().trim_matches('/').split('/').skip(1);
    let id = segments.next().filter(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if let (Some(id), 401 | 403) = (id, error.status) {
        let path: Vec<String> = segments.skip(1).map(str::to_owned).collect();
        let caller = Caller { name: "unknown".into(), ..Caller::default() };
        let asked = asked(id, &caller, &head.method, &path, None);
        let entities = named(&path).into_iter().collect();
        if let Err(error) = app.datastores.audit().record(asked, error.status, entities).await {
            tracing::error!(%error, "a refusal could not be recorded");
        }
    }
    super::refuse(head, error)
}

fn asked(datastore: &str, caller: &Caller, method: &Method, path: &[String], query: Option<String>) -> Asked {
    Asked { datastore: datastore.into(), who: caller.name.clone(), interaction: interaction(method, path), query }
}

/// The code of an interaction; a bundle's is told by its body.
fn interaction(method: &Method, path: &[String]) -> &'static str {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let get = matches!(*method, Method::GET | Method::HEAD);
    match path.as_slice() {
        [.., last] if last.starts_with('$') => "operation",
        ["metadata"] => "capabilities",
        [] if *method == Method::POST => "transaction",
        [] | ["_search"] => "search-system",
        ["_history"] => "history-system",
        [_, "_history"] => "history-type",
        [_, _, "_history"] => "history-instance",
        [_, _, "_history", _] => "vread",
        [_, "_search"] => "search-type",
        [_] if get => "search-type",
        [_] if *method == Method::POST => "create",
        [_, _] if get => "read",
        [_] | [_, _] => match *method {
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE => "delete",
            _ => "operation",
        },
        _ => "search-type",
    }
}

/// What a search asks, and the condition of a creation.
fn query(request: &Request) -> Option<String> {
    let link = request.link(&[]);
    let asked = link.split_once('?').map(|(_, query)| query.to_owned());
    asked.or_else(|| request.text("if-none-exist").map(str::to_owned))
}

/// The resource that a path names.
pub(super) fn named<S: AsRef<str>>(path: &[S]) -> Option<Entity> {
    let (kind, id) = (path.first()?.as_ref(), path.get(1)?.as_ref());
    let is_resource = Definitions::r4().resource(kind).is_some() && fhir::reference::is_id(id);
    is_resource.then(|| Entity { reference: format!("{kind}/{id}"), operation: None })
}
