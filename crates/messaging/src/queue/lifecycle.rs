//! CreateQueue, DeleteQueue, GetQueueUrl, GetQueueAttributes, SetQueueAttributes, ListQueues, ListDeadLetterSourceQueues,
//! PurgeQueue.

use std::collections::BTreeMap;

use state::{Read, Write, params};

use super::code::{Code, invalid_value, no_queue};
use super::{Queues, Settings, tags};
use crate::Error;

const NAME_CHARS_MAX: usize = 80;
const PURGE_AGAIN_MS: i64 = 60_000;

/// How many messages a queue holds. Messages past their retention do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub visible: i64,
    /// Received, and neither deleted nor visible again.
    pub in_flight: i64,
    /// Not visible yet.
    pub delayed: i64,
}

/// A queue as GetQueueAttributes tells it.
#[derive(Clone, Debug)]
pub struct Description {
    /// Milliseconds since 1970.
    pub created_ms: i64,
    pub modified_ms: i64,
    pub settings: Settings,
    pub counts: Counts,
}

/// A page of names in order, and whether there are more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub names: Vec<String>,
    pub more: bool,
}

/// What operations on messages need of a queue.
pub(super) struct Home {
    pub id: i64,
    pub room: i64,
    pub settings: Settings,
}

/// # Errors
/// `QueueDoesNotExist`.
pub(super) fn find(tx: &Read<'_>, name: &str) -> Result<Home, Error> {
    let found = tx.first("SELECT id, room, settings FROM queue WHERE name = ?1", params![name], |row| {
        Ok::<_, Error>(Home { id: row.int(0)?, room: row.int(1)?, settings: parse(row.text(2)?)? })
    })?;
    found.ok_or_else(no_queue)
}

pub(super) fn parse(settings: &str) -> Result<Settings, Error> {
    serde_json::from_str(settings).map_err(|_| Error::Corrupt("queue settings"))
}

impl Queues {
    /// CreateQueue. One that is there already with equal attributes is left as it is.
    ///
    /// # Errors
    /// `QueueNameExists`, `InvalidAttributeName`, `InvalidAttributeValue`, `InvalidParameterValue`.
    pub async fn create(
        &self,
        name: &str,
        attributes: BTreeMap<String, String>,
        tags: BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let wants_fifo = attributes.get("FifoQueue").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        check_name(name, wants_fifo)?;
        let tags = tags::to_json(&tags)?;
        let (queues, name) = (self.clone(), name.to_owned());
        self.inner
            .state
            .write(move |tx| {
                match find(tx, &name) {
                    Ok(home) => return same(&home.settings, &attributes),
                    Err(Error::Queue { code: Code::QueueDoesNotExist, .. }) => {}
                    Err(error) => return Err(error),
                }
                let mut settings = Settings::new(wants_fifo);
                settings.set(&attributes)?;
                queues.check_redrive(tx, &name, &settings)?;
                let (id, now_ms) = (queues.next_number(), queues.now_ms());
                tx.execute(
                    "INSERT INTO queue (name, id, room, created_ms, modified_ms, purged_ms, settings, tags)
                     VALUES (?1, ?2, ?2, ?3, ?3, 0, ?4, ?5)",
                    params![&name, id, now_ms, &to_json(&settings)?, &tags],
                )?;
                Ok(())
            })
            .await
    }

    /// DeleteQueue, with its messages.
    ///
    /// # Errors
    /// `QueueDoesNotExist`.
    pub async fn delete_queue(&self, name: &str) -> Result<(), Error> {
        let (queues, name) = (self.clone(), name.to_owned());
        self.inner
            .state
            .write(move |tx| {
                leave_room(tx, find(tx, &name)?.room)?;
                tx.execute("DELETE FROM queue WHERE name = ?1", params![&name])?;
                tx.execute("DELETE FROM queue_move WHERE source = ?1", params![&name])?;
                queues.inner.wake.forget(&name);
                Ok(())
            })
            .await
    }

    /// PurgeQueue: all messages are gone at once. Deduplication starts anew.
    ///
    /// # Errors
    /// `QueueDoesNotExist`, `PurgeQueueInProgress` within a minute.
    pub async fn purge(&self, name: &str) -> Result<(), Error> {
        let (queues, name) = (self.clone(), name.to_owned());
        self.inner
            .state
            .write(move |tx| {
                let (home, now_ms) = (find(tx, &name)?, queues.now_ms());
                let room = queues.next_number();
                let changed = tx.execute(
                    "UPDATE queue SET room = ?2, purged_ms = ?3 WHERE name = ?1 AND purged_ms <= ?4",
                    params![&name, room, now_ms, now_ms - PURGE_AGAIN_MS],
                )?;
                if changed == 0 {
                    let message = format!("Only one PurgeQueue operation on {name} is allowed every 60 seconds.");
                    return Err(Code::PurgeQueueInProgress.error(message));
                }
                leave_room(tx, home.room)
            })
            .await
    }

    /// GetQueueUrl: whether the queue exists.
    ///
    /// # Errors
    /// `QueueDoesNotExist`.
    pub async fn exists(&self, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        self.inner.state.read(move |tx| find(tx, &name).map(|_| ())).await
    }

    /// GetQueueAttributes. Messages are counted when `count` says so.
    ///
    /// # Errors
    /// `QueueDoesNotExist`.
    pub async fn describe(&self, name: &str, count: bool) -> Result<Description, Error> {
        let (name, now_ms) = (name.to_owned(), self.now_ms());
        self.inner
            .state
            .read(move |tx| {
                let sql = "SELECT room, created_ms, modified_ms, settings FROM queue WHERE name = ?1";
                let found = tx.first(sql, params![&name], |row| {
                    let settings = parse(row.text(3)?)?;
                    let (created_ms, modified_ms) = (row.int(1)?, row.int(2)?);
                    Ok::<_, Error>((
                        row.int(0)?,
                        Description { created_ms, modified_ms, settings, counts: Counts::default() },
                    ))
                })?;
                let (room, mut description) = found.ok_or_else(no_queue)?;
                if count {
                    description.counts = counts(tx, room, &description.settings, now_ms)?;
                }
                Ok(description)
            })
            .await
    }

    /// SetQueueAttributes. An empty text takes an attribute back.
    ///
    /// # Errors
    /// `QueueDoesNotExist`, `InvalidAttributeName`, `InvalidAttributeValue`, `InvalidParameterValue`.
    pub async fn set_attributes(&self, name: &str, attributes: BTreeMap<String, String>) -> Result<(), Error> {
        self.change(name, move |settings| settings.set(&attributes)).await
    }

    /// Changes the settings of a queue, or refuses.
    pub(super) async fn change(
        &self,
        name: &str,
        change: impl FnOnce(&mut Settings) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let (queues, name) = (self.clone(), name.to_owned());
        self.inner
            .state
            .write(move |tx| {
                let before = find(tx, &name)?.settings;
                let mut settings = before.clone();
                change(&mut settings)?;
                if settings.redrive != before.redrive {
                    queues.check_redrive(tx, &name, &settings)?;
                }
                tx.execute(
                    "UPDATE queue SET settings = ?2, modified_ms = ?3 WHERE name = ?1",
                    params![&name, &to_json(&settings)?, queues.now_ms()],
                )?;
                queues.inner.wake.all(&name);
                Ok(())
            })
            .await
    }

    /// ListQueues: at most `limit` names behind `after` that start with `prefix`.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn list(&self, prefix: &str, after: &str, limit: usize) -> Result<Names, Error> {
        let prefix = prefix.to_owned();
        self.page(after, limit, move |name, _| name.starts_with(&prefix)).await
    }

    /// ListDeadLetterSourceQueues: queues whose dead letters go to `name`.
    ///
    /// # Errors
    /// `QueueDoesNotExist`.
    pub async fn sources_of(&self, name: &str, after: &str, limit: usize) -> Result<Names, Error> {
        self.exists(name).await?;
        let arn = self.arn(name);
        self.page(after, limit, move |_, settings| is_source(settings, &arn)).await
    }

    async fn page(
        &self,
        after: &str,
        limit: usize,
        keep: impl Fn(&str, &str) -> bool + Send + 'static,
    ) -> Result<Names, Error> {
        let after = after.to_owned();
        self.inner
            .state
            .read(move |tx| {
                let mut page = Names::default();
                tx.each("SELECT name, settings FROM queue WHERE name > ?1 ORDER BY name", params![&after], |row| {
                    let name = row.text(0)?;
                    if keep(name, row.text(1)?) {
                        page.more = page.names.len() == limit;
                        if !page.more {
                            page.names.push(name.to_owned());
                        }
                    }
                    Ok::<_, Error>(!page.more)
                })?;
                Ok(page)
            })
            .await
    }

    /// A dead-letter queue must be there, of the same type, and allow it.
    fn check_redrive(&self, tx: &Read<'_>, name: &str, settings: &Settings) -> Result<(), Error> {
        let Some(redrive) = &settings.redrive else { return Ok(()) };
        let refuse = |reason: &str| Err(invalid_value(&redrive.text, "RedrivePolicy", reason));
        let Some(target) = self.name_in(&redrive.target) else {
            return refuse("Dead letter target must be a queue of the same account and region.");
        };
        let target = match find(tx, &target) {
            // A queue that is its own dead-letter queue is about to be.
            Ok(home) => home.settings,
            Err(Error::Queue { code: Code::QueueDoesNotExist, .. }) => {
                return refuse("Dead letter target does not exist.");
            }
            Err(error) => return Err(error),
        };
        if target.fifo != settings.fifo {
            return refuse("Dead-letter queue must be same type of queue as the source.");
        }
        let allowed = target.redrive_allow.and_then(|allow| allow.sources);
        if allowed.is_some_and(|sources| !sources.contains(&self.arn(name))) {
            return refuse("The dead-letter queue's RedriveAllowPolicy does not allow this source queue.");
        }
        Ok(())
    }
}

/// Whether a queue with these settings sends its dead letters to `arn`.
pub(super) fn is_source(settings: &str, arn: &str) -> bool {
    settings.contains(arn) && parse(settings).is_ok_and(|s| s.redrive.is_some_and(|redrive| redrive.target == arn))
}

/// The room's messages are gone; their rows follow.
fn leave_room(tx: &Write<'_>, room: i64) -> Result<(), Error> {
    tx.execute("INSERT INTO queue_left (room) VALUES (?1)", params![room])?;
    Ok(())
}

fn counts(tx: &Read<'_>, room: i64, settings: &Settings, now_ms: i64) -> Result<Counts, Error> {
    let horizon_ms = settings.horizon_ms(now_ms);
    let count = |more: &str| {
        let sql = format!("SELECT COUNT(*) FROM queue_message WHERE room = ?1 AND sent_ms > ?2 AND visible_ms {more}");
        tx.first(&sql, params![room, horizon_ms, now_ms], |row| row.int(0)).map(Option::unwrap_or_default)
    };
    Ok(Counts {
        visible: count("<= ?3")?,
        in_flight: count("> ?3 AND receipt > 0")?,
        delayed: count("> ?3 AND receipt = 0")?,
    })
}

/// A queue that is asked for again must be as asked.
fn same(settings: &Settings, attributes: &BTreeMap<String, String>) -> Result<(), Error> {
    match settings.difference(attributes)? {
        None => Ok(()),
        Some(name) => Err(Code::QueueNameExists
            .error(format!("A queue already exists with the same name and a different value for attribute {name}"))),
    }
}

fn to_json(settings: &Settings) -> Result<String, Error> {
    serde_json::to_string(settings).map_err(|_| Error::Corrupt("queue settings"))
}

fn check_name(name: &str, fifo: bool) -> Result<(), Error> {
    let stem = if fifo { name.strip_suffix(".fifo") } else { Some(name) };
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let valid = stem.is_some_and(|stem| !stem.is_empty() && stem.chars().all(allowed)) && name.len() <= NAME_CHARS_MAX;
    match (valid, fifo) {
        (true, _) => Ok(()),
        (false, false) => Err(Code::InvalidParameterValue
            .error("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")),
        (false, true) => Err(Code::InvalidParameterValue.error(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo \
             suffix and be 1 to 80 in length.",
        )),
    }
}
