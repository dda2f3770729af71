//! Schedules: expressions, the timer that fires rules and schedules, and EventBridge Scheduler (API version 2021-06-30).
//!
//! # What was missed
//!
//! Occurrences that passed while the program was down do not all fire: at the next start each rule or schedule fires once, for
//! the latest occurrence it missed, if that is no older than the retry policy's maximum event age (24 hours where none is given).
//! A one-time schedule that was missed follows the same rule.

mod cron;
mod expression;
mod groups;
mod schedules;
pub(crate) mod timer;

pub use self::expression::Expression;
pub use self::groups::{CreateScheduleGroup, Group};
pub use self::schedules::{Filter, FlexibleTimeWindow, PutSchedule, Schedule};
use crate::Error;
use crate::bus::Buses;

/// All schedules of this program. Cheap to clone.
#[derive(Clone)]
pub struct Schedules {
    pub(crate) buses: Buses,
}

impl Schedules {
    /// On the state and with the deliveries of the buses: both fire from one timer.
    ///
    /// # Errors
    /// When the state fails.
    pub fn open(buses: Buses) -> Result<Schedules, Error> {
        let schedules = Schedules { buses };
        schedules.create_default()?;
        Ok(schedules)
    }
}
