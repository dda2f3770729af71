//! Rules: put, describe, enable, disable, delete, list.

use std::collections::BTreeMap;

use pattern::Pattern;
use serde::{Deserialize, Serialize};
use state::{Read, Write};

use super::targets::Target;
use super::{Buses, DEFAULT, bus_name, buses};
use crate::Error;
use crate::constraint::{self, Tag};
use crate::resource::{self, Listing, Page, Resource};
use crate::schedule::{Expression, timer};

const STATES: [&str; 3] = ["ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"];

/// A rule, by the member names of the wire.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Rule {
    pub name: String,
    pub event_bus_name: String,
    pub event_pattern: Option<String>,
    pub schedule_expression: Option<String>,
    pub state: String,
    pub description: Option<String>,
    pub role_arn: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Resource for Rule {
    const KIND: &'static str = "rule";
}

impl Rule {
    pub(crate) fn is_enabled(&self) -> bool {
        self.state != "DISABLED"
    }

    /// Under which its targets stand.
    pub(super) fn key(&self) -> String {
        format!("{}/{}", self.event_bus_name, self.name)
    }
}

/// Input of `PutRule`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PutRule {
    pub name: String,
    pub event_bus_name: Option<String>,
    pub event_pattern: Option<String>,
    pub schedule_expression: Option<String>,
    pub state: Option<String>,
    pub description: Option<String>,
    pub role_arn: Option<String>,
    #[serde(default)]
    pub tags: Vec<Tag>,
}

impl Buses {
    /// PutRule: creates a rule, or replaces all of it but its targets and tags. Answers its ARN.
    ///
    /// # Errors
    /// `Invalid`, `Pattern`, `NotFound` without the bus.
    pub async fn put_rule(&self, input: PutRule) -> Result<String, Error> {
        let rule = checked(&input)?;
        let arn = self.rule_arn(&rule.event_bus_name, &rule.name);
        let mut tags = BTreeMap::new();
        constraint::add_tags(&mut tags, &input.tags)?;
        let (this, now_ms) = (self.clone(), self.inner.clock.now_ms());
        self.inner
            .state
            .write(move |tx| {
                buses::find(tx, &rule.event_bus_name)?;
                let before = resource::get::<Rule>(tx, &rule.event_bus_name, &rule.name)?;
                let is_new = |before: &Rule| before.schedule_expression != rule.schedule_expression;
                let restarts = before.as_ref().is_none_or(|before| is_new(before) || !before.is_enabled());
                let rule = Rule { tags: before.map_or(tags, |before| before.tags), ..rule };
                resource::put(tx, &rule.event_bus_name, &rule.name, &rule)?;
                this.inner.indexes.forget(&rule.event_bus_name);
                this.schedule(tx, &rule, restarts, now_ms)
            })
            .await?;
        Ok(arn)
    }

    /// DescribeRule.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn rule(&self, bus: Option<&str>, name: &str) -> Result<Rule, Error> {
        let (bus, name) = (bus_name(bus).to_owned(), name.to_owned());
        self.inner.state.read(move |tx| find(tx, &bus, &name)).await
    }

    /// EnableRule and DisableRule.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn set_rule_enabled(&self, bus: Option<&str>, name: &str, enabled: bool) -> Result<(), Error> {
        let (bus, name) = (bus_name(bus).to_owned(), name.to_owned());
        let (this, now_ms) = (self.clone(), self.inner.clock.now_ms());
        self.inner
            .state
            .write(move |tx| {
                let mut rule = find(tx, &bus, &name)?;
                let restarts = enabled && !rule.is_enabled();
                if rule.is_enabled() != enabled {
                    rule.state = if enabled { "ENABLED" } else { "DISABLED" }.into();
                }
                resource::put(tx, &bus, &name, &rule)?;
                this.inner.indexes.forget(&bus);
                this.schedule(tx, &rule, restarts, now_ms)
            })
            .await
    }

    /// DeleteRule. One that does not exist is deleted already.
    ///
    /// # Errors
    /// `Invalid` for one that has targets; `NotFound` without the bus.
    pub async fn delete_rule(&self, bus: Option<&str>, name: &str) -> Result<(), Error> {
        let (bus, name, this) = (bus_name(bus).to_owned(), name.to_owned(), self.clone());
        self.inner
            .state
            .write(move |tx| {
                buses::find(tx, &bus)?;
                let Some(rule) = resource::get::<Rule>(tx, &bus, &name)? else { return Ok(()) };
                if !resource::all::<Target>(tx, &rule.key())?.is_empty() {
                    return Err(Error::Invalid("Rule can't be deleted since it has targets.".into()));
                }
                remove(tx, &rule)?;
                this.inner.indexes.forget(&bus);
                Ok(())
            })
            .await
    }

    /// ListRules.
    ///
    /// # Errors
    /// `NotFound` without the bus.
    pub async fn list_rules(&self, bus: Option<&str>, page: Page) -> Result<Listing<Rule>, Error> {
        let bus = bus_name(bus).to_owned();
        self.inner
            .state
            .read(move |tx| {
                buses::find(tx, &bus)?;
                resource::list(tx, &bus, &page, |_: &Rule| true)
            })
            .await
    }

    /// ListRuleNamesByTarget.
    ///
    /// # Errors
    /// `NotFound` without the bus.
    pub async fn list_rule_names_by_target(
        &self,
        bus: Option<&str>,
        target_arn: &str,
        page: Page,
    ) -> Result<Listing<String>, Error> {
        let (bus, target_arn) = (bus_name(bus).to_owned(), target_arn.to_owned());
        self.inner
            .state
            .read(move |tx| {
                buses::find(tx, &bus)?;
                let mut names: Vec<String> = resource::everywhere::<Target>(tx)?
                    .into_iter()
                    .filter(|(_, target)| target.arn == target_arn)
                    .filter_map(|(key, _)| {
                        key.rsplit_once('/').filter(|(own, _)| *own == bus).map(|(_, rule)| rule.to_owned())
                    })
                    .filter(|rule| page.token.as_ref().is_none_or(|token| rule > token))
                    .collect();
                names.sort_unstable();
                names.dedup();
                let more = names.len() > page.limit;
                names.truncate(page.limit);
                let next = names.last().filter(|_| more).cloned();
                Ok(Listing { items: names, next })
            })
            .await
    }

    /// TestEventPattern.
    ///
    /// # Errors
    /// `Pattern` for a pattern that is none, `Invalid` for an event that lacks members every event has.
    pub fn test_pattern(&self, pattern: &str, event: &str) -> Result<bool, Error> {
        let pattern = Pattern::parse(pattern).map_err(|error| Error::Pattern(error.to_string()))?;
        let invalid = |reason: &str| Error::Invalid(format!("Parameter Event is not valid. Reason: {reason}"));
        let members: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(event).map_err(|_| invalid("it is not a JSON object."))?;
        for member in ["id", "account", "source", "time", "region", "detail-type"] {
            if !members.contains_key(member) {
                return Err(invalid(&format!("{member} is a required member.")));
            }
        }
        pattern.matches(event.as_bytes()).map_err(|_| invalid("it is not a JSON object."))
    }

    /// Sets when a rule fires next; `restarts` counts its rate from now.
    fn schedule(&self, tx: &Write<'_>, rule: &Rule, restarts: bool, now_ms: i64) -> Result<(), Error> {
        let expression = rule.schedule_expression.as_deref().filter(|_| rule.is_enabled());
        match expression {
            None => timer::clear::<Rule>(tx, &rule.event_bus_name, &rule.name),
            Some(_) if !restarts => Ok(()),
            Some(text) => {
                let expression = Expression::parse(text)?;
                match expression.first(now_ms, chrono_tz::UTC) {
                    None => timer::clear::<Rule>(tx, &rule.event_bus_name, &rule.name),
                    Some(at_ms) => timer::set::<Rule>(self, tx, &rule.event_bus_name, &rule.name, at_ms),
                }
            }
        }
    }
}

fn checked(input: &PutRule) -> Result<Rule, Error> {
    constraint::name("name", &input.name, 64, "")?;
    let state = input.state.as_deref().unwrap_or("ENABLED");
    constraint::one_of("state", state, &STATES)?;
    if let Some(description) = &input.description {
        constraint::length("description", description, 512)?;
    }
    let bus = bus_name(input.event_bus_name.as_deref());
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (event_pattern, schedule_expression) = (given(&input.event_pattern), given(&input.schedule_expression));
    if event_pattern.is_none() && schedule_expression.is_none() {
        return Err(Error::Invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.".into()));
    }
    if let Some(expression) = &schedule_expression {
        if bus != DEFAULT {
            return Err(Error::Invalid("ScheduleExpression is supported only on the default event bus.".into()));
        }
        let invalid = || Error::Invalid("Parameter ScheduleExpression is not valid.".into());
        let expression = Expression::parse(expression).map_err(|_| invalid())?;
        if expression.is_once() || !expression.has_singular_units() {
            return Err(invalid());
        }
    }
    if let Some(pattern) = &event_pattern {
        Pattern::parse(pattern).map_err(|error| Error::Pattern(error.to_string()))?;
    }
    Ok(Rule {
        name: input.name.clone(),
        event_bus_name: bus.to_owned(),
        event_pattern,
        schedule_expression,
        state: state.to_owned(),
        description: input.description.clone(),
        role_arn: input.role_arn.clone(),
        tags: BTreeMap::new(),
    })
}

pub(super) fn find(tx: &Read<'_>, bus: &str, name: &str) -> Result<Rule, Error> {
    buses::find(tx, bus)?;
    resource::get(tx, bus, name)?
        .ok_or_else(|| Error::NotFound(format!("Rule {name} does not exist on EventBus {bus}.")))
}

/// Removes a rule with its targets.
pub(super) fn remove(tx: &Write<'_>, rule: &Rule) -> Result<(), Error> {
    resource::remove_all::<Target>(tx, &rule.key())?;
    resource::remove::<Rule>(tx, &rule.event_bus_name, &rule.name)?;
    timer::clear::<Rule>(tx, &rule.event_bus_name, &rule.name)
}
