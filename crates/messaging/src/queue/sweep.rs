//! What nobody asks for any more leaves the disk: messages past their retention, rooms that were purged, old
//! deduplication ids. Operations do not see any of it before; this only frees the space.

use state::{Read, Write, params};

use super::receive::remove;
use super::{Queues, deduplication, fifo, lifecycle};
use crate::Error;

/// Rows that go in one transaction, so that nobody waits long.
const ROWS_MAX: i64 = 500;

impl Queues {
    /// Removes all that is due, in bounded steps, and answers how many rows went.
    ///
    /// # Errors
    /// When the state fails; the next call goes on.
    pub async fn sweep(&self) -> Result<usize, Error> {
        let mut removed = 0;
        loop {
            let now_ms = self.now_ms();
            let rows =
                self.inner.state.write(move |tx| Ok::<_, Error>(left_rooms(tx)? + remembered(tx, now_ms)?)).await?;
            removed += rows;
            if rows == 0 {
                break;
            }
        }
        // Only queues whose oldest message is too old are written to.
        let now_ms = self.now_ms();
        for name in self.inner.state.read(move |tx| expired_queues(tx, now_ms)).await? {
            loop {
                let (queues, queue) = (self.clone(), name.clone());
                let rows = self.inner.state.write(move |tx| queues.expire(tx, &queue)).await?;
                removed += rows;
                if rows == 0 {
                    break;
                }
            }
        }
        Ok(removed)
    }

    /// Messages at the queue's front that are too old. One behind younger ones, which a dead-letter queue may hold, waits
    /// for them; receives and counts pass over it meanwhile.
    fn expire(&self, tx: &Write<'_>, name: &str) -> Result<usize, Error> {
        let home = match lifecycle::find(tx, name) {
            Ok(home) => home,
            // Deleted meanwhile.
            Err(Error::Queue { .. }) => return Ok(0),
            Err(error) => return Err(error),
        };
        let horizon_ms = home.settings.horizon_ms(self.now_ms());
        let mut old = Vec::new();
        tx.each(
            "SELECT number, sent_ms, in_group FROM queue_message WHERE room = ?1 ORDER BY number LIMIT ?2",
            params![home.room, ROWS_MAX],
            |row| {
                let expired = row.int(1)? <= horizon_ms;
                if expired {
                    old.push((row.int(0)?, row.text_opt(2)?.map(str::to_owned)));
                }
                Ok::<_, Error>(expired)
            },
        )?;
        let mut groups = std::collections::BTreeSet::new();
        for (number, group) in &old {
            remove(tx, home.room, *number)?;
            groups.extend(group.as_deref());
        }
        for group in groups {
            fifo::settle(tx, home.room, group)?;
            self.inner.wake.one(name);
        }
        Ok(old.len())
    }
}

/// Some rows of a room that was left; at last the note that it was.
fn left_rooms(tx: &Write<'_>) -> Result<usize, Error> {
    let Some(room) = tx.first("SELECT MIN(room) FROM queue_left", &[], |row| row.int_opt(0))?.flatten() else {
        return Ok(0);
    };
    let mut removed = 0;
    for (table, key) in
        [("queue_message", "number"), ("queue_content", "number"), ("queue_group", "name"), ("queue_attempt", "id")]
    {
        let sql = format!(
            "DELETE FROM {table} WHERE room = ?1 AND {key} IN (SELECT {key} FROM {table} WHERE room = ?1 ORDER BY {key} LIMIT ?2)"
        );
        removed += tx.execute(&sql, params![room, ROWS_MAX])?;
    }
    // Deduplication ids of the room go when they are old.
    if removed == 0 {
        removed += tx.execute("DELETE FROM queue_left WHERE room = ?1", params![room])?;
    }
    Ok(removed)
}

/// Some deduplication ids and attempts that no longer count.
fn remembered(tx: &Write<'_>, now_ms: i64) -> Result<usize, Error> {
    let horizon_ms = now_ms - deduplication::INTERVAL_MS;
    let ids = tx.execute(
        "DELETE FROM queue_deduplication WHERE (room, scope, id) IN
             (SELECT room, scope, id FROM queue_deduplication WHERE at_ms <= ?1 ORDER BY at_ms LIMIT ?2)",
        params![horizon_ms, ROWS_MAX],
    )?;
    let attempts = tx.execute(
        "DELETE FROM queue_attempt WHERE (room, id) IN
             (SELECT room, id FROM queue_attempt WHERE at_ms <= ?1 ORDER BY at_ms LIMIT ?2)",
        params![horizon_ms, ROWS_MAX],
    )?;
    Ok(ids + attempts)
}

fn expired_queues(tx: &Read<'_>, now_ms: i64) -> Result<Vec<String>, Error> {
    let rows = tx.all("SELECT name, room, settings FROM queue ORDER BY name", &[], |row| {
        Ok::<_, Error>((row.text(0)?.to_owned(), row.int(1)?, lifecycle::parse(row.text(2)?)?.horizon_ms(now_ms)))
    })?;
    let mut expired = Vec::new();
    for (name, room, horizon_ms) in rows {
        let sql = "SELECT sent_ms FROM queue_message WHERE room = ?1 ORDER BY number LIMIT 1";
        let oldest_ms = tx.first(sql, params![room], |row| row.int(0))?;
        if oldest_ms.is_some_and(|oldest_ms| oldest_ms <= horizon_ms) {
            expired.push(name);
        }
    }
    Ok(expired)
}
