//! One shard: cuts what is read into batches by size, bytes and window, and hands them on in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use event::{Error, Kind, Record, Sequence, Source, Start};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::cuts::Cuts;
use super::deliver::Deliverer;
use super::fetch::{self, Fetched};
use super::{Work, stopped};

/// Payload of one batch, as the service has it.
const BATCH_BYTES_MAX: usize = 6 * 1024 * 1024;
/// Pages read ahead.
const PAGES_AHEAD: usize = 2;

/// How the reading of a shard ended.
pub(crate) enum End {
    /// Everything in it is handed over; this was the last record.
    Finished(Sequence),
    Stopped,
}

/// Ends the reading task with its deliverer.
struct Fetch(AbortHandle);

impl Drop for Fetch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Reads and delivers one shard until its end or until it is stopped.
///
/// # Errors
/// What stops the pipe.
pub(crate) async fn run(
    work: Arc<Work>,
    source: Arc<dyn Source>,
    shard: Arc<str>,
    start: Start,
    stop: watch::Receiver<bool>,
) -> Result<End, Error> {
    let mut through = match start {
        Start::After(position) => position,
        _ => Sequence::ZERO,
    };
    let mut cuts = Cuts::load(&work, &shard).await?;
    let (out, mut pages) = mpsc::channel(PAGES_AHEAD);
    let _fetch = Fetch(tokio::spawn(fetch::run(work.clone(), source, shard.clone(), start, out)).abort_handle());
    let mut deliverer = Deliverer::new(work.clone(), shard, stop.clone());
    let mut open = VecDeque::new();
    let mut closes_at: Option<Instant> = None;
    loop {
        let fetched = tokio::select! {
            biased;
            () = stopped(&stop) => return Ok(End::Stopped),
            fetched = pages.recv() => fetched,
            () = sleep_until(closes_at) => {
                closes_at = None;
                if !deliverer.deliver(std::mem::take(&mut open).into()).await? {
                    return Ok(End::Stopped);
                }
                continue;
            }
        };
        let ended = match fetched {
            None => return Err(Error::new(Kind::Internal, "shard reader failed; see the log")),
            Some(Fetched::Failed(error)) => return Err(error),
            Some(Fetched::Records(records)) => {
                through = records.last().map_or(through, |record| record.sequence);
                open.extend(records);
                false
            }
            Some(Fetched::End) => true,
        };
        let may_wait = work.parameters.window_s > 0 && !ended;
        loop {
            let batch = match cuts.next(&mut open, ended) {
                Some(Err(())) => break,
                Some(Ok(batch)) => batch,
                None => match cut(&mut open, work.parameters.batch_records, may_wait) {
                    Some(batch) => batch,
                    None => break,
                },
            };
            closes_at = None;
            if !deliverer.deliver(batch).await? {
                return Ok(End::Stopped);
            }
        }
        if ended {
            return Ok(End::Finished(through));
        }
        if !open.is_empty() && closes_at.is_none() && may_wait {
            closes_at = Some(Instant::now() + Duration::from_secs(work.parameters.window_s));
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Takes the next batch off the front: full by count or bytes, or whatever is there when it may not wait.
fn cut(open: &mut VecDeque<Record>, records_max: usize, may_wait: bool) -> Option<Vec<Record>> {
    let (mut count, mut bytes, mut full) = (0, 0usize, false);
    for record in open.iter() {
        bytes = bytes.saturating_add(record.data.len());
        // One record larger than the limit goes alone.
        if count == records_max || (count > 0 && bytes > BATCH_BYTES_MAX) {
            full = true;
            break;
        }
        count += 1;
    }
    if count == 0 || (may_wait && !full && count < records_max) {
        return None;
    }
    Some(open.drain(..count).collect())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn records(sizes: &[usize]) -> Vec<Record> {
        let one = |(index, size): (usize, &usize)| Record {
            data: Bytes::from(vec![b' '; *size]),
            sequence: (index as u64 + 1).into(),
            at_ms: 0,
            key_hash: 0,
            untemplated: None,
            id: "r".into(),
        };
        sizes.iter().enumerate().map(one).collect()
    }

    fn check(sizes: &[usize], max: usize, may_wait: bool, expected: &[usize]) {
        let mut open = VecDeque::from(records(sizes));
        let mut found = Vec::new();
        while let Some(batch) = cut(&mut open, max, may_wait) {
            found.push(batch.len());
        }
        assert_eq!(found, expected, "{sizes:?} by {max}");
    }

    #[test]
    fn batches_close_on_count_bytes_and_window() {
        check(&[1; 5], 2, false, &[2, 2, 1]);
        check(&[1; 5], 2, true, &[2, 2]);
        check(&[BATCH_BYTES_MAX, 1, 1], 10, true, &[1]);
        check(&[BATCH_BYTES_MAX + 1, 1, 1], 10, false, &[1, 2]);
        check(&[], 10, false, &[]);
    }
}
