//! API destinations against a real HTTP server on loopback.

#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use destination::{Destinations, Directory, Endpoint};
use event::{Arn, Batch, Enrichment, Error, Factory, Kind, Receipt, Record, Target};
use serde_json::{Value, json};

const ARN: &str = "arn:aws:events:us-east-1:000000000000:api-destination/d/1";

#[derive(Clone, Debug, PartialEq)]
struct Request {
    line: String,
    headers: HeaderMap,
    body: String,
}

/// Answers in turn, then 200 with an empty body; keeps what it got.
#[derive(Clone, Default)]
struct Api {
    requests: Arc<Mutex<Vec<Request>>>,
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
}

impl Api {
    async fn start(answers: &[(u16, &str)]) -> (Api, String) {
        let api = Api::default();
        api.answers.lock().unwrap().extend(answers.iter().map(|(status, body)| (*status, (*body).to_owned())));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(api.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (api, url)
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn answer(
    State(api): State<Api>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let body = String::from_utf8(body.to_vec()).unwrap();
    api.requests.lock().unwrap().push(Request { line: format!("{method} {uri}"), headers, body });
    let (status, body) = api.answers.lock().unwrap().pop_front().unwrap_or((200, String::new()));
    (StatusCode::from_u16(status).unwrap(), body)
}

/// One destination.
struct One(Endpoint);

#[async_trait]
impl Directory for One {
    async fn endpoint(&self, _: &Arn) -> Result<Endpoint, Error> {
        Ok(self.0.clone())
    }
}

fn destinations(url: String, authorization_type: &str, auth_parameters: Value) -> Destinations {
    let authorization_type = authorization_type.to_owned();
    let endpoint = Endpoint { url, method: "POST".into(), authorization_type, auth_parameters, rate_max: 1000 };
    Destinations::new(Arc::new(One(endpoint))).unwrap()
}

fn key() -> Value {
    json!({"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "secret"}})
}

async fn target(destinations: &Destinations, parameters: Value) -> Result<Arc<dyn Target>, Error> {
    Factory::<dyn Target>::open(destinations, &ARN.parse().unwrap(), &parameters).await
}

fn record(n: u64, key_hash: u64, data: &str) -> Record {
    Record {
        data: data.to_owned().into(),
        sequence: n.into(),
        at_ms: 0,
        key_hash,
        untemplated: None,
        id: format!("r{n}").into(),
    }
}

fn batch(records: Vec<Record>) -> Batch {
    Batch { consumer: "pipe/p/1".into(), shard: "s".into(), records, through: 9u64.into() }
}

async fn deliver(target: &dyn Target, records: Vec<Record>) -> Vec<(usize, String, bool)> {
    match target.deliver(batch(records)).await.unwrap() {
        Receipt::Delivered(failures) => {
            failures.into_iter().map(|failure| (failure.index, failure.message, failure.retryable)).collect()
        }
        Receipt::Owned => panic!("an API keeps no positions"),
    }
}

#[tokio::test]
async fn a_record_becomes_one_authorized_request() {
    let (api, url) = Api::start(&[]).await;
    let mut parameters = key();
    parameters["InvocationHttpParameters"] = json!({
        "HeaderParameters": [{"Key": "x-tenant", "Value": "t1"}],
        "QueryStringParameters": [{"Key": "v", "Value": "2"}],
        "BodyParameters": [{"Key": "source", "Value": "clinic"}],
    });
    let destinations = destinations(format!("{url}/patients/*"), "API_KEY", parameters);
    let http = json!({"HttpParameters": {"PathParameterValues": ["7"], "HeaderParameters": {"x-more": "1"}}});
    let target = target(&destinations, http).await.unwrap();
    assert_eq!(deliver(&*target, vec![record(1, 0, r#"{"id": 1}"#)]).await, []);
    let requests = api.requests();
    let Request { line, headers, body } = &requests[0];
    assert_eq!(line, "POST /patients/7?v=2");
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), json!({"id": 1, "source": "clinic"}));
    for (name, value) in [
        ("x-key", "secret"),
        ("x-tenant", "t1"),
        ("x-more", "1"),
        ("content-type", "application/json; charset=utf-8"),
        ("idempotency-key", "r1"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
}

#[tokio::test]
async fn a_status_says_whether_another_try_helps() {
    let (_, url) = Api::start(&[(503, "secret answer"), (429, ""), (401, ""), (400, ""), (302, "")]).await;
    let destinations = destinations(url, "API_KEY", key());
    let target = target(&destinations, json!({})).await.unwrap();
    for (status, retryable) in [(503, true), (429, true), (401, true), (400, false), (302, false)] {
        let failures = deliver(&*target, vec![record(1, 0, "{}")]).await;
        assert_eq!(failures, [(0, format!("the endpoint answered with status {status}"), retryable)]);
    }
}

#[tokio::test]
async fn records_behind_a_failed_one_of_their_key_wait() {
    let (api, url) = Api::start(&[(503, "")]).await;
    let destinations = destinations(url, "API_KEY", key());
    let target = target(&destinations, json!({})).await.unwrap();
    let failures = deliver(&*target, vec![record(1, 5, "1"), record(2, 5, "2"), record(3, 5, "3")]).await;
    assert_eq!(
        failures.iter().map(|(index, _, retryable)| (*index, *retryable)).collect::<Vec<_>>(),
        [(0, true), (1, true), (2, true)]
    );
    assert_eq!(api.requests().len(), 1);
}

#[tokio::test]
async fn a_token_is_fetched_once_and_again_when_it_is_refused() {
    let (issuer, authorization) = Api::start(&[
        (200, r#"{"access_token": "one", "expires_in": 3600}"#),
        (200, r#"{"access_token": "two", "expires_in": 3600}"#),
    ])
    .await;
    let (api, url) = Api::start(&[(200, ""), (401, "")]).await;
    let parameters = json!({"OAuthParameters": {
        "ClientParameters": {"ClientID": "id", "ClientSecret": "s&cret"}, "HttpMethod": "POST",
        "AuthorizationEndpoint": format!("{authorization}/token"),
        "OAuthHttpParameters": {"BodyParameters": [{"Key": "scope", "Value": "write"}]},
    }});
    let destinations = destinations(url, "OAUTH_CLIENT_CREDENTIALS", parameters);
    let target = target(&destinations, json!({})).await.unwrap();
    assert_eq!(deliver(&*target, vec![record(1, 0, "{}")]).await.len(), 0);
    assert_eq!(deliver(&*target, vec![record(2, 0, "{}")]).await.len(), 1);
    assert_eq!(deliver(&*target, vec![record(2, 0, "{}")]).await.len(), 0);
    let tokens: Vec<_> = api.requests().iter().map(|request| request.headers["authorization"].clone()).collect();
    assert_eq!(tokens, ["Bearer one", "Bearer one", "Bearer two"]);
    let expected = "grant_type=client_credentials&client_id=id&client_secret=s%26cret&scope=write";
    assert_eq!(issuer.requests().iter().map(|request| request.body.as_str()).collect::<Vec<_>>(), [expected; 2]);
}

#[tokio::test]
async fn an_enrichment_answers_elements_byte_for_byte() {
    let (_, url) = Api::start(&[(200, r#"[{"a": 1.50}, 2]"#), (200, r#"{"b": 1}"#), (200, "")]).await;
    let destinations = destinations(url, "BASIC", json!({"BasicAuthParameters": {"Username": "u", "Password": "p"}}));
    let enrichment = Factory::<dyn Enrichment>::open(&destinations, &ARN.parse().unwrap(), &json!({})).await.unwrap();
    // Equal keys: one after another, so that the answers are in order.
    let payloads = enrichment.enrich(&[record(1, 0, "1"), record(2, 0, "2"), record(3, 0, "3")]).await.unwrap();
    assert_eq!(payloads, [r#"{"a": 1.50}"#, "2", r#"{"b": 1}"#]);
}

#[tokio::test]
async fn what_cannot_work_is_refused_when_it_is_opened() {
    let one = |url: &str| destinations(url.into(), "API_KEY", key());
    for (destinations, parameters) in [
        (one("http://127.0.0.1/*"), json!({})),
        (one("ftp://127.0.0.1/"), json!({})),
        (one("http://127.0.0.1/"), json!({"LambdaFunctionParameters": {}})),
    ] {
        assert_eq!(target(&destinations, parameters).await.err().unwrap().kind(), Kind::Invalid);
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_tried_again_and_errors_hide_the_url() {
    let destinations = destinations("http://127.0.0.1:1/secret-path".into(), "API_KEY", key());
    let target = target(&destinations, json!({})).await.unwrap();
    let failures = deliver(&*target, vec![record(1, 0, "{}")]).await;
    assert_eq!(failures, [(0, "the endpoint was not reached".to_owned(), true)]);
}
