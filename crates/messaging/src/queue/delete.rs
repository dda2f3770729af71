//! DeleteMessage and DeleteMessageBatch.

use std::collections::BTreeSet;

use state::{Write, params};

use super::code::invalid_value;
use super::lifecycle::{Home, find};
use super::receipt::Receipt;
use super::receive::remove;
use super::{Queues, fifo};
use crate::Error;

impl Queues {
    /// Deletes messages by their handles, in one transaction. A handle of an earlier receive deletes nothing, and one of a
    /// message that is gone already is fine.
    ///
    /// # Errors
    /// `QueueDoesNotExist`; inside `ReceiptHandleIsInvalid`, and `InvalidParameterValue` for a handle of a FIFO queue whose
    /// visibility time has ended.
    pub async fn delete(&self, name: &str, handles: Vec<String>) -> Result<Vec<Result<(), Error>>, Error> {
        let (queues, name) = (self.clone(), name.to_owned());
        self.inner
            .state
            .write(move |tx| {
                let (home, now_ms) = (find(tx, &name)?, queues.now_ms());
                let mut groups = BTreeSet::new();
                let mut outcomes = Vec::with_capacity(handles.len());
                for handle in &handles {
                    outcomes.push(match delete(tx, &home, handle, now_ms, &mut groups) {
                        Err(error @ (Error::State(_) | Error::Corrupt(_))) => return Err(error),
                        outcome => outcome,
                    });
                }
                for group in &groups {
                    fifo::settle(tx, home.room, group)?;
                    queues.inner.wake.one(&name);
                }
                Ok(outcomes)
            })
            .await
    }
}

fn delete(tx: &Write<'_>, home: &Home, handle: &str, now_ms: i64, groups: &mut BTreeSet<String>) -> Result<(), Error> {
    let receipt = Receipt::parse(handle, home.id)?;
    let found = tx.first(
        "SELECT visible_ms, in_group FROM queue_message WHERE room = ?1 AND number = ?2 AND receipt = ?3",
        params![home.room, receipt.number, receipt.receipt],
        |row| Ok::<_, Error>((row.int(0)?, row.text_opt(1)?.map(str::to_owned))),
    )?;
    let Some((visible_ms, group)) = found else { return Ok(()) };
    if home.settings.fifo && visible_ms <= now_ms {
        return Err(invalid_value(handle, "ReceiptHandle", "The receipt handle has expired."));
    }
    remove(tx, home.room, receipt.number)?;
    groups.extend(group);
    Ok(())
}
