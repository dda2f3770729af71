//! PutEvents: checks entries, matches their events and writes what follows from them, in one transaction.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use state::{Write, params};

use super::envelope::Envelope;
use super::index::Listener;
use super::{Buses, bus_name, subscriptions};
use crate::Error;
use crate::delivery::{Lanes, Pending};

const ENTRIES_MAX: usize = 10;
/// All entries of a request together.
const REQUEST_BYTES_MAX: usize = 1 << 20;
/// How often an event may go on from bus to bus, so that a circle of rules ends.
pub(crate) const HOPS_MAX: i64 = 8;

/// An entry of `PutEvents`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Entry {
    /// Seconds since 1970; now, if not given.
    pub time: Option<f64>,
    pub source: Option<String>,
    #[serde(default)]
    pub resources: Vec<String>,
    pub detail_type: Option<String>,
    /// The text of a JSON object.
    pub detail: Option<String>,
    /// By name or ARN; the default bus, if not given.
    pub event_bus_name: Option<String>,
    /// Taken and not acted on.
    pub trace_header: Option<String>,
}

/// What became of an entry: the id of its event, or error code and message.
pub type Accepted = Result<String, (&'static str, String)>;

/// An event that is ready to be matched.
struct Ready {
    id: String,
    bus: String,
    event: String,
}

/// Error code and message of an entry.
type Refused = (&'static str, String);

/// Who listens to an event that is put.
#[derive(Clone, Copy)]
pub(crate) struct Audience<'a> {
    /// Archives, too.
    pub(crate) archives: bool,
    /// Only these rules, if any are named.
    pub(crate) rules: &'a [String],
}

impl Audience<'_> {
    pub(crate) const ALL: Audience<'static> = Audience { archives: true, rules: &[] };
}

impl Buses {
    /// PutEvents. Answers one result an entry when all that follows from them is on disk. An event for a bus that does not
    /// exist goes nowhere, as the service has it.
    ///
    /// # Errors
    /// `Invalid` when the request holds too much.
    pub async fn put(&self, entries: Vec<Entry>) -> Result<Vec<Accepted>, Error> {
        if entries.is_empty() || entries.len() > ENTRIES_MAX {
            let bound = if entries.is_empty() { "greater than or equal to 1" } else { "less than or equal to 10" };
            // The service repeats the entries here; they are content.
            let shown = if entries.is_empty() { "[]" } else { "[PutEventsRequestEntry]" };
            return Err(Error::Invalid(format!(
                "1 validation error detected: Value '{shown}' at 'entries' failed to satisfy constraint: Member must have length {bound}"
            )));
        }
        if entries.iter().map(size).sum::<usize>() > REQUEST_BYTES_MAX {
            return Err(Error::Invalid("Total size of the entries in the request is over the limit.".into()));
        }
        let ready = entries.iter().map(|entry| self.ready(entry, false)).collect();
        self.write(ready).await
    }

    /// [`Buses::put`] from inside this program: any number of entries, and sources may begin with `aws.`.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn put_own(&self, entries: Vec<Entry>) -> Result<Vec<Accepted>, Error> {
        let ready = entries.iter().map(|entry| self.ready(entry, true)).collect();
        self.write(ready).await
    }

    /// [`Buses::put_own`] as part of the caller's transaction. The lanes are to be handed to [`Buses::wake`] once it is committed.
    ///
    /// # Errors
    /// When the state fails.
    pub fn put_in(&self, tx: &Write<'_>, entries: &[Entry]) -> Result<(Vec<Accepted>, Lanes), Error> {
        self.publish_all(tx, entries.iter().map(|entry| self.ready(entry, true)))
    }

    async fn write(&self, ready: Vec<Result<Ready, Refused>>) -> Result<Vec<Accepted>, Error> {
        let this = self.clone();
        let (accepted, lanes) = self.inner.state.write(move |tx| this.publish_all(tx, ready)).await?;
        self.wake(lanes);
        Ok(accepted)
    }

    fn publish_all(
        &self,
        tx: &Write<'_>,
        ready: impl IntoIterator<Item = Result<Ready, Refused>>,
    ) -> Result<(Vec<Accepted>, Lanes), Error> {
        let mut lanes = Lanes::default();
        let mut accepted = Vec::new();
        for entry in ready {
            accepted.push(match entry {
                Ok(Ready { id, bus, event }) => {
                    self.publish(tx, &bus, &event, 0, Audience::ALL, &mut lanes)?;
                    Ok(id)
                }
                Err(refused) => Err(refused),
            });
        }
        Ok((accepted, lanes))
    }

    /// Matches an event against the rules of a bus and writes what follows.
    pub(crate) fn publish(
        &self,
        tx: &Write<'_>,
        bus: &str,
        event: &str,
        hops: i64,
        audience: Audience<'_>,
        lanes: &mut Lanes,
    ) -> Result<(), Error> {
        let Some(index) = self.inner.indexes.of(tx, bus, |rule| self.rule_arn(bus, rule))? else { return Ok(()) };
        // Events are built here and are JSON, so matching does not fail.
        let listeners = index.rules.matches(event.as_bytes()).unwrap_or_default();
        let now_ms = self.inner.clock.now_ms();
        for listener in listeners {
            match listener {
                Listener::Archive(archive) if audience.archives => {
                    let number = self.inner.deliveries.number();
                    tx.execute(
                        "INSERT INTO event_archived (archive, at_ms, number, body) VALUES (?1, ?2, ?3, ?4)",
                        params![archive, now_ms, number, event],
                    )?;
                }
                Listener::Rule { arn, targets } if audience.rules.is_empty() || audience.rules.contains(arn) => {
                    for (lane, target) in targets {
                        let pending = Pending { lane, origin: arn, target, body: event, hops, at_ms: now_ms };
                        self.inner.deliveries.add(tx, &pending, lanes)?;
                    }
                }
                Listener::Subscriber(subscriber) if audience.rules.is_empty() => {
                    subscriptions::keep(tx, subscriber, event, now_ms)?;
                    lanes.kept = true;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Begins to deliver what a committed transaction wrote.
    pub fn wake(&self, lanes: Lanes) {
        crate::delivery::kick(self, lanes);
    }

    fn ready(&self, entry: &Entry, own: bool) -> Result<Ready, Refused> {
        let required = |value: &Option<String>, member: &str| match value {
            Some(text) if !text.is_empty() => Ok(text.clone()),
            _ => Err((
                "InvalidArgument",
                format!("Parameter {member} is not valid. Reason: {member} is a required argument."),
            )),
        };
        let source = required(&entry.source, "Source")?;
        let detail_type = required(&entry.detail_type, "DetailType")?;
        let detail = required(&entry.detail, "Detail")?;
        if source.starts_with("aws.") && !own {
            return Err(("NotAuthorizedForSourceException", "Not authorized for the source.".into()));
        }
        let Ok(Value::Object(detail)) = serde_json::from_str(&detail) else {
            return Err(("MalformedDetail", "Detail is malformed.".into()));
        };
        let id = uuid::Uuid::new_v4().to_string();
        let envelope = Envelope {
            id: &id,
            detail_type: &detail_type,
            source: &source,
            account: &self.inner.account,
            time_ms: entry.time.map_or_else(|| self.inner.clock.now_ms(), |seconds| (seconds * 1000.0) as i64),
            region: &self.inner.region,
            resources: &entry.resources,
        };
        let event = envelope.with(&Value::Object(detail).to_string());
        Ok(Ready { bus: bus_name(entry.event_bus_name.as_deref()).to_owned(), event, id })
    }
}

/// As the service counts an entry.
fn size(entry: &Entry) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let resources: usize = entry.resources.iter().map(String::len).sum();
    let time = if entry.time.is_some() { 14 } else { 0 };
    time + text(&entry.source) + text(&entry.detail_type) + text(&entry.detail) + resources
}

/// A shared text, as definitions are handed to many deliveries.
pub(crate) type Shared = Arc<str>;
