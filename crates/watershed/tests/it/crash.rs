//! The crash harness: `kill -9` at random moments under load, then an independent count of what was acknowledged.
//!
//! `WATERSHED_CRASH_KILLS` sets how often the server dies (10 in `make test`), `WATERSHED_CRASH_SEED` when.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use remote::dynamodb::types::AttributeValue;
use testkit::Server;

const WRITERS: usize = 8;
const KEYS_PER_WRITER: usize = 25;
/// How long the last changes may take into the lake on a loaded machine.
const ARRIVAL_MAX: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_change_arrives_exactly_once_and_in_order() {
    let kills: u64 = from_environment("WATERSHED_CRASH_KILLS", 10);
    let seed: u64 = from_environment("WATERSHED_CRASH_SEED", u64::from(std::process::id()));
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(Path::new(env!("CARGO_BIN_EXE_watershed")), &dir.path().join("data")).unwrap();
    server.run(&["deploy", here("crash/template.yaml").to_str().unwrap(), "--stack", "crash"]).unwrap();

    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> =
        (0..WRITERS).map(|number| tokio::spawn(write(client(&server), number, stop.clone()))).collect();
    let mut random = seed | 1;
    for _ in 0..kills {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        tokio::time::sleep(Duration::from_millis(150 + (random >> 33) % 1_350)).await;
        server.kill();
        server.restart().unwrap();
    }
    stop.store(true, Ordering::SeqCst);
    let mut acknowledged = BTreeMap::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    // The pipe may still be reading. Waiting cannot hide a loss or a double: neither goes away.
    let deadline = Instant::now() + ARRIVAL_MAX;
    loop {
        server.run(&["lake", "flush"]).unwrap();
        match verify(&server, dir.path(), &acknowledged) {
            Ok(summary) => return println!("seed {seed}, {kills} kills: {summary}"),
            Err(error) if Instant::now() > deadline => panic!("seed {seed}: {error}\nserver log:\n{}", server.log()),
            Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
}

/// Writes version after version of its own keys and repeats each until it is acknowledged. Answers key -> versions.
async fn write(client: remote::dynamodb::Client, writer: usize, stop: Arc<AtomicBool>) -> BTreeMap<String, u64> {
    let mut acknowledged = BTreeMap::new();
    for version in 1u64.. {
        for key in 0..KEYS_PER_WRITER {
            if stop.load(Ordering::SeqCst) {
                return acknowledged;
            }
            let id = format!("{writer}-{key}");
            loop {
                let put = client
                    .put_item()
                    .table_name("Changes")
                    .item("id", AttributeValue::S(id.clone()))
                    .item("version", AttributeValue::N(version.to_string()))
                    .item("site", AttributeValue::S(format!("site {writer}")))
                    .item("group", AttributeValue::S((key % 3).to_string()));
                // A repeat of a put that did commit changes nothing, so it makes no second record.
                if put.send().await.is_ok() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            acknowledged.insert(id, version);
        }
    }
    acknowledged
}

fn verify(server: &Server, dir: &Path, acknowledged: &BTreeMap<String, u64>) -> anyhow::Result<String> {
    let expected = dir.join("expected.json");
    std::fs::write(&expected, serde_json::to_vec(acknowledged)?)?;
    let (id, secret) = server.key()?;
    let lake = server.data().join("lake");
    let paths = [lake.to_string_lossy(), expected.to_string_lossy()];
    testkit::run_python(
        &here("crash/verify.py"),
        &[&server.endpoint(), &paths[0], &paths[1]],
        &[("AWS_ACCESS_KEY_ID", &id), ("AWS_SECRET_ACCESS_KEY", &secret), ("AWS_DEFAULT_REGION", "us-east-1")],
    )
}

fn client(server: &Server) -> remote::dynamodb::Client {
    let (access_key_id, secret_access_key) = server.key().unwrap();
    let region = "us-east-1".into();
    remote::dynamodb_client(&remote::Endpoint { url: server.endpoint(), region, access_key_id, secret_access_key })
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(path)
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
