//! A server of its own for each test, and the scripts that are its clients.

use std::path::{Path, PathBuf};
use std::time::Duration;

use testkit::Server;

/// How long a test waits for what must happen, also on a loaded machine.
pub const WAIT_MAX: Duration = Duration::from_secs(120);

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_watershed");

/// A running server on a directory that is removed with it.
pub struct World {
    // Dropped in this order: the process ends before its directory goes.
    pub server: Server,
    pub dir: tempfile::TempDir,
}

pub fn server() -> World {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(BINARY), &dir.path().join("data")).unwrap();
    World { server, dir }
}

/// A file beside the tests.
pub fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(path)
}

/// Runs a script as `SCRIPT ENDPOINT DATA` with the server's key in its environment; answers what it printed.
pub fn run(world: &World, script: &str) -> String {
    run_with(world, script, &[])
}

/// The same with more arguments.
pub fn run_with(world: &World, script: &str, more: &[&str]) -> String {
    let (id, secret) = world.server.key().unwrap();
    let data = world.server.data().to_str().unwrap();
    let environment =
        [("AWS_ACCESS_KEY_ID", id.as_str()), ("AWS_SECRET_ACCESS_KEY", &secret), ("AWS_DEFAULT_REGION", "us-east-1")];
    let endpoint = world.server.endpoint();
    let arguments = [&[endpoint.as_str(), data], more].concat();
    testkit::run_python(&here(script), &arguments, &environment).unwrap()
}
