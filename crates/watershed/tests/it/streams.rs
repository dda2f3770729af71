//! Streams as boto3 sees them, on a server whose clock the test moves.

use std::path::Path;

use testkit::Server;

#[test]
fn streams_keep_their_promises_to_boto3() {
    let dir = tempfile::tempdir().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_watershed"));
    let server = Server::start_with(binary, &dir.path().join("moved"), &["--test-clock"], &[]).unwrap();
    let plain = Server::start(binary, &dir.path().join("plain")).unwrap();
    let (id, secret) = server.key().unwrap();
    let (plain_id, plain_secret) = plain.key().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/streams/check.py");
    let environment =
        [("AWS_ACCESS_KEY_ID", id.as_str()), ("AWS_SECRET_ACCESS_KEY", &secret), ("AWS_DEFAULT_REGION", "us-east-1")];
    let arguments = [&server.endpoint(), &plain.endpoint(), plain_id.as_str(), &plain_secret];
    testkit::run_python(&script, &arguments, &environment).unwrap();
}
