//! SendMessage and SendMessageBatch, and putting messages into a queue inside somebody else's transaction.

use state::{Write, params};

use super::lifecycle::{Home, find};
use super::message::{NewMessage, Ready, Sent, sequence_number};
use super::{Queues, deduplication, fifo};
use crate::Error;

impl Queues {
    /// SendMessage.
    ///
    /// # Errors
    /// `QueueDoesNotExist`, `InvalidMessageContents`, `InvalidParameterValue`, `MissingParameter`.
    pub async fn send(&self, name: &str, message: NewMessage) -> Result<Sent, Error> {
        let mut sent = self.send_batch(name, vec![message]).await?;
        sent.pop().unwrap_or(Err(Error::Corrupt("batch")))
    }

    /// SendMessageBatch: in order, in one transaction; what a message is refused for does not touch its neighbours. Only a
    /// message that lacks what a FIFO queue places it by refuses them all, as with the service.
    ///
    /// # Errors
    /// `QueueDoesNotExist`, and `MissingParameter` or `InvalidParameterValue` of such a message; inside, as [`Queues::send`].
    pub async fn send_batch(&self, name: &str, messages: Vec<NewMessage>) -> Result<Vec<Result<Sent, Error>>, Error> {
        let (queues, name) = (self.clone(), name.to_owned());
        let ready: Vec<_> = messages.into_iter().map(Ready::new).collect();
        self.inner
            .state
            .write(move |tx| {
                let home = find(tx, &name)?;
                for ready in ready.iter().flatten() {
                    ready.placed(&home.settings)?;
                }
                let put = |ready: Result<Ready, Error>| match ready.and_then(|ready| queues.put(tx, &home, ready)) {
                    Err(error @ (Error::State(_) | Error::Corrupt(_))) => Err(error),
                    outcome => Ok(outcome),
                };
                let sent = ready.into_iter().map(put).collect::<Result<Vec<_>, Error>>()?;
                queues.arrived(&name, &home);
                Ok(sent)
            })
            .await
    }

    /// Puts messages into a queue in the transaction of whoever calls: they are there when it commits, or not at all.
    /// Those who wait for messages are told.
    ///
    /// # Errors
    /// As [`Queues::send`]: nothing was taken when the caller refuses its transaction with it.
    pub fn insert(&self, tx: &Write<'_>, name: &str, messages: Vec<NewMessage>) -> Result<Vec<Sent>, Error> {
        let home = find(tx, name)?;
        let sent = messages.into_iter().map(|message| self.put(tx, &home, Ready::new(message)?)).collect();
        self.arrived(name, &home);
        sent
    }

    /// A receive that is woken now runs behind this transaction.
    fn arrived(&self, name: &str, home: &Home) {
        match home.settings.delay_s {
            0 => self.inner.wake.one(name),
            _ => self.inner.wake.all(name),
        }
    }

    fn put(&self, tx: &Write<'_>, home: &Home, ready: Ready) -> Result<Sent, Error> {
        let id = ready.fit(&home.settings)?;
        let now_ms = self.now_ms();
        let mut sent = Sent {
            message_id: uuid::Uuid::new_v4().to_string(),
            body_md5: ready.body_md5.clone(),
            attributes_md5: ready.attributes_md5.clone(),
            system_attributes_md5: ready.system_attributes_md5.clone(),
            sequence_number: None,
        };
        let group = ready.message.group.as_deref();
        let scope = if home.settings.scope_is_group { group.unwrap_or_default() } else { "" };
        if let Some(id) = &id
            && let Some((message_id, number)) = deduplication::find(tx, home.room, scope, id, now_ms)?
        {
            return Ok(Sent { message_id, sequence_number: Some(sequence_number(number)), ..sent });
        }
        let number = self.next_number();
        let delay_ms = ready.message.delay_s.unwrap_or(home.settings.delay_s) * 1000;
        let in_group = group.filter(|_| home.settings.fifo);
        insert_message(tx, home.room, number, (now_ms, now_ms + delay_ms, 0), in_group)?;
        self.insert_content(tx, home.room, number, &sent.message_id, &ready, id.as_deref())?;
        if let Some(id) = &id {
            deduplication::remember(tx, home.room, (scope, id), now_ms, (&sent.message_id, number))?;
            sent.sequence_number = Some(sequence_number(number));
        }
        Ok(sent)
    }

    fn insert_content(
        &self,
        tx: &Write<'_>,
        room: i64,
        number: i64,
        message_id: &str,
        ready: &Ready,
        deduplication: Option<&str>,
    ) -> Result<(), Error> {
        let message = &ready.message;
        let sender = if message.sender.is_empty() { &self.inner.account } else { &message.sender };
        tx.execute(
            "INSERT INTO queue_content (room, number, id, body, body_md5, attributes, attributes_md5, sender,
                 message_group, deduplication, trace, received_before, came_from)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, NULL)",
            params![
                room,
                number,
                message_id,
                &message.body,
                &ready.body_md5,
                ready.attributes_json.as_deref(),
                ready.attributes_md5.as_deref(),
                sender,
                message.group.as_deref(),
                deduplication,
                message.trace.as_deref(),
            ],
        )?;
        Ok(())
    }
}

/// The row that changes, of a message that was never received here. `in_group`: the group of a FIFO queue.
pub(super) fn insert_message(
    tx: &Write<'_>,
    room: i64,
    number: i64,
    (sent_ms, visible_ms, first_ms): (i64, i64, i64),
    in_group: Option<&str>,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO queue_message (room, number, visible_ms, receipt, sent_ms, first_ms, received_ms, in_group)
         VALUES (?1, ?2, ?3, 0, ?4, ?5, 0, ?6)",
        params![room, number, visible_ms, sent_ms, first_ms, in_group],
    )?;
    match in_group {
        Some(group) => fifo::add_to_group(tx, room, group, visible_ms),
        None => Ok(()),
    }
}
