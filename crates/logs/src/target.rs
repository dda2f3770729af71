//! A log group as the target of a pipe: events and position in one transaction, so each record is there once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use event::{Arn, Batch, Error, Failure, Kind, Receipt, Record};
use expr::Parameter;
use serde_json::Value;
use state::{Write, params};

use crate::events::Input;
use crate::{Logs, events, groups, streams};

/// As the service has it.
const BATCH_RECORDS_MAX: usize = 10_000;

/// The group an ARN names: `arn:aws:logs:REGION:ACCOUNT:log-group:NAME`, with or without `:*`.
pub fn group_of(arn: &Arn) -> Option<&str> {
    let group = arn.resource_name("log-group:").filter(|_| arn.service == "logs")?;
    let group = group.strip_suffix(":*").unwrap_or(group);
    (!group.is_empty() && !group.contains(':')).then_some(group)
}

/// Opens a log group as a target. `CloudWatchLogsParameters.LogStreamName` names the stream, which is created when
/// it is missing; without it each pipe writes to a stream of its own. `.Timestamp` is a path to milliseconds since 1970;
/// without it, and for an event without a number there, it is when the source took the change. Both may be paths into each
/// event; one that finds no name a stream can have counts as not given.
///
/// # Errors
/// `NotFound` without the group, `Invalid` for a parameter that is not supported.
pub async fn open(logs: &Logs, arn: &Arn, parameters: &Value) -> Result<Arc<dyn event::Target>, Error> {
    let group = group_of(arn).ok_or_else(|| Error::new(Kind::Invalid, format!("not a log group. arn=`{arn}`")))?;
    logs.group(group).await?;
    let (mut stream, mut timestamp) = (None, None);
    let given = parameters.get("CloudWatchLogsParameters").and_then(Value::as_object);
    for (member, value) in given.into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        match (member.as_str(), value.as_str().map(Parameter::parse)) {
            ("LogStreamName", Some(Ok(name))) => {
                if let Parameter::Text(name) = &name {
                    streams::check_stream_name(name)?;
                }
                stream = Some(name);
            }
            ("Timestamp", Some(Ok(at))) if at.is_dynamic() => timestamp = Some(at),
            _ => {
                let message = format!("TargetParameters.CloudWatchLogsParameters.{member} is not supported as given");
                return Err(Error::new(Kind::Invalid, message));
            }
        }
    }
    Ok(Arc::new(LogGroup { logs: logs.clone(), group: group.to_owned(), stream, timestamp }))
}

#[derive(Clone)]
struct LogGroup {
    logs: Logs,
    group: String,
    stream: Option<Parameter>,
    timestamp: Option<Parameter>,
}

impl LogGroup {
    /// The events by their streams, in the order of the records; `own` is the stream of events that name none.
    fn inputs<'a>(&self, own: &str, records: impl Iterator<Item = &'a Record>) -> BTreeMap<String, Vec<Input>> {
        let mut inputs: BTreeMap<String, Vec<Input>> = BTreeMap::new();
        for record in records {
            let value = |parameter: &Option<Parameter>| {
                parameter
                    .as_ref()
                    .and_then(|parameter| parameter.of(record.event()).ok().flatten().map(Cow::into_owned))
            };
            let stream = value(&self.stream).filter(|name| streams::check_stream_name(name).is_ok());
            let at_ms = value(&self.timestamp).and_then(|text| text.parse().ok()).unwrap_or(record.at_ms);
            let input = Input { at_ms, message: String::from_utf8_lossy(&record.data).into_owned() };
            inputs.entry(stream.unwrap_or_else(|| own.to_owned())).or_default().push(input);
        }
        inputs
    }
}

fn write(tx: &Write<'_>, group: &str, inputs: &BTreeMap<String, Vec<Input>>, now_ms: i64) -> Result<(), crate::Error> {
    for (stream, inputs) in inputs {
        streams::ensure(tx, group, stream, now_ms)?;
        events::insert(tx, group, stream, inputs, now_ms)?;
    }
    Ok(())
}

#[async_trait]
impl event::Target for LogGroup {
    fn batch_records_max(&self) -> usize {
        BATCH_RECORDS_MAX
    }

    fn owns_positions(&self) -> bool {
        true
    }

    fn is_dynamic(&self) -> bool {
        [&self.stream, &self.timestamp].into_iter().flatten().any(Parameter::is_dynamic)
    }

    async fn deliver(&self, batch: Batch) -> Result<Receipt, Error> {
        let (this, now_ms) = (self.clone(), self.logs.clock.now_ms());
        let deliver = move |tx: &Write<'_>| {
            groups::horizon(tx, &this.group, now_ms)?;
            let sql = "SELECT sequence FROM position WHERE consumer = ?1 AND shard = ?2";
            let at = params![batch.consumer.as_ref(), batch.shard.as_ref()];
            let position = tx.first(sql, at, |row| Ok::<_, crate::Error>(row.text(0)?.to_owned()))?;
            let is_new = |record: &&Record| position.as_ref().is_none_or(|at| record.sequence.padded() > *at);
            let inputs = this.inputs(&batch.consumer, batch.records.iter().filter(is_new));
            write(tx, &this.group, &inputs, now_ms)?;
            state::positions::advance(tx, &batch.consumer, &batch.shard, &batch.through.padded())?;
            Ok::<_, crate::Error>(())
        };
        self.logs.state.write(deliver).await?;
        Ok(Receipt::Owned)
    }

    async fn send(&self, records: Vec<Record>) -> Result<Vec<Failure>, Error> {
        let (this, now_ms) = (self.clone(), self.logs.clock.now_ms());
        let send = move |tx: &Write<'_>| {
            groups::horizon(tx, &this.group, now_ms)?;
            // Without a stream of its own, a sender has no name: all such events share one.
            write(tx, &this.group, &this.inputs("events", records.iter()), now_ms)
        };
        self.logs.state.write(send).await?;
        Ok(Vec::new())
    }
}
