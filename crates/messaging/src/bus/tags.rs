//! Tags of buses and rules.

use std::collections::BTreeMap;

use state::{Read, Write};

use super::buses::{self, Bus};
use super::rules::{self, Rule};
use super::{Buses, DEFAULT};
use crate::constraint::{self, Tag};
use crate::{Error, resource};

/// What an ARN with tags names.
enum Tagged {
    Bus(String),
    Rule { bus: String, rule: String },
}

impl Buses {
    /// ListTagsForResource.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` for an ARN of other things.
    pub async fn tags(&self, arn: &str) -> Result<BTreeMap<String, String>, Error> {
        let tagged = tagged(arn)?;
        self.inner.state.read(move |tx| tagged.tags(tx)).await
    }

    /// TagResource.
    ///
    /// # Errors
    /// As [`Buses::tags`]; `Limit` for too many.
    pub async fn tag(&self, arn: &str, added: Vec<Tag>) -> Result<(), Error> {
        let tagged = tagged(arn)?;
        let change = move |tags: &mut BTreeMap<String, String>| constraint::add_tags(tags, &added);
        self.inner.state.write(move |tx| tagged.change(tx, change)).await
    }

    /// UntagResource.
    ///
    /// # Errors
    /// As [`Buses::tags`].
    pub async fn untag(&self, arn: &str, keys: Vec<String>) -> Result<(), Error> {
        let tagged = tagged(arn)?;
        let change = move |tags: &mut BTreeMap<String, String>| {
            tags.retain(|key, _| !keys.contains(key));
            Ok(())
        };
        self.inner.state.write(move |tx| tagged.change(tx, change)).await
    }
}

impl Tagged {
    fn tags(&self, tx: &Read<'_>) -> Result<BTreeMap<String, String>, Error> {
        match self {
            Tagged::Bus(name) => Ok(buses::find(tx, name)?.tags),
            Tagged::Rule { bus, rule } => Ok(rules::find(tx, bus, rule)?.tags),
        }
    }

    fn change(
        &self,
        tx: &Write<'_>,
        change: impl FnOnce(&mut BTreeMap<String, String>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self {
            Tagged::Bus(name) => {
                let mut bus: Bus = buses::find(tx, name)?;
                change(&mut bus.tags)?;
                resource::put(tx, "", name, &bus)
            }
            Tagged::Rule { bus, rule: name } => {
                let mut rule: Rule = rules::find(tx, bus, name)?;
                change(&mut rule.tags)?;
                resource::put(tx, bus, name, &rule)
            }
        }
    }
}

fn tagged(arn: &str) -> Result<Tagged, Error> {
    let invalid =
        || Error::Invalid(format!("Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."));
    let resource = arn.parse::<event::Arn>().map_err(|_| invalid())?.resource;
    if let Some(bus) = resource.strip_prefix("event-bus/") {
        return Ok(Tagged::Bus(bus.to_owned()));
    }
    let path = resource.strip_prefix("rule/").ok_or_else(invalid)?;
    let (bus, rule) = path.rsplit_once('/').unwrap_or((DEFAULT, path));
    Ok(Tagged::Rule { bus: bus.to_owned(), rule: rule.to_owned() })
}
