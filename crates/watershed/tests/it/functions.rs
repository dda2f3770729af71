//! Functions through the real binary: boto3 and the AWS CLI, public runtime clients unmodified, and `kill -9`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use testkit::Server;

use crate::world;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn run(server: &Server, script: &str, arguments: &[&str]) -> String {
    let (id, secret) = server.key().unwrap();
    let environment =
        [("AWS_ACCESS_KEY_ID", id.as_str()), ("AWS_SECRET_ACCESS_KEY", &secret), ("AWS_DEFAULT_REGION", "us-east-1")];
    let script = here("tests/it/functions").join(script);
    testkit::run_python(&script, &[&[server.endpoint().as_str()], arguments].concat(), &environment)
        .unwrap_or_else(|error| panic!("{error}\nserver log:\n{}", server.log()))
}

fn bootstrap() -> String {
    here("../function/tests/it/code/bootstrap.py").to_string_lossy().into_owned()
}

#[test]
fn boto3_drives_functions() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(env!("CARGO_BIN_EXE_watershed")), dir.path()).unwrap();
    run(&server, "check.py", &[&bootstrap()]);
}

#[test]
fn the_aws_cli_makes_calls_and_maps_a_function() {
    let (dir, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(Path::new(env!("CARGO_BIN_EXE_watershed")), dir.path()).unwrap();
    run(&server, "cli.py", &[&bootstrap(), folder.path().to_str().unwrap()]);
}

#[test]
fn public_runtime_clients_run_unmodified() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(env!("CARGO_BIN_EXE_watershed")), &dir.path().join("data")).unwrap();
    let echo = testkit::build_function("echo").unwrap();
    run(&server, "clients.py", &[echo.to_str().unwrap(), dir.path().to_str().unwrap()]);
}

#[test]
fn code_in_a_template_runs_with_an_interpreter_that_functions_can_execute() {
    let (dir, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = folder.path().to_str().unwrap();
    let path = testkit::run_python(&here("tests/it/functions/inline.py"), &["", folder, "prepare"], &[]).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_watershed"));
    let server = Server::start_with(binary, dir.path(), &[], &[("PATH", &path)]).unwrap();
    run(&server, "inline.py", &[folder, "deploy"]);
}

#[test]
fn kill_9_leaves_no_process_and_loses_no_accepted_event() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(Path::new(env!("CARGO_BIN_EXE_watershed")), dir.path()).unwrap();
    let pids = run(&server, "leave.py", &[&bootstrap()]);
    let pids: Vec<u32> = pids.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.len() >= 2 && pids.iter().all(|pid| is_alive(*pid)), "{pids:?}");
    server.kill();
    let deadline = Instant::now() + Duration::from_secs(30);
    while pids.iter().any(|pid| is_alive(*pid)) {
        assert!(Instant::now() < deadline, "some of {pids:?} are still there");
        std::thread::sleep(Duration::from_millis(10));
    }
    server.restart().unwrap();
    run(&server, "resumed.py", &[]);
}

/// Whether a process is there and no zombie.
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

#[test]
fn mappings_hand_over_what_they_are_to_and_change_while_they_run() {
    let world = world::server();
    let scratch = world.dir.path().to_str().unwrap();
    run(&world.server, "mappings.py", &[scratch]);
}

#[test]
fn a_supervisor_without_an_order_ends() {
    let status =
        Command::new(env!("CARGO_BIN_EXE_watershed")).arg("supervise").stdin(std::process::Stdio::null()).status();
    assert!(!status.unwrap().success());
}
