//! Tokens that are no JWT: the function of `IdpLambdaArn` tells what they stand for (HealthLake Developer Guide, "Token validation
//! using AWS Lambda").

use std::time::Duration;

use ::function::{Functions, Invocation};
use datastore::Datastore;
use http::Method;
use http::request::Parts;
use serde_json::{Map, Value, json};

use super::refused;
use super::token::Claims;
use crate::AwsError;

/// How long the function may take: HealthLake gives it a second, a process here may have to start first.
const TIME_MAX: Duration = Duration::from_secs(5);

/// What a function says of a token: claims whose times and audience are still to be checked.
pub(super) async fn ask(
    functions: &Functions,
    arn: &str,
    datastore: &Datastore,
    head: &Parts,
    token: &str,
) -> Result<Claims, AwsError> {
    let endpoint = endpoint(datastore, head);
    let asked = json!({"datastoreEndpoint": endpoint, "operationName": operation(head), "bearerToken": token});
    let answer = functions.invoke(arn, None, Invocation::of(asked.to_string()));
    let unavailable = |reason: &str| AwsError::new(503, "ServiceUnavailable", reason);
    let answer = tokio::time::timeout(TIME_MAX, answer).await;
    let answer = answer.map_err(|_| unavailable("the identity provider's function did not answer in time"))?;
    let answer = answer.map_err(|_| unavailable("the identity provider's function could not be called"))?;
    if answer.is_error {
        return Err(refused("the identity provider's function does not take the token"));
    }
    let told: Value = serde_json::from_slice(&answer.payload).unwrap_or_default();
    let claims = told.get("authPayload").and_then(Value::as_object).cloned().unwrap_or_default();
    authorized(&claims).then(|| Claims::of(claims)).ok_or_else(|| refused("the token is not authorized"))
}

fn authorized(claims: &Map<String, Value>) -> bool {
    match claims.get("isAuthorized") {
        Some(Value::Bool(told)) => *told,
        Some(Value::String(told)) => told.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

fn endpoint(datastore: &Datastore, head: &Parts) -> String {
    let host = head.headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    format!("http://{host}/datastore/{}/r4/", datastore.id)
}

/// The name of the permission that AWS has for a request.
fn operation(head: &Parts) -> &'static str {
    let path: Vec<&str> = head.uri.path().trim_matches('/').split('/').skip(3).collect();
    match (&head.method, path.as_slice()) {
        (_, ["metadata"]) => "GetCapabilities",
        (_, [.., "$everything"]) => "SearchEverything",
        (_, [_, _, "_history", _]) => "VersionReadResource",
        (_, [_, _, "_history"]) => "GetHistoryByResourceId",
        (_, [.., "_history"]) => "GetHistoryByResourceType",
        (&Method::POST, []) => "ProcessBundle",
        (&Method::POST, [.., "_search"]) => "SearchWithPost",
        (&Method::POST, _) => "CreateResource",
        (&Method::PUT, _) => "UpdateResource",
        (&Method::PATCH, _) => "PatchResource",
        (&Method::DELETE, _) => "DeleteResource",
        (_, [_, id]) if !id.starts_with(['_', '$']) => "ReadResource",
        _ => "SearchWithGet",
    }
}
