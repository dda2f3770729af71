//! A dry run: what filter, enrichment and templates make of sample events. Reads no source and writes no target.

use bytes::Bytes;
use event::{Record, Registry, Sequence};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::runtime::Transform;
use crate::{Definition, Error};

/// What became of one event, step by step. A step behind one that ended the way is absent.
#[derive(Clone, Debug, Serialize)]
pub struct Trial {
    pub filter: Filtered,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enrichment: Option<Enriched>,
    /// What the target would get: one entry a record.
    pub target: Vec<Step>,
}

/// What the filter said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Filtered {
    Passed,
    FilteredOut,
    /// The event could not be read.
    Failed(String),
}

/// What the enrichment was asked and what it answered.
#[derive(Clone, Debug, Serialize)]
pub struct Enriched {
    pub input: Step,
    pub output: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a template made of a record, or why it could not. Text that is no JSON is a JSON string.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Made(Value),
    Failed(String),
}

/// Runs events, one at a time, through the pipe with this definition (the members of CreatePipe).
///
/// # Errors
/// `Invalid` when the definition is not valid; what an enrichment answers is part of the trial.
pub(crate) async fn run(
    registry: &Registry,
    definition: &Value,
    arn: impl Fn(&str) -> String,
    events: Vec<Bytes>,
    now_ms: i64,
) -> Result<Vec<Trial>, Error> {
    let definition = Definition::parse(definition)?;
    let parameters = definition.parameters()?;
    let transform = Transform::new(&definition, &parameters, &arn(&definition.name))?;
    let mut trials = Vec::with_capacity(events.len());
    for (number, data) in (1u64..).zip(events) {
        let id = format!("event {number}").into();
        let record =
            Record { data, sequence: Sequence::from(number), at_ms: now_ms, key_hash: 0, untemplated: None, id };
        trials.push(one(registry, &definition, &transform, record).await?);
    }
    Ok(trials)
}

async fn one(
    registry: &Registry,
    definition: &Definition,
    transform: &Transform,
    record: Record,
) -> Result<Trial, Error> {
    let filter = match transform.passes(&record) {
        Ok(true) => Filtered::Passed,
        Ok(false) => Filtered::FilteredOut,
        Err(error) => Filtered::Failed(error),
    };
    let mut trial = Trial { filter, enrichment: None, target: Vec::new() };
    if trial.filter != Filtered::Passed {
        return Ok(trial);
    }
    let records = match definition.enrichment_arn()? {
        None => vec![record],
        Some(arn) => {
            let asked = first(transform.for_enrichment(std::slice::from_ref(&record), true));
            let mut enriched = Enriched { input: step(&asked), output: Vec::new(), error: None };
            let mut records = Vec::new();
            if let Ok(asked) = asked {
                let answer = match registry.open_enrichment(&arn, &definition.enrichment_parameters).await {
                    Ok(enrichment) => enrichment.enrich(&[asked]).await,
                    Err(error) => Err(error),
                };
                match answer {
                    Ok(answers) => {
                        enriched.output = answers.iter().map(json).collect();
                        records = answers.into_iter().map(|data| Record { data, ..record.clone() }).collect();
                    }
                    Err(error) => enriched.error = Some(error.to_string()),
                }
            }
            trial.enrichment = Some(enriched);
            records
        }
    };
    trial.target = transform.for_target(&records, false).iter().map(step).collect();
    Ok(trial)
}

/// The one result of one record.
fn first(made: Vec<Result<Record, String>>) -> Result<Record, String> {
    made.into_iter().next().unwrap_or_else(|| Err("no record".into()))
}

fn step(made: &Result<Record, String>) -> Step {
    match made {
        Ok(record) => Step::Made(json(&record.data)),
        Err(error) => Step::Failed(error.clone()),
    }
}

fn json(data: &Bytes) -> Value {
    serde_json::from_slice(data).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(data).into_owned()))
}

impl crate::Pipes {
    /// A dry run of events through a definition: nothing is read, written or kept. `RoleArn`, `Source` and the rest must be as
    /// CreatePipe wants them.
    ///
    /// # Errors
    /// `Invalid` when the definition is not valid.
    pub async fn test(&self, definition: &Value, events: Vec<Bytes>) -> Result<Vec<Trial>, Error> {
        let mut definition = definition.clone();
        if let Some(members) = definition.as_object_mut() {
            keep_only_definition(members);
        }
        run(self.registry(), &definition, |name| self.arn(name), events, self.now_ms()).await
    }
}

/// What DescribePipe answers is taken as a definition, too.
fn keep_only_definition(members: &mut Map<String, Value>) {
    for answered in ["Arn", "CurrentState", "StateReason", "CreationTime", "LastModifiedTime"] {
        members.remove(answered);
    }
}
