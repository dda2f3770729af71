//! Messages of FIFO queues are handed out in the order of their group, and a group waits while one of them is hidden.
//!
//! A group is a row with the time from which it may be received. Since messages leave a group only from its front, those
//! that were received are the first ones: what a group waits for is read from its front, whatever its length.

use state::{Write, params};

use super::receive::{Candidate, Taking};
use crate::Error;

/// A message behind others of its group changes nothing for it.
pub(super) fn add_to_group(tx: &Write<'_>, room: i64, group: &str, visible_ms: i64) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO queue_group (room, name, ready_ms) VALUES (?1, ?2, ?3) ON CONFLICT (room, name) DO NOTHING",
        params![room, group, visible_ms],
    )?;
    Ok(())
}

/// Sets the time from which a group may be received, after messages at its front changed.
pub(super) fn settle(tx: &Write<'_>, room: i64, group: &str) -> Result<(), Error> {
    let mut ready_ms = None;
    tx.each(
        "SELECT visible_ms, receipt FROM queue_message WHERE room = ?1 AND in_group = ?2 ORDER BY number",
        params![room, group],
        |row| {
            let (visible_ms, was_received) = (row.int(0)?, row.int(1)? > 0);
            // The first of all decides alone when none was received.
            if was_received || ready_ms.is_none() {
                ready_ms = ready_ms.max(Some(visible_ms));
            }
            Ok::<_, Error>(was_received)
        },
    )?;
    match ready_ms {
        Some(ready_ms) => tx.execute(
            "UPDATE queue_group SET ready_ms = ?3 WHERE room = ?1 AND name = ?2",
            params![room, group, ready_ms],
        )?,
        None => tx.execute("DELETE FROM queue_group WHERE room = ?1 AND name = ?2", params![room, group])?,
    };
    Ok(())
}

/// Fills an answer: the groups that are ready longest, as many of each as there is room for.
pub(super) fn take(taking: &mut Taking<'_>) -> Result<(), Error> {
    let mut after = (i64::MIN, String::new());
    while !taking.is_full() {
        let limit = taking.room_left();
        let groups: Vec<(i64, String)> = taking.tx.all(
            "SELECT ready_ms, name FROM queue_group
             WHERE room = ?1 AND ready_ms <= ?2 AND (ready_ms, name) > (?3, ?4) ORDER BY ready_ms, name LIMIT ?5",
            params![taking.home.room, taking.now_ms, after.0, &after.1, limit],
            |row| Ok::<_, Error>((row.int(0)?, row.text(1)?.to_owned())),
        )?;
        let Some(last) = groups.last() else { break };
        after = last.clone();
        for (_, group) in groups {
            if taking.is_full() {
                break;
            }
            take_group(taking, &group)?;
            taking.groups.push(group);
        }
    }
    Ok(())
}

fn take_group(taking: &mut Taking<'_>, group: &str) -> Result<(), Error> {
    let mut after = i64::MIN;
    while !taking.is_full() {
        let limit = taking.room_left();
        let page: Vec<Candidate> = taking.tx.all(
            "SELECT number, visible_ms, receipt, sent_ms, first_ms FROM queue_message
             WHERE room = ?1 AND in_group = ?2 AND number > ?3 ORDER BY number LIMIT ?4",
            params![taking.home.room, group, after, limit],
            Candidate::of,
        )?;
        let Some(last) = page.last() else { break };
        after = last.number;
        for candidate in page {
            if candidate.visible_ms > taking.now_ms || taking.is_full() {
                return Ok(());
            }
            taking.offer(candidate)?;
        }
    }
    Ok(())
}

/// When the next group may be received.
pub(super) fn due_ms(tx: &Write<'_>, room: i64, now_ms: i64) -> Result<Option<i64>, Error> {
    let sql = "SELECT MIN(ready_ms) FROM queue_group WHERE room = ?1 AND ready_ms > ?2";
    Ok(tx.first(sql, params![room, now_ms], |row| row.int_opt(0).map_err(Error::from))?.flatten())
}
