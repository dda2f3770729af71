//! StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask: dead letters go back to where they came from, or to
//! another queue, in steps of one transaction each.
//!
//! A task moves the messages that were there when it began and are visible. A moved message is a new one: new id, new age,
//! no receives. After a restart a task goes on behind the last message it moved.

use std::time::Duration;

use state::{Read, Row, Write, params};

use super::code::{Code, invalid_value, no_queue};
use super::lifecycle::{Home, find, is_source};
use super::receive::remove;
use super::redrive::{Kept, copy_content};
use super::send::insert_message;
use super::{Queues, fifo};
use crate::Error;

const STEP_MESSAGES_MAX: i64 = 100;
const PER_SECOND_MAX: i64 = 500;
/// Tasks of one source that are remembered.
const TASKS_KEPT: i64 = 10;

/// StartMessageMoveTask.
#[derive(Clone, Debug, Default)]
pub struct StartMove {
    /// ARN of the dead-letter queue.
    pub source: String,
    /// ARN; `None`: each message goes to the queue it came from.
    pub destination: Option<String>,
    /// 1 to 500. `None`: as fast as it goes.
    pub per_second: Option<i64>,
}

/// A task as ListMessageMoveTasks tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveTask {
    pub handle: String,
    /// `RUNNING`, `COMPLETED`, `CANCELLED` or `FAILED`.
    pub status: String,
    pub failure: Option<String>,
    /// ARN.
    pub source: String,
    pub destination: Option<String>,
    pub per_second: Option<i64>,
    pub moved: i64,
    /// Messages that were visible at its start.
    pub to_move: i64,
    pub started_ms: i64,
}

const RUNNING: &str = "RUNNING";

impl Queues {
    /// Starts a task and answers its handle.
    ///
    /// # Errors
    /// `ResourceNotFound`, `InvalidParameterValue`, `UnsupportedOperation` while another one runs.
    pub async fn start_move(&self, start: StartMove) -> Result<String, Error> {
        if let Some(rate) = start.per_second.filter(|rate| !(1..=PER_SECOND_MAX).contains(rate)) {
            let reason = format!("Must be between 1 and {PER_SECOND_MAX}.");
            return Err(invalid_value(rate, "MaxNumberOfMessagesPerSecond", &reason));
        }
        let queues = self.clone();
        let handle = self.inner.state.write(move |tx| queues.record(tx, &start)).await?;
        self.run(handle.clone());
        Ok(handle)
    }

    /// Goes on with tasks that an earlier run of the program left. Call it once at start.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn resume(&self) -> Result<(), Error> {
        let sql = "SELECT handle FROM queue_move WHERE status = ?1";
        let running = |tx: &Read<'_>| tx.all(sql, params![RUNNING], |row| Ok::<_, Error>(row.text(0)?.to_owned()));
        self.inner.state.read(running).await?.into_iter().for_each(|handle| self.run(handle));
        Ok(())
    }

    /// The newest tasks of a source first.
    ///
    /// # Errors
    /// `ResourceNotFound`.
    pub async fn moves(&self, source: &str, limit: usize) -> Result<Vec<MoveTask>, Error> {
        let (queues, source) = (self.clone(), source.to_owned());
        self.inner
            .state
            .read(move |tx| {
                let name = queues.resource(tx, "SourceArn", &source)?.0;
                let limit = i64::try_from(limit).unwrap_or(TASKS_KEPT).min(TASKS_KEPT);
                let sql = format!("SELECT {COLUMNS} FROM queue_move WHERE source = ?1 ORDER BY started DESC LIMIT ?2");
                tx.all(&sql, params![&name, limit], |row| queues.task(row))
            })
            .await
    }

    /// Ends a task where it is and answers how many messages it moved.
    ///
    /// # Errors
    /// `ResourceNotFound`, `UnsupportedOperation` when it does not run.
    pub async fn cancel_move(&self, handle: &str) -> Result<i64, Error> {
        let handle = handle.to_owned();
        self.inner
            .state
            .write(move |tx| {
                let sql = "SELECT status, moved FROM queue_move WHERE handle = ?1";
                let found =
                    tx.first(sql, params![&handle], |row| Ok::<_, Error>((row.text(0)? == RUNNING, row.int(1)?)))?;
                match found {
                    None => Err(not_found("TaskHandle")),
                    Some((false, _)) => {
                        Err(Code::UnsupportedOperation.error("Only active message movement tasks can be cancelled."))
                    }
                    Some((true, moved)) => finish(tx, &handle, "CANCELLED", None).map(|()| moved),
                }
            })
            .await
    }

    fn resource(&self, tx: &Read<'_>, parameter: &str, arn: &str) -> Result<(String, Home), Error> {
        let name = self.name_in(arn).ok_or_else(|| not_found(parameter))?;
        let home = find(tx, &name).map_err(|error| match error {
            Error::Queue { .. } => not_found(parameter),
            error => error,
        })?;
        Ok((name, home))
    }

    fn record(&self, tx: &Write<'_>, start: &StartMove) -> Result<String, Error> {
        let (name, home) = self.resource(tx, "SourceArn", &start.source)?;
        let destination = match &start.destination {
            None => None,
            Some(arn) => {
                let (destination, target) = self.resource(tx, "DestinationArn", arn)?;
                if destination == name {
                    let message = "Source queue arn and destination queue arn cannot be the same.";
                    return Err(Code::InvalidParameterValue.error(message));
                }
                if target.settings.fifo != home.settings.fifo {
                    let message = "Source and destination must be queues of the same type.";
                    return Err(Code::InvalidParameterValue.error(message));
                }
                Some(destination)
            }
        };
        let mut has_sources = false;
        tx.each("SELECT settings FROM queue", &[], |row| {
            has_sources = is_source(row.text(0)?, &start.source);
            Ok::<_, Error>(!has_sources)
        })?;
        if !has_sources {
            let message = "Source queue must be configured as a Dead Letter Queue.";
            return Err(Code::InvalidParameterValue.error(message));
        }
        let sql = "SELECT 1 FROM queue_move WHERE source = ?1 AND status = ?2";
        if tx.first(sql, params![&name, RUNNING], |_| Ok::<_, Error>(()))?.is_some() {
            return Err(Code::UnsupportedOperation.error(
                "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
            ));
        }
        let now_ms = self.now_ms();
        let sql = "SELECT COUNT(*) FROM queue_message WHERE room = ?1 AND visible_ms <= ?2";
        let to_move = tx.first(sql, params![home.room, now_ms], |row| row.int(0))?.unwrap_or_default();
        let (handle, number) = (uuid::Uuid::new_v4().to_string(), self.next_number());
        tx.execute(
            "INSERT INTO queue_move (handle, source, destination, per_second, status, failure, moved, to_move, started_ms,
                 started, cursor_number, last_number)
             VALUES (?1, ?2, ?3, ?4, ?5, NULL, 0, ?6, ?7, ?8, 0, ?8)",
            params![&handle, &name, destination.as_deref(), start.per_second, RUNNING, to_move, now_ms, number],
        )?;
        tx.execute(
            "DELETE FROM queue_move WHERE source = ?1 AND handle NOT IN
                 (SELECT handle FROM queue_move WHERE source = ?1 ORDER BY started DESC LIMIT ?2)",
            params![&name, TASKS_KEPT],
        )?;
        Ok(handle)
    }

    fn task(&self, row: &Row<'_>) -> Result<MoveTask, Error> {
        Ok(MoveTask {
            handle: row.text(0)?.to_owned(),
            source: self.arn(row.text(1)?),
            destination: row.text_opt(2)?.map(|name| self.arn(name)),
            per_second: row.int_opt(3)?,
            status: row.text(4)?.to_owned(),
            failure: row.text_opt(5)?.map(str::to_owned),
            moved: row.int(6)?,
            to_move: row.int(7)?,
            started_ms: row.int(8)?,
        })
    }

    fn run(&self, handle: String) {
        let queues = self.clone();
        tokio::spawn(async move {
            loop {
                let (mover, task) = (queues.clone(), handle.clone());
                let pause = match queues.inner.state.write(move |tx| mover.step_move(tx, &task)).await {
                    Ok(Some(pause)) => pause,
                    Ok(None) => return,
                    Err(error) => {
                        tracing::error!(%error, handle, "a message move task stopped; it goes on at the next start");
                        return;
                    }
                };
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = queues.inner.wake.closed() => return,
                }
            }
        });
    }

    /// Moves some messages. Answers how long to wait before the next, or nothing at the end.
    fn step_move(&self, tx: &Write<'_>, handle: &str) -> Result<Option<Duration>, Error> {
        let sql = format!("SELECT {COLUMNS}, cursor_number, last_number FROM queue_move WHERE handle = ?1");
        let found = tx.first(&sql, params![handle], |row| {
            Ok::<_, Error>((row.text(1)?.to_owned(), self.task(row)?, row.int(9)?, row.int(10)?))
        })?;
        let Some((name, task, cursor, last)) = found.filter(|(_, task, ..)| task.status == RUNNING) else {
            return Ok(None);
        };
        let home = match find(tx, &name) {
            Ok(home) => home,
            Err(Error::Queue { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let now_ms = self.now_ms();
        let limit = task.per_second.unwrap_or(STEP_MESSAGES_MAX).min(STEP_MESSAGES_MAX);
        let page = tx.all(
            "SELECT m.number, m.visible_ms, m.sent_ms, m.in_group, c.came_from
             FROM queue_message m JOIN queue_content c ON c.room = m.room AND c.number = m.number
             WHERE m.room = ?1 AND m.number > ?2 AND m.number < ?3 ORDER BY m.number LIMIT ?4",
            params![home.room, cursor, last, limit],
            |row| {
                let text = |column| row.text_opt(column).map(|text| text.map(str::to_owned));
                let is_due = row.int(1)? <= now_ms && row.int(2)? > home.settings.horizon_ms(now_ms);
                Ok::<_, Error>((row.int(0)?, is_due, text(3)?, text(4)?))
            },
        )?;
        let Some(reached) = page.last().map(|(number, ..)| *number) else {
            return finish(tx, handle, "COMPLETED", None).map(|()| None);
        };
        let mut moved = 0;
        for (number, _, group, came_from) in page.iter().filter(|(_, is_due, ..)| *is_due) {
            let arn = task.destination.as_ref().or(came_from.as_ref());
            let target = arn.and_then(|arn| self.name_in(arn)).ok_or_else(no_queue);
            let target = target.and_then(|target| Ok((find(tx, &target)?, target)));
            let (target, target_name) = match target {
                Ok(target) => target,
                Err(Error::Queue { .. }) => {
                    let failure = if arn.is_some() {
                        "AWS.SimpleQueueService.NonExistentQueue"
                    } else {
                        "CouldNotDetermineMessageSource"
                    };
                    note(tx, handle, moved, *number - 1)?;
                    return finish(tx, handle, "FAILED", Some(failure)).map(|()| None);
                }
                Err(error) => return Err(error),
            };
            self.move_one(tx, &home, (*number, group.as_deref()), (&target, &target_name), now_ms)?;
            moved += 1;
        }
        note(tx, handle, moved, reached)?;
        let per_second = task.per_second.unwrap_or(i64::MAX);
        Ok(Some(Duration::from_millis((moved * 1000 / per_second).unsigned_abs())))
    }

    pub(super) fn move_one(
        &self,
        tx: &Write<'_>,
        home: &Home,
        (number, group): (i64, Option<&str>),
        (target, target_name): (&Home, &str),
        now_ms: i64,
    ) -> Result<(), Error> {
        let (id, to_number) = (uuid::Uuid::new_v4().to_string(), self.next_number());
        let kept = Kept { id: Some(&id), received_before: -1, came_from: None };
        let to_group = copy_content(tx, (home.room, number), (target.room, to_number), &kept)?;
        let to_group = to_group.filter(|_| target.settings.fifo);
        insert_message(tx, target.room, to_number, (now_ms, now_ms, 0), to_group.as_deref())?;
        remove(tx, home.room, number)?;
        if let Some(group) = group {
            fifo::settle(tx, home.room, group)?;
        }
        self.inner.wake.one(target_name);
        Ok(())
    }
}

const COLUMNS: &str = "handle, source, destination, per_second, status, failure, moved, to_move, started_ms";

fn note(tx: &Write<'_>, handle: &str, moved: i64, cursor: i64) -> Result<(), Error> {
    tx.execute(
        "UPDATE queue_move SET moved = moved + ?2, cursor_number = ?3 WHERE handle = ?1",
        params![handle, moved, cursor],
    )?;
    Ok(())
}

fn finish(tx: &Write<'_>, handle: &str, status: &str, failure: Option<&str>) -> Result<(), Error> {
    tx.execute("UPDATE queue_move SET status = ?2, failure = ?3 WHERE handle = ?1", params![handle, status, failure])?;
    Ok(())
}

fn not_found(parameter: &str) -> Error {
    let message = format!("The resource that you specified for the {parameter} parameter doesn't exist.");
    Code::ResourceNotFound.error(message)
}
