//! Dead letters: a message that was received as often as `RedrivePolicy` allows goes to the dead-letter queue, in the
//! transaction that would have handed it out once more.

use state::{Write, params};

use super::code::Code;
use super::lifecycle::find;
use super::receive::{Candidate, Taking, remove};
use super::send::insert_message;
use crate::Error;

/// Whether the message was moved. It stays, and is handed out, when the dead-letter queue is gone.
pub(super) fn to_dead_letters(taking: &Taking<'_>, candidate: &Candidate) -> Result<bool, Error> {
    let Some(redrive) = &taking.home.settings.redrive else { return Ok(false) };
    if candidate.receipt < redrive.receives_max {
        return Ok(false);
    }
    let Some(name) = taking.queues.name_in(&redrive.target) else { return Ok(false) };
    let target = match find(taking.tx, &name) {
        Ok(home) => home,
        Err(Error::Queue { code: Code::QueueDoesNotExist, .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    let from = taking.queues.arn(taking.name);
    let number = taking.queues.next_number();
    let kept = Kept { id: None, received_before: candidate.receipt, came_from: Some(&from) };
    let group = copy_content(taking.tx, (taking.home.room, candidate.number), (target.room, number), &kept)?;
    let group = group.filter(|_| target.settings.fifo);
    // A standard queue keeps the age of a message, a FIFO queue begins anew.
    let sent_ms = if target.settings.fifo { taking.now_ms } else { candidate.sent_ms };
    insert_message(taking.tx, target.room, number, (sent_ms, taking.now_ms, candidate.first_ms), group.as_deref())?;
    remove(taking.tx, taking.home.room, candidate.number)?;
    taking.queues.inner.wake.one(&name);
    Ok(true)
}

/// What a message takes along into another queue.
pub(super) struct Kept<'a> {
    /// A new message id; `None`: it keeps its own.
    pub id: Option<&'a str>,
    /// Receives to add to those from before; less than 0: it begins anew.
    pub received_before: i64,
    /// The ARN of the queue it was a message of.
    pub came_from: Option<&'a str>,
}

/// Copies what stays of a message, and answers its group.
pub(super) fn copy_content(
    tx: &Write<'_>,
    (room, number): (i64, i64),
    (to_room, to_number): (i64, i64),
    kept: &Kept<'_>,
) -> Result<Option<String>, Error> {
    tx.execute(
        "INSERT INTO queue_content (room, number, id, body, body_md5, attributes, attributes_md5, sender,
             message_group, deduplication, trace, received_before, came_from)
         SELECT ?3, ?4, COALESCE(?5, id), body, body_md5, attributes, attributes_md5, sender, message_group,
             deduplication, trace, CASE WHEN ?6 < 0 THEN 0 ELSE received_before + ?6 END, ?7
         FROM queue_content WHERE room = ?1 AND number = ?2",
        params![room, number, to_room, to_number, kept.id, kept.received_before, kept.came_from],
    )?;
    let sql = "SELECT message_group FROM queue_content WHERE room = ?1 AND number = ?2";
    let group =
        tx.first(sql, params![to_room, to_number], |row| Ok::<_, Error>(row.text_opt(0)?.map(str::to_owned)))?;
    group.ok_or(Error::Corrupt("message content"))
}
