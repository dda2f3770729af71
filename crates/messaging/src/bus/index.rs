//! The enabled rules, archives and subscriptions of each bus, compiled together. Built from the state when an event needs them and forgotten in
//! the transaction that changes them, so an event meets every rule that was acknowledged before it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use pattern::{Pattern, Rules};
use state::Read;

use super::archives::Archive;
use super::buses::Bus;
use super::put::Shared;
use super::rules::Rule;
use super::subscriptions;
use super::targets::Target;
use crate::{Error, resource};

/// Who listens on a bus.
#[derive(Debug)]
pub(crate) enum Listener {
    /// A rule with its targets: the lane of each and its definition.
    Rule {
        arn: String,
        targets: Vec<(String, Shared)>,
    },
    Archive(String),
    /// Whoever follows the bus, by name.
    Subscriber(String),
}

/// A bus, compiled.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) rules: Rules<Listener>,
}

#[derive(Default)]
pub(super) struct Indexes {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    buses: HashMap<String, Arc<Index>>,
    /// Compiled patterns by their text: a change of one rule does not compile the others again.
    patterns: HashMap<String, HashMap<String, Arc<Pattern>>>,
}

impl Indexes {
    /// The index of a bus, `None` without the bus.
    pub(super) fn of(
        &self,
        tx: &Read<'_>,
        bus: &str,
        arn: impl Fn(&str) -> String,
    ) -> Result<Option<Arc<Index>>, Error> {
        // What is behind the lock can always be built again.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = known.buses.get(bus) {
            return Ok(Some(index.clone()));
        }
        if resource::get::<Bus>(tx, "", bus)?.is_none() {
            return Ok(None);
        }
        let mut patterns = known.patterns.remove(bus).unwrap_or_default();
        let mut used = HashMap::new();
        let mut compiled = |text: &str| -> Result<Arc<Pattern>, Error> {
            let known = patterns.remove(text).or_else(|| used.get(text).cloned());
            let pattern = match known {
                Some(pattern) => pattern,
                None => Arc::new(Pattern::parse(text).map_err(|_| Error::Corrupt("event pattern"))?),
            };
            used.insert(text.to_owned(), Arc::clone(&pattern));
            Ok(pattern)
        };
        let mut listeners = Vec::new();
        for rule in resource::all::<Rule>(tx, bus)?.iter().filter(|rule| rule.is_enabled()) {
            let Some(text) = &rule.event_pattern else { continue };
            listeners.push((listener(tx, rule, arn(&rule.name))?, compiled(text)?));
        }
        for archive in resource::all::<Archive>(tx, "")?.iter().filter(|archive| archive.bus() == bus) {
            listeners.push((Listener::Archive(archive.archive_name.clone()), compiled(archive.pattern())?));
        }
        for (subscriber, pattern) in subscriptions::of_bus(tx, bus)? {
            listeners.push((Listener::Subscriber(subscriber), compiled(&pattern)?));
        }
        let index = Arc::new(Index { rules: Rules::new(listeners) });
        known.patterns.insert(bus.to_owned(), used);
        known.buses.insert(bus.to_owned(), index.clone());
        Ok(Some(index))
    }

    /// To be called in every transaction that changes what listens on a bus.
    pub(super) fn forget(&self, bus: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).buses.remove(bus);
    }
}

pub(crate) fn listener(tx: &Read<'_>, rule: &Rule, arn: String) -> Result<Listener, Error> {
    let mut targets = Vec::new();
    for target in resource::all::<Target>(tx, &rule.key())? {
        let definition = serde_json::to_string(&target).map_err(|_| Error::Corrupt("target"))?;
        targets.push((format!("{arn}#{}", target.id), Shared::from(definition)));
    }
    Ok(Listener::Rule { arn, targets })
}
