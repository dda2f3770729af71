//! Dead letters one by one: looking at them without receiving them, taking one by its number, putting one back where it came
//! from. What is done with them is the business of whoever redrives them.

use std::sync::atomic::Ordering;

use state::{Read, Write, params};

use super::code::no_queue;
use super::lifecycle::{Home, find, parse};
use super::message::Received;
use super::receive::{Candidate, load, remove};
use super::{Queues, fifo};
use crate::Error;

/// Bytes of one answer, but for its first message.
const BYTES_MAX: usize = 8 << 20;

/// A message that was looked at.
pub struct Letter {
    /// Its receipt acknowledges nothing.
    pub message: Received,
    /// Somebody has received it, or it is delayed: it cannot be taken now.
    pub hidden: bool,
}

impl Queues {
    /// Queues that are dead-letter queues of other queues, as pairs of ARNs: theirs and that of the other.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn dead_letter_queues(&self) -> Result<Vec<(String, String)>, Error> {
        let queues = self.clone();
        let pairs = move |tx: &Read<'_>| {
            let mut pairs = Vec::new();
            tx.each("SELECT name, settings FROM queue ORDER BY name", &[], |row| {
                if let Some(redrive) = parse(row.text(1)?)?.redrive {
                    pairs.push((redrive.target, queues.arn(row.text(0)?)));
                }
                Ok::<_, Error>(true)
            })?;
            Ok(pairs)
        };
        self.inner.state.read(pairs).await
    }

    /// A number behind those of all messages there are now, and before those of all to come.
    pub fn newest(&self) -> i64 {
        self.inner.numbers.load(Ordering::Relaxed)
    }

    /// At most `limit` messages behind the number `after`, in order, hidden ones too. None is received by it.
    ///
    /// # Errors
    /// `QueueDoesNotExist`.
    pub async fn look(&self, name: &str, after: i64, limit: usize) -> Result<Vec<Letter>, Error> {
        let (name, now_ms) = (name.to_owned(), self.now_ms());
        let look = move |tx: &Read<'_>| {
            let home = find(tx, &name)?;
            let (mut letters, mut bytes) = (Vec::new(), 0);
            let sql = "SELECT number, visible_ms, receipt, sent_ms, first_ms FROM queue_message
                WHERE room = ?1 AND number > ?2 AND sent_ms > ?3 ORDER BY number";
            tx.each(sql, params![home.room, after, home.settings.horizon_ms(now_ms)], |row| {
                let candidate = Candidate::of(row)?;
                let message = load(tx, &home, &candidate)?;
                bytes += message.body.len();
                letters.push(Letter { message, hidden: candidate.visible_ms > now_ms });
                Ok::<_, Error>(letters.len() < limit && bytes < BYTES_MAX)
            })?;
            Ok(letters)
        };
        self.inner.state.read(look).await
    }

    /// Receives one message, as [`Queues::receive`] does, for so many seconds. `None` when it is gone or hidden.
    ///
    /// # Errors
    /// `QueueDoesNotExist`.
    pub async fn take(&self, name: &str, number: i64, visibility_s: i64) -> Result<Option<Received>, Error> {
        let (name, now_ms) = (name.to_owned(), self.now_ms());
        let take = move |tx: &Write<'_>| {
            let home = find(tx, &name)?;
            let Some(found) = visible(tx, &home, number, now_ms)? else { return Ok(None) };
            let first_ms = if found.first_ms == 0 { now_ms } else { found.first_ms };
            let message = load(tx, &home, &Candidate { receipt: found.receipt + 1, first_ms, ..found })?;
            tx.execute(
                "UPDATE queue_message SET visible_ms = ?3, receipt = receipt + 1, first_ms = ?4, received_ms = ?5
                 WHERE room = ?1 AND number = ?2",
                params![home.room, number, now_ms + visibility_s * 1000, first_ms, now_ms],
            )?;
            if let Some(group) = message.group.as_deref().filter(|_| home.settings.fifo) {
                fifo::settle(tx, home.room, group)?;
            }
            Ok(Some(message))
        };
        self.inner.state.write(take).await
    }

    /// Moves one message back to the queue it came from, in one transaction. False when it is gone or hidden.
    ///
    /// # Errors
    /// `QueueDoesNotExist` for either queue, or when it came from none.
    pub async fn move_back(&self, name: &str, number: i64) -> Result<bool, Error> {
        let (queues, name) = (self.clone(), name.to_owned());
        let move_back = move |tx: &Write<'_>| {
            let (home, now_ms) = (find(tx, &name)?, queues.now_ms());
            let Some(message) = queues.letter(tx, &name, number)? else { return Ok(false) };
            let from = message.came_from.as_deref().and_then(|arn| queues.name_in(arn)).ok_or_else(no_queue)?;
            let target = find(tx, &from)?;
            let group = message.group.as_deref().filter(|_| home.settings.fifo);
            queues.move_one(tx, &home, (number, group), (&target, &from), now_ms)?;
            Ok(true)
        };
        self.inner.state.write(move_back).await
    }

    /// A message that is there and not hidden, as part of the caller's transaction.
    ///
    /// # Errors
    /// `QueueDoesNotExist`.
    pub(crate) fn letter(&self, tx: &Read<'_>, name: &str, number: i64) -> Result<Option<Received>, Error> {
        let home = find(tx, name)?;
        let found = visible(tx, &home, number, self.now_ms())?;
        found.map(|candidate| load(tx, &home, &candidate)).transpose()
    }

    /// Removes a message that [`Queues::letter`] found in the same transaction.
    ///
    /// # Errors
    /// `QueueDoesNotExist`.
    pub(crate) fn remove_letter(&self, tx: &Write<'_>, name: &str, message: &Received) -> Result<(), Error> {
        let home = find(tx, name)?;
        remove(tx, home.room, message.number)?;
        if let Some(group) = message.group.as_deref().filter(|_| home.settings.fifo) {
            fifo::settle(tx, home.room, group)?;
            self.inner.wake.one(name);
        }
        Ok(())
    }
}

fn visible(tx: &Read<'_>, home: &Home, number: i64, now_ms: i64) -> Result<Option<Candidate>, Error> {
    let sql = "SELECT number, visible_ms, receipt, sent_ms, first_ms FROM queue_message
        WHERE room = ?1 AND number = ?2 AND visible_ms <= ?3 AND sent_ms > ?4";
    tx.first(sql, params![home.room, number, now_ms, home.settings.horizon_ms(now_ms)], Candidate::of)
}
