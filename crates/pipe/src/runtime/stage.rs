//! What becomes of records between the filter and the target: enrichment and templates.

use event::{Batch, Error, Failure, Kind, Receipt, Record, Sequence};

use super::Work;

/// Records ready for the target.
pub(crate) struct Staged {
    pub records: Vec<Record>,
    /// For each of `records`, the index of the source record it was made of; `None` when the enrichment answered another
    /// number of records than it got.
    origins: Option<Vec<usize>>,
    /// Source records that cannot be made ready, by index and in order; another try would not help.
    pub refused: Vec<usize>,
    /// What the enrichment answered and cannot be rendered, where nobody knows which record it was made of.
    pub refused_answers: Vec<Record>,
}

impl Work {
    /// Records that match the filter, and those that cannot be read. The others count as filtered.
    pub fn filter(&self, records: Vec<Record>) -> (Vec<Record>, Vec<Record>) {
        let (mut passed, mut refused) = (Vec::with_capacity(records.len()), Vec::new());
        let mut filtered = 0;
        for record in records {
            match self.transform.passes(&record) {
                Ok(true) => passed.push(record),
                Ok(false) => filtered += 1,
                Err(error) => {
                    self.counters.error(format!("{error}. record=`{}`", record.id));
                    refused.push(record);
                }
            }
        }
        self.counters.filtered(filtered);
        (passed, refused)
    }

    /// Brings records that passed the filter to the target, all or none of them.
    ///
    /// # Errors
    /// Why not, without record content.
    pub async fn send(&self, records: &[Record]) -> Result<(), String> {
        if records.is_empty() {
            return Ok(());
        }
        let staged = self.stage(records).await.map_err(|error| error.to_string())?;
        if !staged.refused.is_empty() || !staged.refused_answers.is_empty() {
            return Err("an input template cannot read the record".into());
        }
        let failures = staged.send(self, records.len()).await.map_err(|error| error.to_string())?;
        failures.into_iter().next().map_or(Ok(()), |failure| Err(format!("the target refused it: {}", failure.code)))
    }

    /// Enriches source records and renders them for the target.
    ///
    /// # Errors
    /// Those of the enrichment: nothing was made ready.
    pub async fn stage(&self, records: &[Record]) -> Result<Staged, Error> {
        let Some(enrichment) = &self.enrichment else {
            return Ok(self.rendered(records, Some((0..records.len()).collect()), Vec::new()));
        };
        let (mut asked, mut origins) = (Vec::with_capacity(records.len()), Vec::with_capacity(records.len()));
        let mut refused = Vec::new();
        let ready = self.transform.for_enrichment(records, enrichment.is_dynamic());
        for (index, (ready, record)) in ready.into_iter().zip(records).enumerate() {
            match ready {
                Ok(ready) => {
                    asked.push(ready);
                    origins.push(index);
                }
                Err(error) => {
                    self.counters.error(format!("{error}. record=`{}`", record.id));
                    refused.push(index);
                }
            }
        }
        let answers = if asked.is_empty() { Vec::new() } else { enrichment.enrich(&asked).await? };
        self.counters.enriched(answers.len());
        let each = answers.len() == asked.len();
        let mut enriched = Vec::with_capacity(answers.len());
        for (index, data) in answers.into_iter().enumerate() {
            let origin = if each { origins.get(index) } else { origins.last() };
            let Some(record) = origin.and_then(|origin| records.get(*origin)) else { continue };
            let id = if each { record.id.clone() } else { format!("{}/{index}", record.id).into() };
            enriched.push(Record { data, id, ..record.clone() });
        }
        let mut staged = self.rendered(&enriched, each.then_some(origins), refused);
        if let Some(end) = records.last().map(|record| record.sequence) {
            // What was made of a batch shares its end: it is all in the target, or none of it is.
            staged.records.iter_mut().for_each(|record| record.sequence = end);
        }
        Ok(staged)
    }

    /// Renders records for the target. `origins` are the indexes of their source records, where these are known.
    fn rendered(&self, records: &[Record], origins: Option<Vec<usize>>, mut refused: Vec<usize>) -> Staged {
        let mut staged = Staged {
            records: Vec::with_capacity(records.len()),
            origins: origins.as_ref().map(|origins| Vec::with_capacity(origins.len())),
            refused: Vec::new(),
            refused_answers: Vec::new(),
        };
        let ready = self.transform.for_target(records, self.target.is_dynamic());
        for (index, (ready, record)) in ready.into_iter().zip(records).enumerate() {
            let origin = origins.as_ref().and_then(|origins| origins.get(index)).copied();
            match ready {
                Ok(ready) => {
                    staged.records.push(ready);
                    if let Some(known) = &mut staged.origins {
                        known.extend(origin);
                    }
                }
                Err(error) => {
                    self.counters.error(format!("{error}. record=`{}`", record.id));
                    match origin {
                        Some(origin) => refused.push(origin),
                        None => staged.refused_answers.push(record.clone()),
                    }
                }
            }
        }
        refused.sort_unstable();
        Staged { refused, ..staged }
    }
}

impl Staged {
    /// Hands the records to the target, as many at once as it takes. Failures name source records, of which there are
    /// `count`.
    ///
    /// # Errors
    /// Those of the target: what it took before comes again with the next try.
    pub async fn deliver(self, work: &Work, shard: &str, through: Sequence, count: usize) -> Result<Receipt, Error> {
        let batch = |records| Batch { consumer: work.consumer.clone(), shard: shard.into(), records, through };
        if work.target.owns_positions() {
            return work.target.deliver(batch(self.records)).await;
        }
        let most = work.target.batch_records_max().max(1);
        let mut failures = Vec::new();
        let mut offset = 0;
        for part in self.records.chunks(most) {
            if let Receipt::Delivered(failed) = work.target.deliver(batch(part.to_vec())).await? {
                failures.extend(failed.into_iter().map(|failure| Failure { index: failure.index + offset, ..failure }));
            }
            offset += part.len();
        }
        Ok(Receipt::Delivered(self.by_source(failures, count)))
    }

    /// [`Staged::deliver`] for records that have no position.
    ///
    /// # Errors
    /// As there.
    pub async fn send(self, work: &Work, count: usize) -> Result<Vec<Failure>, Error> {
        if work.target.owns_positions() {
            let failures = work.target.send(self.records.clone()).await?;
            return Ok(self.by_source(failures, count));
        }
        match self.deliver(work, "queue", Sequence::ZERO, count).await? {
            Receipt::Delivered(failures) => Ok(failures),
            Receipt::Owned => Err(Error::new(Kind::Internal, "the target kept a position it does not own")),
        }
    }

    fn by_source(&self, failures: Vec<Failure>, count: usize) -> Vec<Failure> {
        match (&self.origins, failures.first()) {
            (Some(origins), _) => failures
                .into_iter()
                .filter_map(|failure| Some(Failure { index: *origins.get(failure.index)?, ..failure }))
                .collect(),
            // Nobody knows whose it was: all are made again.
            (None, Some(first)) => (0..count).map(|index| Failure { index, ..first.clone() }).collect(),
            (None, None) => Vec::new(),
        }
    }
}
