//! ChangeMessageVisibility and ChangeMessageVisibilityBatch.

use std::collections::BTreeSet;

use state::{Write, params};

use super::code::{Code, invalid_value};
use super::lifecycle::{Home, find};
use super::receipt::Receipt;
use super::settings::VISIBILITY_S_MAX;
use super::{Queues, fifo};
use crate::Error;

impl Queues {
    /// Hides messages for so many seconds from now, or shows them again (0), in one transaction.
    ///
    /// # Errors
    /// `QueueDoesNotExist`; inside `ReceiptHandleIsInvalid`, `MessageNotInflight`, `InvalidParameterValue`.
    pub async fn change_visibility(
        &self,
        name: &str,
        changes: Vec<(String, i64)>,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let (queues, name) = (self.clone(), name.to_owned());
        self.inner
            .state
            .write(move |tx| {
                let (home, now_ms) = (find(tx, &name)?, queues.now_ms());
                let mut groups = BTreeSet::new();
                let mut outcomes = Vec::with_capacity(changes.len());
                for (handle, seconds) in &changes {
                    outcomes.push(match change(tx, &home, handle, *seconds, now_ms, &mut groups) {
                        Err(error @ (Error::State(_) | Error::Corrupt(_))) => return Err(error),
                        outcome => outcome,
                    });
                }
                groups.iter().try_for_each(|group| fifo::settle(tx, home.room, group))?;
                queues.inner.wake.all(&name);
                Ok(outcomes)
            })
            .await
    }
}

fn change(
    tx: &Write<'_>,
    home: &Home,
    handle: &str,
    seconds: i64,
    now_ms: i64,
    groups: &mut BTreeSet<String>,
) -> Result<(), Error> {
    if !(0..=VISIBILITY_S_MAX).contains(&seconds) {
        let reason = format!("Must be >= 0 and <= {VISIBILITY_S_MAX}, if provided.");
        return Err(invalid_value(seconds, "VisibilityTimeout", &reason));
    }
    let receipt = Receipt::parse(handle, home.id)?;
    let found = tx.first(
        "SELECT receipt, visible_ms, received_ms, in_group FROM queue_message WHERE room = ?1 AND number = ?2",
        params![home.room, receipt.number],
        |row| Ok::<_, Error>((row.int(0)?, row.int(1)?, row.int(2)?, row.text_opt(3)?.map(str::to_owned))),
    )?;
    let Some((current, visible_ms, received_ms, group)) = found else {
        let reason = "Message does not exist or is not available for visibility timeout change.";
        return Err(invalid_value(handle, "ReceiptHandle", reason));
    };
    if current != receipt.receipt || visible_ms <= now_ms {
        return Err(Code::MessageNotInflight.error("The specified message isn't in flight."));
    }
    if (now_ms - received_ms) / 1000 + seconds > VISIBILITY_S_MAX {
        let reason =
            format!("Total VisibilityTimeout for the message is beyond the limit [{VISIBILITY_S_MAX} seconds]");
        return Err(invalid_value(seconds, "VisibilityTimeout", &reason));
    }
    tx.execute(
        "UPDATE queue_message SET visible_ms = ?3 WHERE room = ?1 AND number = ?2",
        params![home.room, receipt.number, now_ms + seconds * 1000],
    )?;
    groups.extend(group);
    Ok(())
}
