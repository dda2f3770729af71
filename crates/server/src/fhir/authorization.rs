//! Requests without a signature: bearer tokens, and what everyone may read of a datastore with an identity provider.

use std::sync::Arc;

use axum::response::Response;
use datastore::{Access, Caller, Datastore, Error, Kind};
use http::request::Parts;
use http::{Method, header};
use serde_json::Value;

use super::reply::{self, Reply};
use crate::smart::{self, Provider};
use crate::{App, AwsError};

const DISCOVERY: &str = "/r4/.well-known/smart-configuration";

/// Whether a request is for the document that tells clients where tokens come from.
pub(crate) fn is_discovery(head: &Parts) -> bool {
    head.uri.path().ends_with(DISCOVERY) && matches!(head.method, Method::GET | Method::HEAD)
}

/// `GET .well-known/smart-configuration`, for everyone.
pub(crate) async fn discovery(app: &Arc<App>, head: &Parts) -> Response {
    let provider = match datastore(app, head).await {
        Ok(found) => Provider::of(&found),
        Err(error) => return reply::failure(&error).write(head, false),
    };
    let Some(provider) = provider else {
        let error = Error::new(Kind::NotFound, "the datastore has no identity provider: its requests are signed");
        return reply::failure(&error).write(head, false);
    };
    let reply = Reply::new(200, Value::Object(provider.metadata).to_string());
    reply.with(header::CONTENT_TYPE, "application/json".into()).write(head, false)
}

/// Who asks with a bearer token. Without one, `metadata` of a datastore with an identity provider is for everyone.
///
/// # Errors
/// 401 when the token is not taken, or there is neither token nor signature where tokens are taken.
pub(crate) async fn caller_without_signature(app: &Arc<App>, head: &Parts) -> Result<Option<Caller>, AwsError> {
    if let Some(token) = smart::bearer(head) {
        let found = datastore(app, head).await.map_err(|_| smart::refused("the datastore takes no tokens"))?;
        return app.smart.caller(&app.functions, &found, head, token).await.map(Some);
    }
    let is_signed = head.headers.contains_key(header::AUTHORIZATION)
        || head.uri.query().is_some_and(|query| query.contains("X-Amz-Signature="));
    if is_signed || datastore(app, head).await.ok().and_then(|found| Provider::of(&found)).is_none() {
        return Ok(None);
    }
    if head.uri.path().ends_with("/r4/metadata") && matches!(head.method, Method::GET | Method::HEAD) {
        return Ok(Some(Caller { name: "anonymous".into(), access: Access::Granted([].into()), ..Caller::default() }));
    }
    Err(AwsError::new(401, "MissingAuthenticationTokenException", "the request has neither a token nor a signature"))
}

/// `WWW-Authenticate` (RFC 6750): the error only when there was a token.
pub(super) fn challenge(error: &AwsError) -> String {
    match error.code.as_str() {
        "invalid_token" => format!("Bearer error=\"invalid_token\", error_description=\"{}\"", error.message),
        _ => "Bearer".into(),
    }
}

async fn datastore(app: &App, head: &Parts) -> Result<Datastore, Error> {
    let id = head.uri.path().strip_prefix("/datastore/").and_then(|rest| rest.split('/').next());
    let found = app.datastores.describe(id.unwrap_or_default()).await?;
    match found.status {
        datastore::Status::Active => Ok(found),
        datastore::Status::Deleted => Err(Error::new(Kind::NotFound, "the datastore is deleted")),
    }
}
