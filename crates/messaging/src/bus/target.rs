//! A bus as the target of a pipe (`EventBridgeEventBusParameters`).

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use event::{Arn, Batch, Error, Failure, Kind, Receipt, Record};
use expr::Parameter;
use serde_json::Value;
use state::params;

use super::{Buses, Entry};
use crate::delivery::Lanes;

/// As the service has it.
const BATCH_RECORDS_MAX: usize = 10;

/// Opens a bus as a target. `EventBridgeEventBusParameters` may give `DetailType`, `Source`, `Resources` and `Time`, each text or a
/// path into the event before the input template. Without them the service's own words stand. An event without a path's value
/// is refused for its source or detail type, has the time at which it is put, and has that much fewer resources.
///
/// # Errors
/// `NotFound` without the bus, `Invalid` for a parameter that is not supported.
pub async fn open(buses: &Buses, arn: &Arn, parameters: &Value) -> Result<Arc<dyn event::Target>, Error> {
    let invalid = |message: String| Error::new(Kind::Invalid, message);
    let name = arn.resource_name("event-bus/").filter(|_| arn.service == "events");
    let name = name.ok_or_else(|| invalid(format!("not an event bus. arn=`{arn}`")))?;
    buses.bus(Some(name)).await?;
    let mut target = EventBus {
        buses: buses.clone(),
        bus: name.to_owned(),
        detail_type: Parameter::Text("Event from aws:pipes".into()),
        source: Parameter::Text("Pipe".into()),
        time: None,
        resources: Vec::new(),
    };
    let given = parameters.get("EventBridgeEventBusParameters").and_then(Value::as_object);
    for (member, value) in given.into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        let refused =
            || invalid(format!("TargetParameters.EventBridgeEventBusParameters.{member} is not supported as given"));
        let text = |value: &Value| value.as_str().and_then(|text| Parameter::parse(text).ok()).ok_or_else(refused);
        match member.as_str() {
            "DetailType" => target.detail_type = text(value)?,
            "Source" => target.source = text(value)?,
            "Time" => target.time = Some(text(value)?),
            "Resources" => {
                let listed = value.as_array().ok_or_else(refused)?;
                target.resources = listed.iter().map(text).collect::<Result<_, _>>()?;
            }
            _ => return Err(refused()),
        }
    }
    Ok(Arc::new(target))
}

struct EventBus {
    buses: Buses,
    bus: String,
    detail_type: Parameter,
    source: Parameter,
    time: Option<Parameter>,
    resources: Vec<Parameter>,
}

impl EventBus {
    fn entry(&self, record: &Record) -> Entry {
        let value = |parameter: &Parameter| parameter.of(record.event()).ok().flatten().map(Cow::into_owned);
        let time = self.time.as_ref().and_then(value);
        let time = time.and_then(|text| chrono::DateTime::parse_from_rfc3339(&text).ok());
        Entry {
            time: time.map(|time| time.timestamp_millis() as f64 / 1000.0),
            source: value(&self.source),
            resources: self.resources.iter().filter_map(value).collect(),
            detail_type: value(&self.detail_type),
            detail: std::str::from_utf8(&record.data).ok().map(str::to_owned),
            event_bus_name: Some(self.bus.clone()),
            trace_header: None,
        }
    }
}

fn failures(accepted: Vec<super::Accepted>) -> Vec<Failure> {
    let failed = |(index, result): (usize, super::Accepted)| {
        let (code, message) = result.err()?;
        Some(Failure { index, code: code.into(), message, retryable: false })
    };
    accepted.into_iter().enumerate().filter_map(failed).collect()
}

#[async_trait]
impl event::Target for EventBus {
    fn batch_records_max(&self) -> usize {
        BATCH_RECORDS_MAX
    }

    fn is_dynamic(&self) -> bool {
        let given = [&self.detail_type, &self.source].into_iter().chain(&self.time).chain(&self.resources);
        given.into_iter().any(Parameter::is_dynamic)
    }

    async fn deliver(&self, batch: Batch) -> Result<Receipt, Error> {
        let entries: Vec<Entry> = batch.records.iter().map(|record| self.entry(record)).collect();
        if entries.iter().any(|entry| !is_object(entry)) {
            // The pipe deals with entries that fail for good and moves the position itself.
            return Ok(Receipt::Delivered(failures(self.buses.put_own(entries).await?)));
        }
        let this = self.buses.clone();
        let lanes = self
            .buses
            .inner
            .state
            .write(move |tx| {
                let sql = "SELECT sequence FROM position WHERE consumer = ?1 AND shard = ?2";
                let at = params![batch.consumer.as_ref(), batch.shard.as_ref()];
                let position = tx.first(sql, at, |row| Ok::<_, crate::Error>(row.text(0)?.to_owned()))?;
                let is_new = |record: &Record| position.as_ref().is_none_or(|at| record.sequence.padded() > *at);
                let new = batch.records.iter().zip(&entries).filter(|(record, _)| is_new(record));
                let new: Vec<Entry> = new.map(|(_, entry)| entry.clone()).collect();
                let lanes = if new.is_empty() { Lanes::default() } else { this.put_in(tx, &new)?.1 };
                state::positions::advance(tx, &batch.consumer, &batch.shard, &batch.through.padded())?;
                Ok::<_, crate::Error>(lanes)
            })
            .await?;
        self.buses.wake(lanes);
        Ok(Receipt::Owned)
    }

    async fn send(&self, records: Vec<Record>) -> Result<Vec<Failure>, Error> {
        let entries = records.iter().map(|record| self.entry(record)).collect();
        Ok(failures(self.buses.put_own(entries).await?))
    }
}

/// Whether an entry will be taken: it has all members, and its detail is a JSON object.
fn is_object(entry: &Entry) -> bool {
    let is_there = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let is_object = |text: &String| matches!(serde_json::from_str(text), Ok(Value::Object(_)));
    is_there(&entry.source) && is_there(&entry.detail_type) && entry.detail.as_ref().is_some_and(is_object)
}
