//! Reads one shard into a short queue: reopens expired cursors, records gaps, backs off when throttled.

use std::sync::Arc;
use std::time::Duration;

use event::{Cursor, Error, Kind, Page, Record, Sequence, Source, Start};
use tokio::sync::mpsc;

use super::backoff::Backoff;
use super::{GapPolicy, Work, gaps};
use crate::store::Gap;

/// Records asked for at once; at least a batch, so that a small batch does not cost a read each.
const READ_RECORDS_MIN: usize = 1000;

/// What the deliverer gets.
pub(crate) enum Fetched {
    Records(Vec<Record>),
    /// The shard is closed and everything in it was sent.
    End,
    Failed(Error),
}

/// Reads until the shard ends, an error stops the pipe, or the receiver is dropped.
pub(crate) async fn run(
    work: Arc<Work>,
    source: Arc<dyn Source>,
    shard: Arc<str>,
    start: Start,
    out: mpsc::Sender<Fetched>,
) {
    let mut reader = Reader { work, source, shard, start, gap: None, backoff: Backoff::default() };
    let last = match reader.read_all(&out).await {
        Ok(true) => Fetched::End,
        Ok(false) => return,
        Err(error) => Fetched::Failed(error),
    };
    // The deliverer may be gone: then nobody wants to know.
    let _ = out.send(last).await;
}

struct Reader {
    work: Arc<Work>,
    source: Arc<dyn Source>,
    shard: Arc<str>,
    /// Where a new cursor begins: behind the last record sent, or the shard's first start.
    start: Start,
    /// A gap whose far side is not known yet.
    gap: Option<Gap>,
    backoff: Backoff,
}

impl Reader {
    /// True at the shard's end, false when the receiver is gone.
    async fn read_all(&mut self, out: &mpsc::Sender<Fetched>) -> Result<bool, Error> {
        let mut cursor: Option<Cursor> = None;
        loop {
            match self.step(cursor.take()).await {
                Ok(page) => {
                    self.backoff.reset();
                    let (empty, next) = (page.records.is_empty(), page.next);
                    if !empty && !self.send(page.records, out).await? {
                        return Ok(false);
                    }
                    match next {
                        None => return Ok(true),
                        Some(next) => cursor = Some(next),
                    }
                    if empty {
                        tokio::select! {
                            () = self.source.wait() => {}
                            () = out.closed() => return Ok(false),
                        }
                    }
                }
                // A new cursor is opened behind the last record sent.
                Err(error) if error.kind() == Kind::Expired => {}
                Err(error) if error.kind() == Kind::Trimmed => self.trimmed().await?,
                Err(error) if error.kind() == Kind::NotFound => {
                    self.record_gap().await?;
                    return Ok(true);
                }
                Err(error) => {
                    if matches!(error.kind(), Kind::Invalid | Kind::Denied | Kind::Corrupt) {
                        return Err(error);
                    }
                    self.work.counters.error(error.to_string());
                    let wait = self.backoff.next(&self.work);
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = out.closed() => return Ok(false),
                    }
                }
            }
        }
    }

    async fn step(&self, cursor: Option<Cursor>) -> Result<Page, Error> {
        let cursor = match cursor {
            Some(cursor) => cursor,
            None => self.source.open(&self.shard, self.start).await?,
        };
        let limit = self.work.parameters.batch_records.max(READ_RECORDS_MIN);
        self.source.read(&cursor, limit).await
    }

    async fn send(&mut self, mut records: Vec<Record>, out: &mpsc::Sender<Fetched>) -> Result<bool, Error> {
        if let Start::After(last) = self.start {
            // A source that answers from before the position must not make a record count twice.
            records.retain(|record| record.sequence > last);
        }
        let (Some(first), Some(last)) = (records.first(), records.last()) else { return Ok(true) };
        if let Some(mut gap) = self.gap.take() {
            gap.to = Some(first.sequence);
            gaps::write(&self.work, gap).await?;
        }
        self.start = Start::After(last.sequence);
        self.work.counters.received(records.len());
        Ok(out.send(Fetched::Records(records)).await.is_ok())
    }

    async fn trimmed(&mut self) -> Result<(), Error> {
        if self.gap.is_some() {
            // The oldest record went away while the cursor was opened: try again, a little later.
            tokio::time::sleep(self.backoff.next(&self.work).min(Duration::from_secs(1))).await;
            return Ok(());
        }
        self.record_gap().await?;
        match self.work.gap_policy {
            GapPolicy::Resume => {
                self.start = Start::TrimHorizon;
                Ok(())
            }
            GapPolicy::Halt => Err(gaps::halted(&self.shard)),
        }
    }

    async fn record_gap(&mut self) -> Result<(), Error> {
        let from = match self.start {
            Start::After(last) => last,
            _ => Sequence::ZERO,
        };
        self.gap = Some(gaps::note(&self.work, &self.shard, from).await?);
        Ok(())
    }
}
