//! A lake behind the S3 protocol: table, pipe, Parquet, SQL, and `kill -9` in between.

use std::path::Path;
use std::time::{Duration, Instant};

use testkit::{S3, Server};

const ITEMS: u64 = 400;
/// How long the changes may take into the lake on a loaded machine.
const ARRIVAL_MAX: Duration = Duration::from_secs(60);

#[test]
fn changes_are_in_the_lake_once_whatever_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let s3 = S3::start(&dir.path().join("s3")).unwrap();
    let lake = format!("s3://{}/tenant/one", S3::BUCKET);
    let binary = Path::new(env!("CARGO_BIN_EXE_watershed"));
    let data = dir.path().join("data");
    let environment = s3.environment();
    let environment: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut server = Server::start_with(binary, &data, &["--lake", &lake], &environment).unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/s3");
    server.run(&["deploy", here.join("template.yaml").to_str().unwrap(), "--stack", "s3"]).unwrap();
    for round in 0..4 {
        let (id, secret) = server.key().unwrap();
        let (from, to) = ((round * ITEMS / 4).to_string(), ((round + 1) * ITEMS / 4).to_string());
        testkit::run_python(
            &here.join("write.py"),
            &[&server.endpoint(), &from, &to],
            &[("AWS_ACCESS_KEY_ID", &id), ("AWS_SECRET_ACCESS_KEY", &secret), ("AWS_DEFAULT_REGION", "us-east-1")],
        )
        .unwrap();
        // With the buffers of this round in memory, in plans or half written.
        server.kill();
        server.restart().unwrap();
    }
    let sql = "SELECT count(*) AS n, count(DISTINCT id) AS ids, count(DISTINCT site) AS sites FROM changes";
    let expected = format!(r#"{{"n":{ITEMS},"ids":{ITEMS},"sites":5}}"#);
    let deadline = Instant::now() + ARRIVAL_MAX;
    loop {
        server.run(&["lake", "flush"]).unwrap();
        // Without a file there is no table yet. Waiting cannot hide a loss or a double: neither goes away.
        let found = server.run(&["sql", sql, "--format", "json"]).unwrap_or_else(|error| error.to_string());
        if found.trim() == expected {
            break;
        }
        assert!(Instant::now() < deadline, "{found}\nserver log:\n{}", server.log());
        std::thread::sleep(Duration::from_millis(200));
    }
    let environment = s3.environment();
    let environment: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let files = s3.files();
    testkit::run_python(
        &here.join("verify.py"),
        &[&s3.endpoint(), S3::BUCKET, files.to_str().unwrap(), &ITEMS.to_string()],
        &environment,
    )
    .unwrap();
}

#[test]
fn a_store_that_does_not_answer_is_told_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let s3 = S3::start(dir.path()).unwrap();
    let environment = s3.environment();
    let mut environment: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    environment.push(("AWS_SECRET_ACCESS_KEY", "wrong"));
    let lake = format!("s3://{}", S3::BUCKET);
    let binary = Path::new(env!("CARGO_BIN_EXE_watershed"));
    let started = Server::start_with(binary, &dir.path().join("data"), &["--lake", &lake], &environment);
    let error = started.err().unwrap().to_string();
    assert!(error.contains("does not answer"), "{error}");
}
