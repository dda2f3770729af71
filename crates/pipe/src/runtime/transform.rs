//! Filter and input template of one pipe, compiled once. Pure.

use bytes::Bytes;
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
                Ok(true) => passed.push(record),
                Ok(false) => filtered += 1,
                Err(error) => {
                    work.counters.error(format!("filter failed: {error}. record=`{}`", record.id));
                    refused.push(record);
                }
            }
        }
        work.counters.filtered(filtered);
        if let Some(template) = &self.template {
            passed = self.render(template, work, passed, &mut refused);
            refused.sort_by_key(|record| record.sequence);
        }
        (passed, refused)
    }

    /// The records as the template makes them, all in one piece of memory: what came together goes together.
    fn render(&self, template: &Template, work: &Work, records: Vec<Record>, refused: &mut Vec<Record>) -> Vec<Record> {
        let mut out = Vec::with_capacity(records.iter().map(|record| record.data.len()).sum());
        let mut rendered = Vec::with_capacity(records.len());
        let mut time = String::new();
        for record in records {
            if template.names_ingestion_time() {
                // The time the source took the change, so that a repeat renders the same bytes.
                let at = DateTime::from_timestamp_millis(record.at_ms).unwrap_or_default();
                time = at.to_rfc3339_opts(SecondsFormat::Secs, true);
            }
            let variables = Variables {
                pipe_arn: &work.arn,
                pipe_name: &work.name,
                source_arn: &self.source,
                enrichment_arn: "",
                target_arn: &self.target,
                ingestion_time: &time,
            };
            let start = out.len();
            match template.render(&record.data, &variables, &mut out) {
                Ok(()) => rendered.push((record, start..out.len())),
                Err(error) => {
                    work.counters.error(format!("input template failed: {error}. record=`{}`", record.id));
                    refused.push(record);
                }
            }
        }
        let out = Bytes::from(out);
        rendered.into_iter().map(|(record, range)| Record { data: out.slice(range), ..record }).collect()
    }
}
