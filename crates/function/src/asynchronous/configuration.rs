//! How a function's asynchronous invocations are retried and whom their results are told: the operations on an
//! EventInvokeConfig. What follows from it happens in the folder above.

use serde::{Deserialize, Serialize};

use crate::name::LATEST;
use crate::{Error, Functions};

/// The default and largest age of an event.
pub(super) const AGE_SECONDS_MAX: i64 = 21_600;
/// The default and largest number of tries after the first.
pub(super) const RETRIES_MAX: i64 = 2;

/// PutFunctionEventInvokeConfig.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct EventInvokeConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_retry_attempts: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_event_age_in_seconds: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_config: Option<Destinations>,
    /// Seconds since 1970.
    #[serde(default)]
    pub last_modified: f64,
    #[serde(default)]
    pub function_arn: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Destinations {
    #[serde(default)]
    pub on_success: Destination,
    #[serde(default)]
    pub on_failure: Destination,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Destination {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
}

impl Functions {
    /// PutFunctionEventInvokeConfig; with `keep` UpdateFunctionEventInvokeConfig, which leaves absent members.
    ///
    /// # Errors
    /// `NotFound`, `Constraint`, `Invalid` for a destination that cannot be written.
    pub async fn put_event_invoke(
        &self,
        name: &str,
        qualifier: Option<&str>,
        mut config: EventInvokeConfig,
        keep: bool,
    ) -> Result<EventInvokeConfig, Error> {
        let reference = self.reference(name, qualifier)?;
        let qualifier = reference.qualifier.unwrap_or_else(|| LATEST.into());
        if let Some(retries) = config.maximum_retry_attempts {
            Error::check_range("maximumRetryAttempts", retries, 0, RETRIES_MAX)?;
        }
        if let Some(age) = config.maximum_event_age_in_seconds {
            Error::check_range("maximumEventAgeInSeconds", age, 60, AGE_SECONDS_MAX)?;
        }
        let destinations = config.destination_config.iter().flat_map(|config| [&config.on_success, &config.on_failure]);
        for arn in destinations.filter_map(|destination| destination.destination.as_deref()) {
            self.check_destination(arn)?;
        }
        config.function_arn = self.arn(&reference.name, Some(&qualifier));
        config.last_modified = self.now_ms() as f64 / 1000.0;
        let missing = self.not_found(&reference.name, Some(&qualifier));
        self.change(&reference.name, |function| {
            if function.resolve(Some(&qualifier), || 1.0).is_none() {
                return Err(missing);
            }
            if keep {
                let none = || {
                    Error::NotFound(format!("The function {} doesn't have an EventInvokeConfig", config.function_arn))
                };
                let old = function.event_invoke.get(&qualifier).ok_or_else(none)?.clone();
                config.maximum_retry_attempts = config.maximum_retry_attempts.or(old.maximum_retry_attempts);
                let age = config.maximum_event_age_in_seconds;
                config.maximum_event_age_in_seconds = age.or(old.maximum_event_age_in_seconds);
                config.destination_config = config.destination_config.take().or(old.destination_config);
            }
            function.event_invoke.insert(qualifier, config.clone());
            Ok(config)
        })
        .await
    }

    /// GetFunctionEventInvokeConfig.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn event_invoke(&self, name: &str, qualifier: Option<&str>) -> Result<EventInvokeConfig, Error> {
        let reference = self.reference(name, qualifier)?;
        let qualifier = reference.qualifier.unwrap_or_else(|| LATEST.into());
        let arn = self.arn(&reference.name, Some(&qualifier));
        let none = || Error::NotFound(format!("The function {arn} doesn't have an EventInvokeConfig"));
        self.function(&reference.name)?.event_invoke.get(&qualifier).cloned().ok_or_else(none)
    }

    /// ListFunctionEventInvokeConfigs.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn event_invokes(&self, name: &str) -> Result<Vec<EventInvokeConfig>, Error> {
        Ok(self.function(&self.plain(name)?)?.event_invoke.values().cloned().collect())
    }

    /// DeleteFunctionEventInvokeConfig.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_event_invoke(&self, name: &str, qualifier: Option<&str>) -> Result<(), Error> {
        self.event_invoke(name, qualifier)?;
        let reference = self.reference(name, qualifier)?;
        let qualifier = reference.qualifier.unwrap_or_else(|| LATEST.into());
        self.change(&reference.name, |function| {
            function.event_invoke.remove(&qualifier);
            Ok(())
        })
        .await
    }

    /// Refuses an ARN nothing here can write.
    pub(crate) fn check_destination(&self, arn: &str) -> Result<(), Error> {
        let parsed =
            arn.parse::<event::Arn>().map_err(|_| Error::Invalid(format!("The destination ARN {arn} is invalid.")))?;
        match self.inner.registry.get().is_none_or(|registry| registry.writes(&parsed)) {
            true => Ok(()),
            false => Err(Error::Invalid(format!("The destination ARN {arn} is not supported."))),
        }
    }
}
