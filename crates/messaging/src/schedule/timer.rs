//! What fires next: one row for each rule and schedule that has an occurrence to come. An occurrence, its deliveries and the next
//! row are one transaction, so each fires once.

use std::sync::atomic::Ordering;

use chrono_tz::Tz;
use state::{Write, params};

use super::schedules::{self, Schedule};
use super::{Expression, Schedules};
use crate::Error;
use crate::bus::{Buses, Envelope, Listener, Rule, listener, timestamp};
use crate::delivery::{Lanes, Pending};
use crate::resource::{self, Resource};

/// Rules and schedules that fire in one transaction.
const STEP_MAX: usize = 100;
/// How old a missed occurrence may be where no retry policy says so.
const AGE_MS_DEFAULT: i64 = 86_400_000;

/// Makes a rule or schedule fire at a time.
pub(crate) fn set<T: Resource>(
    buses: &Buses,
    tx: &Write<'_>,
    parent: &str,
    name: &str,
    due_ms: i64,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO event_due (kind, parent, name, due_ms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (kind, parent, name) DO UPDATE SET due_ms = excluded.due_ms",
        params![T::KIND, parent, name, due_ms],
    )?;
    buses.inner.due_ms.fetch_min(due_ms, Ordering::SeqCst);
    Ok(())
}

/// Makes it fire no more.
pub(crate) fn clear<T: Resource>(tx: &Write<'_>, parent: &str, name: &str) -> Result<(), Error> {
    let sql = "DELETE FROM event_due WHERE kind = ?1 AND parent = ?2 AND name = ?3";
    tx.execute(sql, params![T::KIND, parent, name])?;
    Ok(())
}

/// Fires all that is due.
pub(crate) async fn fire(buses: &Buses, now_ms: i64) -> Result<(), Error> {
    // Whoever schedules something from here on lowers it again.
    buses.inner.due_ms.store(i64::MAX, Ordering::SeqCst);
    loop {
        let this = buses.clone();
        let step = buses.inner.state.write(move |tx| step(&this, tx, now_ms)).await;
        let (more, lanes, next_ms) = step.inspect_err(|_| {
            buses.inner.due_ms.fetch_min(now_ms, Ordering::SeqCst);
        })?;
        buses.wake(lanes);
        buses.inner.due_ms.fetch_min(next_ms, Ordering::SeqCst);
        if !more {
            return Ok(());
        }
    }
}

/// Fires some; whether there are more, the lanes written, and when something is due next.
fn step(buses: &Buses, tx: &Write<'_>, now_ms: i64) -> Result<(bool, Lanes, i64), Error> {
    let mut due = Vec::new();
    tx.each(
        "SELECT kind, parent, name, due_ms FROM event_due WHERE due_ms <= ?1 ORDER BY due_ms",
        params![now_ms],
        |row| {
            due.push((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.text(2)?.to_owned(), row.int(3)?));
            Ok::<_, Error>(due.len() < STEP_MAX)
        },
    )?;
    let mut lanes = Lanes::default();
    for (kind, parent, name, due_ms) in &due {
        match kind.as_str() {
            Rule::KIND => fire_rule(buses, tx, (parent, name), *due_ms, now_ms, &mut lanes)?,
            _ => fire_schedule(buses, tx, (parent, name), *due_ms, now_ms, &mut lanes)?,
        }
    }
    let next = tx.first("SELECT due_ms FROM event_due ORDER BY due_ms LIMIT 1", &[], |row| row.int(0))?;
    Ok((due.len() == STEP_MAX, lanes, next.unwrap_or(i64::MAX)))
}

fn fire_rule(
    buses: &Buses,
    tx: &Write<'_>,
    (bus, name): (&str, &str),
    due_ms: i64,
    now_ms: i64,
    lanes: &mut Lanes,
) -> Result<(), Error> {
    let rule = resource::get::<Rule>(tx, bus, name)?.filter(Rule::is_enabled);
    let Some((rule, text)) = rule.and_then(|rule| Some((rule.clone(), rule.schedule_expression?))) else {
        return clear::<Rule>(tx, bus, name);
    };
    let expression = Expression::parse(&text)?;
    if let Some(at_ms) = expression.latest(due_ms, now_ms, AGE_MS_DEFAULT, Tz::UTC)
        && let Listener::Rule { arn, targets } = listener(tx, &rule, buses.rule_arn(bus, name))?
    {
        let event = scheduled_event(buses, "aws.events", &arn, at_ms, "{}");
        for (lane, target) in &targets {
            let pending = Pending { lane, origin: &arn, target, body: &event, hops: 0, at_ms: now_ms };
            buses.inner.deliveries.add(tx, &pending, lanes)?;
        }
    }
    match expression.next(due_ms, now_ms, Tz::UTC) {
        Some(next_ms) => set::<Rule>(buses, tx, bus, name, next_ms),
        None => clear::<Rule>(tx, bus, name),
    }
}

fn fire_schedule(
    buses: &Buses,
    tx: &Write<'_>,
    (group, name): (&str, &str),
    due_ms: i64,
    now_ms: i64,
    lanes: &mut Lanes,
) -> Result<(), Error> {
    let Some(schedule) = resource::get::<Schedule>(tx, group, name)?.filter(|schedule| schedule.state == "ENABLED")
    else {
        return clear::<Schedule>(tx, group, name);
    };
    let (expression, zone) = (Expression::parse(&schedule.schedule_expression)?, schedule.zone());
    let age_s = schedule.target.retry_policy.as_ref().and_then(|policy| policy.maximum_event_age_in_seconds);
    let last_ms = schedule.end_ms.map_or(now_ms, |end_ms| end_ms.min(now_ms));
    let oldest_ms = now_ms - age_s.map_or(AGE_MS_DEFAULT, |age_s| age_s * 1000);
    let latest = expression.latest(due_ms, last_ms, AGE_MS_DEFAULT, zone).filter(|at_ms| *at_ms >= oldest_ms);
    if let Some(at_ms) = latest {
        deliver(buses, tx, &schedule, at_ms, now_ms, lanes)?;
    }
    let next_ms = expression.next(due_ms, now_ms, zone);
    match next_ms.filter(|next_ms| schedule.end_ms.is_none_or(|end_ms| *next_ms <= end_ms)) {
        Some(next_ms) => set::<Schedule>(buses, tx, group, name, next_ms),
        None if schedule.action_after_completion == "DELETE" => schedules::remove(tx, &schedule),
        None => clear::<Schedule>(tx, group, name),
    }
}

/// Writes the delivery of one occurrence.
fn deliver(
    buses: &Buses,
    tx: &Write<'_>,
    schedule: &Schedule,
    at_ms: i64,
    now_ms: i64,
    lanes: &mut Lanes,
) -> Result<(), Error> {
    let mut target = schedule.target.clone();
    let arn = Schedules { buses: buses.clone() }.arn(&schedule.group_name, &schedule.name);
    let body = match target.input.take() {
        Some(input) => input
            .replace("<aws.scheduler.schedule-arn>", &arn)
            .replace("<aws.scheduler.scheduled-time>", &timestamp(at_ms))
            .replace("<aws.scheduler.execution-id>", &uuid::Uuid::new_v4().to_string())
            .replace("<aws.scheduler.attempt-number>", "1"),
        None if target.event_bridge_parameters.is_some() => "{}".into(),
        None => scheduled_event(buses, "aws.scheduler", &arn, at_ms, "\"{}\""),
    };
    let definition = serde_json::to_string(&target).map_err(|_| Error::Corrupt("target"))?;
    let lane = format!("{arn}#");
    let pending = Pending { lane: &lane, origin: &arn, target: &definition, body: &body, hops: 0, at_ms: now_ms };
    buses.inner.deliveries.add(tx, &pending, lanes)
}

fn scheduled_event(buses: &Buses, source: &str, arn: &str, at_ms: i64, detail: &str) -> String {
    let resources = [arn.to_owned()];
    Envelope {
        id: &uuid::Uuid::new_v4().to_string(),
        detail_type: "Scheduled Event",
        source,
        account: &buses.inner.account,
        time_ms: at_ms,
        region: &buses.inner.region,
        resources: &resources,
    }
    .with(detail)
}
