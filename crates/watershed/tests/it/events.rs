//! EventBridge and EventBridge Scheduler as boto3 sees them, and that `kill -9` loses no event that was acknowledged.

use crate::world::{run, run_over_kills, server};

/// How often the server dies while events are put.
const KILLS: usize = 5;

#[test]
fn boto3_drives_buses_rules_archives_and_destinations() {
    run(&server(), "events/buses.py");
}

#[test]
fn boto3_drives_schedules() {
    run(&server(), "events/schedules.py");
}

#[test]
fn no_acknowledged_event_is_lost_when_the_server_is_killed() {
    run_over_kills(&mut server(), "events/crash.py", KILLS);
}
