//! The S3 endpoint as boto3, its transfer manager, the AWS CLI and plain HTTP see it, and under `kill -9`.

use crate::world::{here, run, server};

#[test]
fn boto3_finds_the_service_it_knows() {
    run(&server(), "s3_endpoint/sdk.py");
}

#[test]
fn the_aws_cli_copies_syncs_lists_and_presigns() {
    run(&server(), "s3_endpoint/cli.py");
}

#[test]
fn the_service_refuses_what_is_not_signed_or_not_whole() {
    run(&server(), "s3_endpoint/wire.py");
}

#[test]
fn changes_are_events_on_the_default_bus_and_sql_sees_objects_at_once() {
    let world = server();
    run(&world, "s3_endpoint/events.py");
    let answer = world.server.run(&["sql", "SELECT count(*) AS n FROM clinic.visits"]).unwrap();
    assert!(answer.contains('2'), "{answer}");
}

#[test]
fn a_kill_during_an_upload_leaves_nothing_half() {
    let mut world = server();
    run(&world, "s3_endpoint/upload.py");
    // A part that was not acknowledged: its bytes are there, its row is not.
    let unfinished = world.server.data().join("lake/.unfinished");
    let upload = std::fs::read_dir(&unfinished).unwrap().next().unwrap().unwrap().path();
    let orphan = upload.join("2-orphan");
    std::fs::write(&orphan, "half").unwrap();
    let (id, secret) = world.server.key().unwrap();
    let endpoint = world.server.endpoint();
    let ready = world.dir.path().join("sending");
    let arguments = [endpoint, ready.to_string_lossy().into_owned()];
    let sender = std::thread::spawn(move || {
        let environment = [
            ("AWS_ACCESS_KEY_ID", id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", &secret),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ];
        testkit::run_python(&here("s3_endpoint/half.py"), &[&arguments[0], &arguments[1]], &environment)
    });
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !ready.exists() {
        assert!(std::time::Instant::now() < deadline, "the sender did not begin");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    world.server.kill();
    sender.join().unwrap().unwrap();
    world.server.restart().unwrap();
    assert!(!orphan.exists());
    assert_eq!(std::fs::read_dir(world.server.data().join("lake/.partial")).unwrap().count(), 0);
    run(&world, "s3_endpoint/resumed.py");
}
