//! The command line as a newcomer tries it: help, wrong input, finding the server, what a script reads of the answers.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use remote::dynamodb::types::AttributeValue;

use crate::world::{BINARY, World, server};

const COMMANDS: [&[&str]; 19] = [
    &[],
    &["serve"],
    &["deploy"],
    &["demo"],
    &["sql"],
    &["status"],
    &["credentials"],
    &["lake"],
    &["lake", "ls"],
    &["lake", "flush"],
    &["pipe"],
    &["pipe", "test"],
    &["dlq"],
    &["dlq", "list"],
    &["dlq", "show"],
    &["dlq", "redrive"],
    &["logs"],
    &["logs", "ls"],
    &["logs", "tail"],
];

/// How long a change may take into the lake on a loaded machine.
const ARRIVAL_MAX: Duration = Duration::from_secs(60);

fn run(arguments: &[&str]) -> Output {
    testkit::watershed(Path::new(BINARY), arguments).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Exits with `code`, says `expected` on standard error and nothing on standard output.
fn check_refused(arguments: &[&str], code: i32, expected: &str) {
    let output = run(arguments);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(said.contains(expected) && !said.contains("panicked"), "{arguments:?}: {said}");
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
}

fn data(world: &World) -> String {
    world.server.data().to_str().unwrap().to_owned()
}

#[test]
fn every_help_has_examples() {
    for command in COMMANDS {
        let output = run(&[command, &["--help"]].concat());
        let help = text(&output.stdout);
        let example = format!("watershed {}", command.join(" "));
        let examples = help.split_once("Examples:").map(|(_, examples)| examples).unwrap_or_default();
        assert!(output.status.success() && examples.contains(example.trim_end()), "{help}");
        assert!(!help.contains('\u{1b}'), "colours are for terminals");
    }
    assert!(text(&run(&["--version"]).stdout).starts_with("watershed "));
}

#[test]
fn wrong_input_is_told_and_exits_other_than_0() {
    let dir = tempfile::tempdir().unwrap();
    let none = dir.path().join("none").to_str().unwrap().to_owned();
    check_refused(&["nonsense"], 2, "unrecognized subcommand");
    check_refused(&["sql"], 2, "<QUERY>");
    check_refused(&["sql", "SELECT 1", "--format", "xml"], 2, "possible values: table, json, csv");
    check_refused(&["sql", "SELECT 1", "--data", &none], 1, "start one with `watershed serve`");
    check_refused(&["status", "--data", &none], 1, "no server runs on");
    check_refused(&["credentials", "--data", &none], 1, "has a server ever run on this directory?");
    check_refused(&["deploy", "none.yaml", "--data", &none], 1, "cannot read none.yaml");
    check_refused(&["serve", "--data", &none, "--account", "12"], 1, "--account must be twelve digits");
    check_refused(&["serve", "--data", &none, "--region", "north pole"], 1, "--region");
    check_refused(&["serve", "--data", &none, "--listen", "nonsense"], 1, "cannot listen on nonsense");
    check_refused(&["serve", "--data", &none, "--lake", "ftp://x"], 1, "use a directory or s3://BUCKET/PREFIX");
    check_refused(&["serve", "--data", &none, "--state", "mysql://x"], 1, "use a file path or sqlite:PATH");
}

#[test]
fn mistakes_on_a_running_server_are_told_without_a_trace_of_the_inside() {
    let world = server();
    let data = data(&world);
    check_refused(&["sql", "SELEC 1", "--data", &data], 1, "Line: 1, Column: 1");
    check_refused(&["sql", "SELECT * FROM nothing", "--data", &data], 1, "the lake is empty");
    check_refused(&["lake", "ls", "nothing", "--data", &data], 1, "bucket not found");
    for action in ["show", "redrive"] {
        check_refused(&["dlq", action, "nothing", "--data", &data], 1, "does not exist");
    }
    check_refused(&["lake", "flush", "--stream", "nothing", "--data", &data], 1, "delivery stream not found");
    check_refused(&["serve", "--data", &data, "--listen", "127.0.0.1:0"], 1, "another watershed server uses");
    let taken = world.server.endpoint().replace("http://", "");
    let other = world.dir.path().join("other").to_str().unwrap().to_owned();
    check_refused(&["serve", "--data", &other, "--listen", &taken], 1, "Address already in use");
}

#[test]
fn the_server_is_found_by_endpoint_environment_or_data() {
    let mut world = server();
    let (data, endpoint) = (data(&world), world.server.endpoint());
    let (id, secret) = world.server.key().unwrap();
    let other = world.dir.path().to_str().unwrap();
    let ask = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut command = Command::new(BINARY);
        command.args(["sql", "SELECT 1 AS one", "--format", "csv"]).args(arguments);
        for name in ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            command.env_remove(name);
        }
        let output = command.envs(environment.iter().copied()).stdin(Stdio::null()).output().unwrap();
        if output.status.success() { text(&output.stdout) } else { text(&output.stderr) }
    };
    let key = [("AWS_ACCESS_KEY_ID", id.as_str()), ("AWS_SECRET_ACCESS_KEY", &secret)];
    let url = ("AWS_ENDPOINT_URL", endpoint.as_str());
    assert_eq!(ask(&["--data", &data], &[]), "one\n1\n");
    assert_eq!(ask(&["--endpoint", &endpoint, "--data", &data], &[]), "one\n1\n");
    assert_eq!(ask(&["--endpoint", &endpoint, "--data", other], &key), "one\n1\n");
    assert_eq!(ask(&["--data", other], &[key[0], key[1], url]), "one\n1\n");
    assert!(ask(&["--endpoint", &endpoint, "--data", other], &[]).contains("credentials"));
    let wrong = [key[0], ("AWS_SECRET_ACCESS_KEY", "wrong"), url];
    assert!(ask(&["--data", other], &wrong).contains("InvalidSignatureException"));
    // What a kill leaves behind is told as such.
    world.server.kill();
    assert!(ask(&["--data", &data], &[]).contains("start it again with `watershed serve`"));
}

#[test]
fn answers_are_for_scripts() {
    let mut world = server();
    let status = world.server.run(&["status", "--format", "json"]).unwrap();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!((&status["account"], &status["region"]), (&"000000000000".into(), &"us-east-1".into()));
    assert!(world.server.run(&["status"]).unwrap().contains("region us-east-1"));
    let sql = "SELECT 1 AS n, 'a,\"b\"' AS t UNION ALL SELECT 2, NULL ORDER BY n";
    let ask = |format: &str| world.server.run(&["sql", sql, "--format", format]).unwrap();
    assert_eq!(ask("json"), "{\"n\":1,\"t\":\"a,\\\"b\\\"\"}\n{\"n\":2,\"t\":null}\n");
    assert_eq!(ask("csv"), "n,t\n1,\"a,\"\"b\"\"\"\n2,\n");
    assert_eq!(ask("table"), "n  t\n-  -----\n1  a,\"b\"\n2\n(2 rows)\n");
    let exports = world.server.run(&["credentials"]).unwrap();
    let (id, secret) = world.server.key().unwrap();
    let script = format!("{exports}\necho $AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY $AWS_ENDPOINT_URL $AWS_REGION");
    let shell = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(text(&shell.stdout), format!("{id} {secret} {} us-east-1\n", world.server.endpoint()));
    assert_eq!(world.server.terminate().unwrap().code(), Some(0));
    assert!(!world.server.log().contains('\u{1b}'), "colours are for terminals");
}

/// The five minutes of the README.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_readmes_example_is_true() {
    let world = server();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let question = "SELECT site, count(*) AS visits FROM visits GROUP BY site";
    assert!(readme.contains("watershed deploy examples/visits.yaml") && readme.contains(question));
    world.server.run(&["deploy", root.join("examples/visits.yaml").to_str().unwrap()]).unwrap();
    let (access_key_id, secret_access_key) = world.server.key().unwrap();
    let endpoint = world.server.endpoint();
    let endpoint = remote::Endpoint { url: endpoint, region: "us-east-1".into(), access_key_id, secret_access_key };
    let text = |text: &str| AttributeValue::S(text.into());
    let put = remote::dynamodb_client(&endpoint).put_item().table_name("Visits");
    put.item("id", text("1")).item("site", text("OSL")).send().await.unwrap();
    let asked = Instant::now();
    loop {
        assert_eq!(world.server.run(&["lake", "flush"]).unwrap(), "delivered\n");
        match world.server.run(&["sql", question, "--format", "csv"]) {
            Ok(answer) => return assert_eq!(answer, "site,visits\nOSL,1\n"),
            Err(error) => assert!(asked.elapsed() < ARRIVAL_MAX, "{error}\n{}", world.server.log()),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[test]
fn a_demo_that_is_told_to_end_takes_its_server_along() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("demo");
    let shown = data.to_str().unwrap();
    let quiet = |command: &mut Command| {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut demo = quiet(Command::new(BINARY).args(["demo", "--data", shown]));
    let deadline = Instant::now() + ARRIVAL_MAX;
    while !run(&["status", "--data", shown]).status.success() {
        assert!(Instant::now() < deadline, "the demo's server did not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(Command::new("kill").args(["-TERM", &demo.id().to_string()]).status().unwrap().success());
    assert!(demo.wait().unwrap().success());
    // Its directory is free for another one.
    testkit::Server::start(Path::new(BINARY), &data).unwrap();
}
