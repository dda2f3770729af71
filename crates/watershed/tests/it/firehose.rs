//! Delivery streams as an unmodified boto3 meets them, and their files as independent readers see them.

use std::path::Path;

use testkit::Server;

#[test]
fn boto3_puts_records_and_independent_readers_find_them() {
    around_a_flush("check.py");
}

#[test]
fn a_function_decides_on_data_partition_or_error_object() {
    around_a_flush("processor.py");
}

/// The script puts, the buffers are delivered, the script reads.
fn around_a_flush(script: &str) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(env!("CARGO_BIN_EXE_watershed")), dir.path()).unwrap();
    let (id, secret) = server.key().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/firehose").join(script);
    let environment =
        [("AWS_ACCESS_KEY_ID", id.as_str()), ("AWS_SECRET_ACCESS_KEY", &secret), ("AWS_DEFAULT_REGION", "us-east-1")];
    let lake = server.data().join("lake");
    for step in ["put", "read"] {
        testkit::run_python(&script, &[step, &server.endpoint(), lake.to_str().unwrap()], &environment).unwrap();
        server.run(&["lake", "flush"]).unwrap();
    }
}
