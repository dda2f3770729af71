//! Event source mappings: which source calls which function, and how. Kept here; what reads the source and calls is the
//! runtime of pipes, which follows [`Functions::mappings`].

mod check;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use event::{Arn, Kind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use state::params;

use crate::asynchronous::{Destination, Destinations};
use crate::{Error, Functions};

/// A mapping, with the members of the API's `EventSourceMappingConfiguration`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Mapping {
    #[serde(rename = "UUID")]
    pub uuid: String,
    pub event_source_mapping_arn: String,
    pub event_source_arn: String,
    /// With the qualifier that was given.
    pub function_arn: String,
    pub batch_size: i64,
    pub maximum_batching_window_in_seconds: i64,
    /// `Enabled` or `Disabled`.
    pub state: String,
    pub state_transition_reason: String,
    /// Seconds since 1970.
    pub last_modified: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_processing_result: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter_criteria: Option<FilterCriteria>,
    #[serde(default)]
    pub function_response_types: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling_config: Option<Scaling>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_config: Option<Destinations>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starting_position: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelization_factor: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_record_age_in_seconds: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_retry_attempts: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bisect_batch_on_function_error: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tumbling_window_in_seconds: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct FilterCriteria {
    #[serde(default)]
    pub filters: Vec<Filter>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Filter {
    pub pattern: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Scaling {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_concurrency: Option<i64>,
}

/// Members of CreateEventSourceMapping and UpdateEventSourceMapping beside source and function; absent ones are left.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct MappingChange {
    pub enabled: Option<bool>,
    pub batch_size: Option<i64>,
    pub maximum_batching_window_in_seconds: Option<i64>,
    pub filter_criteria: Option<FilterCriteria>,
    pub function_response_types: Option<Vec<String>>,
    pub scaling_config: Option<Scaling>,
    pub destination_config: Option<Destinations>,
    pub starting_position: Option<String>,
    pub parallelization_factor: Option<i64>,
    pub maximum_record_age_in_seconds: Option<i64>,
    pub maximum_retry_attempts: Option<i64>,
    pub bisect_batch_on_function_error: Option<bool>,
    pub tumbling_window_in_seconds: Option<i64>,
}

/// What a mapping reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kinds {
    Queue { fifo: bool },
    Stream,
}

impl Functions {
    /// CreateEventSourceMapping.
    ///
    /// # Errors
    /// `NotFound` without the function, `Conflict` when source and function have one, `Invalid`, `Constraint`.
    pub async fn create_mapping(&self, function: &str, source: &str, change: MappingChange) -> Result<Mapping, Error> {
        let function_arn = self.described_arn(function)?;
        let arn: Arn = source.parse().map_err(|_| unrecognised(source))?;
        let kind = kind(&arn)?;
        self.check_source(&arn, kind).await?;
        let uuid = uuid::Uuid::new_v4().to_string();
        let settings = &self.inner.settings;
        let resource = format!("event-source-mapping:{uuid}");
        let mut mapping = Mapping {
            event_source_mapping_arn: Arn::new("lambda", &settings.region, &settings.account, resource).to_string(),
            uuid,
            event_source_arn: source.to_owned(),
            function_arn,
            batch_size: if kind == Kinds::Stream { 100 } else { 10 },
            state: "Enabled".into(),
            ..Mapping::default()
        };
        if kind == Kinds::Stream {
            let position = change.starting_position.clone();
            let position = position.ok_or_else(|| Error::Invalid("1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.".into()))?;
            if !["TRIM_HORIZON", "LATEST"].contains(&position.as_str()) {
                return Err(Error::Invalid(format!(
                    "Unsupported starting position for source type. position=`{position}`"
                )));
            }
            mapping.starting_position = Some(position);
            mapping.parallelization_factor = Some(1);
            mapping.maximum_record_age_in_seconds = Some(-1);
            mapping.maximum_retry_attempts = Some(-1);
            mapping.bisect_batch_on_function_error = Some(false);
            mapping.tumbling_window_in_seconds = Some(0);
            mapping.last_processing_result = Some("No records processed".into());
            mapping.destination_config =
                Some(Destinations { on_failure: Destination::default(), ..Destinations::default() });
        }
        self.apply(&mut mapping, change, kind)?;
        let one = self.inner.changing.clone().lock_owned().await;
        let same = |other: &&Arc<Mapping>| {
            other.event_source_arn == mapping.event_source_arn && other.function_arn == mapping.function_arn
        };
        if let Some(other) = self.mappings().iter().find(same) {
            return Err(Error::Conflict(format!(
                "An event source mapping with event source arn (\" {source} \") and function (\" {function} \") already exists. Please update or delete the existing mapping with UUID {}",
                other.uuid
            )));
        }
        self.store_mapping(one, mapping.uuid.clone(), Some(mapping.clone())).await?;
        Ok(mapping)
    }

    /// UpdateEventSourceMapping.
    ///
    /// # Errors
    /// As [`Functions::create_mapping`].
    pub async fn update_mapping(
        &self,
        uuid: &str,
        function: Option<&str>,
        change: MappingChange,
    ) -> Result<Mapping, Error> {
        let one = self.inner.changing.clone().lock_owned().await;
        let mut mapping = Mapping::clone(&*self.mapping(uuid)?);
        if let Some(function) = function {
            mapping.function_arn = self.described_arn(function)?;
        }
        if change.starting_position.is_some() {
            return Err(Error::Invalid("StartingPosition cannot be changed".into()));
        }
        let arn: Arn = mapping.event_source_arn.parse().map_err(|_| Error::Corrupt(uuid.to_owned()))?;
        self.apply(&mut mapping, change, kind(&arn)?)?;
        self.store_mapping(one, uuid.to_owned(), Some(mapping.clone())).await?;
        Ok(mapping)
    }

    /// GetEventSourceMapping.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn mapping(&self, uuid: &str) -> Result<Arc<Mapping>, Error> {
        let mappings = self.inner.mappings.read().unwrap_or_else(PoisonError::into_inner);
        mappings.get(uuid).cloned().ok_or_else(|| Error::NotFound("The resource you requested does not exist.".into()))
    }

    /// All mappings, by UUID.
    pub fn mappings(&self) -> Vec<Arc<Mapping>> {
        self.inner.mappings.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Answers when a mapping was made, changed or removed since the last call.
    pub async fn mappings_changed(&self) {
        self.inner.mappings_changed.notified().await;
    }

    /// DeleteEventSourceMapping: answers what it was.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_mapping(&self, uuid: &str) -> Result<Mapping, Error> {
        let one = self.inner.changing.clone().lock_owned().await;
        let mapping = Mapping::clone(&*self.mapping(uuid)?);
        self.store_mapping(one, uuid.to_owned(), None).await?;
        Ok(mapping)
    }

    /// How the last batch of a stream went, for `LastProcessingResult`. Kept when it is another result than before; one
    /// that cannot be kept is told by the next batch.
    pub(crate) async fn note_result(&self, uuid: &str, result: &str) {
        let same = |mapping: &Mapping| mapping.last_processing_result.as_deref().is_none_or(|known| known == result);
        if self.mapping(uuid).is_ok_and(|mapping| same(&mapping)) {
            return;
        }
        let one = self.inner.changing.clone().lock_owned().await;
        if let Ok(mapping) = self.mapping(uuid) {
            let mapping = Mapping { last_processing_result: Some(result.to_owned()), ..Mapping::clone(&mapping) };
            let _ = self.store_mapping(one, uuid.to_owned(), Some(mapping)).await;
        }
    }

    fn described_arn(&self, function: &str) -> Result<String, Error> {
        let reference = self.reference(function, None)?;
        self.describe(function, None)?;
        Ok(self.arn(&reference.name, reference.qualifier.as_deref()))
    }

    fn apply(&self, mapping: &mut Mapping, change: MappingChange, kind: Kinds) -> Result<(), Error> {
        check::numbers(&change, kind)?;
        check::members(&change, kind)?;
        if let Some(criteria) = &change.filter_criteria {
            check::filters(criteria)?;
        }
        let destination =
            change.destination_config.as_ref().and_then(|config| config.on_failure.destination.as_deref());
        if let Some(arn) = destination {
            self.check_destination(arn)?;
        }
        for kind in change.function_response_types.iter().flatten() {
            Error::check_one_of("functionResponseTypes", kind, &["ReportBatchItemFailures"])?;
        }
        set(&mut mapping.batch_size, change.batch_size);
        set(&mut mapping.maximum_batching_window_in_seconds, change.maximum_batching_window_in_seconds);
        set(&mut mapping.function_response_types, change.function_response_types);
        set_some(&mut mapping.scaling_config, change.scaling_config);
        set_some(&mut mapping.destination_config, change.destination_config);
        set_some(&mut mapping.parallelization_factor, change.parallelization_factor);
        set_some(&mut mapping.maximum_record_age_in_seconds, change.maximum_record_age_in_seconds);
        set_some(&mut mapping.maximum_retry_attempts, change.maximum_retry_attempts);
        set_some(&mut mapping.bisect_batch_on_function_error, change.bisect_batch_on_function_error);
        set_some(&mut mapping.tumbling_window_in_seconds, change.tumbling_window_in_seconds);
        if let Some(criteria) = change.filter_criteria {
            mapping.filter_criteria = Some(criteria).filter(|criteria| !criteria.filters.is_empty());
        }
        if let Some(enabled) = change.enabled {
            mapping.state = if enabled { "Enabled" } else { "Disabled" }.into();
        }
        if mapping.batch_size > 10 && mapping.maximum_batching_window_in_seconds == 0 && kind != Kinds::Stream {
            return Err(Error::Invalid(
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
                    .into(),
            ));
        }
        mapping.state_transition_reason = "USER_INITIATED".into();
        mapping.last_modified = self.now_ms() as f64 / 1000.0;
        Ok(())
    }

    /// Refuses a source nothing here reads, or that does not exist.
    async fn check_source(&self, arn: &Arn, kind: Kinds) -> Result<(), Error> {
        let Some(registry) = self.inner.registry.get() else { return Ok(()) };
        let found = match kind {
            Kinds::Stream if registry.reads(arn) => registry.open_source(arn, &Value::Null).await.map(|_| ()),
            Kinds::Queue { .. } if registry.takes(arn) => registry.open_queue(arn, &Value::Null).await.map(|_| ()),
            _ => return Err(unrecognised(&arn.to_string())),
        };
        found.map_err(|error| match error.kind() {
            Kind::NotFound => Error::Invalid(format!("The provided event source does not exist. arn=`{arn}`")),
            Kind::Invalid => Error::Invalid(error.to_string()),
            _ => Error::Host(error.to_string()),
        })
    }

    async fn store_mapping(
        &self,
        one: tokio::sync::OwnedMutexGuard<()>,
        uuid: String,
        mapping: Option<Mapping>,
    ) -> Result<(), Error> {
        let engine = self.clone();
        let done = tokio::spawn(async move {
            let _one = one;
            let document = mapping.as_ref().map(serde_json::to_string).transpose();
            let document = document.map_err(|_| Error::Corrupt(uuid.clone()))?;
            let row = uuid.clone();
            engine
                .inner
                .state
                .write(move |tx| {
                    let put = "INSERT INTO function_mapping (uuid, document) VALUES (?1, ?2)
                               ON CONFLICT (uuid) DO UPDATE SET document = ?2";
                    match &document {
                        Some(document) => tx.execute(put, params![&row, document]),
                        None => tx.execute("DELETE FROM function_mapping WHERE uuid = ?1", params![&row]),
                    }
                })
                .await?;
            let mut mappings: std::sync::RwLockWriteGuard<'_, BTreeMap<String, Arc<Mapping>>> =
                engine.inner.mappings.write().unwrap_or_else(PoisonError::into_inner);
            match mapping {
                Some(mapping) => mappings.insert(uuid, Arc::new(mapping)),
                None => mappings.remove(&uuid),
            };
            engine.inner.mappings_changed.notify_one();
            Ok(())
        });
        done.await.unwrap_or_else(|_| Err(Error::Host("a change of a mapping was aborted".into())))
    }
}

fn set<T>(member: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *member = given;
    }
}

fn set_some<T>(member: &mut Option<T>, given: Option<T>) {
    if given.is_some() {
        *member = given;
    }
}

fn kind(arn: &Arn) -> Result<Kinds, Error> {
    match arn.service.as_str() {
        "sqs" => Ok(Kinds::Queue { fifo: arn.resource.ends_with(".fifo") }),
        "dynamodb" if arn.resource.contains("/stream/") => Ok(Kinds::Stream),
        _ => Err(unrecognised(&arn.to_string())),
    }
}

fn unrecognised(source: &str) -> Error {
    let shown: String = source.chars().take(256).collect();
    Error::Invalid(format!(
        "Unrecognized event source, must be a DynamoDB stream or an SQS queue. Unsupported source arn {shown}"
    ))
}
