//! Replays: the events of an archive put on their bus again, in the order in which they came, each with `replay-name`.
//!
//! A replay goes on where it was after a restart: its place moves in the transaction that writes the deliveries.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use state::{Read, params};

use super::archives::{Archive, one_filter};
use super::envelope::with_member;
use super::put::Audience;
use super::{Buses, bus_name, buses};
use crate::delivery::Lanes;
use crate::resource::{self, Listing, Page, Resource};
use crate::{Error, constraint};

const STATES: [&str; 6] = ["CANCELLED", "CANCELLING", "COMPLETED", "FAILED", "RUNNING", "STARTING"];
/// A replay can be cancelled before it begins.
const START_DELAY: Duration = Duration::from_secs(1);
/// Events of one transaction.
const STEP_EVENTS: usize = 100;

/// A replay, by the member names of the wire.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Replay {
    pub replay_name: String,
    pub description: Option<String>,
    /// Of the archive.
    pub event_source_arn: String,
    pub destination: Destination,
    pub from_ms: i64,
    pub to_ms: i64,
    /// `STARTING`, `RUNNING`, `COMPLETED`, `CANCELLED` or `FAILED`.
    pub state: String,
    pub started_ms: i64,
    pub ended_ms: Option<i64>,
    /// When the last replayed event was archived, and its number.
    pub last: Option<(i64, i64)>,
}

/// `ReplayDestination`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Destination {
    pub arn: String,
    /// Only these rules, if any are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filter_arns: Vec<String>,
}

impl Resource for Replay {
    const KIND: &'static str = "replay";
}

impl Replay {
    fn is_active(&self) -> bool {
        matches!(self.state.as_str(), "STARTING" | "RUNNING")
    }
}

/// Input of `StartReplay`; times in seconds since 1970.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct StartReplay {
    pub replay_name: String,
    pub description: Option<String>,
    pub event_source_arn: String,
    pub event_start_time: f64,
    pub event_end_time: f64,
    pub destination: Destination,
}

impl Buses {
    /// The ARN of a replay.
    pub fn replay_arn(&self, name: &str) -> String {
        self.arn_of(format!("replay/{name}"))
    }

    /// StartReplay.
    ///
    /// # Errors
    /// `Invalid`, `Conflict`, `NotFound`.
    pub async fn start_replay(&self, input: StartReplay) -> Result<Replay, Error> {
        constraint::name("replayName", &input.replay_name, 64, "")?;
        let ms = |seconds: f64| (seconds * 1000.0) as i64;
        let replay = Replay {
            replay_name: input.replay_name,
            description: input.description,
            event_source_arn: input.event_source_arn,
            destination: input.destination,
            from_ms: ms(input.event_start_time),
            to_ms: ms(input.event_end_time),
            state: "STARTING".into(),
            started_ms: self.inner.clock.now_ms(),
            ended_ms: None,
            last: None,
        };
        let this = self.clone();
        let replay = self
            .inner
            .state
            .write(move |tx| {
                this.check_replay(tx, &replay)?;
                resource::put(tx, "", &replay.replay_name, &replay)?;
                Ok::<_, Error>(replay)
            })
            .await?;
        self.run_replay(replay.replay_name.clone());
        Ok(replay)
    }

    fn check_replay(&self, tx: &Read<'_>, replay: &Replay) -> Result<(), Error> {
        let destination = replay.destination.arn.as_str();
        if !destination.starts_with("arn:") || !destination.contains(":event-bus/") {
            let reason = "Parameter Destination.Arn is not valid. Reason: Must contain an event bus ARN.";
            return Err(Error::Invalid(reason.into()));
        }
        buses::find(tx, bus_name(Some(destination)))?;
        let name = replay.event_source_arn.rsplit_once('/').map_or("", |(_, name)| name);
        let archive =
            resource::get::<Archive>(tx, "", name)?.filter(|_| self.archive_arn(name) == replay.event_source_arn);
        let archive = archive.ok_or_else(|| {
            Error::Invalid(format!("Parameter EventSourceArn is not valid. Reason: Archive {name} does not exist."))
        })?;
        if destination != archive.event_source_arn {
            let reason = "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.";
            return Err(Error::Invalid(reason.into()));
        }
        if replay.to_ms <= replay.from_ms {
            let reason = "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.";
            return Err(Error::Invalid(reason.into()));
        }
        if resource::get::<Replay>(tx, "", &replay.replay_name)?.is_some() {
            return Err(Error::Conflict(format!("Replay {} already exists.", replay.replay_name)));
        }
        Ok(())
    }

    /// DescribeReplay.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn replay(&self, name: &str) -> Result<Replay, Error> {
        let name = name.to_owned();
        self.inner.state.read(move |tx| find(tx, &name)).await
    }

    /// CancelReplay.
    ///
    /// # Errors
    /// `NotFound`, `Status` for one that has ended.
    pub async fn cancel_replay(&self, name: &str) -> Result<Replay, Error> {
        let (name, now_ms) = (name.to_owned(), self.inner.clock.now_ms());
        self.inner
            .state
            .write(move |tx| {
                let mut replay = find(tx, &name)?;
                if !replay.is_active() {
                    return Err(Error::Status(format!("Replay {name} is not in a valid state for this operation.")));
                }
                replay.state = "CANCELLED".into();
                replay.ended_ms = Some(now_ms);
                resource::put(tx, "", &name, &replay)?;
                Ok(replay)
            })
            .await
    }

    /// ListReplays, all, or those of one archive or in one state.
    ///
    /// # Errors
    /// `Invalid` for two filters and for a state that is none.
    pub async fn list_replays(
        &self,
        source: Option<&str>,
        state: Option<&str>,
        page: Page,
    ) -> Result<Listing<Replay>, Error> {
        one_filter("ListReplays", [source.is_some(), state.is_some(), !page.prefix.is_empty()])?;
        state.map_or(Ok(()), |state| constraint::one_of("state", state, &STATES))?;
        let (source, state) = (source.map(str::to_owned), state.map(str::to_owned));
        let keep = move |replay: &Replay| {
            source.as_ref().is_none_or(|source| *source == replay.event_source_arn)
                && state.as_ref().is_none_or(|state| *state == replay.state)
        };
        self.inner.state.read(move |tx| resource::list(tx, "", &page, keep)).await
    }

    pub(super) async fn resume_replays(&self) -> Result<(), Error> {
        let replays = self.inner.state.read(|tx| resource::all::<Replay>(tx, "")).await?;
        for replay in replays.into_iter().filter(Replay::is_active) {
            self.run_replay(replay.replay_name);
        }
        Ok(())
    }

    fn run_replay(&self, name: String) {
        let this = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(START_DELAY).await;
            loop {
                match this.step_replay(&name).await {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => return tracing::error!(%error, replay = name, "a replay stopped"),
                }
            }
        });
    }

    /// Puts some events again; `false` at the end.
    async fn step_replay(&self, name: &str) -> Result<bool, Error> {
        let (name, this) = (name.to_owned(), self.clone());
        let (goes_on, lanes) = self
            .inner
            .state
            .write(move |tx| {
                let mut lanes = Lanes::default();
                let mut replay = find(tx, &name)?;
                if !replay.is_active() {
                    return Ok((false, lanes));
                }
                let archive = replay.event_source_arn.rsplit_once('/').map_or("", |(_, name)| name);
                let (at_ms, number) = replay.last.unwrap_or((replay.from_ms, -1));
                let mut events = Vec::new();
                let sql = "SELECT at_ms, number, body FROM event_archived WHERE archive = ?1 AND at_ms <= ?4
                    AND (at_ms > ?2 OR (at_ms = ?2 AND number > ?3)) ORDER BY at_ms, number";
                tx.each(sql, params![archive, at_ms, number, replay.to_ms], |row| {
                    events.push((row.int(0)?, row.int(1)?, row.text(2)?.to_owned()));
                    Ok::<_, Error>(events.len() < STEP_EVENTS)
                })?;
                let audience = Audience { archives: false, rules: &replay.destination.filter_arns };
                for (at_ms, number, event) in &events {
                    let event = with_member(event, "replay-name", &name);
                    this.publish(tx, bus_name(Some(&replay.destination.arn)), &event, 0, audience, &mut lanes)?;
                    replay.last = Some((*at_ms, *number));
                }
                let goes_on = events.len() == STEP_EVENTS;
                replay.state = if goes_on { "RUNNING" } else { "COMPLETED" }.into();
                replay.ended_ms = Some(this.inner.clock.now_ms()).filter(|_| !goes_on);
                resource::put(tx, "", &name, &replay)?;
                Ok::<_, Error>((goes_on, lanes))
            })
            .await?;
        self.wake(lanes);
        Ok(goes_on)
    }
}

fn find(tx: &Read<'_>, name: &str) -> Result<Replay, Error> {
    resource::get(tx, "", name)?.ok_or_else(|| Error::NotFound(format!("Replay {name} does not exist.")))
}
