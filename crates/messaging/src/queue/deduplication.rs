//! Five minutes of deduplication ids of FIFO queues: a repeat is answered like the first and not taken.

use state::{Write, params};

use crate::Error;

pub(super) const INTERVAL_MS: i64 = 300_000;

/// The message that was sent with this id: its id and number.
pub(super) fn find(
    tx: &Write<'_>,
    room: i64,
    scope: &str,
    id: &str,
    now_ms: i64,
) -> Result<Option<(String, i64)>, Error> {
    tx.first(
        "SELECT message, number FROM queue_deduplication WHERE room = ?1 AND scope = ?2 AND id = ?3 AND at_ms > ?4",
        params![room, scope, id, now_ms - INTERVAL_MS],
        |row| Ok((row.text(0)?.to_owned(), row.int(1)?)),
    )
}

pub(super) fn remember(
    tx: &Write<'_>,
    room: i64,
    (scope, id): (&str, &str),
    now_ms: i64,
    (message, number): (&str, i64),
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO queue_deduplication (room, scope, id, at_ms, message, number) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (room, scope, id) DO UPDATE SET
             at_ms = excluded.at_ms, message = excluded.message, number = excluded.number",
        params![room, scope, id, now_ms, message, number],
    )?;
    Ok(())
}
