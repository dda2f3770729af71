//! Dead letters through their pipe again: filter, enrichment, template and target, one record at a time, beside the worker.
//!
//! There are no positions and no retries here: whoever redrives keeps the letter until its record was accepted.

use event::Record;

use crate::{Error, Pipes};

impl Pipes {
    /// Sends records through a pipe once more, whether it runs or not, and answers for each whether it was accepted: its
    /// effect is durable, or the filter lets it end there. Otherwise the error, without record content.
    ///
    /// # Errors
    /// `NotFound` without the pipe; what keeps its enrichment or target from being opened.
    pub async fn redrive(&self, name: &str, records: Vec<Record>) -> Result<Vec<Result<(), String>>, Error> {
        let work = self.work_of(name).await?;
        let mut accepted = Vec::with_capacity(records.len());
        for record in records {
            let (passed, refused) = work.filter(vec![record]);
            let sent =
                if refused.is_empty() { work.send(&passed).await } else { Err("the record cannot be read".into()) };
            if sent.is_ok() {
                work.counters.delivered(passed.len());
            }
            accepted.push(sent);
        }
        Ok(accepted)
    }
}
