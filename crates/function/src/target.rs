//! A function as a target: of a pipe, which gives whole arrays, and of rules and schedules, which give single events.

use std::sync::Arc;

use async_trait::async_trait;
use event::{Arn, Batch, Error, Failure, Kind, Receipt, Record, Target};
use serde_json::Value;

use crate::invoke::{EVENT_BYTES_MAX, REQUEST_BYTES_MAX};
use crate::{Functions, Invocation, batch};

const BATCH_RECORDS_MAX: usize = 10_000;

/// Opens a function as a target. `LambdaFunctionParameters.InvocationType` is `REQUEST_RESPONSE` (also when it is not
/// given) or `FIRE_AND_FORGET`.
///
/// # Errors
/// `NotFound` without the function, `Invalid` for another parameter.
pub fn open(functions: &Functions, arn: &Arn, parameters: &Value) -> Result<Arc<dyn Target>, Error> {
    functions.describe(&arn.to_string(), None)?;
    let mut waits = true;
    let given = parameters.get("LambdaFunctionParameters").and_then(Value::as_object);
    for (member, value) in given.into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        waits = match (member.as_str(), value.as_str()) {
            ("InvocationType", Some("REQUEST_RESPONSE")) => true,
            ("InvocationType", Some("FIRE_AND_FORGET")) => false,
            _ => {
                let message = format!("TargetParameters.LambdaFunctionParameters.{member} is not supported as given");
                return Err(Error::new(Kind::Invalid, message));
            }
        };
    }
    let shape = if waits { Shape::Array } else { Shape::Event };
    Ok(Arc::new(FunctionTarget { functions: functions.clone(), arn: arn.to_string(), shape }))
}

/// Opens the function of an event source mapping, `arn:aws:lambda:REGION:ACCOUNT:event-source-mapping:UUID`, as the target of
/// the pipe that runs it: it is called with `{"Records": [...]}`, as the mapping stands at each call.
///
/// # Errors
/// `NotFound` without the mapping or its function.
pub fn open_mapping(functions: &Functions, arn: &Arn) -> Result<Arc<dyn Target>, Error> {
    let mapping = functions.mapping(mapping_of(arn).unwrap_or_default())?;
    functions.describe(&mapping.function_arn, None)?;
    Ok(Arc::new(MappingTarget { functions: functions.clone(), uuid: mapping.uuid.clone() }))
}

struct MappingTarget {
    functions: Functions,
    uuid: String,
}

impl MappingTarget {
    fn function(&self) -> Result<FunctionTarget, Error> {
        let mapping = self.functions.mapping(&self.uuid)?;
        let reports = mapping.function_response_types.iter().any(|kind| kind == "ReportBatchItemFailures");
        let arn = mapping.function_arn.clone();
        Ok(FunctionTarget { functions: self.functions.clone(), arn, shape: Shape::Records { reports } })
    }
}

#[async_trait]
impl Target for MappingTarget {
    fn batch_records_max(&self) -> usize {
        BATCH_RECORDS_MAX
    }

    fn calls(&self) -> Option<String> {
        self.functions.mapping(&self.uuid).ok().map(|mapping| mapping.function_arn.clone())
    }

    async fn deliver(&self, batch: Batch) -> Result<Receipt, Error> {
        let outcome = self.function()?.deliver(batch).await;
        let problem = !matches!(&outcome, Ok(Receipt::Delivered(failures)) if failures.is_empty());
        self.functions.note_result(&self.uuid, if problem { "PROBLEM: Function call failed" } else { "OK" }).await;
        outcome
    }

    async fn send(&self, records: Vec<Record>) -> Result<Vec<Failure>, Error> {
        self.function()?.send(records).await
    }
}

/// The UUID of the mapping an ARN names.
pub fn mapping_of(arn: &Arn) -> Option<&str> {
    arn.resource_name("event-source-mapping:").filter(|_| arn.service == "lambda")
}

/// What the function gets of a batch, and what its answer means.
#[derive(Clone, Copy)]
enum Shape {
    /// The records as an array; records it names in `batchItemFailures` failed.
    Array,
    /// The same, through the queue before the function, which nobody waits for.
    Event,
    /// `{"Records": [...]}`; the answer counts only if it `reports`.
    Records { reports: bool },
}

/// What is around the array in [`Shape::Records`].
const RECORDS: (&[u8], &[u8]) = (br#"{"Records":"#, b"}");

struct FunctionTarget {
    functions: Functions,
    arn: String,
    shape: Shape,
}

#[async_trait]
impl Target for FunctionTarget {
    fn batch_records_max(&self) -> usize {
        BATCH_RECORDS_MAX
    }

    async fn deliver(&self, batch: Batch) -> Result<Receipt, Error> {
        let records = &batch.records;
        let bytes_max = match self.shape {
            Shape::Array => REQUEST_BYTES_MAX,
            Shape::Event => EVENT_BYTES_MAX,
            Shape::Records { .. } => REQUEST_BYTES_MAX - RECORDS.0.len() - RECORDS.1.len(),
        };
        let parts = batch::chunks(records, bytes_max)?;
        if matches!(self.shape, Shape::Event) {
            let payloads = parts.into_iter().map(|part| batch::array(records.get(part).unwrap_or_default()));
            let events: Vec<Invocation> = payloads.map(Invocation::of).collect();
            self.functions.submit(&self.arn, None, events).await?;
            return Ok(Receipt::Delivered(Vec::new()));
        }
        let mut failures = Vec::new();
        for part in parts {
            let start = part.start;
            let slice = records.get(part).unwrap_or_default();
            let payload = batch::array(slice);
            let payload = match self.shape {
                Shape::Records { .. } => [RECORDS.0, &payload, RECORDS.1].concat().into(),
                _ => payload,
            };
            match batch::call(&self.functions, &self.arn, payload).await {
                Ok(_) if matches!(self.shape, Shape::Records { reports: false }) => {}
                Ok(outcome) => failures
                    .extend(failed(&outcome.payload, slice).into_iter().map(|index| refuse(start + index, ITEM))),
                // Nothing was taken yet: the whole batch may come again.
                Err(error) if start == 0 => return Err(error),
                Err(error) => {
                    let rest = start..records.len();
                    failures.extend(rest.map(|index| refuse(index, &error.to_string())));
                    break;
                }
            }
        }
        Ok(Receipt::Delivered(failures))
    }

    async fn send(&self, records: Vec<Record>) -> Result<Vec<Failure>, Error> {
        let events = records.into_iter().map(|record| Invocation::of(record.data)).collect();
        self.functions.submit(&self.arn, None, events).await?;
        Ok(Vec::new())
    }
}

const ITEM: &str = "the function named the record in batchItemFailures";

fn refuse(index: usize, message: &str) -> Failure {
    Failure { index, code: "FunctionError".into(), message: message.to_owned(), retryable: true }
}

/// The records an answer names in `batchItemFailures`, by sequence number, event id or message id. From a sequence
/// number on all fail, since a stream is taken up again there. All fail when one is named that is not in the batch.
fn failed(answer: &[u8], records: &[Record]) -> Vec<usize> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let Some(named) = answer.get("batchItemFailures").and_then(Value::as_array) else { return Vec::new() };
    let mut failed = vec![false; records.len()];
    for item in named {
        let id = item.get("itemIdentifier").and_then(Value::as_str).unwrap_or_default();
        if let Some(index) = records.iter().position(|record| record.sequence.to_string() == id) {
            failed.iter_mut().skip(index).for_each(|failed| *failed = true);
        } else if let Some(flag) =
            records.iter().position(|record| &*record.id == id).and_then(|index| failed.get_mut(index))
        {
            *flag = true;
        } else {
            failed.fill(true);
        }
    }
    failed.iter().enumerate().filter(|(_, failed)| **failed).map(|(index, _)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_those_the_function_names() {
        let record = |number: u64| Record {
            data: bytes::Bytes::from_static(b"{}"),
            sequence: event::Sequence::from(number),
            at_ms: 0,
            key_hash: 0,
            untemplated: None,
            id: format!("event-{number}").into(),
        };
        let records: Vec<Record> = [7, 8, 9].map(record).into();
        let check =
            |answer: &str, expected: &[usize]| assert_eq!(failed(answer.as_bytes(), &records), expected, "{answer}");
        check("null", &[]);
        check("not JSON", &[]);
        check(r#"{"batchItemFailures":[]}"#, &[]);
        check(r#"{"batchItemFailures":[{"itemIdentifier":"event-8"}]}"#, &[1]);
        check(r#"{"batchItemFailures":[{"itemIdentifier":"8"}]}"#, &[1, 2]);
        check(r#"{"batchItemFailures":[{"itemIdentifier":"other"}]}"#, &[0, 1, 2]);
        check(r#"{"batchItemFailures":[{}]}"#, &[0, 1, 2]);
    }
}
