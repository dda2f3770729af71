//! Filter and input templates of one pipe, compiled once. Pure.
//!
//! The body of a queue's message is text; where that text is a JSON object or array, filters, templates and dynamic parameters
//! see it as such: `$.body.id` (EventBridge Pipes user guide, "Implicit body data parsing").

mod body;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat};
use event::Record;
use expr::{Template, Variables};
use pattern::Patterns;

use self::body::Body;
use crate::{Definition, Error, Parameters};

/// What happens to a record on its way.
pub(crate) struct Transform {
    patterns: Patterns,
    /// Before the enrichment.
    enrichment_template: Option<Template>,
    /// Before the target.
    template: Option<Template>,
    names: Names,
    /// Of a source whose messages carry JSON as text.
    body: Option<Body>,
}

/// What the reserved variables of templates stand for.
struct Names {
    arn: String,
    name: String,
    source: String,
    enrichment: String,
    target: String,
}

impl Transform {
    /// Compiles the filter and the templates of the pipe with this ARN.
    ///
    /// # Errors
    /// `Invalid` when one of them is.
    pub fn new(definition: &Definition, parameters: &Parameters, arn: &str) -> Result<Transform, Error> {
        let patterns = Patterns::parse(&parameters.patterns)
            .map_err(|error| Error::Invalid(format!("Event pattern is not valid. Reason: {error}")))?;
        let names = Names {
            arn: arn.to_owned(),
            name: definition.name.clone(),
            source: definition.source.clone(),
            enrichment: definition.enrichment.clone().unwrap_or_default(),
            target: definition.target.clone(),
        };
        let is_queue = definition.source_arn()?.service == "sqs";
        let enrichment_template = compile(parameters.enrichment_template.as_deref(), "enrichment")?;
        Ok(Transform {
            patterns,
            enrichment_template,
            template: compile(parameters.template.as_deref(), "target")?,
            names,
            body: is_queue.then(Body::new).transpose()?,
        })
    }

    /// Whether the record goes on.
    ///
    /// # Errors
    /// What is wrong with a record that cannot be read.
    pub fn passes(&self, record: &Record) -> Result<bool, String> {
        if self.patterns.is_empty() {
            return Ok(true);
        }
        let seen = self.body.as_ref().map_or_else(|| record.data.clone(), |body| body.decode(record));
        self.patterns.matches(&seen).map_err(|error| format!("filter failed: {error}"))
    }

    /// The records as the enrichment gets them; errors say what is wrong with one that cannot be read. `is_dynamic`: with
    /// what they were before.
    pub fn for_enrichment(&self, records: &[Record], is_dynamic: bool) -> Vec<Result<Record, String>> {
        self.render(self.enrichment_template.as_ref(), records, is_dynamic)
    }

    /// The records, or what the enrichment made of them, as the target gets them; errors as before.
    pub fn for_target(&self, records: &[Record], is_dynamic: bool) -> Vec<Result<Record, String>> {
        self.render(self.template.as_ref(), records, is_dynamic)
    }

    /// The records as the template makes them, all in one piece of memory: what came together goes together.
    fn render(&self, template: Option<&Template>, records: &[Record], is_dynamic: bool) -> Vec<Result<Record, String>> {
        let seen = |record: &Record| self.body.as_ref().map_or_else(|| record.data.clone(), |body| body.decode(record));
        let Some(template) = template else {
            let untemplated = |record| (is_dynamic && self.body.is_some()).then(|| seen(record));
            return records
                .iter()
                .map(|record| Ok(Record { untemplated: untemplated(record), ..record.clone() }))
                .collect();
        };
        let mut out = Vec::with_capacity(records.iter().map(|record| record.data.len()).sum());
        let mut ranges = Vec::with_capacity(records.len());
        let mut time = String::new();
        for record in records {
            if template.names_ingestion_time() {
                // The time the source took the change, so that a repeat renders the same bytes.
                let at = DateTime::from_timestamp_millis(record.at_ms).unwrap_or_default();
                time = at.to_rfc3339_opts(SecondsFormat::Secs, true);
            }
            let variables = Variables {
                pipe_arn: &self.names.arn,
                pipe_name: &self.names.name,
                source_arn: &self.names.source,
                enrichment_arn: &self.names.enrichment,
                target_arn: &self.names.target,
                ingestion_time: &time,
            };
            let (start, seen) = (out.len(), seen(record));
            let rendered = template.render(&seen, &variables, &mut out);
            let made = rendered.map(|()| (start..out.len(), is_dynamic.then_some(seen)));
            ranges.push(made.map_err(|error| format!("input template failed: {error}")));
        }
        let out = Bytes::from(out);
        let rendered = records.iter().zip(ranges).map(|(record, made)| {
            let (range, untemplated) = made?;
            Ok(Record { data: out.slice(range), untemplated, ..record.clone() })
        });
        rendered.collect()
    }
}

fn compile(template: Option<&str>, of: &str) -> Result<Option<Template>, Error> {
    let Some(text) = template else { return Ok(None) };
    Template::parse(text).map_err(|error| Error::Invalid(format!("Invalid InputTemplate for {of}: {error}")))
}
