//! Messages of standard queues are handed out about in the order they became visible.

use state::{Write, params};

use super::receive::{Candidate, Taking};
use crate::Error;

/// Fills an answer with what has been visible longest.
pub(super) fn take(taking: &mut Taking<'_>) -> Result<(), Error> {
    let mut after = (i64::MIN, i64::MIN);
    while !taking.is_full() {
        let limit = taking.room_left();
        let page: Vec<Candidate> = taking.tx.all(
            "SELECT number, visible_ms, receipt, sent_ms, first_ms FROM queue_message
             WHERE room = ?1 AND visible_ms <= ?2 AND (visible_ms, number) > (?3, ?4) ORDER BY visible_ms, number LIMIT ?5",
            params![taking.home.room, taking.now_ms, after.0, after.1, limit],
            Candidate::of,
        )?;
        let Some(last) = page.last() else { break };
        after = (last.visible_ms, last.number);
        for candidate in page {
            if taking.is_full() {
                break;
            }
            taking.offer(candidate)?;
        }
    }
    Ok(())
}

/// When the next message becomes visible.
pub(super) fn due_ms(tx: &Write<'_>, room: i64, now_ms: i64) -> Result<Option<i64>, Error> {
    let sql = "SELECT MIN(visible_ms) FROM queue_message WHERE room = ?1 AND visible_ms > ?2";
    Ok(tx.first(sql, params![room, now_ms], |row| row.int_opt(0).map_err(Error::from))?.flatten())
}
