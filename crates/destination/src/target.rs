//! API destinations by ARN, as targets and as enrichments.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use event::{Arn, Batch, Enrichment, Error, Factory, Failure, Kind, Receipt, Record, Target};
use futures::{StreamExt as _, stream};
use reqwest::{Client, Method};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::authorization::Tokens;
use crate::call;
use crate::endpoint::{Directory, Endpoint};
use crate::parameters::{Dynamic, Parameters};
use crate::rate::Rate;

/// Records in one batch.
const BATCH_RECORDS_MAX: usize = 100;
/// Requests of one batch under way at once; records of equal key wait for each other.
const CALLS_MAX: usize = 8;

/// Opens API destinations: `arn:aws:events:REGION:ACCOUNT:api-destination/NAME/ID`.
#[derive(Clone)]
pub struct Destinations {
    client: Client,
    directory: Arc<dyn Directory>,
    /// What all uses of one destination share.
    shared: Arc<Mutex<HashMap<Arn, Arc<Shared>>>>,
}

#[derive(Default)]
struct Shared {
    rate: Rate,
    tokens: Tokens,
}

impl Destinations {
    /// # Errors
    /// `Internal` when the TLS roots of this machine cannot be read.
    pub fn new(directory: Arc<dyn Directory>) -> Result<Destinations, Error> {
        Ok(Destinations { client: call::client()?, directory, shared: Arc::default() })
    }

    fn accepts(arn: &Arn) -> bool {
        arn.service == "events" && arn.resource_name("api-destination/").is_some_and(|name| !name.is_empty())
    }

    async fn destination(&self, arn: &Arn, parameters: &Value) -> Result<Destination, Error> {
        let parameters = Dynamic::of_pipe(parameters)?;
        let endpoint = self.directory.endpoint(arn).await?;
        // What is wrong with the URL shows now, not with the first record.
        call::url(&endpoint.url, &vec!["-".to_owned(); parameters.path_count()], &[])?;
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner).entry(arn.clone()).or_default().clone();
        Ok(Destination { destinations: self.clone(), arn: arn.clone(), parameters, shared })
    }
}

#[async_trait]
impl Factory<dyn Target> for Destinations {
    fn accepts(&self, arn: &Arn) -> bool {
        Destinations::accepts(arn)
    }

    async fn open(&self, arn: &Arn, parameters: &Value) -> Result<Arc<dyn Target>, Error> {
        Ok(Arc::new(self.destination(arn, parameters).await?))
    }
}

#[async_trait]
impl Factory<dyn Enrichment> for Destinations {
    fn accepts(&self, arn: &Arn) -> bool {
        Destinations::accepts(arn)
    }

    async fn open(&self, arn: &Arn, parameters: &Value) -> Result<Arc<dyn Enrichment>, Error> {
        Ok(Arc::new(self.destination(arn, parameters).await?))
    }
}

struct Destination {
    destinations: Destinations,
    arn: Arn,
    parameters: Dynamic,
    shared: Arc<Shared>,
}

impl Destination {
    /// One request.
    async fn call(&self, endpoint: &Endpoint, record: &Record) -> Result<Bytes, Error> {
        let parameters = self.parameters.of(record.event())?;
        self.shared.rate.wait(endpoint.rate_max).await;
        let (client, invocation) =
            (&self.destinations.client, endpoint.auth_parameters.get("InvocationHttpParameters"));
        let invocation = Parameters::of_connection(invocation.unwrap_or(&Value::Null));
        let query: Vec<_> = parameters.query.iter().chain(&invocation.query).cloned().collect();
        let url = call::url(&endpoint.url, &parameters.path, &query)?;
        let method: Method = endpoint.method.parse().unwrap_or(Method::POST);
        let bodyless = matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
        let mut request = client.request(method, url);
        if !bodyless {
            let body = invocation.laid_into(&record.data).map_or_else(|| record.data.clone(), Bytes::from);
            request = request.header("content-type", "application/json; charset=utf-8").body(body);
        }
        for (name, value) in parameters.headers.iter().chain(&invocation.headers) {
            request = request.header(name, value);
        }
        // The receiver can tell a repeat by it.
        request = request.header("idempotency-key", record.id.as_ref());
        let request = self.shared.tokens.authorize(client, endpoint, request).await?;
        let answer = call::send(request).await;
        if answer.is_err() {
            self.shared.tokens.refused().await;
        }
        answer
    }

    /// Every record's answer, in order. Records of equal key are sent one after another.
    async fn all(&self, records: &[Record]) -> Result<Vec<Result<Bytes, Error>>, Error> {
        let endpoint = self.destinations.directory.endpoint(&self.arn).await?;
        let mut keys: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (index, record) in records.iter().enumerate() {
            keys.entry(record.key_hash).or_default().push(index);
        }
        let endpoint = &endpoint;
        let lanes = keys.into_values().map(|indexes| async move {
            let mut answers = Vec::with_capacity(indexes.len());
            let mut failed = false;
            for index in indexes {
                let answer = match records.get(index) {
                    Some(record) if !failed => self.call(endpoint, record).await,
                    // What comes behind a failure of its key waits for the next try.
                    _ => Err(Error::new(Kind::Unavailable, "an earlier record of the same key failed")),
                };
                failed |= answer.as_ref().is_err_and(is_retryable);
                answers.push((index, answer));
            }
            answers
        });
        let mut answers: Vec<_> =
            stream::iter(lanes).buffer_unordered(CALLS_MAX).flat_map(stream::iter).collect().await;
        answers.sort_by_key(|(index, _)| *index);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }
}

fn is_retryable(error: &Error) -> bool {
    matches!(error.kind(), Kind::Throttled | Kind::Unavailable)
}

#[async_trait]
impl Target for Destination {
    fn batch_records_max(&self) -> usize {
        BATCH_RECORDS_MAX
    }

    fn is_dynamic(&self) -> bool {
        self.parameters.is_dynamic()
    }

    async fn deliver(&self, batch: Batch) -> Result<Receipt, Error> {
        let answers = self.all(&batch.records).await?;
        let failures = answers.into_iter().enumerate().filter_map(|(index, answer)| {
            let error = answer.err()?;
            let code = if error.kind() == Kind::Throttled { "ThrottlingException" } else { "InvocationFailed" };
            Some(Failure { index, code: code.into(), message: error.to_string(), retryable: is_retryable(&error) })
        });
        Ok(Receipt::Delivered(failures.collect()))
    }
}

#[async_trait]
impl Enrichment for Destination {
    fn batch_records_max(&self) -> usize {
        BATCH_RECORDS_MAX
    }

    fn is_dynamic(&self) -> bool {
        self.parameters.is_dynamic()
    }

    async fn enrich(&self, records: &[Record]) -> Result<Vec<Bytes>, Error> {
        let mut payloads = Vec::with_capacity(records.len());
        for answer in self.all(records).await? {
            payloads.extend(elements(answer?));
        }
        Ok(payloads)
    }
}

/// An array as its elements, byte for byte; nothing for an empty answer.
fn elements(answer: Bytes) -> Vec<Bytes> {
    if answer.iter().all(u8::is_ascii_whitespace) {
        return Vec::new();
    }
    match serde_json::from_slice::<Vec<&RawValue>>(&answer) {
        Ok(elements) => elements.into_iter().map(|element| answer.slice_ref(element.get().as_bytes())).collect(),
        Err(_) => vec![answer],
    }
}
