//! What an unmodified boto3 meets at the wire.

use std::path::Path;

use testkit::Server;

#[test]
fn boto3_is_served_and_bad_requests_get_awss_own_errors() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(env!("CARGO_BIN_EXE_watershed")), dir.path()).unwrap();
    let (id, secret) = server.key().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/wire/check.py");
    let environment =
        [("AWS_ACCESS_KEY_ID", id.as_str()), ("AWS_SECRET_ACCESS_KEY", &secret), ("AWS_DEFAULT_REGION", "us-east-1")];
    testkit::run_python(&script, &[&server.endpoint()], &environment).unwrap();
}
