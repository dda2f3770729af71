//! Dead letters of rules and schedules: which queues they go to, and delivering one again.

use state::{Read, Write};

use super::{Lanes, Pending};
use crate::Error;
use crate::bus::{Buses, DEFAULT, Rule, Target};
use crate::queue::{Payload, Received};
use crate::resource::{self, Resource as _};
use crate::schedule::{Schedule, Schedules};

/// A place where deliveries that are given up go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetters {
    /// The ARN of the queue.
    pub queue: String,
    /// The ARN of the rule or schedule.
    pub origin: String,
    /// The ARN of its target.
    pub target: String,
}

impl Buses {
    /// The dead-letter queues of all targets of rules and schedules.
    ///
    /// # Errors
    /// When the state fails.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetters>, Error> {
        let this = self.clone();
        let found = move |tx: &Read<'_>| {
            let mut found = Vec::new();
            let mut add = |origin: String, target: Target| {
                let queue = target.dead_letter_config.and_then(|config| config.arn);
                found.extend(queue.map(|queue| DeadLetters { queue, origin, target: target.arn }));
            };
            for (key, target) in resource::everywhere::<Target>(tx)? {
                let (bus, rule) = key.rsplit_once('/').unwrap_or((DEFAULT, &key));
                add(this.rule_arn(bus, rule), target);
            }
            for (_, schedule) in resource::everywhere::<Schedule>(tx)? {
                let arn = Schedules { buses: this.clone() }.arn(&schedule.group_name, &schedule.name);
                add(arn, schedule.target);
            }
            Ok(found)
        };
        self.inner.state.read(found).await
    }

    /// Has a dead letter of a rule or schedule delivered again, to its target as it is now: it leaves its queue in the
    /// transaction that writes the delivery. False when it is gone or hidden.
    ///
    /// # Errors
    /// `NotFound` when the queue, the rule or schedule, or its target is gone, or when the message is no such letter.
    pub async fn redrive(&self, queue: &str, number: i64) -> Result<bool, Error> {
        let (this, name) = (self.clone(), queue.to_owned());
        let redrive = move |tx: &Write<'_>| {
            let queues = this.inner.deliveries.outside.get().and_then(|outside| outside.queues.clone());
            let queues = queues.ok_or_else(|| Error::NotFound("there are no queues".into()))?;
            let mut lanes = Lanes::default();
            let Some(message) = queues.letter(tx, &name, number)? else {
                return Ok::<_, Error>((false, lanes));
            };
            let (origin, target) = this.target_of(tx, &message)?;
            let definition = serde_json::to_string(&target).map_err(|_| Error::Corrupt("target"))?;
            let lane = format!("{origin}#{}", target.id);
            let (body, at_ms) = (&message.body, this.inner.clock.now_ms());
            let pending = Pending { lane: &lane, origin: &origin, target: &definition, body, hops: 0, at_ms };
            this.inner.deliveries.add(tx, &pending, &mut lanes)?;
            queues.remove_letter(tx, &name, &message)?;
            Ok((true, lanes))
        };
        let (done, lanes) = self.inner.state.write(redrive).await?;
        self.wake(lanes);
        Ok(done)
    }

    /// The rule or schedule a letter names, with the target it was for.
    fn target_of(&self, tx: &Read<'_>, message: &Received) -> Result<(String, Target), Error> {
        let text = |name: &str| match message.attributes.get(name).map(|attribute| &attribute.value) {
            Some(Payload::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let gone = |what: &str| Error::NotFound(format!("the {what} of the dead letter is gone"));
        let arn = text("TARGET_ARN").unwrap_or_default();
        if let Some(origin) = text("SCHEDULE_ARN") {
            let (group, name) =
                origin.split_once(":schedule/").and_then(|(_, name)| name.split_once('/')).unwrap_or_default();
            let schedule = resource::get::<Schedule>(tx, group, name)?.ok_or_else(|| gone(Schedule::KIND))?;
            // The letter is what the input was made to.
            let target = Target { input: None, ..schedule.target };
            return if target.arn == arn { Ok((origin, target)) } else { Err(gone("target")) };
        }
        let origin =
            text("RULE_ARN").ok_or_else(|| Error::NotFound("not a dead letter of a rule or schedule".into()))?;
        let rule = origin.split_once(":rule/").map_or("", |(_, rule)| rule);
        let (bus, name) = rule.split_once('/').unwrap_or((DEFAULT, rule));
        if resource::get::<Rule>(tx, bus, name)?.is_none() {
            return Err(gone(Rule::KIND));
        }
        let targets = resource::all::<Target>(tx, &format!("{bus}/{name}"))?;
        let target = targets.into_iter().find(|target| target.arn == arn).ok_or_else(|| gone("target"))?;
        Ok((origin, target))
    }
}
