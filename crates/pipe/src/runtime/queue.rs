//! Reads a queue: takes messages, hands them on in batches, acknowledges what arrived.
//!
//! There are no positions: a message is acknowledged when its effect is durable, and comes again when it is not, as often
//! as the queue's own redrive policy says. The order of a message group is kept by the queue, which holds back a group
//! while one of its messages is under way.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use event::{Error, Failure, Kind, Message, Queue, Record, Sequence};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::{Outcome, Work, stopped};

/// How long one receive may wait for messages.
const WAIT: Duration = Duration::from_secs(20);

/// Runs until it is stopped or cannot go on.
pub(crate) async fn run(work: Arc<Work>, queue: Arc<dyn Queue>, stop: watch::Receiver<bool>) -> Outcome {
    let mut pollers = JoinSet::new();
    for _ in 0..work.parameters.concurrency {
        pollers.spawn(poll(work.clone(), queue.clone(), stop.clone()));
    }
    let mut outcome = Outcome::Stopped;
    while let Some(ended) = pollers.join_next().await {
        let halted = match ended {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(error) if error.is_cancelled() => continue,
            Err(_) => "a queue reader failed; see the log".into(),
        };
        // Messages under way become visible again by themselves.
        pollers.abort_all();
        outcome = Outcome::Halted(halted);
    }
    outcome
}

async fn poll(work: Arc<Work>, queue: Arc<dyn Queue>, stop: watch::Receiver<bool>) -> Result<(), Error> {
    let mut backoff = Backoff::default();
    while !*stop.borrow() {
        let done = match take(&work, &*queue, &stop).await {
            Ok(messages) if messages.is_empty() => Ok(()),
            Ok(messages) => process(&work, &*queue, messages).await,
            Err(error) if error.kind() == Kind::NotFound => {
                return Err(Error::new(Kind::NotFound, format!("source is gone: {error}")));
            }
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => backoff.reset(),
            Err(error) if matches!(error.kind(), Kind::Invalid | Kind::Denied | Kind::NotFound) => return Err(error),
            Err(error) => {
                work.counters.error(error.to_string());
                tokio::select! {
                    () = tokio::time::sleep(backoff.next(&work)) => {}
                    () = stopped(&stop) => {}
                }
            }
        }
    }
    Ok(())
}

/// One batch: full, or what came inside the window.
async fn take(work: &Work, queue: &dyn Queue, stop: &watch::Receiver<bool>) -> Result<Vec<Message>, Error> {
    let most = work.parameters.batch_records;
    let receive = |max, wait| async move {
        tokio::select! {
            biased;
            received = queue.receive(max, wait) => received,
            () = stopped(stop) => Ok(Vec::new()),
        }
    };
    let mut messages = receive(most, WAIT).await?;
    let closes_at = Instant::now() + Duration::from_secs(work.parameters.window_s);
    while !messages.is_empty() && messages.len() < most && !*stop.borrow() {
        let left = closes_at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match receive(most - messages.len(), left.min(WAIT)).await {
            Ok(more) => messages.extend(more),
            // What was received is delivered; the error comes again.
            Err(_) => break,
        }
    }
    work.counters.received(messages.len());
    Ok(messages)
}

/// Delivers a batch and acknowledges what arrived or was filtered out. The rest stays in the queue.
async fn process(work: &Work, queue: &dyn Queue, messages: Vec<Message>) -> Result<(), Error> {
    let records: Vec<Record> = messages.iter().map(|message| message.record.clone()).collect();
    let (passed, refused) = work.filter(records);
    let mut kept: HashSet<Sequence> = refused.iter().map(|record| record.sequence).collect();
    let result = deliver(work, &passed).await;
    let failed: HashSet<Sequence> = match &result {
        Ok(failed) => failed.iter().copied().collect(),
        Err(_) => passed.iter().map(|record| record.sequence).collect(),
    };
    // Each try counts: the queue's redrive policy says how many there are.
    work.counters.failed(refused.len() + failed.len());
    work.delivered(passed.len() - failed.len(), passed.last().map(|record| record.at_ms));
    kept.extend(failed);
    let done = messages.into_iter().filter(|message| !kept.contains(&message.record.sequence));
    let receipts: Vec<String> = done.map(|message| message.receipt).collect();
    if !receipts.is_empty() {
        queue.acknowledge(&receipts).await?;
    }
    result.map(|_| ())
}

/// The records that did not arrive, by sequence.
async fn deliver(work: &Work, records: &[Record]) -> Result<Vec<Sequence>, Error> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let mut staged = work.stage(records).await?;
    let mut failed = std::mem::take(&mut staged.refused);
    if !staged.refused_answers.is_empty() {
        failed = (0..records.len()).collect();
    }
    let failures = staged.send(work, records.len()).await?;
    for Failure { index, code, .. } in failures {
        if let Some(record) = records.get(index) {
            work.counters.error(format!("{code}. record=`{}`", record.id));
        }
        failed.push(index);
    }
    Ok(failed.into_iter().filter_map(|index| records.get(index)).map(|record| record.sequence).collect())
}
