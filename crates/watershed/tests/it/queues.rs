//! Queues as boto3, the AWS CLI and older clients of the query protocol see them, and under `kill -9`.
//!
//! `WATERSHED_CRASH_KILLS` sets how often the server dies (10 in `make test`), `WATERSHED_CRASH_SEED` when.

use std::path::Path;
use std::time::Duration;

use crate::world::{here, run, server};

#[test]
fn boto3_finds_the_service_it_knows() {
    run(&server(), "queues/sdk.py");
}

#[test]
fn clients_of_the_query_protocol_are_served_as_well() {
    run(&server(), "queues/query.py");
}

#[test]
fn the_aws_cli_works() {
    run(&server(), "queues/cli.py");
}

#[test]
fn nothing_acknowledged_is_lost_or_handed_out_twice_when_the_server_dies() {
    let number =
        |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let seed = number("WATERSHED_CRASH_SEED", u64::from(std::process::id()));
    let mut world = server();
    let (id, secret) = world.server.key().unwrap();
    let stop = world.dir.path().join("stop");
    let arguments = [world.server.endpoint(), stop.to_string_lossy().into_owned()];
    let client = std::thread::spawn(move || {
        let environment = [
            ("AWS_ACCESS_KEY_ID", id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", &secret),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ];
        testkit::run_python(&here("queues/crash.py"), &[&arguments[0], &arguments[1]], &environment)
    });
    let mut random = seed | 1;
    for _ in 0..number("WATERSHED_CRASH_KILLS", 10) {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // The moment of the kill is what is random here; nothing waits for something to be done.
        std::thread::sleep(Duration::from_millis(200 + (random >> 33) % 1_300));
        world.server.kill();
        world.server.restart().unwrap();
    }
    std::fs::write(Path::new(&stop), "").unwrap();
    match client.join().unwrap() {
        Ok(summary) => println!("seed {seed}: {summary}"),
        Err(error) => panic!("seed {seed}: {error}\nserver log:\n{}", world.server.log()),
    }
}
