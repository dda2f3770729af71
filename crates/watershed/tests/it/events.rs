//! EventBridge and EventBridge Scheduler as boto3 sees them.

use crate::world::{run, server};

#[test]
fn boto3_drives_buses_rules_archives_and_destinations() {
    run(&server(), "events/buses.py");
}

#[test]
fn boto3_drives_schedules() {
    run(&server(), "events/schedules.py");
}
