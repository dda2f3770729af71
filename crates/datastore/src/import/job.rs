//! What is known of a job.

use fhir::validate::Level;
use serde::{Deserialize, Serialize};
use state::{Row, params};

use crate::{Datastores, Error, Kind};

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobStatus {
    Submitted,
    InProgress,
    Completed,
    CompletedWithErrors,
    Failed,
    CancelSubmitted,
    CancelCompleted,
}

const NAMES: [(JobStatus, &str); 7] = [
    (JobStatus::Submitted, "SUBMITTED"),
    (JobStatus::InProgress, "IN_PROGRESS"),
    (JobStatus::Completed, "COMPLETED"),
    (JobStatus::CompletedWithErrors, "COMPLETED_WITH_ERRORS"),
    (JobStatus::Failed, "FAILED"),
    (JobStatus::CancelSubmitted, "CANCEL_SUBMITTED"),
    (JobStatus::CancelCompleted, "CANCEL_COMPLETED"),
];

impl JobStatus {
    /// As the HealthLake API writes it.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(status, _)| *status == self).map_or("", |(_, name)| name)
    }

    fn by_name(name: &str) -> JobStatus {
        NAMES.iter().find(|(_, known)| *known == name).map_or(JobStatus::Failed, |(status, _)| *status)
    }

    /// Whether nothing more happens.
    pub fn is_end(self) -> bool {
        !matches!(self, JobStatus::Submitted | JobStatus::InProgress | JobStatus::CancelSubmitted)
    }
}

/// What a job is asked to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    pub datastore: String,
    pub name: Option<String>,
    /// `s3://BUCKET/PREFIX`.
    pub input: String,
    pub output: String,
    pub kms_key: String,
    pub role: String,
    pub token: Option<String>,
    /// strict, structure-only or minimal.
    pub validation: Option<String>,
}

impl Request {
    pub(super) fn level(&self) -> Level {
        self.validation.as_deref().and_then(Level::by_name).unwrap_or_default()
    }
}

/// How far a job has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub files: i64,
    pub files_done: i64,
    pub bytes: i64,
    pub scanned: i64,
    pub imported: i64,
    pub refused: i64,
}

/// A job.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: String,
    pub status: JobStatus,
    pub submitted_ms: i64,
    pub ended_ms: Option<i64>,
    pub request: Request,
    pub message: Option<String>,
    pub progress: Progress,
}

const SELECT: &str = "SELECT j.id, j.status, j.submitted_ms, j.ended_ms, j.request, j.message,
    (SELECT count(*) FROM fhir_job_file f WHERE f.job = j.id), (SELECT count(*) FROM fhir_job_file f WHERE f.job = j.id AND f.done = 1),
    (SELECT coalesce(sum(f.bytes), 0) FROM fhir_job_file f WHERE f.job = j.id), (SELECT coalesce(sum(f.lines), 0) FROM fhir_job_file f WHERE f.job = j.id),
    (SELECT coalesce(sum(f.imported), 0) FROM fhir_job_file f WHERE f.job = j.id), (SELECT coalesce(sum(f.refused), 0) FROM fhir_job_file f WHERE f.job = j.id)
    FROM fhir_job j";

fn job(row: &Row<'_>) -> Result<Job, Error> {
    let request =
        serde_json::from_str(row.text(4)?).map_err(|_| Error::new(Kind::Corrupt, "a stored job is damaged"))?;
    Ok(Job {
        id: row.text(0)?.to_owned(),
        status: JobStatus::by_name(row.text(1)?),
        submitted_ms: row.int(2)?,
        ended_ms: row.int_opt(3)?,
        request,
        message: row.text_opt(5)?.map(str::to_owned),
        progress: Progress {
            files: row.int(6)?,
            files_done: row.int(7)?,
            bytes: row.int(8)?,
            scanned: row.int(9)?,
            imported: row.int(10)?,
            refused: row.int(11)?,
        },
    })
}

pub(super) async fn submit(stores: &Datastores, request: Request) -> Result<(Job, bool), Error> {
    let id = match &request.token {
        Some(token) => {
            uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, format!("{}/{token}", request.datastore).as_bytes())
        }
        None => uuid::Uuid::new_v4(),
    };
    let id = id.simple().to_string();
    let number = stores.describe(&request.datastore).await?.number;
    let now_ms = stores.shared.clock.now_ms();
    let text = serde_json::to_string(&request).map_err(|_| Error::new(Kind::Corrupt, "a job cannot be written"))?;
    let submitted = move |tx: &state::Write<'_>| {
        let new = tx.execute(
            "INSERT INTO fhir_job (id, ds, status, submitted_ms, request) VALUES (?1, ?2, 'SUBMITTED', ?3, ?4) ON CONFLICT DO NOTHING",
            params![&id, number, now_ms, &text],
        )?;
        let found = tx.first(&format!("{SELECT} WHERE j.id = ?1"), params![&id], job)?;
        Ok((found.ok_or_else(|| Error::new(Kind::Corrupt, "a job that was written is not there"))?, new > 0))
    };
    stores.shared.state.write(submitted).await
}

pub(super) async fn find(stores: &Datastores, datastore: &str, id: &str) -> Result<Job, Error> {
    let id = id.to_owned();
    let found =
        stores.shared.state.read(move |tx| tx.first(&format!("{SELECT} WHERE j.id = ?1"), params![&id], job)).await?;
    let found = found.filter(|job| job.request.datastore == datastore);
    found.ok_or_else(|| Error::new(Kind::NotFound, "no such job"))
}

/// A job by its id alone: the runner's way.
pub(super) async fn get(stores: &Datastores, id: &str) -> Result<Job, Error> {
    let id = id.to_owned();
    let found =
        stores.shared.state.read(move |tx| tx.first(&format!("{SELECT} WHERE j.id = ?1"), params![&id], job)).await?;
    found.ok_or_else(|| Error::new(Kind::NotFound, "no such job"))
}

pub(super) async fn list(stores: &Datastores, datastore: &str) -> Result<Vec<Job>, Error> {
    let number = stores.describe(datastore).await?.number;
    let sql = format!("{SELECT} WHERE j.ds = ?1 ORDER BY j.submitted_ms DESC, j.id");
    stores.shared.state.read(move |tx| tx.all(&sql, params![number], job)).await
}

pub(super) async fn unfinished(stores: &Datastores) -> Result<Vec<String>, Error> {
    let sql = "SELECT id FROM fhir_job WHERE status IN ('SUBMITTED', 'IN_PROGRESS', 'CANCEL_SUBMITTED') ORDER BY submitted_ms";
    stores.shared.state.read(move |tx| tx.all(sql, &[], |row| Ok(row.text(0)?.to_owned()))).await
}

pub(super) async fn cancel(stores: &Datastores, datastore: &str, id: &str) -> Result<Job, Error> {
    if find(stores, datastore, id).await?.status.is_end() {
        return Err(Error::new(Kind::Conflict, "the job has ended"));
    }
    set(stores, id, JobStatus::CancelSubmitted, None).await?;
    find(stores, datastore, id).await
}

/// Moves a job on, unless it has ended. A cancellation is only left for an end.
pub(super) async fn set(
    stores: &Datastores,
    id: &str,
    status: JobStatus,
    message: Option<String>,
) -> Result<(), Error> {
    let (id, now_ms) = (id.to_owned(), stores.shared.clock.now_ms());
    let sql = "UPDATE fhir_job SET status = ?2, message = ?3, ended_ms = ?4
        WHERE id = ?1 AND (status = 'SUBMITTED' OR status = 'IN_PROGRESS' OR (status = 'CANCEL_SUBMITTED' AND ?4 IS NOT NULL))";
    let ended = status.is_end().then_some(now_ms);
    let moved = move |tx: &state::Write<'_>| {
        tx.execute(sql, params![&id, status.name(), message.as_deref(), ended]).map(|_| ())
    };
    Ok(stores.shared.state.write::<(), state::Error>(moved).await?)
}
