//! GetQueueUrl, ListQueues, ListDeadLetterSourceQueues, and tags.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use messaging::queue::Names;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{self, refuse};
use super::input::{Caller, decode, queue_alone};
use crate::AwsError;

const RESULTS_MAX: i64 = 1000;

#[derive(Deserialize)]
struct Url {
    #[serde(rename = "QueueName")]
    name: String,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    account: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct List {
    #[serde(default)]
    queue_url: String,
    #[serde(default)]
    queue_name_prefix: String,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Tag {
    #[serde(default)]
    queue_url: String,
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Untag {
    #[serde(default)]
    queue_url: String,
    tag_keys: Vec<String>,
}

pub(super) async fn url(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let Url { name, account } = decode(input)?;
    if account.is_some_and(|account| account != caller.app.identity.account) {
        return Err(error::no_queue());
    }
    caller.app.queues.exists(&name).await.map_err(refuse)?;
    Ok(json!({ "QueueUrl": caller.url(&name) }))
}

pub(super) async fn queues(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let list: List = decode(input)?;
    let page = caller.app.queues.list(&list.queue_name_prefix, &list.after()?, list.limit()?).await.map_err(refuse)?;
    Ok(list.answer(caller, "QueueUrls", page))
}

pub(super) async fn sources(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let list: List = decode(input)?;
    let queue = caller.queue(&list.queue_url)?;
    let page = caller.app.queues.sources_of(&queue, &list.after()?, list.limit()?).await.map_err(refuse)?;
    let mut answer = list.answer(caller, "queueUrls", page);
    if answer.get("queueUrls").is_none() {
        answer["queueUrls"] = json!([]);
    }
    Ok(answer)
}

impl List {
    fn limit(&self) -> Result<usize, AwsError> {
        let limit = self.max_results.unwrap_or(RESULTS_MAX);
        let limit =
            Some(limit).filter(|limit| (1..=RESULTS_MAX).contains(limit)).and_then(|limit| limit.try_into().ok());
        limit.ok_or_else(|| {
            error::invalid(self.max_results.unwrap_or_default(), "MaxResults", "Must be from 1 to 1000.")
        })
    }

    /// The name an earlier page ended with.
    fn after(&self) -> Result<String, AwsError> {
        let Some(token) = self.next_token.as_deref().filter(|token| !token.is_empty()) else {
            return Ok(String::new());
        };
        let name = URL_SAFE.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        name.ok_or_else(|| error::invalid("given", "NextToken", "It is none of an earlier answer."))
    }

    /// Without `MaxResults` there is no token, as with the service.
    fn answer(&self, caller: &Caller<'_>, member: &str, page: Names) -> Value {
        let mut answer = json!({});
        let last = page.names.last().filter(|_| page.more && self.max_results.is_some());
        if let Some(last) = last {
            answer["NextToken"] = URL_SAFE.encode(last).into();
        }
        if !page.names.is_empty() {
            answer[member] = page.names.iter().map(|name| caller.url(name)).collect();
        }
        answer
    }
}

pub(super) async fn tag(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let Tag { queue_url, tags } = decode(input)?;
    if tags.is_empty() {
        return Err(error::missing("Tags"));
    }
    let changes = tags.into_iter().map(|(key, value)| (key, Some(value))).collect();
    caller.app.queues.tag(&caller.queue(&queue_url)?, changes).await.map_err(refuse)?;
    Ok(json!({}))
}

pub(super) async fn untag(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let Untag { queue_url, tag_keys } = decode(input)?;
    let changes = tag_keys.into_iter().map(|key| (key, None)).collect();
    caller.app.queues.tag(&caller.queue(&queue_url)?, changes).await.map_err(refuse)?;
    Ok(json!({}))
}

pub(super) async fn tags(caller: &Caller<'_>, input: Value) -> Result<Value, AwsError> {
    let tags = caller.app.queues.tags(&queue_alone(caller, input)?).await.map_err(refuse)?;
    Ok(if tags.is_empty() { json!({}) } else { json!({ "Tags": tags }) })
}
