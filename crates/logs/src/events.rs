//! Log events: put and get.

use state::{Write, params};

use crate::{Error, Logs, groups};

const EVENTS_MAX: usize = 10_000;
const BYTES_MAX: usize = 1_048_576;
/// What the service counts for each event beside its message.
pub(crate) const EVENT_OVERHEAD: usize = 26;
const TOO_OLD_MS: i64 = 14 * 86_400_000;
const TOO_NEW_MS: i64 = 2 * 3_600_000;
/// The longest time between the first and the last event of a put that are taken.
const SPAN_MS_MAX: i64 = 86_400_000;
/// Answers end at about this size, as the service's do.
pub(crate) const PAGE_BYTES_MAX: usize = 1_048_576;

/// An event on its way in.
#[derive(Clone)]
pub struct Input {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    pub message: String,
}

/// A kept event.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    pub stream: String,
    pub at_ms: i64,
    /// Place among the events of its stream.
    pub number: i64,
    pub ingested_ms: i64,
    pub message: String,
}

impl std::fmt::Debug for Event {
    // Messages may hold health data: only their size is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Event {{ stream: {}, number: {}, bytes: {} }}", self.stream, self.number, self.message.len())
    }
}

/// Which events of a put were not taken, as the service tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// All from this index on lie more than two hours in the future.
    pub too_new_from: Option<usize>,
    /// All before this index are older than 14 days.
    pub too_old_to: Option<usize>,
    /// All before this index are older than the group's retention.
    pub expired_to: Option<usize>,
}

/// GetLogEvents.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Milliseconds since 1970, included.
    pub from_ms: Option<i64>,
    /// Not included.
    pub to_ms: Option<i64>,
    /// 1 to 10,000.
    pub limit: usize,
    /// Oldest first; otherwise the newest page.
    pub from_head: bool,
    /// From an earlier answer.
    pub token: Option<String>,
}

/// Some events, oldest first, and where to go on.
#[derive(Clone, Debug)]
pub struct Page {
    pub events: Vec<Event>,
    pub forward: String,
    pub backward: String,
}

impl Logs {
    /// PutLogEvents.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` when too many, too large, or out of order.
    pub async fn put(&self, group: &str, stream: &str, events: Vec<Input>) -> Result<Accepted, Error> {
        check_batch(&events)?;
        let (group, stream, now_ms) = (group.to_owned(), stream.to_owned(), self.clock.now_ms());
        self.state
            .write(move |tx| {
                let horizon = groups::horizon(tx, &group, now_ms)?;
                let sql = "SELECT 1 FROM log_stream WHERE log_group = ?1 AND name = ?2";
                if tx.first(sql, params![&group, &stream], |_| Ok::<_, Error>(()))?.is_none() {
                    return Err(Error::NotFound("stream"));
                }
                let old = events.partition_point(|event| event.at_ms < now_ms - TOO_OLD_MS);
                let expired = events.partition_point(|event| event.at_ms < horizon);
                let new = events.partition_point(|event| event.at_ms <= now_ms + TOO_NEW_MS);
                let taken = events.get(old.max(expired)..new).unwrap_or_default();
                check_span(taken)?;
                insert(tx, &group, &stream, taken, now_ms)?;
                Ok(Accepted {
                    too_new_from: Some(new).filter(|new| *new < events.len()),
                    too_old_to: Some(old).filter(|old| *old > 0),
                    expired_to: Some(expired).filter(|expired| *expired > 0),
                })
            })
            .await
    }

    /// GetLogEvents: a page of one stream, oldest first. A token stays the same at the end.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` for a token or limit that is none.
    pub async fn get(&self, group: &str, stream: &str, query: Query) -> Result<Page, Error> {
        check_limit(query.limit)?;
        let place = query.token.as_deref().map(Place::parse).transpose()?;
        let forward = place.as_ref().map_or(query.from_head, |place| place.forward);
        let (group, stream, now_ms) = (group.to_owned(), stream.to_owned(), self.clock.now_ms());
        self.state
            .read(move |tx| {
                let horizon = groups::horizon(tx, &group, now_ms)?;
                let sql = "SELECT 1 FROM log_stream WHERE log_group = ?1 AND name = ?2";
                if tx.first(sql, params![&group, &stream], |_| Ok::<_, Error>(()))?.is_none() {
                    return Err(Error::NotFound("stream"));
                }
                let from = query.from_ms.unwrap_or(i64::MIN).max(horizon);
                let to = query.to_ms.unwrap_or(i64::MAX);
                let (sql, edge) = if forward { (FORWARD, (i64::MIN, 0)) } else { (BACKWARD, (i64::MAX, i64::MAX)) };
                let (at, number) = place.as_ref().map_or(edge, |place| (place.at_ms, place.number));
                let mut events = Vec::new();
                let mut bytes = 0;
                tx.each(sql, params![&group, &stream, from, to, at, number], |row| {
                    let event = event(row)?;
                    bytes += event.message.len() + EVENT_OVERHEAD;
                    if events.is_empty() || bytes <= PAGE_BYTES_MAX {
                        events.push(event);
                        return Ok::<_, Error>(events.len() < query.limit);
                    }
                    Ok(false)
                })?;
                if !forward {
                    events.reverse();
                }
                let token = |mark: char, event: Option<&Event>| {
                    let (at, number) = event.map_or((at, number), |event| (event.at_ms, event.number));
                    format!("{mark}/{at}/{number}")
                };
                Ok(Page { forward: token('f', events.last()), backward: token('b', events.first()), events })
            })
            .await
    }
}

const FORWARD: &str = "SELECT stream, at_ms, number, ingested_ms, message FROM log_event
    WHERE log_group = ?1 AND stream = ?2 AND at_ms >= ?3 AND at_ms < ?4 AND (at_ms > ?5 OR (at_ms = ?5 AND number > ?6))
    ORDER BY at_ms, number";
const BACKWARD: &str = "SELECT stream, at_ms, number, ingested_ms, message FROM log_event
    WHERE log_group = ?1 AND stream = ?2 AND at_ms >= ?3 AND at_ms < ?4 AND (at_ms < ?5 OR (at_ms = ?5 AND number < ?6))
    ORDER BY at_ms DESC, number DESC";

pub(crate) fn event(row: &state::Row<'_>) -> Result<Event, Error> {
    Ok(Event {
        stream: row.text(0)?.to_owned(),
        at_ms: row.int(1)?,
        number: row.int(2)?,
        ingested_ms: row.int(3)?,
        message: row.text(4)?.to_owned(),
    })
}

/// Adds events to a stream that exists.
pub(crate) fn insert(tx: &Write<'_>, group: &str, stream: &str, events: &[Input], now_ms: i64) -> Result<(), Error> {
    let (Some(oldest), Some(newest)) =
        (events.iter().map(|event| event.at_ms).min(), events.iter().map(|event| event.at_ms).max())
    else {
        return Ok(());
    };
    let sql = "SELECT next FROM log_stream WHERE log_group = ?1 AND name = ?2";
    let next = tx.first(sql, params![group, stream], |row| row.int(0))?.ok_or(Error::NotFound("stream"))?;
    let mut number = next;
    for event in events {
        tx.execute(
            "INSERT INTO log_event (log_group, stream, at_ms, number, ingested_ms, message)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![group, stream, event.at_ms, number, now_ms, &event.message],
        )?;
        number += 1;
    }
    tx.execute(
        "UPDATE log_stream SET next = ?3, ingested_ms = ?4,
            first_ms = CASE WHEN first_ms < ?5 THEN first_ms ELSE ?5 END,
            last_ms = CASE WHEN last_ms > ?6 THEN last_ms ELSE ?6 END
         WHERE log_group = ?1 AND name = ?2",
        params![group, stream, number, now_ms, oldest, newest],
    )?;
    Ok(())
}

fn check_batch(events: &[Input]) -> Result<(), Error> {
    let bytes: usize = events.iter().map(|event| event.message.len() + EVENT_OVERHEAD).sum();
    if events.is_empty() || events.len() > EVENTS_MAX {
        return Err(Error::Invalid(format!("logEvents must hold 1 to {EVENTS_MAX} events")));
    }
    if bytes > BYTES_MAX {
        return Err(Error::Invalid(format!("Upload too large: {bytes} bytes exceeds limit of {BYTES_MAX}")));
    }
    if events.iter().any(|event| event.message.is_empty()) {
        return Err(Error::Invalid("Log event message must not be empty".into()));
    }
    if !events.is_sorted_by_key(|event| event.at_ms) {
        return Err(Error::Invalid(
            "Log events in a single PutLogEvents request must be in chronological order.".into(),
        ));
    }
    Ok(())
}

fn check_span(taken: &[Input]) -> Result<(), Error> {
    let (Some(first), Some(last)) = (taken.first(), taken.last()) else { return Ok(()) };
    if last.at_ms - first.at_ms > SPAN_MS_MAX {
        let message = "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.";
        return Err(Error::Invalid(message.into()));
    }
    Ok(())
}

pub(crate) fn check_limit(limit: usize) -> Result<(), Error> {
    if limit == 0 || limit > EVENTS_MAX {
        return Err(Error::Invalid(format!("limit must be between 1 and {EVENTS_MAX}")));
    }
    Ok(())
}

struct Place {
    forward: bool,
    at_ms: i64,
    number: i64,
}

impl Place {
    fn parse(token: &str) -> Result<Place, Error> {
        let invalid = || Error::Invalid("The specified nextToken is invalid.".into());
        let mut parts = token.splitn(3, '/');
        let forward = match parts.next() {
            Some("f") => true,
            Some("b") => false,
            _ => return Err(invalid()),
        };
        let mut number = || parts.next().and_then(|part| part.parse().ok()).ok_or_else(invalid);
        Ok(Place { forward, at_ms: number()?, number: number()? })
    }
}
