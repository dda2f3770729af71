//! One try of a batch, by what its target is: a queue or a bus of this program takes it in one transaction with the end of the
//! delivery; anything else is sent first, so a crash in between sends it again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use event::{Arn, Kind, Record};
use serde_json::{Value, json};

use super::lane::{Delivery, settle};
use super::{Lanes, Outside};
use crate::Error;
use crate::bus::input::Input;
use crate::bus::{Audience, Buses, Envelope, HOPS_MAX, Target, forwarded};
use crate::queue::NewMessage;

/// How long a target may take for a batch.
const SEND_MAX: Duration = Duration::from_secs(60);

/// Why a delivery failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// As the service names it, such as `NO_RESOURCE`.
    pub(super) code: String,
    pub(super) message: String,
    pub(super) retryable: bool,
}

impl Failure {
    fn new(code: &str, message: impl Into<String>, retryable: bool) -> Self {
        Failure { code: code.into(), message: message.into(), retryable }
    }

    fn of(kind: Kind, message: String) -> Self {
        let (code, retryable) = match kind {
            Kind::NotFound => ("NO_RESOURCE", false),
            Kind::Invalid => ("INVALID_PARAMETER", false),
            Kind::Denied => ("NO_PERMISSIONS", false),
            Kind::Throttled => ("THROTTLING", true),
            Kind::Conflict => ("RESOURCE_MODIFICATION_COLLISION", true),
            Kind::Unavailable | Kind::Trimmed | Kind::Expired => ("ERROR_FROM_TARGET", true),
            Kind::Corrupt | Kind::Internal => ("INTERNAL_ERROR", true),
        };
        Failure::new(code, message, retryable)
    }
}

/// A delivery with what its target gets, or why it cannot get it.
type Prepared = (Delivery, Result<Vec<u8>, Failure>);

/// Tries a batch and ends or puts off each delivery of it.
pub(super) async fn all(
    buses: &Buses,
    outside: &Outside,
    target: Target,
    deliveries: Vec<Delivery>,
) -> Result<(), Error> {
    let prepared = prepare(&target, deliveries);
    let arn = match target.arn.parse::<Arn>() {
        Ok(arn) => arn,
        Err(error) => return end(buses, target, prepared, Err(Failure::of(Kind::Invalid, error.to_string()))).await,
    };
    if let Some((queues, name)) = outside.queues.as_ref().and_then(|queues| Some((queues, queues.name_of(&arn)?))) {
        return into_queue(buses, queues.clone(), name.to_owned(), target, prepared).await;
    }
    let is_ours = arn.account == buses.inner.account && arn.region == buses.inner.region;
    if let Some(bus) = arn.resource_name("event-bus/").filter(|_| arn.service == "events" && is_ours) {
        return into_bus(buses, bus.to_owned(), target, prepared).await;
    }
    if let Some(operation) = arn.resource_name("aws-sdk:").filter(|_| arn.service == "scheduler") {
        return into_operations(buses, outside, operation.to_owned(), target, prepared).await;
    }
    into_target(buses, outside, arn, target, prepared).await
}

fn prepare(target: &Target, deliveries: Vec<Delivery>) -> Vec<Prepared> {
    let input = Input::of(target);
    let payload = |delivery: &Delivery| match &input {
        Ok(input) => input
            .render(&delivery.body, &delivery.origin, delivery.at_ms)
            .map_err(|error| Failure::new("INVALID_JSON", error.to_string(), false)),
        Err(error) => Err(Failure::of(Kind::Invalid, error.to_string())),
    };
    deliveries.into_iter().map(|delivery| (delivery.clone(), payload(&delivery))).collect()
}

/// Settles a whole batch with one outcome; what could not be prepared fails as it did.
async fn end(buses: &Buses, target: Target, batch: Vec<Prepared>, outcome: Result<(), Failure>) -> Result<(), Error> {
    let outcomes = batch.into_iter().map(|(delivery, payload)| (delivery, payload.and(outcome.clone()))).collect();
    settle_all(buses, target, outcomes).await
}

async fn settle_all(
    buses: &Buses,
    target: Target,
    outcomes: Vec<(Delivery, Result<(), Failure>)>,
) -> Result<(), Error> {
    let this = buses.clone();
    let settled = move |tx: &state::Write<'_>| {
        outcomes.into_iter().try_for_each(|(delivery, outcome)| settle(&this, tx, &target, &delivery, outcome))
    };
    buses.inner.state.write(settled).await
}

async fn into_queue(
    buses: &Buses,
    queues: crate::queue::Queues,
    name: String,
    target: Target,
    batch: Vec<Prepared>,
) -> Result<(), Error> {
    let group = target.sqs_parameters.as_ref().and_then(|given| given.get("MessageGroupId")).and_then(Value::as_str);
    let (group, this) = (group.map(str::to_owned), buses.clone());
    let write = move |tx: &state::Write<'_>| {
        for (delivery, payload) in batch {
            let outcome = match payload.map(String::from_utf8) {
                Ok(Ok(body)) => {
                    // So that a FIFO queue takes each delivery once.
                    let deduplication = group.as_ref().map(|_| format!("{}", delivery.number));
                    let message = NewMessage { body, group: group.clone(), deduplication, ..NewMessage::default() };
                    match queues.insert(tx, &name, vec![message]) {
                        Ok(_) => Ok(()),
                        Err(error @ (Error::State(_) | Error::Corrupt(_))) => return Err(error),
                        Err(error) => Err(Failure::of(error.kind(), error.to_string())),
                    }
                }
                Ok(Err(_)) => Err(Failure::new("INVALID_PARAMETER", "the payload is not text", false)),
                Err(failure) => Err(failure),
            };
            settle(&this, tx, &target, &delivery, outcome)?;
        }
        Ok(())
    };
    buses.inner.state.write(write).await
}

async fn into_bus(buses: &Buses, bus: String, target: Target, batch: Vec<Prepared>) -> Result<(), Error> {
    if let Err(error) = buses.bus(Some(&bus)).await {
        return match error {
            Error::NotFound(message) => end(buses, target, batch, Err(Failure::of(Kind::NotFound, message))).await,
            error => Err(error),
        };
    }
    let this = buses.clone();
    let write = move |tx: &state::Write<'_>| {
        let mut lanes = Lanes::default();
        for (delivery, payload) in batch {
            let outcome = match payload {
                Ok(_) if delivery.hops >= HOPS_MAX => {
                    let message = format!("the event went on from bus to bus {HOPS_MAX} times");
                    Err(Failure::new("INTERNAL_ERROR", message, false))
                }
                Ok(payload) => {
                    let event = event_for(&this, &target, &delivery, &payload);
                    this.publish(tx, &bus, &event, delivery.hops + 1, Audience::ALL, &mut lanes)?;
                    Ok(())
                }
                Err(failure) => Err(failure),
            };
            settle(&this, tx, &target, &delivery, outcome)?;
        }
        Ok::<_, Error>(lanes)
    };
    let lanes = buses.inner.state.write(write).await?;
    buses.wake(lanes);
    Ok(())
}

/// The event a bus gets: that of the rule, or one around the input of a schedule.
fn event_for(buses: &Buses, target: &Target, delivery: &Delivery, payload: &[u8]) -> String {
    let Some(parameters) = &target.event_bridge_parameters else { return forwarded(&delivery.body, payload) };
    let detail = std::str::from_utf8(payload)
        .ok()
        .filter(|text| matches!(serde_json::from_str::<Value>(text), Ok(Value::Object(_))));
    Envelope {
        id: &uuid::Uuid::new_v4().to_string(),
        detail_type: &parameters.detail_type,
        source: &parameters.source,
        account: &buses.inner.account,
        time_ms: delivery.at_ms,
        region: &buses.inner.region,
        resources: std::slice::from_ref(&delivery.origin),
    }
    .with(detail.unwrap_or("{}"))
}

async fn into_operations(
    buses: &Buses,
    outside: &Outside,
    operation: String,
    target: Target,
    batch: Vec<Prepared>,
) -> Result<(), Error> {
    let mut outcomes = Vec::with_capacity(batch.len());
    for (delivery, payload) in batch {
        let outcome = match payload {
            Ok(payload) => operate(outside, &operation, &payload).await,
            Err(failure) => Err(failure),
        };
        outcomes.push((delivery, outcome));
    }
    settle_all(buses, target, outcomes).await
}

async fn operate(outside: &Outside, operation: &str, payload: &[u8]) -> Result<(), Failure> {
    let invalid = |message: &str| Failure::new("INVALID_PARAMETER", message, false);
    let invoke = outside.invoke.as_ref().ok_or_else(|| invalid("universal targets are not served"))?;
    let (service, operation) = operation.split_once(':').ok_or_else(|| invalid("the ARN names no operation"))?;
    let input: Value = serde_json::from_slice(payload).map_err(|_| invalid("the input is not JSON"))?;
    let mut chars = operation.chars();
    let operation: String = chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect();
    match tokio::time::timeout(SEND_MAX, invoke.invoke(service, &operation, input)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Failure::of(error.kind(), error.to_string())),
        Err(_) => Err(Failure::new("TIMEOUT", "the operation took too long", true)),
    }
}

async fn into_target(
    buses: &Buses,
    outside: &Outside,
    arn: Arn,
    target: Target,
    batch: Vec<Prepared>,
) -> Result<(), Error> {
    let opened = match outside.registry.open_target(&arn, &parameters(&target)).await {
        Ok(opened) => opened,
        Err(error) => return end(buses, target, batch, Err(Failure::of(error.kind(), error.to_string()))).await,
    };
    let mut batch = batch;
    while !batch.is_empty() {
        let rest = batch.split_off(opened.batch_records_max().clamp(1, batch.len()));
        let outcomes = send(opened.as_ref(), &target, std::mem::replace(&mut batch, rest)).await;
        settle_all(buses, target.clone(), outcomes).await?;
    }
    Ok(())
}

async fn send(
    opened: &dyn event::Target,
    target: &Target,
    batch: Vec<Prepared>,
) -> Vec<(Delivery, Result<(), Failure>)> {
    let (mut sent, mut outcomes, mut records) = (Vec::new(), Vec::new(), Vec::new());
    for (delivery, payload) in batch {
        match payload {
            Ok(payload) => {
                let untemplated = opened.is_dynamic().then(|| Bytes::from(delivery.body.clone()));
                records.push(Record { untemplated, ..record(target, &delivery, payload) });
                sent.push(delivery);
            }
            Err(failure) => outcomes.push((delivery, Err(failure))),
        }
    }
    if records.is_empty() {
        return outcomes;
    }
    let failures = match tokio::time::timeout(SEND_MAX, opened.send(records)).await {
        Ok(Ok(failures)) => Ok(failures),
        Ok(Err(error)) => Err(Failure::of(error.kind(), error.to_string())),
        Err(_) => Err(Failure::new("TIMEOUT", "the target took too long", true)),
    };
    for (index, delivery) in sent.into_iter().enumerate() {
        let outcome = match &failures {
            Err(failure) => Err(failure.clone()),
            Ok(failures) => match failures.iter().find(|failure| failure.index == index) {
                Some(failure) => Err(Failure::new(&failure.code, failure.message.clone(), failure.retryable)),
                None => Ok(()),
            },
        };
        outcomes.push((delivery, outcome));
    }
    outcomes
}

fn record(target: &Target, delivery: &Delivery, payload: Vec<u8>) -> Record {
    let number = u64::try_from(delivery.number).unwrap_or_default();
    Record {
        data: Bytes::from(payload),
        sequence: number.into(),
        at_ms: delivery.at_ms,
        key_hash: 0,
        untemplated: None,
        id: Arc::from(format!("{}#{}/{number}", delivery.origin, target.id)),
    }
}

/// The target's parameters in the words of pipes.
fn parameters(target: &Target) -> Value {
    let mut parameters = json!({});
    for (name, given) in [
        ("HttpParameters", &target.http_parameters),
        ("KinesisStreamParameters", &target.kinesis_parameters),
        ("SqsQueueParameters", &target.sqs_parameters),
    ] {
        if let Some(given) = given {
            parameters[name] = given.clone();
        }
    }
    parameters
}
