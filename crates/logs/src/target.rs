//! A log group as the target of a pipe: events and position in one transaction, so each record is there once.

use std::sync::Arc;

use async_trait::async_trait;
use event::{Arn, Batch, Error, Failure, Kind, Receipt, Record};
use serde_json::Value;
use state::params;

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
/// it is missing; without it each pipe writes to a stream of its own.
///
/// # Errors
/// `NotFound` without the group, `Invalid` for a parameter that is not supported.
pub async fn open(logs: &Logs, arn: &Arn, parameters: &Value) -> Result<Arc<dyn event::Target>, Error> {
    let group = group_of(arn).ok_or_else(|| Error::new(Kind::Invalid, format!("not a log group. arn=`{arn}`")))?;
    logs.group(group).await?;
    let mut stream = None;
    let given = parameters.get("CloudWatchLogsParameters").and_then(Value::as_object);
    for (member, value) in given.into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        match (member.as_str(), value.as_str()) {
            ("LogStreamName", Some(name)) if !name.starts_with('$') => {
                streams::check_stream_name(name)?;
                stream = Some(name.to_owned());
            }
            _ => {
                let message = format!("TargetParameters.CloudWatchLogsParameters.{member} is not supported as given");
                return Err(Error::new(Kind::Invalid, message));
            }
        }
    }
    Ok(Arc::new(LogGroup { logs: logs.clone(), group: group.to_owned(), stream }))
}

struct LogGroup {
    logs: Logs,
    group: String,
    stream: Option<String>,
}

#[async_trait]
impl event::Target for LogGroup {
    fn batch_records_max(&self) -> usize {
        BATCH_RECORDS_MAX
    }

    fn owns_positions(&self) -> bool {
        true
    }

    async fn deliver(&self, batch: Batch) -> Result<Receipt, Error> {
        let (group, now_ms) = (self.group.clone(), self.logs.clock.now_ms());
        let stream = self.stream.clone().unwrap_or_else(|| batch.consumer.to_string());
        self.logs
            .state
            .write(move |tx| {
                let horizon = groups::horizon(tx, &group, now_ms)?;
                let sql = "SELECT sequence FROM position WHERE consumer = ?1 AND shard = ?2";
                let at = params![batch.consumer.as_ref(), batch.shard.as_ref()];
                let position = tx.first(sql, at, |row| Ok::<_, crate::Error>(row.text(0)?.to_owned()))?;
                let is_new = |record: &&Record| position.as_ref().is_none_or(|at| record.sequence.padded() > *at);
                let inputs: Vec<Input> = batch.records.iter().filter(is_new).map(input).collect();
                streams::ensure(tx, &group, &stream, now_ms)?;
                events::insert(tx, &group, &stream, &inputs, now_ms)?;
                events::sweep(tx, &group, horizon)?;
                state::positions::advance(tx, &batch.consumer, &batch.shard, &batch.through.padded())?;
                Ok::<_, crate::Error>(())
            })
            .await?;
        Ok(Receipt::Owned)
    }

    async fn send(&self, records: Vec<Record>) -> Result<Vec<Failure>, Error> {
        let (group, now_ms) = (self.group.clone(), self.logs.clock.now_ms());
        // Without a stream of its own, a sender has no name: all such events share one.
        let stream = self.stream.clone().unwrap_or_else(|| "events".into());
        self.logs
            .state
            .write(move |tx| {
                let horizon = groups::horizon(tx, &group, now_ms)?;
                let inputs: Vec<Input> = records.iter().map(input).collect();
                streams::ensure(tx, &group, &stream, now_ms)?;
                events::insert(tx, &group, &stream, &inputs, now_ms)?;
                events::sweep(tx, &group, horizon)
            })
            .await?;
        Ok(Vec::new())
    }
}

fn input(record: &Record) -> Input {
    Input { at_ms: record.at_ms, message: String::from_utf8_lossy(&record.data).into_owned() }
}
