//! FilterLogEvents: the events of a group that match a pattern, by time, over all its streams.

use state::params;

use crate::events::{EVENT_OVERHEAD, PAGE_BYTES_MAX, check_limit, event};
use crate::pattern::Pattern;
use crate::{Error, Event, Logs, groups, streams};

/// Looked at for one page. A page that found little in so much ends early, with a token, as the service's do.
const READ_BYTES_MAX: usize = 16 << 20;

/// FilterLogEvents.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Milliseconds since 1970, included.
    pub from_ms: Option<i64>,
    /// Not included.
    pub to_ms: Option<i64>,
    /// Empty: all.
    pub streams: Vec<String>,
    pub stream_prefix: String,
    /// Empty: all.
    pub pattern: String,
    /// 1 to 10,000.
    pub limit: usize,
    /// A token keeps the direction it was given in.
    pub newest_first: bool,
    /// From an earlier answer.
    pub token: Option<String>,
}

impl Search {
    fn wants(&self, stream: &str) -> bool {
        let is_named = self.streams.is_empty() || self.streams.iter().any(|name| name == stream);
        is_named && stream.starts_with(&self.stream_prefix)
    }
}

/// An event that was looked at: the next page begins behind it.
struct Place {
    newest_first: bool,
    at_ms: i64,
    number: i64,
    stream: String,
}

impl Place {
    fn before_all(newest_first: bool) -> Place {
        let edge = if newest_first { i64::MAX } else { i64::MIN };
        Place { newest_first, at_ms: edge, number: edge, stream: String::new() }
    }

    fn parse(token: &str) -> Result<Place, Error> {
        let mut parts = token.splitn(4, '/');
        let direction = parts.next();
        let mut number = || parts.next().and_then(|part| part.parse::<i64>().ok());
        match (direction, number(), number(), parts.next()) {
            (Some("f" | "b"), Some(at_ms), Some(number), Some(stream))
                if streams::check_stream_name(stream).is_ok() =>
            {
                Ok(Place { newest_first: direction == Some("b"), at_ms, number, stream: stream.to_owned() })
            }
            _ => Err(Error::Invalid("The specified nextToken is invalid.".into())),
        }
    }

    fn token(&self) -> String {
        let direction = if self.newest_first { 'b' } else { 'f' };
        format!("{direction}/{}/{}/{}", self.at_ms, self.number, self.stream)
    }
}

impl Logs {
    /// FilterLogEvents: a page, which may be empty, and the token for more.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` for a pattern, token or limit that is none.
    pub async fn filter(&self, group: &str, search: Search) -> Result<(Vec<Event>, Option<String>), Error> {
        check_limit(search.limit)?;
        let pattern = Pattern::parse(&search.pattern)?;
        let place = search.token.as_deref().map(Place::parse).transpose()?;
        let mut place = place.unwrap_or_else(|| Place::before_all(search.newest_first));
        let (group, now_ms) = (group.to_owned(), self.clock.now_ms());
        self.state
            .read(move |tx| {
                let horizon = groups::horizon(tx, &group, now_ms)?;
                let mut from = search.from_ms.unwrap_or(i64::MIN).max(horizon);
                let mut to = search.to_ms.unwrap_or(i64::MAX);
                let sql = if place.newest_first {
                    to = to.min(place.at_ms.saturating_add(1));
                    NEWEST_FIRST
                } else {
                    from = from.max(place.at_ms);
                    OLDEST_FIRST
                };
                let (start, stream, number) = (place.at_ms, place.stream.clone(), place.number);
                let (mut found, mut page_bytes, mut read_bytes, mut more) = (Vec::<Event>::new(), 0, 0, false);
                tx.each(sql, params![&group, from, to, start, &stream, number], |row| {
                    let (stream, message) = (row.text(0)?, row.text(4)?);
                    let bytes = message.len() + EVENT_OVERHEAD;
                    let is_found = read_bytes < READ_BYTES_MAX && search.wants(stream) && pattern.matches(message);
                    let is_full =
                        found.len() == search.limit || (!found.is_empty() && page_bytes + bytes > PAGE_BYTES_MAX);
                    more = read_bytes >= READ_BYTES_MAX || (is_found && is_full);
                    if more {
                        return Ok::<_, Error>(false);
                    }
                    read_bytes += bytes;
                    (place.at_ms, place.number) = (row.int(1)?, row.int(2)?);
                    stream.clone_into(&mut place.stream);
                    if is_found {
                        page_bytes += bytes;
                        found.push(event(row)?);
                    }
                    Ok(true)
                })?;
                Ok((found, more.then(|| place.token())))
            })
            .await
    }
}

const OLDEST_FIRST: &str = "SELECT stream, at_ms, number, ingested_ms, message FROM log_event
    WHERE log_group = ?1 AND at_ms >= ?2 AND at_ms < ?3
      AND (at_ms > ?4 OR (at_ms = ?4 AND (stream > ?5 OR (stream = ?5 AND number > ?6))))
    ORDER BY at_ms, stream, number";
const NEWEST_FIRST: &str = "SELECT stream, at_ms, number, ingested_ms, message FROM log_event
    WHERE log_group = ?1 AND at_ms >= ?2 AND at_ms < ?3
      AND (at_ms < ?4 OR (at_ms = ?4 AND (stream < ?5 OR (stream = ?5 AND number < ?6))))
    ORDER BY at_ms DESC, stream DESC, number DESC";
