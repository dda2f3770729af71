//! Import jobs (HealthLake StartFHIRImportJob): NDJSON files of a folder in the lake, gzip too, in any order.
//!
//! Resources keep their ids, and versions and times where they are told. A batch of lines, how far the file has come and what became of
//! each line are one commit, so a job goes on after a crash where it was and writes nothing twice. What became of the lines is written
//! to the output folder, a file for each input file, when the file is done.

mod file;
mod job;
mod report;
mod run;

use std::sync::Arc;

use objects::Objects;

use crate::{Datastores, Error};

pub use job::{Job, JobStatus, Progress, Request};

/// Jobs that run at once; others wait.
const JOBS_MAX: usize = 4;

/// All import jobs. Cheap to clone.
#[derive(Clone)]
pub struct Imports {
    stores: Datastores,
    objects: Objects,
    permits: Arc<tokio::sync::Semaphore>,
}

impl Imports {
    /// The jobs of these datastores, whose files are in `objects`.
    pub fn new(stores: Datastores, objects: Objects) -> Imports {
        Imports { stores, objects, permits: Arc::new(tokio::sync::Semaphore::new(JOBS_MAX)) }
    }

    /// Takes a job and begins it. The same token answers the same job.
    ///
    /// # Errors
    /// `NotFound` when the datastore is not there; `Invalid` when a place is no `s3://BUCKET/PREFIX`.
    pub async fn start(&self, request: Request) -> Result<Job, Error> {
        self.stores.store(&request.datastore).await?;
        report::place(&request.input)?;
        report::place(&request.output)?;
        let (job, is_new) = job::submit(&self.stores, request).await?;
        if is_new {
            self.run(job.id.clone());
        }
        Ok(job)
    }

    /// A job.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn describe(&self, datastore: &str, id: &str) -> Result<Job, Error> {
        job::find(&self.stores, datastore, id).await
    }

    /// All jobs of a datastore, newest first.
    ///
    /// # Errors
    /// `NotFound` when the datastore is not there.
    pub async fn list(&self, datastore: &str) -> Result<Vec<Job>, Error> {
        job::list(&self.stores, datastore).await
    }

    /// Asks a job to end; what was imported stays.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it has ended.
    pub async fn cancel(&self, datastore: &str, id: &str) -> Result<Job, Error> {
        job::cancel(&self.stores, datastore, id).await
    }

    /// Goes on with jobs that had not ended when the program did.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn resume(&self) -> Result<(), Error> {
        for id in job::unfinished(&self.stores).await? {
            self.run(id);
        }
        Ok(())
    }

    fn run(&self, id: String) {
        let imports = self.clone();
        tokio::spawn(async move {
            // It lives as long as the program.
            let _permit = imports.permits.clone().acquire_owned().await;
            run::job(&imports.stores, &imports.objects, &id).await;
        });
    }
}
