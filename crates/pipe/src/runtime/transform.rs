//! Filter and input template of one pipe, compiled once. Pure.

use chrono::{DateTime, SecondsFormat};
use event::Record;
use expr::{Template, Variables};
use pattern::Patterns;

use super::Work;
use crate::{Definition, Error, StreamParameters};

/// What happens to a record between source and target.
pub(crate) struct Transform {
    patterns: Patterns,
    template: Option<Template>,
    source: String,
    target: String,
}

impl Transform {
    /// Compiles the filter and the template.
    ///
    /// # Errors
    /// `Invalid` when one of them is.
    pub fn new(definition: &Definition, parameters: &StreamParameters) -> Result<Transform, Error> {
        let patterns = Patterns::parse(&parameters.patterns)
            .map_err(|error| Error::Invalid(format!("Event pattern is not valid. Reason: {error}")))?;
        let template = match &parameters.template {
            None => None,
            Some(text) => Template::parse(text)
                .map_err(|error| Error::Invalid(format!("Invalid InputTemplate for target: {error}")))?,
        };
        Ok(Transform { patterns, template, source: definition.source.clone(), target: definition.target.clone() })
    }

    /// The records that pass, as the target gets them, and those that could not be read.
    pub fn apply(&self, work: &Work, records: Vec<Record>) -> (Vec<Record>, Vec<Record>) {
        let (mut passed, mut refused) = (Vec::with_capacity(records.len()), Vec::new());
        let mut filtered = 0;
        for record in records {
            let matches = if self.patterns.is_empty() { Ok(true) } else { self.patterns.matches(&record.data) };
            match matches {
                Ok(true) => {}
                Ok(false) => {
                    filtered += 1;
                    continue;
                }
                Err(error) => {
                    work.counters.error(format!("filter failed: {error}. record=`{}`", record.id));
                    refused.push(record);
                    continue;
                }
            }
            let Some(template) = &self.template else {
                passed.push(record);
                continue;
            };
            // The time the source took the change, so that a repeat renders the same bytes.
            let time = DateTime::from_timestamp_millis(record.at_ms).unwrap_or_default();
            let variables = Variables {
                pipe_arn: &work.arn,
                pipe_name: &work.name,
                source_arn: &self.source,
                enrichment_arn: "",
                target_arn: &self.target,
                ingestion_time: &time.to_rfc3339_opts(SecondsFormat::Secs, true),
            };
            let mut out = Vec::with_capacity(record.data.len());
            match template.render(&record.data, &variables, &mut out) {
                Ok(()) => passed.push(Record { data: out.into(), ..record }),
                Err(error) => {
                    work.counters.error(format!("input template failed: {error}. record=`{}`", record.id));
                    refused.push(record);
                }
            }
        }
        work.counters.filtered(filtered);
        (passed, refused)
    }
}
