//! Buses: create, describe, update, delete, list.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use state::Read;

use super::permissions::Policy;
use super::rules::{self, Rule};
use super::{Buses, DEFAULT, bus_name};
use crate::Error;
use crate::constraint::{self, Tag};
use crate::resource::{self, Listing, Page, Resource};

/// An event bus, by the member names of the wire.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Bus {
    pub name: String,
    pub description: Option<String>,
    pub kms_key_identifier: Option<String>,
    pub dead_letter_config: Option<Value>,
    pub log_config: Option<Value>,
    pub policy: Option<Policy>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    pub created_ms: i64,
    pub modified_ms: i64,
}

impl Resource for Bus {
    const KIND: &'static str = "bus";
}

/// Input of `CreateEventBus`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateEventBus {
    pub name: String,
    pub event_source_name: Option<String>,
    pub description: Option<String>,
    pub kms_key_identifier: Option<String>,
    pub dead_letter_config: Option<Value>,
    pub log_config: Option<Value>,
    #[serde(default)]
    pub tags: Vec<Tag>,
}

/// Input of `UpdateEventBus`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateEventBus {
    pub name: Option<String>,
    pub description: Option<String>,
    pub kms_key_identifier: Option<String>,
    pub dead_letter_config: Option<Value>,
    pub log_config: Option<Value>,
}

impl Buses {
    pub(super) fn create_default(&self) -> Result<(), Error> {
        let now_ms = self.inner.clock.now_ms();
        self.inner.state.write_blocking(move |tx| {
            if resource::get::<Bus>(tx, "", DEFAULT)?.is_some() {
                return Ok(());
            }
            let bus = Bus {
                name: DEFAULT.into(),
                description: None,
                kms_key_identifier: None,
                dead_letter_config: None,
                log_config: None,
                policy: None,
                tags: BTreeMap::new(),
                created_ms: now_ms,
                modified_ms: now_ms,
            };
            resource::put(tx, "", DEFAULT, &bus)
        })
    }

    /// CreateEventBus.
    ///
    /// # Errors
    /// `Invalid`, `Conflict`.
    pub async fn create_bus(&self, input: CreateEventBus) -> Result<Bus, Error> {
        constraint::name("name", &input.name, 256, "/")?;
        if input.event_source_name.is_some() {
            return Err(Error::Invalid("EventSourceName is not supported: there are no partner event sources.".into()));
        }
        if input.name.contains('/') {
            return Err(Error::Invalid("Event bus name must not contain '/'.".into()));
        }
        let now_ms = self.inner.clock.now_ms();
        let mut tags = BTreeMap::new();
        constraint::add_tags(&mut tags, &input.tags)?;
        let bus = Bus {
            name: input.name,
            description: input.description,
            kms_key_identifier: input.kms_key_identifier,
            dead_letter_config: input.dead_letter_config,
            log_config: input.log_config,
            policy: None,
            tags,
            created_ms: now_ms,
            modified_ms: now_ms,
        };
        self.inner
            .state
            .write(move |tx| {
                if resource::get::<Bus>(tx, "", &bus.name)?.is_some() {
                    return Err(Error::Conflict(format!("Event bus {} already exists.", bus.name)));
                }
                resource::put(tx, "", &bus.name, &bus)?;
                Ok(bus)
            })
            .await
    }

    /// DescribeEventBus, by name or ARN; the default bus without either.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn bus(&self, name_or_arn: Option<&str>) -> Result<Bus, Error> {
        let name = bus_name(name_or_arn).to_owned();
        self.inner.state.read(move |tx| find(tx, &name)).await
    }

    /// UpdateEventBus.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn update_bus(&self, input: UpdateEventBus) -> Result<Bus, Error> {
        let now_ms = self.inner.clock.now_ms();
        self.inner
            .state
            .write(move |tx| {
                let bus = find(tx, bus_name(input.name.as_deref()))?;
                let bus = Bus {
                    description: input.description.or(bus.description),
                    kms_key_identifier: input.kms_key_identifier.or(bus.kms_key_identifier),
                    dead_letter_config: input.dead_letter_config.or(bus.dead_letter_config),
                    log_config: input.log_config.or(bus.log_config),
                    modified_ms: now_ms,
                    ..bus
                };
                resource::put(tx, "", &bus.name, &bus)?;
                Ok(bus)
            })
            .await
    }

    /// DeleteEventBus, with its rules. One that does not exist is deleted already.
    ///
    /// # Errors
    /// `Invalid` for the default bus.
    pub async fn delete_bus(&self, name: &str) -> Result<(), Error> {
        let name = bus_name(Some(name)).to_owned();
        if name == DEFAULT {
            return Err(Error::Invalid("Cannot delete event bus default.".into()));
        }
        let this = self.clone();
        self.inner
            .state
            .write(move |tx| {
                for rule in resource::all::<Rule>(tx, &name)? {
                    rules::remove(tx, &rule)?;
                }
                resource::remove::<Bus>(tx, "", &name)?;
                this.inner.indexes.forget(&name);
                Ok(())
            })
            .await
    }

    /// ListEventBuses.
    ///
    /// # Errors
    /// `Invalid` for a limit that is none.
    pub async fn list_buses(&self, page: Page) -> Result<Listing<Bus>, Error> {
        self.inner.state.read(move |tx| resource::list(tx, "", &page, |_: &Bus| true)).await
    }
}

pub(super) fn find(tx: &Read<'_>, name: &str) -> Result<Bus, Error> {
    resource::get(tx, "", name)?.ok_or_else(|| Error::NotFound(format!("Event bus {name} does not exist.")))
}
