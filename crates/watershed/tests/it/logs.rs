//! CloudWatch Logs as boto3 and the AWS CLI see it, and `watershed logs`.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::world::{BINARY, WAIT_MAX, run, server};

#[test]
fn boto3_and_the_aws_cli_drive_log_groups() {
    run(&server(), "logs/check.py");
}

#[test]
fn a_log_group_is_listed_and_tailed() {
    let world = server();
    run(&world, "logs/write.py");
    assert!(world.server.run(&["logs", "ls"]).unwrap().starts_with("visits  "));
    assert!(world.server.run(&["logs", "ls", "visits"]).unwrap().starts_with("a  last event "));
    let tail = |more: &[&str]| world.server.run(&[&["logs", "tail", "visits", "--format", "json"], more].concat());
    let messages = |answer: String| {
        let line = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        answer.lines().map(|text| line(text)["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let both = ["{\"age\": 64}", "{\"age\": 70}"];
    assert_eq!(messages(tail(&[]).unwrap()), both, "two streams, the same time: both are shown");
    assert_eq!(messages(tail(&["--filter", "{ $.age >= 65 }"]).unwrap()), both[1..]);
    assert!(tail(&["--filter", "{ nonsense }"]).unwrap_err().to_string().contains("Invalid filter pattern"));
    assert!(tail(&["--since", "1 hour"]).unwrap_err().to_string().contains("such as 10m"));

    let mut follower = Command::new(BINARY);
    follower.args(["logs", "tail", "visits", "--follow", "--data"]).arg(world.server.data());
    let mut follower = follower.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().ends_with("a {\"age\": 64}") && next().ends_with("b {\"age\": 70}"));
    run(&world, "logs/later.py");
    let told = next();
    assert!(told.ends_with("a later"), "{told}");
    // Nobody reads any more: it ends with the next event, as `tail -f | head` does.
    drop(lines);
    run(&world, "logs/later.py");
    let deadline = Instant::now() + WAIT_MAX;
    let ended = loop {
        match follower.try_wait().unwrap() {
            None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
            ended => break ended,
        }
    };
    follower.kill().unwrap();
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
}
