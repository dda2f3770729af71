//! Schedules of EventBridge Scheduler: create, read, update, delete, list.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use state::{Read, Write};

use super::groups::{self, DEFAULT};
use super::{Expression, Schedules, timer};
use crate::bus::{self, Target};
use crate::resource::{self, Listing, Page, Resource};
use crate::{Error, constraint};

/// A one-time schedule that lies no further back fires at once.
const PAST_MS_MAX: i64 = 60_000;
/// A start that lies further back is refused.
const START_PAST_MS_MAX: i64 = 5 * 60_000;

/// A schedule, by the member names of the wire.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Schedule {
    pub name: String,
    pub group_name: String,
    pub description: Option<String>,
    pub schedule_expression: String,
    pub schedule_expression_timezone: String,
    pub start_ms: Option<i64>,
    pub end_ms: Option<i64>,
    pub flexible_time_window: FlexibleTimeWindow,
    pub state: String,
    pub target: Target,
    pub action_after_completion: String,
    pub kms_key_arn: Option<String>,
    pub created_ms: i64,
    pub modified_ms: i64,
}

/// `FlexibleTimeWindow`. Within the window the service may choose; here it is the beginning.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct FlexibleTimeWindow {
    pub mode: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_window_in_minutes: Option<i64>,
}

impl Resource for Schedule {
    const KIND: &'static str = "schedule";
}

impl Schedule {
    /// Its time zone; UTC for one this program does not know any more.
    pub(super) fn zone(&self) -> Tz {
        self.schedule_expression_timezone.parse().unwrap_or(Tz::UTC)
    }
}

/// Input of `CreateSchedule` and `UpdateSchedule`; dates in seconds since 1970.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PutSchedule {
    pub name: String,
    pub group_name: Option<String>,
    pub description: Option<String>,
    pub schedule_expression: String,
    pub schedule_expression_timezone: Option<String>,
    pub start_date: Option<f64>,
    pub end_date: Option<f64>,
    pub flexible_time_window: FlexibleTimeWindow,
    pub state: Option<String>,
    pub target: Target,
    pub action_after_completion: Option<String>,
    pub kms_key_arn: Option<String>,
    /// Names are unique, so a repeat finds its schedule; the token is not needed.
    pub client_token: Option<String>,
}

/// Which schedules are listed.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// All groups without it.
    pub group: Option<String>,
    pub state: Option<String>,
}

impl Schedules {
    /// The ARN of a schedule.
    pub fn arn(&self, group: &str, name: &str) -> String {
        let inner = &self.buses.inner;
        event::Arn::new("scheduler", &inner.region, &inner.account, format!("schedule/{group}/{name}")).to_string()
    }

    /// CreateSchedule.
    ///
    /// # Errors
    /// `Invalid`, `Conflict`, `NotFound` without the group.
    pub async fn create(&self, input: PutSchedule) -> Result<Schedule, Error> {
        let (this, now_ms) = (self.clone(), self.buses.inner.clock.now_ms());
        let schedule = checked(input, now_ms)?;
        self.buses
            .inner
            .state
            .write(move |tx| {
                groups::find(tx, &schedule.group_name)?;
                if resource::get::<Schedule>(tx, &schedule.group_name, &schedule.name)?.is_some() {
                    return Err(Error::Conflict(format!("Schedule {} already exists.", schedule.name)));
                }
                this.put(tx, &schedule)?;
                Ok(schedule)
            })
            .await
    }

    /// UpdateSchedule: replaces all of it.
    ///
    /// # Errors
    /// `Invalid`, `NotFound`.
    pub async fn update(&self, input: PutSchedule) -> Result<Schedule, Error> {
        let (this, now_ms) = (self.clone(), self.buses.inner.clock.now_ms());
        let schedule = checked(input, now_ms)?;
        self.buses
            .inner
            .state
            .write(move |tx| {
                let before = find(tx, &schedule.group_name, &schedule.name)?;
                let schedule = Schedule { created_ms: before.created_ms, ..schedule };
                this.put(tx, &schedule)?;
                Ok(schedule)
            })
            .await
    }

    /// GetSchedule.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn schedule(&self, group: Option<&str>, name: &str) -> Result<Schedule, Error> {
        let (group, name) = (group.unwrap_or(DEFAULT).to_owned(), name.to_owned());
        self.buses.inner.state.read(move |tx| find(tx, &group, &name)).await
    }

    /// DeleteSchedule.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete(&self, group: Option<&str>, name: &str) -> Result<(), Error> {
        let (group, name) = (group.unwrap_or(DEFAULT).to_owned(), name.to_owned());
        self.buses
            .inner
            .state
            .write(move |tx| {
                let schedule = find(tx, &group, &name)?;
                remove(tx, &schedule)
            })
            .await
    }

    /// ListSchedules, by group and name.
    ///
    /// # Errors
    /// `NotFound` without the group.
    pub async fn list(&self, filter: Filter, page: Page) -> Result<Listing<Schedule>, Error> {
        let keep = move |schedule: &Schedule| filter.state.as_ref().is_none_or(|state| *state == schedule.state);
        self.buses
            .inner
            .state
            .read(move |tx| {
                if let Some(group) = &filter.group {
                    groups::find(tx, group)?;
                    return resource::list(tx, group, &page, keep);
                }
                let key = |schedule: &Schedule| format!("{}/{}", schedule.group_name, schedule.name);
                let all = resource::everywhere::<Schedule>(tx)?.into_iter().map(|(_, schedule)| schedule);
                let mut items: Vec<Schedule> = all
                    .filter(|schedule| schedule.name.starts_with(&page.prefix) && keep(schedule))
                    .filter(|schedule| page.token.as_ref().is_none_or(|token| key(schedule) > *token))
                    .collect();
                items.sort_by_key(key);
                let more = items.len() > page.limit;
                items.truncate(page.limit);
                let next = items.last().filter(|_| more).map(key);
                Ok(Listing { items, next })
            })
            .await
    }

    fn put(&self, tx: &Write<'_>, schedule: &Schedule) -> Result<(), Error> {
        resource::put(tx, &schedule.group_name, &schedule.name, schedule)?;
        match first(schedule)? {
            Some(at_ms) => timer::set::<Schedule>(&self.buses, tx, &schedule.group_name, &schedule.name, at_ms),
            None => timer::clear::<Schedule>(tx, &schedule.group_name, &schedule.name),
        }
    }
}

/// When a schedule that was just put fires first.
fn first(schedule: &Schedule) -> Result<Option<i64>, Error> {
    let expression = Expression::parse(&schedule.schedule_expression)?;
    let now_ms = schedule.modified_ms;
    let at_ms = match schedule.start_ms.filter(|start_ms| *start_ms > now_ms && !expression.is_once()) {
        // An occurrence at the very start counts.
        Some(start_ms) => expression
            .next(start_ms, start_ms - 1, schedule.zone())
            .map(|next_ms| if schedule.schedule_expression.starts_with("rate") { start_ms } else { next_ms }),
        None => expression.first(now_ms, schedule.zone()),
    };
    let is_open = |at_ms: &i64| {
        schedule.state == "ENABLED"
            && schedule.end_ms.is_none_or(|end_ms| *at_ms <= end_ms)
            && *at_ms >= now_ms - PAST_MS_MAX
    };
    Ok(at_ms.filter(is_open))
}

fn checked(input: PutSchedule, now_ms: i64) -> Result<Schedule, Error> {
    constraint::name("name", &input.name, 64, "")?;
    let group = input.group_name.unwrap_or_else(|| DEFAULT.into());
    let state = input.state.unwrap_or_else(|| "ENABLED".into());
    constraint::one_of("state", &state, &["ENABLED", "DISABLED"])?;
    let action = input.action_after_completion.unwrap_or_else(|| "NONE".into());
    constraint::one_of("actionAfterCompletion", &action, &["NONE", "DELETE"])?;
    let expression = Expression::parse(&input.schedule_expression)?;
    let zone = input.schedule_expression_timezone.unwrap_or_else(|| "UTC".into());
    zone.parse::<Tz>()
        .map_err(|_| Error::Invalid(format!("Provided ScheduleExpressionTimezone {zone} is not valid.")))?;
    let ms = |seconds: f64| (seconds * 1000.0) as i64;
    let (start_ms, end_ms) = (input.start_date.map(ms), input.end_date.map(ms));
    // A schedule of one time ignores it.
    if start_ms.is_some_and(|start_ms| start_ms < now_ms - START_PAST_MS_MAX) && !expression.is_once() {
        return Err(Error::Invalid("The StartDate you specify cannot be earlier than 5 minutes ago.".into()));
    }
    if let (Some(start_ms), Some(end_ms)) = (start_ms, end_ms)
        && start_ms >= end_ms
    {
        return Err(Error::Invalid("The StartDate must come before the EndDate.".into()));
    }
    check_window(&input.flexible_time_window)?;
    check_target(&input.target)?;
    Ok(Schedule {
        name: input.name,
        group_name: group,
        description: input.description,
        schedule_expression: input.schedule_expression,
        schedule_expression_timezone: zone,
        start_ms,
        end_ms,
        flexible_time_window: input.flexible_time_window,
        state,
        target: input.target,
        action_after_completion: action,
        kms_key_arn: input.kms_key_arn,
        created_ms: now_ms,
        modified_ms: now_ms,
    })
}

fn check_window(window: &FlexibleTimeWindow) -> Result<(), Error> {
    constraint::one_of("flexibleTimeWindow.mode", &window.mode, &["OFF", "FLEXIBLE"])?;
    match (window.mode.as_str(), window.maximum_window_in_minutes) {
        ("FLEXIBLE", None) => {
            Err(Error::Invalid("MaximumWindowInMinutes is required when the flexible time window is FLEXIBLE.".into()))
        }
        ("OFF", Some(_)) => {
            Err(Error::Invalid("MaximumWindowInMinutes must not be given when the flexible time window is OFF.".into()))
        }
        (_, Some(minutes)) => constraint::range("flexibleTimeWindow.maximumWindowInMinutes", minutes, 1, 1440),
        _ => Ok(()),
    }
}

fn check_target(target: &Target) -> Result<(), Error> {
    if target.role_arn.as_deref().is_none_or(str::is_empty) {
        return Err(Error::Invalid(
            "1 validation error detected: Value null at 'target.roleArn' failed to satisfy constraint: Member must not be null".into(),
        ));
    }
    if target.input_path.is_some() || target.input_transformer.is_some() || !target.id.is_empty() {
        return Err(Error::Invalid("A schedule's target has neither Id, InputPath nor InputTransformer.".into()));
    }
    if target.arn.contains(":sqs:") && !target.arn.contains("aws-sdk") && target.input.is_none() {
        return Err(Error::Invalid("Input is required for targets of Amazon SQS.".into()));
    }
    if target.arn.contains(":event-bus/") && target.event_bridge_parameters.is_none() {
        return Err(Error::Invalid("EventBridgeParameters are required for an event bus.".into()));
    }
    bus::check_target(target)
}

pub(super) fn find(tx: &Read<'_>, group: &str, name: &str) -> Result<Schedule, Error> {
    resource::get(tx, group, name)?.ok_or_else(|| Error::NotFound(format!("Schedule {name} does not exist.")))
}

pub(super) fn remove(tx: &Write<'_>, schedule: &Schedule) -> Result<(), Error> {
    timer::clear::<Schedule>(tx, &schedule.group_name, &schedule.name)?;
    resource::remove::<Schedule>(tx, &schedule.group_name, &schedule.name).map(|_| ())
}
