//! `ReceiveRequestAttemptId`: a receive from a FIFO queue that is repeated within five minutes, because its answer was
//! lost, gets the same messages under the same handles, as long as nothing happened to them.

use state::{Write, params};

use super::lifecycle::Home;
use super::message::Received;
use super::receipt::Receipt;
use super::receive::{Candidate, load};
use super::{deduplication, fifo};
use crate::Error;

/// The same answer once more, its messages hidden anew; `None` when there is none or a message was touched.
pub(super) fn repeat(
    tx: &Write<'_>,
    home: &Home,
    attempt: &str,
    now_ms: i64,
    visible_ms: i64,
) -> Result<Option<Vec<Received>>, Error> {
    let kept = tx.first(
        "SELECT visible_ms, messages FROM queue_attempt WHERE room = ?1 AND id = ?2 AND at_ms > ?3",
        params![home.room, attempt, now_ms - deduplication::INTERVAL_MS],
        |row| Ok::<_, Error>((row.int(0)?, row.text(1)?.to_owned())),
    )?;
    let Some((hidden_to_ms, handles)) = kept.filter(|(hidden_to_ms, _)| *hidden_to_ms > now_ms) else {
        return Ok(None);
    };
    let mut messages = Vec::new();
    for handle in handles.split(' ') {
        let receipt = Receipt::parse(handle, home.id)?;
        let candidate = tx.first(
            "SELECT number, visible_ms, receipt, sent_ms, first_ms FROM queue_message WHERE room = ?1 AND number = ?2",
            params![home.room, receipt.number],
            Candidate::of,
        )?;
        let untouched = candidate.filter(|found| found.visible_ms == hidden_to_ms && found.receipt == receipt.receipt);
        match untouched {
            Some(candidate) => messages.push(load(tx, home, &candidate)?),
            None => return Ok(None),
        }
    }
    for message in &messages {
        tx.execute(
            "UPDATE queue_message SET visible_ms = ?3 WHERE room = ?1 AND number = ?2",
            params![home.room, message.number, visible_ms],
        )?;
    }
    messages
        .iter()
        .filter_map(|message| message.group.as_deref())
        .try_for_each(|group| fifo::settle(tx, home.room, group))?;
    remember(tx, home, attempt, now_ms, visible_ms, &messages)?;
    Ok(Some(messages))
}

pub(super) fn remember(
    tx: &Write<'_>,
    home: &Home,
    attempt: &str,
    now_ms: i64,
    visible_ms: i64,
    messages: &[Received],
) -> Result<(), Error> {
    let handles: Vec<&str> = messages.iter().map(|message| message.receipt.as_str()).collect();
    tx.execute(
        "INSERT INTO queue_attempt (room, id, at_ms, visible_ms, messages) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (room, id) DO UPDATE SET
             at_ms = excluded.at_ms, visible_ms = excluded.visible_ms, messages = excluded.messages",
        params![home.room, attempt, now_ms, visible_ms, &handles.join(" ")],
    )?;
    Ok(())
}
