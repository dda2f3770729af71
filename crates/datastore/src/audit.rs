//! The audit log: who did what to which resource, and who was refused.
//!
//! What was written is noted in the transaction that writes it (`fhir_audit_pending`), so it is never lost. What was read,
//! searched or refused is held in memory for a moment: a kill may lose the last [`FLUSH_AFTER`] of it. Both are added to the
//! chain ([`chain`]) by a flush, many events to a row.

pub mod chain;
mod event;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use ::event::Clock;
use state::{State, Write, params};

pub use self::event::{Asked, Entity, Event};
use crate::control::Shared;
use crate::{Datastores, Error, Kind, Store};
use chain::{Head, Row};

/// How long events wait for others.
pub const FLUSH_AFTER: Duration = Duration::from_millis(50);
/// Events that wait in memory; whoever brings more waits until they are in the log.
const WAITING_MAX: usize = 20_000;
/// Events in one row.
const ROW_EVENTS_MAX: usize = 5_000;
/// Bytes after which a row takes no more notes.
const ROW_BYTES: usize = 32 << 20;

/// Who asks, for what is written on their behalf.
#[derive(Debug)]
pub(crate) struct Asking {
    asked: Asked,
    /// That of a bundle, which only its body tells.
    told: OnceLock<&'static str>,
    is_noted: AtomicBool,
}

/// What is held in memory.
#[derive(Default)]
pub(crate) struct Waiting {
    events: Mutex<Vec<Event>>,
    is_scheduled: AtomicBool,
    /// The end of the log once it is known; one flush at a time.
    head: tokio::sync::Mutex<Option<Head>>,
}

/// The audit log of all datastores. Cheap to clone.
#[derive(Clone)]
pub struct Audit {
    state: State,
    clock: Arc<dyn Clock>,
    waiting: Arc<Waiting>,
}

impl Datastores {
    /// The audit log.
    pub fn audit(&self) -> Audit {
        Audit::of(&self.shared)
    }
}

impl Store {
    pub(crate) fn audit(&self) -> Audit {
        Audit::of(&self.shared)
    }
}

impl Asking {
    pub fn new(asked: Asked) -> Asking {
        Asking { asked, told: OnceLock::new(), is_noted: AtomicBool::new(false) }
    }

    pub fn interaction(&self) -> &'static str {
        self.told.get().copied().unwrap_or(self.asked.interaction)
    }

    /// It is a batch or a transaction.
    pub fn is_bundle(&self, code: &'static str) {
        let _ = self.told.set(code);
    }

    pub fn asked(&self) -> Asked {
        Asked { interaction: self.interaction(), ..self.asked.clone() }
    }

    /// Whether something was written, and noted, for it.
    pub fn is_noted(&self) -> bool {
        self.is_noted.load(Ordering::Acquire)
    }

    pub fn noted(&self) {
        self.is_noted.store(true, Ordering::Release);
    }

    /// Notes what a transaction writes, within it.
    pub fn note(&self, tx: &Write<'_>, at_ms: i64, entities: Vec<Entity>) -> Result<(), Error> {
        let mut line = String::new();
        Event { asked: self.asked(), at_ms, status: 200, entities }.write(&mut line);
        tx.execute("INSERT INTO fhir_audit_pending (event) VALUES (?1)", params![&line])?;
        Ok(())
    }
}

impl Audit {
    fn of(shared: &Shared) -> Audit {
        Audit { state: shared.state.clone(), clock: shared.clock.clone(), waiting: shared.audit.clone() }
    }

    /// Records an access that wrote nothing. It is in the log a moment later.
    ///
    /// # Errors
    /// When so much waits that nothing is taken before the state takes it: what cannot be recorded must not be answered.
    pub async fn record(&self, asked: Asked, status: u16, entities: Vec<Entity>) -> Result<(), Error> {
        let event = Event { asked, at_ms: self.clock.now_ms(), status, entities };
        let events = || self.waiting.events.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = events().len();
        if waiting >= WAITING_MAX {
            // Whoever goes away while waiting must not take along what others brought.
            let audit = self.clone();
            let flushed = tokio::spawn(async move { audit.flush().await }).await;
            flushed.map_err(|_| Error::new(Kind::Unavailable, "the audit log could not be written"))??;
        }
        events().push(event);
        self.schedule();
        Ok(())
    }

    /// Sees to it that a flush comes.
    pub(crate) fn schedule(&self) {
        if self.waiting.is_scheduled.swap(true, Ordering::AcqRel) {
            return;
        }
        let audit = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(FLUSH_AFTER).await;
            audit.waiting.is_scheduled.store(false, Ordering::Release);
            audit.flush_or_warn().await;
        });
    }

    async fn flush_or_warn(&self) {
        if let Err(error) = self.flush().await {
            tracing::error!(%error, cause = ?std::error::Error::source(&error), "the audit log could not be written");
        }
    }

    /// Adds all that waits to the log. Call it at the start, for what a kill left, and at the end.
    ///
    /// # Errors
    /// When the state fails; nothing is lost then.
    pub async fn flush(&self) -> Result<(), Error> {
        let mut known = self.waiting.head.lock().await;
        loop {
            let head = *known;
            let noted = self.state.read(move |tx| {
                let sql = "SELECT id, event FROM fhir_audit_pending ORDER BY id LIMIT ?1";
                let (mut noted, mut bytes) = (Vec::new(), 0);
                tx.each(sql, params![ROW_EVENTS_MAX as i64], |row| {
                    let (id, line) = (row.int(0)?, row.text(1)?.to_owned());
                    bytes += line.len();
                    noted.push((id, line));
                    Ok::<_, Error>(bytes < ROW_BYTES)
                })?;
                let is_all = noted.len() < ROW_EVENTS_MAX && bytes < ROW_BYTES;
                Ok::<_, Error>((head.map_or_else(|| chain::head(tx), Ok)?, noted, is_all))
            });
            let (head, noted, is_all) = noted.await?;
            let events = self.take();
            // What comes meanwhile is for the next flush.
            let is_all = is_all && events.len() < ROW_EVENTS_MAX;
            if noted.is_empty() && events.is_empty() {
                *known = Some(head);
                return Ok(());
            }
            match self.append(head, &noted, &events).await {
                Ok(head) => *known = Some(head),
                Err(error) => {
                    *known = None;
                    let mut waiting = self.waiting.events.lock().unwrap_or_else(PoisonError::into_inner);
                    waiting.splice(0..0, events);
                    return Err(error);
                }
            }
            if is_all {
                return Ok(());
            }
        }
    }

    fn take(&self) -> Vec<Event> {
        let mut waiting = self.waiting.events.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.len().min(ROW_EVENTS_MAX);
        waiting.drain(..count).collect()
    }

    async fn append(&self, head: Head, noted: &[(i64, String)], events: &[Event]) -> Result<Head, Error> {
        let mut lines = String::new();
        for (_, line) in noted {
            lines.push_str(line);
            lines.push('\n');
        }
        for event in events {
            event.write(&mut lines);
            lines.push('\n');
        }
        let row = Row::pack(&head, &lines)?;
        let head = row.head();
        let last = noted.last().map_or(0, |(id, _)| *id);
        // Notes are numbered in the order of their commits: none behind the last one that was read is below it.
        let appended = move |tx: &Write<'_>| {
            tx.execute("DELETE FROM fhir_audit_pending WHERE id <= ?1", params![last])?;
            row.append(tx)
        };
        self.state.write(appended).await?;
        Ok(head)
    }
}
