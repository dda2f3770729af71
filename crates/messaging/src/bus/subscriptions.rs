//! A bus as what pipes read: each subscriber has the events of its pattern kept for it, in the transaction that accepted
//! them and in that order, as the one shard of an [`event::Source`].
//!
//! Tables: `event_subscription (subscriber, bus, pattern, last, trimmed)`, `last` the number of the newest event and `trimmed`
//! of the newest that was dropped unread; `event_kept (subscriber, number, at_ms, body)`. An event goes when the subscriber's
//! position has passed it, or when it is older than a queue may keep a message.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event::{Cursor, Kind, Page, Record, Sequence, Shard, Source, Start};
use expr::Path;
use pattern::Pattern;
use serde_json::Value;
use state::{Read, Write, params};
use tokio::sync::{Mutex, watch};

use super::{Buses, bus_name, buses};
use crate::Error;

/// The one shard.
const SHARD: &str = "events";
/// As long as a queue behind a rule can keep them.
const RETENTION_MS: i64 = 14 * 86_400_000;
/// How long [`Source::wait`] waits when nothing comes.
const WAIT: Duration = Duration::from_secs(1);
/// Bytes of one page, but for its first event.
const PAGE_BYTES_MAX: usize = 4 << 20;

/// A bus as something to follow: the events that `pattern` matches.
pub fn open(buses: &Buses, bus_name_or_arn: &str, pattern: &Value) -> Arc<dyn event::Feed> {
    let bus = bus_name(Some(bus_name_or_arn)).to_owned();
    Arc::new(Feed { buses: buses.clone(), bus, pattern: pattern.to_string() })
}

struct Feed {
    buses: Buses,
    bus: String,
    pattern: String,
}

#[async_trait]
impl event::Feed for Feed {
    async fn subscribe(&self, subscriber: &str) -> Result<Arc<dyn Source>, event::Error> {
        let Feed { buses, bus, pattern } = self;
        Pattern::parse(pattern).map_err(|error| Error::Pattern(error.to_string()))?;
        let (this, bus, pattern, name) = (buses.clone(), bus.clone(), pattern.clone(), subscriber.to_owned());
        let subscribed = self.buses.inner.state.write(move |tx| {
            buses::find(tx, &bus)?;
            let sql =
                "INSERT INTO event_subscription (subscriber, bus, pattern, last, trimmed) VALUES (?1, ?2, ?3, 0, 0)
                ON CONFLICT DO NOTHING";
            if tx.execute(sql, params![&name, &bus, &pattern])? > 0 {
                this.inner.indexes.forget(&bus);
            }
            Ok::<_, Error>(())
        });
        subscribed.await?;
        let id = Path::parse("$.id").map_err(|_| event::Error::new(Kind::Internal, "no path"))?;
        let came = Mutex::new(buses.inner.kept.subscribe());
        Ok(Arc::new(Subscription { buses: buses.clone(), subscriber: subscriber.to_owned(), id, came }))
    }

    async fn unsubscribe(&self, subscriber: &str) -> Result<(), event::Error> {
        let (this, bus, name) = (self.buses.clone(), self.bus.clone(), subscriber.to_owned());
        let ended = self.buses.inner.state.write(move |tx| {
            tx.execute("DELETE FROM event_subscription WHERE subscriber = ?1", params![&name])?;
            tx.execute("DELETE FROM event_kept WHERE subscriber = ?1", params![&name])?;
            this.inner.indexes.forget(&bus);
            Ok::<_, Error>(())
        });
        Ok(ended.await?)
    }
}

/// The subscribers of a bus with their patterns.
pub(super) fn of_bus(tx: &Read<'_>, bus: &str) -> Result<Vec<(String, String)>, Error> {
    let sql = "SELECT subscriber, pattern FROM event_subscription WHERE bus = ?1 ORDER BY subscriber";
    tx.all(sql, params![bus], |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())))
}

/// Keeps an event for a subscriber.
pub(super) fn keep(tx: &Write<'_>, subscriber: &str, event: &str, now_ms: i64) -> Result<(), Error> {
    tx.execute("UPDATE event_subscription SET last = last + 1 WHERE subscriber = ?1", params![subscriber])?;
    tx.execute(
        "INSERT INTO event_kept (subscriber, number, at_ms, body)
         SELECT subscriber, last, ?2, ?3 FROM event_subscription WHERE subscriber = ?1",
        params![subscriber, now_ms, event],
    )?;
    Ok(())
}

/// Drops what subscribers have taken, and what is too old.
pub(super) fn trim(tx: &Write<'_>, now_ms: i64) -> Result<(), Error> {
    let sql = "SELECT subscriber FROM event_subscription ORDER BY subscriber";
    for subscriber in tx.all(sql, &[], |row| Ok::<_, Error>(row.text(0)?.to_owned()))? {
        let sql = "SELECT sequence FROM position WHERE consumer = ?1 AND shard = ?2";
        let taken = tx.first(sql, params![&subscriber, SHARD], |row| Ok::<_, Error>(row.text(0)?.parse().ok()))?;
        let taken: i64 = taken.flatten().unwrap_or_default();
        tx.execute("DELETE FROM event_kept WHERE subscriber = ?1 AND number <= ?2", params![&subscriber, taken])?;
        drop_old(tx, &subscriber, now_ms.saturating_sub(RETENTION_MS))?;
    }
    Ok(())
}

/// Numbers and times grow together: what is too old is in front.
fn drop_old(tx: &Write<'_>, subscriber: &str, horizon_ms: i64) -> Result<(), Error> {
    let oldest = "SELECT at_ms FROM event_kept WHERE subscriber = ?1 ORDER BY number LIMIT 1";
    if tx.first(oldest, params![subscriber], |row| row.int(0))?.is_none_or(|at_ms| at_ms >= horizon_ms) {
        return Ok(());
    }
    let young = "SELECT number FROM event_kept WHERE subscriber = ?1 AND at_ms >= ?2 ORDER BY number LIMIT 1";
    let young = tx.first(young, params![subscriber, horizon_ms], |row| row.int(0))?;
    let sql = "UPDATE event_subscription SET trimmed = COALESCE(?2, last + 1) - 1 WHERE subscriber = ?1";
    tx.execute(sql, params![subscriber, young])?;
    let sql = "DELETE FROM event_kept WHERE subscriber = ?1 AND number <=
        (SELECT trimmed FROM event_subscription WHERE subscriber = ?1)";
    tx.execute(sql, params![subscriber])?;
    Ok(())
}

/// What is kept for one subscriber.
struct Subscription {
    buses: Buses,
    subscriber: String,
    id: Path,
    /// Whether events were kept since the last read began.
    came: Mutex<watch::Receiver<()>>,
}

impl Subscription {
    /// The numbers of the newest event that came and of the newest that was dropped unread.
    fn find(tx: &Read<'_>, subscriber: &str) -> Result<(i64, i64), Error> {
        let sql = "SELECT last, trimmed, bus FROM event_subscription WHERE subscriber = ?1";
        let found = tx.first(sql, params![subscriber], |row| {
            Ok::<_, Error>((row.int(0)?, row.int(1)?, row.text(2)?.to_owned()))
        })?;
        let (last, trimmed, bus) = found.ok_or_else(|| Error::NotFound("the subscription has ended".into()))?;
        buses::find(tx, &bus)?;
        Ok((last, trimmed))
    }

    async fn read_state<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Read<'_>, &str) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, event::Error> {
        let subscriber = self.subscriber.clone();
        Ok(self.buses.inner.state.read(move |tx| read(tx, &subscriber)).await?)
    }

    fn record(&self, (number, at_ms, body): (i64, i64, String)) -> Record {
        let id = self.id.text(body.as_bytes()).ok().flatten().map_or_else(|| number.to_string().into(), Arc::from);
        // One key: events are delivered in the order in which they came.
        Record {
            id,
            data: body.into(),
            sequence: Sequence::from(number.unsigned_abs()),
            at_ms,
            key_hash: 0,
            untemplated: None,
        }
    }
}

fn trimmed() -> event::Error {
    event::Error::new(Kind::Trimmed, "events were older than 14 days before they were read")
}

#[async_trait]
impl Source for Subscription {
    async fn shards(&self) -> Result<Vec<Shard>, event::Error> {
        self.read_state(Self::find).await?;
        Ok(vec![Shard { id: SHARD.into(), parent: None }])
    }

    async fn open(&self, shard: &str, start: Start) -> Result<Cursor, event::Error> {
        if shard != SHARD {
            return Err(event::Error::new(Kind::NotFound, format!("no such shard. shard=`{shard}`")));
        }
        let (last, dropped) = self.read_state(Self::find).await?;
        let after = match start {
            // A subscription begins with its subscriber, so no time is before its first event.
            Start::TrimHorizon | Start::AtTimestamp(_) => dropped,
            Start::Latest => last,
            Start::After(sequence) => sequence.to_string().parse().unwrap_or(last),
        };
        if after < dropped { Err(trimmed()) } else { Ok(Cursor(after.to_string())) }
    }

    async fn read(&self, cursor: &Cursor, limit: usize) -> Result<Page, event::Error> {
        let unreadable = || event::Error::new(Kind::Expired, "not a cursor of a subscription");
        let after: i64 = cursor.0.parse().map_err(|_| unreadable())?;
        self.came.lock().await.mark_unchanged();
        let found = self.read_state(move |tx, subscriber| {
            let (_, dropped) = Self::find(tx, subscriber)?;
            let (mut events, mut bytes) = (Vec::new(), 0);
            let sql =
                "SELECT number, at_ms, body FROM event_kept WHERE subscriber = ?1 AND number > ?2 ORDER BY number";
            tx.each(sql, params![subscriber, after], |row| {
                let body = row.text(2)?;
                bytes += body.len();
                if !events.is_empty() && bytes > PAGE_BYTES_MAX {
                    return Ok::<_, Error>(false);
                }
                events.push((row.int(0)?, row.int(1)?, body.to_owned()));
                Ok(events.len() < limit)
            })?;
            Ok((events, dropped))
        });
        let (events, dropped) = found.await?;
        if after < dropped {
            return Err(trimmed());
        }
        let next = Cursor(events.last().map_or(after, |(number, ..)| *number).to_string());
        Ok(Page { records: events.into_iter().map(|event| self.record(event)).collect(), next: Some(next) })
    }

    async fn wait(&self) {
        let _ = tokio::time::timeout(WAIT, self.came.lock().await.changed()).await;
    }
}
