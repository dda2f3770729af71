//! CloudFormation as its users meet it: boto3, the AWS CLI, `watershed deploy`, and a server that dies in between.

use std::path::Path;
use std::time::{Duration, Instant};

use testkit::Server;

fn serve(dir: &Path) -> Server {
    Server::start(Path::new(env!("CARGO_BIN_EXE_watershed")), dir).unwrap()
}

fn script(server: &Server, name: &str, arguments: &[&str]) {
    let (id, secret) = server.key().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/stacks").join(name);
    let endpoint = server.endpoint();
    let environment = [
        ("AWS_ACCESS_KEY_ID", id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", &secret),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", &endpoint),
    ];
    testkit::run_python(&script, arguments, &environment).unwrap();
}

#[test]
fn boto3_and_the_aws_cli_deploy_change_and_delete_stacks() {
    let (dir, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = serve(dir.path());
    script(&server, "check.py", &[work.path().to_str().unwrap()]);
    // What is not to be shown is not in the log either.
    assert!(!server.log().contains("hunter2hunter2"));
}

#[test]
fn functions_queues_buses_and_schedules_are_resources() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path());
    script(&server, "resources.py", &[]);
    assert!(!server.log().contains("hunter2hunter2"));
}

#[test]
fn properties_that_a_type_does_not_have_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    script(&serve(dir.path()), "properties.py", &[]);
}

#[test]
fn the_example_of_four_streams_does_what_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path());
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/streams.yaml");
    server.run(&["deploy", template.to_str().unwrap()]).unwrap();
    script(&server, "streams.py", &[]);
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut listed = String::new();
    while listed.matches("data/site=").count() < 2 {
        assert!(Instant::now() < deadline, "{listed}");
        server.run(&["lake", "flush"]).unwrap();
        listed = server.run(&["lake", "ls"]).unwrap();
    }
    assert!(listed.contains("data/site=s0/") && listed.contains("data/site=s1/"), "{listed}");
    assert!(!listed.contains("errors/"), "{listed}");
}

#[test]
fn serverless_templates_are_packaged_deployed_and_published_again() {
    let (dir, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = serve(dir.path());
    let bootstrap = Path::new(env!("CARGO_MANIFEST_DIR")).join("../function/tests/it/code/bootstrap.py");
    script(&server, "serverless.py", &[bootstrap.to_str().unwrap(), work.path().to_str().unwrap()]);
}

#[test]
fn deploy_takes_the_code_that_lies_beside_a_serverless_template() {
    let (dir, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = serve(dir.path());
    let bootstrap = Path::new(env!("CARGO_MANIFEST_DIR")).join("../function/tests/it/code/bootstrap.py");
    let arguments = [bootstrap.to_str().unwrap(), work.path().to_str().unwrap()];
    script(&server, "serverless.py", &[&arguments[..], &["prepare"]].concat());
    server.run(&["deploy", work.path().join("serverless.yaml").to_str().unwrap()]).unwrap();
    script(&server, "serverless.py", &[&arguments[..], &["deployed"]].concat());
}

#[test]
fn a_serverless_function_is_called_by_queue_stream_and_schedule() {
    let (dir, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let binary = Path::new(env!("CARGO_BIN_EXE_watershed"));
    let server = Server::start_with(binary, dir.path(), &["--test-clock"], &[]).unwrap();
    let folder = work.path().to_str().unwrap();
    script(&server, "called.py", &[folder, "prepare"]);
    server.run(&["deploy", work.path().join("called.yaml").to_str().unwrap()]).unwrap();
    script(&server, "called.py", &[folder, "messages"]);
    server.post("/_watershed/test/clock", &serde_json::json!({ "advanceMs": 60_000 })).unwrap();
    script(&server, "called.py", &[folder, "schedule"]);
}

#[test]
fn functions_of_our_own_stand_where_templates_put_them() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path());
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/stacks/functions.yaml");
    let template = template.to_str().unwrap();
    let unmapped = server.run(&["deploy", template]).unwrap_err().to_string();
    assert!(unmapped.contains("NoSuchKey") && unmapped.contains("--function NAME=PATH"), "{unmapped}");
    script(&server, "functions.py", &["delete"]);

    let built = testkit::build_functions().unwrap();
    let code = |name: &str, program: &str| format!("{name}={}", built.join(program).display());
    // By logical id or by name.
    let codes = [code("Convert", "patient-to-fhir"), code("split", "item-splitter"), code("Keys", "partition-keys")];
    let arguments: Vec<&str> = codes.iter().flat_map(|code| ["--function", code]).collect();
    server.run(&[&["deploy", template], &arguments[..]].concat()).unwrap();
    script(&server, "functions.py", &["use"]);
    let deadline = Instant::now() + Duration::from_secs(60);
    let (question, mut answer) = ("SELECT count(*) AS readings, max(month) AS month FROM data", String::new());
    while answer != "readings,month\n3,11\n" {
        assert!(Instant::now() < deadline, "{answer}");
        server.run(&["lake", "flush"]).unwrap();
        answer = server.run(&["sql", question, "--format", "csv"]).unwrap_or_default();
    }
    let listed = server.run(&["lake", "ls"]).unwrap();
    let place = "readings/data/siteId=OSL/year=2023/month=11/day=14/minute=13/";
    assert!(listed.contains(place) && !listed.contains("errors/"), "{listed}");
}

#[test]
fn deploy_says_what_is_wrong_with_the_code_of_a_function() {
    let (dir, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = serve(dir.path());
    let path = |name: &str| work.path().join(name).to_str().unwrap().to_owned();
    let (template, empty, text) = (path("one.two.json"), path("empty"), path("notes"));
    std::fs::create_dir(&empty).unwrap();
    std::fs::write(&text, "no program").unwrap();
    let body = r#"{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": "named",
        "Runtime": "provided.al2", "Handler": "bootstrap", "Role": "arn:aws:iam::000000000000:role/r",
        "Code": {"S3Bucket": "assets", "S3Key": "hash.zip"}}}}}"#;
    std::fs::write(&template, body).unwrap();
    for (arguments, said) in [
        (&["named"][..], "--function takes NAME=PATH, not `named`".to_owned()),
        (&["named="], "--function takes NAME=PATH, not `named=`".into()),
        (&["other=x"], "the template has no function other; it has [F (named)]".into()),
        (&["named=/no/where"], "no code at /no/where: No such file".into()),
        (&[&format!("named={empty}")], format!("there is no file in {empty}")),
        (&[&format!("F={text}"), &format!("F={text}")], "--function F is given twice".into()),
        (&[&format!("F={text}"), &format!("named={text}")], "--function is given twice for F (named)".into()),
        // The stack has the file's name, as far as it may.
        (
            &[&format!("F={text}")],
            format!(
                "one-two is ROLLBACK_COMPLETE: F: function code cannot be used: it is neither a zip, nor a directory, nor executable. path=`{text}`"
            ),
        ),
    ] {
        let arguments: Vec<&str> = arguments.iter().flat_map(|argument| ["--function", argument]).collect();
        let refused = server.run(&[&["deploy", &template], &arguments[..]].concat()).unwrap_err().to_string();
        assert!(refused.contains(&said), "{refused}");
    }
}

#[test]
fn an_operation_that_a_crash_interrupts_is_finished_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = serve(dir.path());
    for events in ["1", "5", "12"] {
        for operation in ["create", "update", "delete"] {
            script(&server, "interrupted.py", &[operation, events]);
            server.kill();
            server.restart().unwrap();
            script(&server, "interrupted.py", &[operation, "settled"]);
        }
    }
}

#[test]
fn deploy_takes_nested_templates_and_refuses_code_for_functions_that_are_not_there() {
    let (dir, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = serve(dir.path());
    let write = |name: &str, text: &str| std::fs::write(work.path().join(name), text).unwrap();
    write(
        "child.yaml",
        "Resources: { T: { Type: 'AWS::DynamoDB::Table', Properties: { BillingMode: PAY_PER_REQUEST, AttributeDefinitions: [{ AttributeName: id, AttributeType: S }], KeySchema: [{ AttributeName: id, KeyType: HASH }] } } }",
    );
    write(
        "parent.yaml",
        "Resources: { Child: { Type: 'AWS::CloudFormation::Stack', Properties: { TemplateURL: child.yaml } } }",
    );
    let parent = work.path().join("parent.yaml");
    let parent = parent.to_str().unwrap();
    assert!(server.run(&["deploy", parent]).unwrap().contains("parent is deployed"));
    assert!(server.run(&["deploy", parent]).unwrap().contains("parent is deployed"));
    let code = format!("Nobody={parent}");
    let refused = server.run(&["deploy", parent, "--function", &code]).unwrap_err().to_string();
    assert!(refused.contains("has no function Nobody"), "{refused}");
}
