//! The crash harness: `kill -9` at random moments while a workload runs, then an independent count of what was acknowledged.
//!
//! A workload is a script of `crash/`: it drives the server as a client does, repeats what was not acknowledged and checks in
//! the end. This kills the server, starts it again on the same data, and sees that no process of a function is left.
//! `WATERSHED_CRASH_KILLS` sets how often the server dies in a workload, `WATERSHED_CRASH_SEED` when; `cargo xtask crash` sets both.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread::sleep;
use std::time::{Duration, Instant};

use testkit::Server;

use crate::world::{WAIT_MAX, World, here, server};

/// How often the server dies in `make test`: under the workload of the lake, and under each of the others.
const LAKE_KILLS: u64 = 10;
const KILLS: u64 = 3;
/// Milliseconds between two kills: at least, and so many more at most.
const PAUSE_MS: (u64, u64) = (150, 1_350);

#[test]
fn lake() {
    survive("lake", LAKE_KILLS);
}

#[test]
fn enrichment() {
    survive("enrichment", KILLS);
}

#[test]
fn targets() {
    survive("targets", KILLS);
}

#[test]
fn queues() {
    survive("queues", KILLS);
}

#[test]
fn buses() {
    survive("buses", KILLS);
}

#[test]
fn functions() {
    survive("functions", KILLS);
}

#[test]
fn objects() {
    survive("objects", KILLS);
}

/// Runs a workload over kills and prints what it counted.
#[allow(clippy::print_stdout, reason = "`cargo xtask crash` shows it")]
fn survive(workload: &str, kills: u64) {
    let kills = from_environment("WATERSHED_CRASH_KILLS", kills);
    let seed = from_environment("WATERSHED_CRASH_SEED", u64::from(std::process::id()));
    let mut world = server();
    let folder = world.dir.path().join("workload");
    fs::create_dir(&folder).unwrap();
    // A server of root runs functions, which write there, as another user.
    for folder in [world.dir.path(), &folder] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let (id, secret) = world.server.key().unwrap();
    let script = here(&format!("crash/{workload}.py"));
    let arguments = [world.server.endpoint(), folder.to_str().unwrap().to_owned()];
    let client = std::thread::spawn(move || {
        let environment = [
            ("AWS_ACCESS_KEY_ID", id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", &secret),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ];
        testkit::run_python(&script, &[&arguments[0], &arguments[1]], &environment)
    });
    until("the workload begins", || client.is_finished() || folder.join("ready").exists());
    let mut random = seed | 1;
    for _ in 0..kills {
        if client.is_finished() {
            break;
        }
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // The moment of the kill is what is random here; nothing waits for something to be done.
        sleep(Duration::from_millis(PAUSE_MS.0 + (random >> 33) % PAUSE_MS.1));
        kill(&mut world);
        world.server.restart().unwrap();
    }
    fs::write(folder.join("stop"), "").unwrap();
    match client.join().unwrap() {
        Ok(summary) => println!("{workload}: seed {seed}, {kills} kills: {}", summary.trim()),
        Err(error) => panic!("{workload}: seed {seed}, {kills} kills: {error}\nserver log:\n{}", world.server.log()),
    }
    kill(&mut world);
}

/// Kills the server and waits until the processes of its functions are gone, which it can no longer see to.
fn kill(world: &mut World) {
    world.server.kill();
    until("no process of a function is left", || workers(&world.server).is_empty());
}

/// Living processes that were told to call this server: workers and what they started.
fn workers(server: &Server) -> BTreeSet<u32> {
    let home = format!("AWS_ENDPOINT_URL={}", server.endpoint()).into_bytes();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    ids.filter(|id: &u32| {
        let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == home)
    })
    .collect()
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + WAIT_MAX;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        sleep(Duration::from_millis(5));
    }
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
