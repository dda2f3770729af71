//! ReceiveMessage: what is answered is hidden on disk first. Waiting for messages is sleeping until woken or due.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use state::{Read, Row, Write, params};
use tokio::time::Instant;

use super::code::{Code, invalid_value};
use super::lifecycle::{Home, find};
use super::message::{self, Received};
use super::receipt::Receipt;
use super::settings::VISIBILITY_S_MAX;
use super::wake::Live;
use super::{Queues, attempt, fifo, redrive, standard};
use crate::Error;

/// Messages of a queue that may be hidden at once.
pub(super) const IN_FLIGHT_MAX: i64 = 120_000;
const WAIT_MAX: Duration = Duration::from_secs(20);
/// An answer ends with the message that reaches this.
const BYTES_MAX: usize = 16 << 20;
/// Messages looked at in one transaction, those that are too old or dead letters among them.
const EXAMINED_MAX: usize = 1000;

/// What a receive asks for.
#[derive(Clone, Debug)]
pub struct Receive {
    /// 1 to 10,000 messages (10 at the wire).
    pub max: usize,
    /// Seconds the messages are hidden, 0 to 43,200. `None`: as the queue says.
    pub visibility_s: Option<i64>,
    /// How long to wait for the first message, to 20 s. `None`: as the queue says.
    pub wait: Option<Duration>,
    /// `ReceiveRequestAttemptId` of FIFO queues: a repeat is answered with the same messages.
    pub attempt: Option<String>,
}

impl Receive {
    pub fn new(max: usize) -> Receive {
        Receive { max, visibility_s: None, wait: None, attempt: None }
    }
}

/// What one transaction gave.
struct Step {
    messages: Vec<Received>,
    /// When something becomes visible, if anything is hidden.
    due_ms: Option<i64>,
    /// It stopped before it had seen all.
    again: bool,
    wait: Duration,
}

impl Queues {
    /// ReceiveMessage. May be empty.
    ///
    /// # Errors
    /// `QueueDoesNotExist`, `InvalidParameterValue`, `OverLimit`.
    pub async fn receive(&self, name: &str, ask: Receive) -> Result<Vec<Received>, Error> {
        check(&ask)?;
        let live = self.inner.wake.live(name);
        let (name, ask): (Arc<str>, Arc<Receive>) = (name.into(), ask.into());
        let started = Instant::now();
        loop {
            let mut arrived = pin!(live.arrived.notified());
            // From here on no arrival is missed.
            arrived.as_mut().enable();
            let (queues, queue, asked, known) = (self.clone(), name.clone(), ask.clone(), live.clone());
            let step = self.inner.state.write(move |tx| queues.step(tx, &queue, &asked, &known)).await;
            let step = step.inspect_err(|error| {
                if matches!(error, Error::Queue { code: Code::QueueDoesNotExist, .. }) {
                    self.inner.wake.forget(&name);
                }
            })?;
            if !step.messages.is_empty() {
                return Ok(step.messages);
            }
            if step.again {
                continue;
            }
            let left = ask.wait.unwrap_or(step.wait).min(WAIT_MAX).saturating_sub(started.elapsed());
            if left.is_zero() {
                return Ok(Vec::new());
            }
            let due = step.due_ms.map(|due_ms| Duration::from_millis((due_ms - self.now_ms()).max(1).unsigned_abs()));
            tokio::select! {
                () = arrived => {}
                () = tokio::time::sleep(due.unwrap_or(left).min(left)) => {}
                () = self.inner.wake.closed() => return Ok(Vec::new()),
            }
        }
    }

    fn step(&self, tx: &Write<'_>, name: &str, ask: &Receive, live: &Live) -> Result<Step, Error> {
        let home = find(tx, name)?;
        let now_ms = self.now_ms();
        let wait = Duration::from_secs(home.settings.wait_s.unsigned_abs());
        let visible_ms = now_ms + ask.visibility_s.unwrap_or(home.settings.visibility_s) * 1000;
        let attempt = ask.attempt.as_deref().filter(|_| home.settings.fifo);
        if let Some(attempt) = attempt
            && let Some(messages) = attempt::repeat(tx, &home, attempt, now_ms, visible_ms)?
        {
            return Ok(Step { messages, due_ms: None, again: false, wait });
        }
        let max = room_in_flight(tx, &home, ask.max, live, now_ms)?;
        let taken = Vec::new();
        let mut taking = Taking {
            queues: self,
            tx,
            name,
            home: &home,
            now_ms,
            visible_ms,
            max,
            bytes: 0,
            examined: 0,
            taken,
            groups: Vec::new(),
        };
        match home.settings.fifo {
            true => fifo::take(&mut taking)?,
            false => standard::take(&mut taking)?,
        }
        let (is_full, examined_all) = (taking.is_full(), taking.examined < EXAMINED_MAX);
        let messages = taking.finish()?;
        if let Some(count) = live.in_flight_max() {
            live.set_in_flight_max(count + messages.len() as i64);
        }
        if let Some(attempt) = attempt.filter(|_| !messages.is_empty()) {
            attempt::remember(tx, &home, attempt, now_ms, visible_ms, &messages)?;
        }
        if is_full && max > 0 {
            // Perhaps there are more, for whoever waits next.
            self.inner.wake.one(name);
        }
        let due_ms = match (messages.is_empty(), home.settings.fifo) {
            (false, _) => None,
            (true, true) => fifo::due_ms(tx, home.room, now_ms)?,
            (true, false) => standard::due_ms(tx, home.room, now_ms)?,
        };
        Ok(Step { again: messages.is_empty() && !examined_all, messages, due_ms, wait })
    }
}

/// A message that is visible.
pub(super) struct Candidate {
    pub number: i64,
    pub visible_ms: i64,
    pub receipt: i64,
    pub sent_ms: i64,
    pub first_ms: i64,
}

impl Candidate {
    /// From `number, visible_ms, receipt, sent_ms, first_ms`.
    pub fn of(row: &Row<'_>) -> Result<Candidate, Error> {
        Ok(Candidate {
            number: row.int(0)?,
            visible_ms: row.int(1)?,
            receipt: row.int(2)?,
            sent_ms: row.int(3)?,
            first_ms: row.int(4)?,
        })
    }
}

/// An answer in the making. Messages are hidden at its end, so that one that is hidden for no time is not found again.
pub(super) struct Taking<'a> {
    pub queues: &'a Queues,
    pub tx: &'a Write<'a>,
    pub name: &'a str,
    pub home: &'a Home,
    pub now_ms: i64,
    visible_ms: i64,
    max: usize,
    bytes: usize,
    examined: usize,
    taken: Vec<Received>,
    /// Groups whose front changed.
    pub groups: Vec<String>,
}

impl Taking<'_> {
    pub fn is_full(&self) -> bool {
        self.taken.len() >= self.max || self.bytes >= BYTES_MAX || self.examined >= EXAMINED_MAX + self.max
    }

    /// How many rows are worth reading.
    pub fn room_left(&self) -> i64 {
        self.max.saturating_sub(self.taken.len()) as i64
    }

    /// Takes the message, unless it is too old or a dead letter: then it leaves the queue.
    pub fn offer(&mut self, candidate: Candidate) -> Result<(), Error> {
        self.examined += 1;
        if candidate.sent_ms <= self.home.settings.horizon_ms(self.now_ms) {
            return remove(self.tx, self.home.room, candidate.number);
        }
        if redrive::to_dead_letters(self, &candidate)? {
            return Ok(());
        }
        let candidate = Candidate { receipt: candidate.receipt + 1, ..candidate };
        let first_ms = if candidate.first_ms == 0 { self.now_ms } else { candidate.first_ms };
        let message = load(self.tx, self.home, &Candidate { first_ms, ..candidate })?;
        self.bytes += message.body.len();
        self.taken.push(message);
        Ok(())
    }

    fn finish(self) -> Result<Vec<Received>, Error> {
        for message in &self.taken {
            self.tx.execute(
                "UPDATE queue_message SET visible_ms = ?3, receipt = receipt + 1, first_ms = ?4, received_ms = ?5
                 WHERE room = ?1 AND number = ?2",
                params![self.home.room, message.number, self.visible_ms, message.first_received_ms, self.now_ms],
            )?;
        }
        self.groups.iter().try_for_each(|group| fifo::settle(self.tx, self.home.room, group))?;
        Ok(self.taken)
    }
}

/// How many more messages may be hidden. They are counted only when there may be too many.
fn room_in_flight(tx: &Write<'_>, home: &Home, max: usize, live: &Live, now_ms: i64) -> Result<usize, Error> {
    let wanted = i64::try_from(max).unwrap_or(i64::MAX);
    if live.in_flight_max().is_some_and(|count| count.saturating_add(wanted) <= IN_FLIGHT_MAX) {
        return Ok(max);
    }
    let sql = "SELECT COUNT(*) FROM queue_message WHERE room = ?1 AND visible_ms > ?2 AND receipt > 0";
    let count = tx.first(sql, params![home.room, now_ms], |row| row.int(0))?.unwrap_or_default();
    live.set_in_flight_max(count);
    if count >= IN_FLIGHT_MAX && !home.settings.fifo {
        let message = format!("The maximum number of in flight messages is reached: {IN_FLIGHT_MAX}.");
        return Err(Code::OverLimit.error(message));
    }
    Ok(usize::try_from(wanted.min(IN_FLIGHT_MAX - count)).unwrap_or_default())
}

/// The whole message, with the handle of this receive.
pub(super) fn load(tx: &Read<'_>, home: &Home, candidate: &Candidate) -> Result<Received, Error> {
    let &Candidate { number, receipt, sent_ms, first_ms, .. } = candidate;
    let found = tx.first(
        "SELECT id, body, body_md5, attributes, attributes_md5, sender, message_group, deduplication, trace,
             received_before, came_from
         FROM queue_content WHERE room = ?1 AND number = ?2",
        params![home.room, number],
        |row| {
            let text = |column| row.text_opt(column).map(|text| text.map(str::to_owned));
            let attributes = row.text_opt(3)?.map(serde_json::from_str).transpose();
            Ok::<_, Error>(Received {
                message_id: row.text(0)?.to_owned(),
                receipt: Receipt { queue: home.id, number, receipt }.to_handle(),
                body: row.text(1)?.to_owned(),
                body_md5: row.text(2)?.to_owned(),
                attributes: attributes.map_err(|_| Error::Corrupt("message attributes"))?.unwrap_or_default(),
                attributes_md5: text(4)?,
                sender: row.text(5)?.to_owned(),
                sent_ms,
                receives: row.int(9)? + receipt,
                first_received_ms: first_ms,
                group: text(6)?,
                deduplication: text(7)?,
                trace: text(8)?,
                came_from: text(10)?,
                number,
                fifo: home.settings.fifo,
            })
        },
    )?;
    found.ok_or(Error::Corrupt("message content"))
}

/// Both rows of a message. Its group, if any, is settled by the caller.
pub(super) fn remove(tx: &Write<'_>, room: i64, number: i64) -> Result<(), Error> {
    tx.execute("DELETE FROM queue_message WHERE room = ?1 AND number = ?2", params![room, number])?;
    tx.execute("DELETE FROM queue_content WHERE room = ?1 AND number = ?2", params![room, number])?;
    Ok(())
}

fn check(ask: &Receive) -> Result<(), Error> {
    if let Some(seconds) = ask.visibility_s.filter(|seconds| !(0..=VISIBILITY_S_MAX).contains(seconds)) {
        let reason = format!("Must be >= 0 and <= {VISIBILITY_S_MAX}, if provided.");
        return Err(invalid_value(seconds, "VisibilityTimeout", &reason));
    }
    if let Some(wait) = ask.wait.filter(|wait| *wait > WAIT_MAX) {
        return Err(invalid_value(wait.as_secs(), "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided."));
    }
    message::check_id("ReceiveRequestAttemptId", ask.attempt.as_deref())
}
