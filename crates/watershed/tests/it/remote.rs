//! A pipe on one server reads the table stream of another: contract, equality with the embedded source, exactly once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use event::{Arn, Source};
use remote::dynamodb::Client;
use remote::dynamodb::primitives::Blob;
use remote::dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    StreamSpecification, StreamViewType,
};
use remote::{Aws, Endpoints};
use serde_json::{Value, json};
use testkit::Server;
use testkit::source::{SourceWorld, check};

const REGION: &str = "eu-north-1";
const ACCOUNT: &str = "111122223333";
/// How long changes may take into a lake on a loaded machine.
const ARRIVAL_MAX: Duration = Duration::from_secs(90);

struct World<'a> {
    server: &'a Server,
    client: Client,
    table: String,
    arn: String,
}

#[async_trait]
impl SourceWorld for World<'_> {
    fn source(&self) -> Arc<dyn Source> {
        let endpoints = Endpoints::new(vec![format!("dynamodb={}", self.server.endpoint()).parse().unwrap()]);
        let (id, secret) = self.server.key().unwrap();
        let aws = Aws::with_key("us-east-1", "000000000000", endpoints, &id, &secret);
        let arn: Arn = self.arn.parse().unwrap();
        assert!(aws.serves(&arn), "of another account");
        Arc::new(aws.stream(&arn).unwrap())
    }

    async fn put(&self, key: &str, value: u64) {
        put(&self.client, &self.table, key, value).await.unwrap();
    }

    async fn rotate(&self, split: bool) {
        self.server.post("/_watershed/test/rotate", &json!({"streamArn": self.arn, "split": split})).unwrap();
    }

    async fn advance_ms(&self, by_ms: i64) {
        self.server.post("/_watershed/test/clock", &json!({"advanceMs": by_ms})).unwrap();
    }
}

#[tokio::test]
async fn the_remote_stream_is_a_source() {
    let dir = tempfile::tempdir().unwrap();
    let server = owner(dir.path());
    let tables = AtomicU64::new(0);
    check(async || {
        let client = client(&server);
        let table = format!("Changes{}", tables.fetch_add(1, Ordering::SeqCst));
        let arn = create(&client, &table, StreamViewType::NewImage).await;
        World { server: &server, client, table, arn }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_reads_another_servers_stream_exactly_once() {
    let dir = tempfile::tempdir().unwrap();
    let there = owner(dir.path());
    let client = client(&there);
    let arn = create(&client, "Visits", StreamViewType::NewAndOldImages).await;
    deploy(&there, &arn);
    let mut here = reader(dir.path(), &there);
    deploy(&here, &arn);

    awkward(&client).await;
    let (written, stop) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicBool::new(false)));
    let writer = tokio::spawn(write(client.clone(), written.clone(), stop.clone()));
    for round in 0..4u64 {
        let wanted = written.load(Ordering::SeqCst) + 60;
        until(|| written.load(Ordering::SeqCst) >= wanted).await;
        here.kill();
        let split = round % 2 == 1;
        there.post("/_watershed/test/rotate", &json!({"streamArn": arn, "split": split})).unwrap();
        here.restart().unwrap();
    }
    stop.store(true, Ordering::SeqCst);
    writer.await.unwrap();
    let mut count = written.load(Ordering::SeqCst);
    arrive(&there, &here, count, 0).await;
    assert_eq!(gaps(&here), 0, "nothing was trimmed yet");

    // What the reader misses for longer than the stream keeps it is a recorded gap, and what comes behind arrives.
    here.kill();
    for key in 0..8 {
        put(&client, "Visits", &format!("lost-{key}"), 0).await.unwrap();
    }
    count += 8;
    until(|| compare(&there, None, count, 0).is_ok()).await;
    there.post("/_watershed/test/clock", &json!({"advanceMs": 25 * 3_600_000})).unwrap();
    for key in 0..20 {
        put(&client, "Visits", &format!("later-{key}"), 0).await.unwrap();
    }
    here.restart().unwrap();
    arrive(&there, &here, count + 20, 8).await;
    assert!(gaps(&here) > 0, "the loss is recorded");
}

#[tokio::test]
async fn what_cannot_be_read_elsewhere_fails_the_pipe_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let there = owner(dir.path());
    let arn = create(&client(&there), "Visits", StreamViewType::NewImage).await;
    let endpoint = format!("dynamodb={}", there.endpoint());
    let wrong = [("AWS_ACCESS_KEY_ID", "AKIDWRONG"), ("AWS_SECRET_ACCESS_KEY", "x")];
    let here = Server::start_with(binary(), &dir.path().join("here"), &["--endpoint-for", &endpoint], &wrong).unwrap();
    let refused = here.run(&["deploy", &path("remote/template.yaml"), "--stack", "raw", "--parameter", &stream(&arn)]);
    let reason = refused.unwrap_err().to_string();
    assert!(reason.contains("UnrecognizedClientException"), "{reason}");
}

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_watershed"))
}

/// The server that has the table: another region, another account, a clock that is moved.
fn owner(dir: &Path) -> Server {
    let arguments = ["--region", REGION, "--account", ACCOUNT, "--test-clock"];
    Server::start_with(binary(), &dir.join("there"), &arguments, &[]).unwrap()
}

/// The server whose pipe reads `there`, with the key of `there` in its environment.
fn reader(dir: &Path, there: &Server) -> Server {
    let (id, secret) = there.key().unwrap();
    let endpoint = format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:={}", there.endpoint());
    let environment = [("AWS_ACCESS_KEY_ID", id.as_str()), ("AWS_SECRET_ACCESS_KEY", &secret)];
    Server::start_with(binary(), &dir.join("here"), &["--endpoint-for", &endpoint], &environment).unwrap()
}

fn client(server: &Server) -> Client {
    let (access_key_id, secret_access_key) = server.key().unwrap();
    let (url, region) = (server.endpoint(), REGION.into());
    remote::dynamodb_client(&remote::Endpoint { url, region, access_key_id, secret_access_key })
}

async fn create(client: &Client, table: &str, view: StreamViewType) -> String {
    let (key, attribute) = (KeySchemaElement::builder(), AttributeDefinition::builder());
    let created = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key.attribute_name("id").key_type(KeyType::Hash).build().unwrap())
        .attribute_definitions(attribute.attribute_name("id").attribute_type(ScalarAttributeType::S).build().unwrap())
        .stream_specification(
            StreamSpecification::builder().stream_enabled(true).stream_view_type(view).build().unwrap(),
        )
        .send()
        .await
        .unwrap();
    created.table_description.unwrap().latest_stream_arn.unwrap()
}

async fn put(client: &Client, table: &str, key: &str, value: u64) -> anyhow::Result<()> {
    let item = client.put_item().table_name(table).item("id", AttributeValue::S(key.into()));
    item.item("v", AttributeValue::N(value.to_string())).send().await?;
    Ok(())
}

/// One item with every type there is.
async fn awkward(client: &Client) {
    let number = |text: &str| AttributeValue::N(text.into());
    client
        .put_item()
        .table_name("Visits")
        .item("id", AttributeValue::S("awkward \"é\u{1F600}\n\u{7}".into()))
        .item("v", number("-0.00000000000000000000000000000000000000012345678901234567890"))
        .item("big", number("99999999999999999999999999999999999999e80"))
        .item("bytes", AttributeValue::B(Blob::new([0, 1, 254, 255])))
        .item("empty", AttributeValue::S(String::new()))
        .item("no", AttributeValue::Null(true))
        .item("yes", AttributeValue::Bool(true))
        .item("texts", AttributeValue::Ss(vec!["b".into(), "a".into()]))
        .item("numbers", AttributeValue::Ns(vec!["10".into(), "9".into(), "1.50".into()]))
        .item("blobs", AttributeValue::Bs(vec![Blob::new([2]), Blob::new([1])]))
        .item("list", AttributeValue::L(vec![AttributeValue::M([("z".into(), number("1"))].into()), number("2")]))
        .send()
        .await
        .unwrap();
}

/// Writes version after version of some keys; every one is acknowledged and another record.
async fn write(client: Client, written: Arc<AtomicU64>, stop: Arc<AtomicBool>) {
    for version in 1u64.. {
        for key in 0..20 {
            if stop.load(Ordering::SeqCst) {
                return;
            }
            put(&client, "Visits", &format!("key-{key}"), version).await.unwrap();
            written.fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn deploy(server: &Server, arn: &str) {
    server.run(&["deploy", &path("remote/template.yaml"), "--stack", "raw", "--parameter", &stream(arn)]).unwrap();
}

fn stream(arn: &str) -> String {
    format!("StreamArn={arn}")
}

/// Waits until both lakes hold what they should; waiting cannot hide a loss or a double: neither goes away.
async fn arrive(there: &Server, here: &Server, count: u64, lost: u64) {
    let deadline = Instant::now() + ARRIVAL_MAX;
    while let Err(error) = compare(there, Some(here), count, lost) {
        assert!(Instant::now() < deadline, "{error}\nserver log:\n{}", here.log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Delivers what is buffered and lets an independent reader compare the lakes.
fn compare(there: &Server, here: Option<&Server>, count: u64, lost: u64) -> anyhow::Result<String> {
    let mut arguments = vec![count.to_string(), lost.to_string()];
    for server in std::iter::once(there).chain(here) {
        server.run(&["lake", "flush"])?;
        arguments.push(server.data().join("lake").to_string_lossy().into_owned());
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    testkit::run_python(Path::new(&path("remote/compare.py")), &arguments, &[])
}

fn gaps(server: &Server) -> u64 {
    let status: Value = serde_json::from_str(&server.run(&["status", "--format", "json"]).unwrap()).unwrap();
    status["pipes"][0]["gaps"].as_u64().unwrap()
}

async fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + ARRIVAL_MAX;
    while !condition() {
        assert!(Instant::now() < deadline, "it did not come about");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn path(name: &str) -> String {
    let here: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(name);
    here.to_string_lossy().into_owned()
}
