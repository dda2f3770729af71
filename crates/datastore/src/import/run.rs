//! Runs a job to its end.

use objects::Objects;
use state::params;

use super::job::{self, Job, JobStatus};
use super::{file, report};
use crate::{Datastores, Error, Kind};

/// Files of a job (HealthLake quota).
const FILES_MAX: usize = 10_000;

/// Runs a job; what goes wrong becomes its message.
pub(super) async fn job(stores: &Datastores, objects: &Objects, id: &str) {
    let end = match whole(stores, objects, id).await {
        Ok((status, message)) => job::set(stores, id, status, message).await,
        // The program is ending or the state is away: it goes on after the next start.
        Err(error) if error.kind() == Kind::Unavailable => {
            return tracing::warn!(job = id, %error, "import is interrupted");
        }
        Err(error) => job::set(stores, id, JobStatus::Failed, Some(error.to_string())).await,
    };
    if let Err(error) = end {
        tracing::error!(job = id, %error, "the end of an import is not recorded");
    }
}

async fn whole(stores: &Datastores, objects: &Objects, id: &str) -> Result<(JobStatus, Option<String>), Error> {
    let job = job::get(stores, id).await?;
    job::set(stores, id, JobStatus::InProgress, None).await?;
    let store = stores.store(&job.request.datastore).await?;
    scan(stores, objects, &job).await?;
    for file in pending(stores, id).await? {
        if job::get(stores, id).await?.status == JobStatus::CancelSubmitted {
            finish(stores, objects, id).await?;
            return Ok((JobStatus::CancelCompleted, None));
        }
        file::import(&store, objects, &job, &file).await?;
    }
    let job = finish(stores, objects, id).await?;
    if job.status == JobStatus::CancelSubmitted {
        return Ok((JobStatus::CancelCompleted, None));
    }
    let progress = job.progress;
    Ok(match progress.refused {
        0 => (JobStatus::Completed, None),
        refused => {
            (JobStatus::CompletedWithErrors, Some(format!("{refused} of {} resources were refused", progress.scanned)))
        }
    })
}

/// Records the files of a job, once.
async fn scan(stores: &Datastores, objects: &Objects, job: &Job) -> Result<(), Error> {
    if job.progress.files > 0 {
        return Ok(());
    }
    let (bucket, prefix) = report::place(&job.request.input)?;
    let listed = objects.list(&bucket, &prefix, None, FILES_MAX + 1).await.map_err(|error| of_lake(&error))?;
    if listed.len() > FILES_MAX {
        return Err(Error::new(Kind::Invalid, format!("the input place holds more than {FILES_MAX} objects")));
    }
    let wanted = |key: &str| key.ends_with(".ndjson") || key.ends_with(".ndjson.gz");
    let listed = listed.into_iter().filter(|file| wanted(&file.key));
    let files: Vec<(String, i64)> =
        listed.map(|file| (file.key, i64::try_from(file.bytes).unwrap_or(i64::MAX))).collect();
    if files.is_empty() {
        return Err(Error::new(Kind::Invalid, "the input place holds no .ndjson or .ndjson.gz file"));
    }
    let id = job.id.clone();
    let recorded = move |tx: &state::Write<'_>| {
        for (key, bytes) in &files {
            tx.execute(
                "INSERT INTO fhir_job_file (job, file, bytes, lines, done, imported, refused) VALUES (?1, ?2, ?3, 0, 0, 0, 0) ON CONFLICT DO NOTHING",
                params![&id, key, *bytes],
            )?;
        }
        Ok::<_, Error>(())
    };
    stores.shared.state.write(recorded).await
}

/// Files that are not done, and the lines of each that are.
async fn pending(stores: &Datastores, id: &str) -> Result<Vec<file::File>, Error> {
    let id = id.to_owned();
    let sql = "SELECT file, lines FROM fhir_job_file WHERE job = ?1 AND done = 0 ORDER BY file";
    let file = |row: &state::Row<'_>| Ok::<_, Error>(file::File { key: row.text(0)?.to_owned(), lines: row.int(1)? });
    stores.shared.state.read(move |tx| tx.all(sql, params![&id], file)).await
}

/// Writes the manifest.
async fn finish(stores: &Datastores, objects: &Objects, id: &str) -> Result<Job, Error> {
    let job = job::get(stores, id).await?;
    let (bucket, folder) = report::folder(&job)?;
    let manifest = report::manifest(&job)?;
    objects.put(&bucket, &format!("{folder}manifest.json"), manifest.into()).await.map_err(|error| of_lake(&error))?;
    Ok(job)
}

/// An error of the lake: some pass, others are the caller's.
pub(super) fn of_lake(error: &objects::Error) -> Error {
    let kind = if error.is_retryable() { Kind::Unavailable } else { Kind::Invalid };
    Error::new(kind, format!("the lake: {error}"))
}
