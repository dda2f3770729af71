//! The `Lambda` processor of delivery streams (Firehose developer guide, "Transform source data"): records go to a
//! function in batches and come back changed, dropped, failed, with partition keys.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event::{Arn, Clock, Record};
use function::{Functions, Invocation};
use lake::Error;
use lake::delivery::definition::Processor;
use lake::delivery::errors::{ErrorType, Failure};
use lake::delivery::processors::{Piece, Processors, Transformation};
use serde::Deserialize;
use serde_json::{Value, json};
use server::Identity;

/// `NumberOfRetries` when it is not given.
const RETRIES: u32 = 3;
/// `BufferSizeInMBs` when it is not given, and its range.
const BUFFER_MB: f64 = 1.0;
const BUFFER_MB_RANGE: std::ops::RangeInclusive<f64> = 0.2..=3.0;
/// The wait before the first retry; it doubles.
const RETRY_WAIT: Duration = Duration::from_millis(100);

/// Makes processors that call functions. Delivery streams open before functions do: [`Lambdas::bind`] comes behind.
#[derive(Clone)]
pub struct Lambdas {
    functions: Arc<OnceLock<Functions>>,
    clock: Arc<dyn Clock>,
    identity: Identity,
}

impl Lambdas {
    pub fn new(clock: Arc<dyn Clock>, identity: Identity) -> Lambdas {
        Lambdas { functions: Arc::default(), clock, identity }
    }

    /// The functions that processors call from now on.
    pub fn bind(&self, functions: Functions) {
        // Bound once, at the start.
        let _ = self.functions.set(functions);
    }
}

impl Processors for Lambdas {
    fn function(&self, stream: &str, processor: &Processor) -> Result<Arc<dyn Transformation>, Error> {
        let invalid = |name: &str, rule: &str| Error::Invalid(format!("Processor parameter {name} {rule}"));
        let arn = processor.parameter("LambdaArn").unwrap_or_default().to_owned();
        if arn.parse::<Arn>().map_or(true, |arn| arn.service != "lambda") {
            return Err(invalid("LambdaArn", "must be the ARN of a function"));
        }
        let retries = processor.parameter("NumberOfRetries").map_or(Ok(RETRIES), str::parse);
        let retries = retries.ok().filter(|retries| *retries <= 300);
        let retries = retries.ok_or_else(|| invalid("NumberOfRetries", "must be between 0 and 300"))?;
        let megabytes = processor.parameter("BufferSizeInMBs").map_or(Ok(BUFFER_MB), str::parse);
        let megabytes = megabytes.ok().filter(|megabytes| BUFFER_MB_RANGE.contains(megabytes));
        let megabytes = megabytes.ok_or_else(|| invalid("BufferSizeInMBs", "must be between 0.2 and 3"))?;
        let Identity { region, account } = &self.identity;
        let stream = Arn::new("firehose", region, account, format!("deliverystream/{stream}")).to_string();
        let bytes_max = (megabytes * f64::from(1 << 20)) as usize;
        Ok(Arc::new(Lambda { lambdas: self.clone(), arn, stream, retries, bytes_max }))
    }
}

/// One processor.
struct Lambda {
    lambdas: Lambdas,
    arn: String,
    /// The delivery stream's ARN.
    stream: String,
    retries: u32,
    bytes_max: usize,
}

/// What a function answers.
#[derive(Deserialize)]
struct Answer {
    records: Vec<Answered>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answered {
    record_id: String,
    result: String,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    partition_keys: Option<serde_json::Map<String, Value>>,
}

/// Why a batch or a record failed: the service's code, and a message without content.
type Fault = (&'static str, String);

#[async_trait]
impl Transformation for Lambda {
    async fn transform(&self, records: &[Record], pieces: Vec<Piece>) -> Result<Vec<Piece>, Error> {
        let mut done = Vec::with_capacity(pieces.len());
        let mut batch: Vec<Piece> = Vec::new();
        let mut bytes = 0;
        for piece in pieces {
            if !batch.is_empty() && bytes + piece.data.len() > self.bytes_max {
                done.append(&mut self.batch(records, std::mem::take(&mut batch)).await?);
                bytes = 0;
            }
            bytes += piece.data.len();
            batch.push(piece);
        }
        if !batch.is_empty() {
            done.append(&mut self.batch(records, batch).await?);
        }
        Ok(done)
    }
}

impl Lambda {
    async fn batch(&self, records: &[Record], mut pieces: Vec<Piece>) -> Result<Vec<Piece>, Error> {
        let request = self.request(records, &pieces);
        let mut attempts = 0;
        let answer = loop {
            attempts += 1;
            match self.call(request.clone()).await? {
                Ok(answer) => break Ok(answer),
                Err(fault) if attempts > self.retries => break Err(fault),
                Err(_) => tokio::time::sleep(RETRY_WAIT * (1 << attempts.min(8))).await,
            }
        };
        let fail = |piece: &mut Piece, (code, message): Fault| {
            let failure = Failure::new(ErrorType::Processing, code, message, piece.data.clone());
            let (ended_ms, lambda_arn) = (Some(self.lambdas.clock.now_ms()), Some(self.arn.clone()));
            piece.failure = Some(Failure { attempts, ended_ms, lambda_arn, ..failure });
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(fault) => {
                pieces.iter_mut().for_each(|piece| fail(piece, fault.clone()));
                return Ok(pieces);
            }
        };
        let mut by_id: HashMap<String, Answered> =
            answer.records.into_iter().map(|record| (record.record_id.clone(), record)).collect();
        let mut kept = Vec::with_capacity(pieces.len());
        for (index, mut piece) in pieces.into_iter().enumerate() {
            match by_id.remove(&id(records, index, &piece)).map(|record| apply(&mut piece, record)) {
                Some(Ok(true)) => kept.push(piece),
                Some(Ok(false)) => {}
                Some(Err(fault)) => {
                    fail(&mut piece, fault);
                    kept.push(piece);
                }
                None => {
                    fail(&mut piece, ("Lambda.MissingRecordId", "The function did not answer this record".into()));
                    kept.push(piece);
                }
            }
        }
        Ok(kept)
    }

    fn request(&self, records: &[Record], pieces: &[Piece]) -> bytes::Bytes {
        let record = |(index, piece): (usize, &Piece)| {
            let at_ms = records.get(piece.source).map(|record| record.at_ms);
            let data = STANDARD.encode(&piece.data);
            json!({"recordId": id(records, index, piece), "approximateArrivalTimestamp": at_ms, "data": data})
        };
        let records: Vec<Value> = pieces.iter().enumerate().map(record).collect();
        let request = json!({
            "invocationId": uuid::Uuid::new_v4().to_string(),
            "deliveryStreamArn": self.stream,
            "region": self.lambdas.identity.region,
            "records": records,
        });
        request.to_string().into()
    }

    /// # Errors
    /// `Stopped` before there are functions.
    async fn call(&self, request: bytes::Bytes) -> Result<Result<Answer, Fault>, Error> {
        let functions = self.lambdas.functions.get().ok_or(Error::Stopped)?;
        let outcome = match functions.invoke(&self.arn, None, Invocation::of(request)).await {
            Ok(outcome) => outcome,
            Err(error) => {
                let code = match error.kind() {
                    event::Kind::NotFound => "Lambda.ResourceNotFound",
                    event::Kind::Throttled => "Lambda.InvokeLimitExceeded",
                    _ => "Lambda.InvocationFailed",
                };
                return Ok(Err((code, error.to_string())));
            }
        };
        if outcome.is_error {
            return Ok(Err(("Lambda.FunctionError", "The function ended with an error".into())));
        }
        let malformed = |_| ("Lambda.JsonProcessingException", "The function did not answer records".to_owned());
        Ok(serde_json::from_slice(&outcome.payload).map_err(malformed))
    }
}

/// Unique in the request, and equal when it is repeated.
fn id(records: &[Record], index: usize, piece: &Piece) -> String {
    let sequence = records.get(piece.source).map(|record| record.sequence).unwrap_or_default();
    format!("{sequence:0>50}{index:06}")
}

/// Lays an answer over a piece: false when the record is dropped.
fn apply(piece: &mut Piece, record: Answered) -> Result<bool, Fault> {
    match record.result.as_str() {
        "Ok" => {}
        "Dropped" => return Ok(false),
        "ProcessingFailed" => {
            return Err(("Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record".into()));
        }
        _ => return Err(("Lambda.InvalidResult", "The function answered an unknown result for the record".into())),
    }
    let data = match record.data.as_deref().map(|data| STANDARD.decode(data)) {
        Some(Ok(data)) => data,
        Some(Err(_)) => return Err(("Lambda.InvalidData", "The function answered data that is not base64".into())),
        None => return Err(("Lambda.MissingData", "The function answered no data for the record".into())),
    };
    for (name, value) in record.metadata.and_then(|metadata| metadata.partition_keys).into_iter().flatten() {
        let Some(value) = value.as_str() else {
            return Err((
                "Lambda.InvalidPartitionKeys",
                "The function answered a partition key that is no text".into(),
            ));
        };
        piece.keys.push((name, value.to_owned()));
    }
    // Only now: the error object of a record that failed holds what the function was given.
    piece.data = data.into();
    Ok(true)
}
