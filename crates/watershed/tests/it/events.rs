//! EventBridge and EventBridge Scheduler as boto3 sees them, and that `kill -9` loses no event that was acknowledged.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::world::{here, run, server};

/// How often the server dies while events are put.
const KILLS: usize = 5;
/// How long anything may take on a loaded machine.
const WAIT_MAX: Duration = Duration::from_secs(120);

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
    let mut world = server();
    let (id, secret) = world.server.key().unwrap();
    let endpoint = world.server.endpoint();
    let acknowledged = world.dir.path().join("acknowledged");
    let file = acknowledged.clone();
    let client = std::thread::spawn(move || {
        let environment = [
            ("AWS_ACCESS_KEY_ID", id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", &secret),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ];
        let file = file.to_str().unwrap();
        testkit::run_python(&here("events/crash.py"), &[&endpoint, file], &environment).unwrap();
    });
    for kill in 1..=KILLS {
        // Each time after some more events.
        wait_for_lines(&acknowledged, kill * 40);
        world.server.kill();
        world.server.restart().unwrap();
    }
    client.join().unwrap();
}

fn wait_for_lines(file: &Path, count: usize) {
    let deadline = Instant::now() + WAIT_MAX;
    while std::fs::read_to_string(file).unwrap_or_default().lines().count() < count {
        assert!(Instant::now() < deadline, "fewer than {count} events were acknowledged");
        std::thread::sleep(Duration::from_millis(10));
    }
}
