//! A queue as what pipes, rules and schedules write to: one message a record, its data as the body.
//!
//! A batch's messages and its position are one transaction, so a repeat after a crash sends nothing twice. Only when the
//! queue refuses some of a batch, which the pipe must hear, the pipe moves the position itself: a crash in between sends the
//! others of that batch once more.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use event::{Arn, Batch, Error, Failure, Kind, Receipt, Record};
use expr::Parameter;
use serde_json::Value;
use state::{Write, params};

use super::lifecycle::find;
use super::{Attributes, NewMessage, Queues};

const BATCH_RECORDS_MAX: usize = 1000;

/// Opens a queue as a target. `SqsQueueParameters.MessageGroupId` and `.MessageDeduplicationId` are those of every message,
/// or paths into each event; an event without the path's value has none, which a FIFO queue refuses.
/// `.MessageAttributes` are this program's own: what dead letters of functions tell.
///
/// # Errors
/// `NotFound` without the queue; `Invalid` for another parameter, and for a FIFO queue without group.
pub async fn open(queues: &Queues, arn: &Arn, parameters: &Value) -> Result<Arc<dyn event::Target>, Error> {
    let name =
        queues.name_of(arn).ok_or_else(|| Error::new(Kind::Invalid, format!("not a queue here. arn=`{arn}`")))?;
    let fifo = queues.describe(name, false).await?.settings.fifo;
    let mut target = QueueTarget {
        queues: queues.clone(),
        name: name.to_owned(),
        group: None,
        deduplication: None,
        attributes: Attributes::new(),
    };
    let given = parameters.get("SqsQueueParameters").and_then(Value::as_object);
    for (member, value) in given.into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        if member == "MessageAttributes" {
            let invalid = |_| Error::new(Kind::Invalid, "SqsQueueParameters.MessageAttributes are not valid");
            target.attributes = serde_json::from_value(value.clone()).map_err(invalid)?;
            continue;
        }
        match (member.as_str(), value.as_str().map(Parameter::parse)) {
            ("MessageGroupId", Some(Ok(id))) => target.group = Some(id),
            ("MessageDeduplicationId", Some(Ok(id))) => target.deduplication = Some(id),
            _ => {
                let message = format!("TargetParameters.SqsQueueParameters.{member} is not supported as given");
                return Err(Error::new(Kind::Invalid, message));
            }
        }
    }
    if fifo && target.group.is_none() {
        let message = "TargetParameters.SqsQueueParameters.MessageGroupId must be given for a FIFO queue";
        return Err(Error::new(Kind::Invalid, message));
    }
    Ok(Arc::new(target))
}

struct QueueTarget {
    queues: Queues,
    name: String,
    group: Option<Parameter>,
    deduplication: Option<Parameter>,
    attributes: Attributes,
}

#[async_trait]
impl event::Target for QueueTarget {
    fn batch_records_max(&self) -> usize {
        BATCH_RECORDS_MAX
    }

    fn is_dynamic(&self) -> bool {
        [&self.group, &self.deduplication].into_iter().flatten().any(Parameter::is_dynamic)
    }

    async fn deliver(&self, batch: Batch) -> Result<Receipt, Error> {
        let (queues, name) = (self.queues.clone(), self.name.clone());
        let messages = self.messages(&batch.records);
        let failures = self.queues.inner.state.write(move |tx| {
            let sql = "SELECT sequence FROM position WHERE consumer = ?1 AND shard = ?2";
            let at = params![batch.consumer.as_ref(), batch.shard.as_ref()];
            let position = tx.first(sql, at, |row| Ok::<_, crate::Error>(row.text(0)?.to_owned()))?;
            let is_new = |record: &Record| position.as_ref().is_none_or(|at| record.sequence.padded() > *at);
            let indexed = batch.records.iter().zip(messages).enumerate();
            let new = indexed.filter(|(_, (record, _))| is_new(record)).map(|(index, (_, message))| (index, message));
            let failures = put(tx, &queues, &name, new)?;
            if failures.is_empty() {
                state::positions::advance(tx, &batch.consumer, &batch.shard, &batch.through.padded())?;
            }
            Ok::<_, crate::Error>(failures)
        });
        let failures = failures.await?;
        Ok(if failures.is_empty() { Receipt::Owned } else { Receipt::Delivered(failures) })
    }

    async fn send(&self, records: Vec<Record>) -> Result<Vec<Failure>, Error> {
        let (queues, name) = (self.queues.clone(), self.name.clone());
        let messages = self.messages(&records);
        let sent = self.queues.inner.state.write(move |tx| put(tx, &queues, &name, messages.into_iter().enumerate()));
        Ok(sent.await?)
    }
}

impl QueueTarget {
    fn messages(&self, records: &[Record]) -> Vec<NewMessage> {
        let message = |record: &Record| NewMessage {
            body: String::from_utf8_lossy(&record.data).into_owned(),
            attributes: self.attributes.clone(),
            group: value(&self.group, record),
            deduplication: value(&self.deduplication, record),
            ..NewMessage::default()
        };
        records.iter().map(message).collect()
    }
}

/// What a parameter is for a record; a record that is no JSON has nothing.
fn value(parameter: &Option<Parameter>, record: &Record) -> Option<String> {
    parameter.as_ref()?.of(record.event()).ok().flatten().map(Cow::into_owned)
}

/// Inserts each message by itself: what the queue refuses is told and does not touch the others.
fn put(
    tx: &Write<'_>,
    queues: &Queues,
    name: &str,
    messages: impl Iterator<Item = (usize, NewMessage)>,
) -> Result<Vec<Failure>, crate::Error> {
    // Without the queue nothing was taken.
    find(tx, name)?;
    let mut failures = Vec::new();
    for (index, message) in messages {
        match queues.insert(tx, name, vec![message]) {
            Ok(_) => {}
            Err(crate::Error::Queue { code, message }) => {
                failures.push(Failure { index, code: format!("{code:?}"), message, retryable: false });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(failures)
}
