//! Archives: the events of a bus that match a pattern, kept for a number of days.

use pattern::Pattern;
use serde::{Deserialize, Serialize};
use state::{Read, Write, params};

use super::{Buses, bus_name, buses};
use crate::resource::{self, Listing, Page, Resource};
use crate::{Error, constraint};

/// What an archive without a pattern keeps: replayed events are not archived again.
const ALL: &str = r#"{"replay-name":[{"exists":false}]}"#;
const DAY_MS: i64 = 86_400_000;
/// Archives here are `ENABLED` from their creation to their end.
const STATES: [&str; 6] = ["ENABLED", "DISABLED", "CREATING", "UPDATING", "CREATE_FAILED", "UPDATE_FAILED"];

/// An archive, by the member names of the wire.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Archive {
    pub archive_name: String,
    pub event_source_arn: String,
    pub description: Option<String>,
    pub event_pattern: Option<String>,
    /// 0: for ever.
    pub retention_days: i64,
    pub kms_key_identifier: Option<String>,
    pub created_ms: i64,
}

impl Resource for Archive {
    const KIND: &'static str = "archive";
}

impl Archive {
    /// The bus whose events it keeps.
    pub fn bus(&self) -> &str {
        bus_name(Some(&self.event_source_arn))
    }

    pub(super) fn pattern(&self) -> &str {
        self.event_pattern.as_deref().unwrap_or(ALL)
    }
}

/// Input of `CreateArchive`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateArchive {
    pub archive_name: String,
    pub event_source_arn: String,
    pub description: Option<String>,
    pub event_pattern: Option<String>,
    pub retention_days: Option<i64>,
    pub kms_key_identifier: Option<String>,
}

/// Input of `UpdateArchive`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateArchive {
    pub archive_name: String,
    pub description: Option<String>,
    pub event_pattern: Option<String>,
    pub retention_days: Option<i64>,
    pub kms_key_identifier: Option<String>,
}

impl Buses {
    /// The ARN of an archive.
    pub fn archive_arn(&self, name: &str) -> String {
        self.arn_of(format!("archive/{name}"))
    }

    /// CreateArchive.
    ///
    /// # Errors
    /// `Invalid`, `Pattern`, `Conflict`, `NotFound` without the bus.
    pub async fn create_archive(&self, input: CreateArchive) -> Result<Archive, Error> {
        constraint::name("archiveName", &input.archive_name, 48, "")?;
        check(input.event_pattern.as_deref(), input.retention_days)?;
        let archive = Archive {
            archive_name: input.archive_name,
            event_source_arn: input.event_source_arn,
            description: input.description,
            event_pattern: input.event_pattern,
            retention_days: input.retention_days.unwrap_or(0),
            kms_key_identifier: input.kms_key_identifier,
            created_ms: self.inner.clock.now_ms(),
        };
        let this = self.clone();
        self.inner
            .state
            .write(move |tx| {
                if resource::get::<Archive>(tx, "", &archive.archive_name)?.is_some() {
                    return Err(Error::Conflict(format!("Archive {} already exists.", archive.archive_name)));
                }
                buses::find(tx, archive.bus())?;
                resource::put(tx, "", &archive.archive_name, &archive)?;
                this.inner.indexes.forget(archive.bus());
                Ok(archive)
            })
            .await
    }

    /// DescribeArchive: the archive, how many events it holds and their bytes.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn archive(&self, name: &str) -> Result<(Archive, i64, i64), Error> {
        let name = name.to_owned();
        self.inner
            .state
            .read(move |tx| {
                let archive = find(tx, &name)?;
                let (count, bytes) = size(tx, &name)?;
                Ok((archive, count, bytes))
            })
            .await
    }

    /// UpdateArchive.
    ///
    /// # Errors
    /// `Invalid`, `Pattern`, `NotFound`.
    pub async fn update_archive(&self, input: UpdateArchive) -> Result<Archive, Error> {
        check(input.event_pattern.as_deref(), input.retention_days)?;
        let this = self.clone();
        self.inner
            .state
            .write(move |tx| {
                let archive = find(tx, &input.archive_name)?;
                let archive = Archive {
                    description: input.description.or(archive.description),
                    event_pattern: input.event_pattern.or(archive.event_pattern),
                    retention_days: input.retention_days.unwrap_or(archive.retention_days),
                    kms_key_identifier: input.kms_key_identifier.or(archive.kms_key_identifier),
                    ..archive
                };
                resource::put(tx, "", &archive.archive_name, &archive)?;
                this.inner.indexes.forget(archive.bus());
                Ok(archive)
            })
            .await
    }

    /// DeleteArchive, with its events.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_archive(&self, name: &str) -> Result<(), Error> {
        let (name, this) = (name.to_owned(), self.clone());
        self.inner
            .state
            .write(move |tx| {
                let archive = find(tx, &name)?;
                resource::remove::<Archive>(tx, "", &name)?;
                tx.execute("DELETE FROM event_archived WHERE archive = ?1", params![&name])?;
                this.inner.indexes.forget(archive.bus());
                Ok(())
            })
            .await
    }

    /// ListArchives, all or those of one bus or in one state, each with its events and bytes.
    ///
    /// # Errors
    /// `NotFound` without the bus, `Invalid` for two filters and for a state that is none.
    pub async fn list_archives(
        &self,
        source: Option<&str>,
        state: Option<&str>,
        page: Page,
    ) -> Result<Listing<(Archive, i64, i64)>, Error> {
        one_filter("ListArchives", [source.is_some(), state.is_some(), !page.prefix.is_empty()])?;
        state.map_or(Ok(()), |state| constraint::one_of("state", state, &STATES))?;
        let is_asked = state.is_none_or(|state| state == "ENABLED");
        let source = source.map(str::to_owned);
        self.inner
            .state
            .read(move |tx| {
                if let Some(source) = &source {
                    buses::find(tx, bus_name(Some(source)))?;
                }
                let keep = |archive: &Archive| {
                    is_asked && source.as_ref().is_none_or(|source| *source == archive.event_source_arn)
                };
                let Listing { items, next } = resource::list(tx, "", &page, keep)?;
                let sized = |archive: Archive| {
                    let (count, bytes) = size(tx, &archive.archive_name)?;
                    Ok::<_, Error>((archive, count, bytes))
                };
                Ok(Listing { items: items.into_iter().map(sized).collect::<Result<_, _>>()?, next })
            })
            .await
    }
}

/// A list of archives or replays takes one filter.
pub(super) fn one_filter(operation: &str, given: [bool; 3]) -> Result<(), Error> {
    match given.into_iter().filter(|given| *given).count() {
        0 | 1 => Ok(()),
        _ => Err(Error::Invalid(format!(
            "At most one filter is allowed for {operation}. Use either : State, EventSourceArn, or NamePrefix."
        ))),
    }
}

/// Removes what archives keep no longer.
pub(crate) fn sweep(tx: &Write<'_>, now_ms: i64) -> Result<(), Error> {
    for archive in resource::all::<Archive>(tx, "")?.iter().filter(|archive| archive.retention_days > 0) {
        let horizon = now_ms.saturating_sub(archive.retention_days.saturating_mul(DAY_MS));
        let sql = "DELETE FROM event_archived WHERE archive = ?1 AND at_ms < ?2";
        tx.execute(sql, params![&archive.archive_name, horizon])?;
    }
    Ok(())
}

fn check(pattern: Option<&str>, days: Option<i64>) -> Result<(), Error> {
    if let Some(pattern) = pattern {
        Pattern::parse(pattern).map_err(|error| Error::Pattern(error.to_string()))?;
    }
    days.map_or(Ok(()), |days| constraint::range("retentionDays", days, 0, i64::from(i32::MAX)))
}

pub(super) fn find(tx: &Read<'_>, name: &str) -> Result<Archive, Error> {
    resource::get(tx, "", name)?.ok_or_else(|| Error::NotFound(format!("Archive {name} does not exist.")))
}

fn size(tx: &Read<'_>, name: &str) -> Result<(i64, i64), Error> {
    let sql = "SELECT COUNT(*), COALESCE(SUM(LENGTH(body)), 0) FROM event_archived WHERE archive = ?1";
    Ok(tx.first(sql, params![name], |row| Ok::<_, Error>((row.int(0)?, row.int(1)?)))?.unwrap_or_default())
}
